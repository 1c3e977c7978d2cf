"""Let a request wait: in its thread, or aside, while other requests of the same thread continue.

The fetch loop has a greenlet for each request, with a stack of its own under plain code. What may wait comes here:
sockets (`stream`), pauses, names. In a thread without a loop everything waits as usual.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol


class EventLoop(Protocol):
    """Lets other requests continue meanwhile."""

    def wait(self, descriptor: int, *, write: bool, seconds: float | None) -> bool:
        """Return True when the descriptor can be read, or written; False after `seconds`."""

    def wait_for_one_of(self, descriptors: Sequence[int], *, write: bool, seconds: float) -> None:
        """Return when one of them can be read, or written, or after `seconds`."""

    def pause(self, seconds: float) -> None:
        """Return after some seconds."""


class _Current(threading.local):
    loop: EventLoop | None = None


#: The loop in which this code runs, if it does.
current = _Current()


def pause(seconds: float) -> None:
    """Sleep; inside of a loop, aside."""
    if current.loop is None:
        time.sleep(seconds)
    else:
        current.loop.pause(seconds)


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Look again and again, aside, until it is so; return False after `seconds`. For what is rarely waited for."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= until:
            return False
        pause(0.002)
    return True
