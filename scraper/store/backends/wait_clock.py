"""The clock of waits: seconds since the epoch, as the wall clock had them when this process began, and even since.

What has to be waited for is kept as such a moment, since a store outlives processes. Steps of the wall clock neither
prolong nor cut a wait of the process that began it; one that another process left may lie further ahead than any
wait, and is due then.
"""

from __future__ import annotations

import time

_offset = time.time() - time.monotonic()


def now() -> float:
    """Return seconds since the epoch that no step of the wall clock changes."""
    return _offset + time.monotonic()


def offset() -> float:
    """Return what tells another process of this machine how this one counts."""
    return _offset


def count_from(seconds: float) -> None:
    """Count on from this moment, as a clock that several machines share shows it."""
    count_like(seconds - time.monotonic())


def count_like(offset: float) -> None:
    """Count as the process with this offset does."""
    global _offset
    _offset = offset
