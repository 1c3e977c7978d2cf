"""Let a request wait: in its thread, or aside, while other requests of the same thread continue.

The fetch loop has a greenlet for each request, with a stack of its own under plain code. What may wait comes here:
sockets (`stream`), pauses, what other threads find out (names, a free place). In a thread without a loop everything
waits as usual.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

T = TypeVar("T")

#: Seconds between looks whether work that is done aside has ended; it wakes whoever waits.
_LONG = 60.0


class Signal(Protocol):
    """Is set once, by any thread, and waited for by one."""

    def set(self) -> None: ...

    def wait(self, seconds: float, /) -> bool:
        """Return True once it is set; False after some seconds."""


class EventLoop(Protocol):
    """Lets other requests continue meanwhile."""

    def wait(self, descriptor: int, *, write: bool, seconds: float | None) -> bool:
        """Return True when the descriptor can be read, or written; False after `seconds`."""

    def wait_for_one_of(self, descriptors: Sequence[int], *, write: bool, seconds: float) -> None:
        """Return when one of them can be read, or written, or after `seconds`."""

    def pause(self, seconds: float) -> None:
        """Return after some seconds."""

    def has_turn_until(self) -> float:
        """Return until when, by the monotonic clock, this code may run before others continue."""

    def signal(self) -> Signal:
        """Return a signal for code of this loop to wait for."""


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


def give_way() -> None:
    """Let others continue where this code has run for its turn: a server that sends without a pause never waits."""
    loop = current.loop
    if loop is not None and time.monotonic() > loop.has_turn_until():
        loop.pause(0.0)


def aside(work: Callable[[], T]) -> T:
    """Return what some work returns that cannot wait aside by itself: a thread does it, and others continue here."""
    if current.loop is None:
        return work()
    done = current.loop.signal()
    came: list[tuple[T | None, BaseException | None]] = []

    def do() -> None:
        try:
            came.append((work(), None))
        except BaseException as error:
            came.append((None, error))
        finally:
            done.set()

    threading.Thread(target=do, name="aside", daemon=True).start()
    while not done.wait(_LONG):
        pass
    found, error = came[0]
    if error is not None:
        raise error
    return cast(T, found)


def signal() -> Signal:
    """Return what this thread waits for, in a loop aside, until any thread sets it."""
    return threading.Event() if current.loop is None else current.loop.signal()
