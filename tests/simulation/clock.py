"""Virtual time, and what is to happen when."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scraper.store.backends import wait_clock

#: What time.time() says when virtual time begins.
_EPOCH = 1_900_000_000.0


class Clock:
    """Events in the order of their times; those of one moment in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Plan something for a moment."""
        heapq.heappush(self._events, (max(moment, self.now), next(self._numbers), act))

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, act = heapq.heappop(self._events)
        act()


@contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """Let all that asks for the time be told that of this clock. Nothing may sleep."""
    kept = time.monotonic, time.time, time.sleep, wait_clock.offset()

    def sleep(seconds: float) -> None:
        raise AssertionError(f"{seconds} s would be slept")

    time.monotonic, time.time, time.sleep = lambda: clock.now, lambda: _EPOCH + clock.now, sleep
    wait_clock.count_like(_EPOCH)
    try:
        yield
    finally:
        time.monotonic, time.time, time.sleep = kept[:3]
        wait_clock.count_like(kept[3])
