"""Give memory back to the system that was needed for a moment only.

The C library keeps what was freed between pieces that are in use: what a burst took, as when all domains are due at
once after an outage, would stay with the process to its end, and each burst adds to it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache

#: Seconds from one time to the next; it takes some milliseconds.
_EACH_SECONDS = 30.0


class HeapTrimmer:
    """Used by the main loop of a process.

    Args:
        trim: gives back what can be given back.
        clock: seconds that only grow.
    """

    def __init__(self, trim: Callable[[], object] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._trim = trim or _trim
        self._clock = clock
        self._trimmed_at = clock()

    def trim_if_due(self) -> None:
        """Give back what can be, now and then."""
        now = self._clock()
        if now - self._trimmed_at >= _EACH_SECONDS:
            self._trimmed_at = now
            self._trim()


def _trim() -> None:
    if (trim := _of_the_library()) is not None:
        trim(0)


@cache
def _of_the_library() -> Callable[[int], int] | None:
    """Return malloc_trim of glibc; None with another C library."""
    if sys.platform != "linux":
        return None
    import ctypes

    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim
