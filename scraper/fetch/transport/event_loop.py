"""Run requests of one thread as greenlets, which wait aside on Linux's epoll."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet

from scraper.fetch.transport.cooperative_sockets import current
from scraper.fetch.transport.exchange import here

#: How often, in seconds, those that have waited too long are looked for.
_PRECISION = 0.1
#: The longest sleep, in seconds: nothing depends on being woken.
_LONGEST = 0.05


class GreenletLoop:
    """Work that takes turns. All but `wake` is called in the thread that made it.

    A greenlet runs until it waits for a socket or pauses; then `turn` continues those that are ready.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._waker, select.EPOLLIN)
        self._main = getcurrent()
        #: By descriptor: who waits for it, until when.
        self._waiting: dict[int, tuple[greenlet, float | None]] = {}
        self._pausing: list[tuple[float, int, greenlet]] = []
        self._numbers = count()
        self._looked_at = 0.0
        self._is_asleep = False
        #: How many there are.
        self.running = 0

    def start(self, work: Callable[[], None]) -> None:
        """Begin some work, and return when it first waits. What it raises is raised by the call that continued it."""
        self.running += 1
        self._go_on(greenlet(self._run), work)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self.running -= 1

    def wait(self, descriptor: int, *, write: bool, seconds: float | None) -> bool:
        """Return True when the descriptor is ready, or False after some seconds. Called in a greenlet."""
        events = (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)
        until = None if seconds is None else time.monotonic() + seconds
        self._waiting[descriptor] = getcurrent(), until
        return bool(self._step_aside())

    def pause(self, seconds: float) -> None:
        """Return after some seconds. Called in a greenlet."""
        heappush(self._pausing, (time.monotonic() + seconds, next(self._numbers), getcurrent()))
        self._step_aside()

    def _step_aside(self) -> Any:
        context, exchange = here.context, here.exchange
        here.context = here.exchange = None
        outcome = self._main.switch()
        here.context, here.exchange = context, exchange
        return outcome

    def _go_on(self, who: greenlet, outcome: Any) -> None:
        current.loop = self
        try:
            who.switch(outcome)
        finally:
            current.loop = None

    def turn(self, seconds: float) -> None:
        """Continue those that are ready; where none is, wait for one, or for `wake`, some seconds at most."""
        now = time.monotonic()
        if self._pausing:
            seconds = min(seconds, self._pausing[0][0] - now)
        seconds = max(0.0, min(seconds, _LONGEST))
        self._is_asleep = seconds > 0
        ready = self._epoll.poll(seconds)
        self._is_asleep = False
        for descriptor, _ in ready:
            if descriptor == self._waker:
                os.eventfd_read(self._waker)
            elif (waiting := self._waiting.pop(descriptor, None)) is not None:
                self._go_on(waiting[0], True)
        if self._pausing or now - self._looked_at > _PRECISION:
            self._end_waits(time.monotonic())

    def _end_waits(self, now: float) -> None:
        """Continue those whose time is over."""
        self._looked_at = now
        while self._pausing and self._pausing[0][0] <= now:
            self._go_on(heappop(self._pausing)[2], None)
        late = [place for place, (_, until) in self._waiting.items() if until is not None and until <= now]
        for descriptor in late:
            if (waiting := self._waiting.pop(descriptor, None)) is not None:
                self._go_on(waiting[0], False)

    def wake(self) -> None:
        """End a sleep in `turn`. From any thread."""
        if self._is_asleep:
            os.eventfd_write(self._waker, 1)

    def close(self) -> None:
        self._epoll.close()
        os.close(self._waker)
