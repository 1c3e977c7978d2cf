"""Virtual time, what is to happen when, and the clocks of machines, which show it more or less well."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scraper.store.backends import wait_clock

#: What the database's clock says when virtual time begins, in seconds since the epoch.
EPOCH = 1_900_000_000.0
#: A machine's clock runs this much fast or slow at the most, as those do that are being set right.
MOST_DRIFT = 0.0005


class MachineClock:
    """What a machine takes for the time.

    Args:
        now: the true time.
        began: what its monotonic clock shows then.
        rate: how fast that runs.
        off: by how much the wall clock is ahead, in seconds.
    """

    def __init__(self, now: float, began: float = 1_000.0, rate: float = 1.0, off: float = 0.0) -> None:
        self.rate, self.off = rate, off
        self._zero = began - now * rate
        #: How its processes count waits; see `wait_clock`.
        self.waits = self.wall(now) - self.monotonic(now)

    def monotonic(self, now: float) -> float:
        """Return what its monotonic clock shows."""
        return now * self.rate + self._zero

    def wall(self, now: float) -> float:
        """Return what its wall clock shows."""
        return EPOCH + now + self.off


class Clock:
    """Events in the order of their times; those of one moment in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        #: On whose machine something happens right now.
        self.here = self.true = MachineClock(self.now)

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Plan something for a moment."""
        heapq.heappush(self._events, (max(moment, self.now), next(self._numbers), act))

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, act = heapq.heappop(self._events)
        act()

    def enter(self, machine: MachineClock) -> None:
        """What happens from now on happens on this machine."""
        if machine is not self.here:
            self.here.waits = wait_clock.offset()
            self.here = machine
            wait_clock.count_like(machine.waits)


@contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """Let all that asks for the time be told that of this clock. Nothing may sleep."""
    kept = time.monotonic, time.time, time.sleep, wait_clock.offset()

    def sleep(seconds: float) -> None:
        raise AssertionError(f"{seconds} s would be slept")

    time.monotonic, time.time = lambda: clock.here.monotonic(clock.now), lambda: clock.here.wall(clock.now)
    time.sleep = sleep
    wait_clock.count_like(clock.here.waits)
    try:
        yield
    finally:
        time.monotonic, time.time, time.sleep = kept[:3]
        wait_clock.count_like(kept[3])
