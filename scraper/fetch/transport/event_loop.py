"""Run requests of one thread as greenlets, which wait aside on Linux's epoll."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet

from scraper.fetch.transport.exchange import here
from scraper.fetch.transport.waiting import current

#: How often, in seconds, those that have waited too long are looked for.
_PRECISION = 0.1
#: epoll counts whole milliseconds, and rounds up: what is left of a pause (seconds) is slept out.
_UNIT = 0.001


class GreenletLoop:
    """Work that takes turns. All but `wake` is called in the thread that made it.

    A greenlet runs until it waits for a socket or pauses; `continue_all` continues those that are ready.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waker = _Waker()
        self._epoll.register(self._waker.fileno(), select.EPOLLIN)
        self._main = getcurrent()
        #: By descriptor: who waits for it, until when.
        self._waiting: dict[int, tuple[greenlet, float | None]] = {}
        self._pausing: list[tuple[float, int, greenlet]] = []
        self._numbers = count()
        self._looked_at = 0.0
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

    def wait_for_one_of(self, descriptors: Sequence[int], *, write: bool, seconds: float) -> None:
        """Return when one of them is ready, or after some seconds. Called in a greenlet."""
        events = (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT
        waiting = getcurrent(), time.monotonic() + seconds
        for descriptor in descriptors:
            try:
                self._epoll.modify(descriptor, events)
            except FileNotFoundError:
                self._epoll.register(descriptor, events)
            self._waiting[descriptor] = waiting
        self._step_aside()
        for descriptor in descriptors:
            if self._waiting.get(descriptor) is waiting:
                del self._waiting[descriptor]

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

    def wait_for_any(self, seconds: float) -> list[tuple[int, int]]:
        """Return what became ready; where nothing is, wait for it, for a pause's end or for `wake`, some seconds at
        most.
        """
        now = time.monotonic()
        if self._pausing:
            seconds = min(seconds, self._pausing[0][0] - now)
        if self._waiting:
            seconds = min(seconds, _PRECISION)
        with self._waker as is_awake:
            ready = self._epoll.poll(0.0 if is_awake or seconds < _UNIT else seconds // _UNIT * _UNIT)
        if not ready and not is_awake and (left := now + seconds - time.monotonic()) > 0:
            time.sleep(min(left, _UNIT))
            ready = self._epoll.poll(0.0)
        return ready

    def continue_all(self, ready: list[tuple[int, int]]) -> None:
        """Continue those that are ready, and those whose time is over."""
        for descriptor, _ in ready:
            if descriptor == self._waker.fileno():
                self._waker.take()
            elif (waiting := self._waiting.pop(descriptor, None)) is not None:
                self._go_on(waiting[0], True)
        now = time.monotonic()
        while self._pausing and self._pausing[0][0] <= now:
            self._go_on(heappop(self._pausing)[2], None)
        if now - self._looked_at > _PRECISION:
            self._looked_at = now
            late = [place for place, (_, until) in self._waiting.items() if until is not None and until <= now]
            for descriptor in late:
                if (waiting := self._waiting.pop(descriptor, None)) is not None:
                    self._go_on(waiting[0], False)

    def end_pauses(self) -> None:
        """Continue all that pause, with an error."""
        pausing, self._pausing = self._pausing, []
        for _, _, who in pausing:
            current.loop = self
            try:
                who.throw(TimeoutError("the crawl ends"))
            finally:
                current.loop = None

    def wake(self) -> None:
        """Let `wait_for_any` return soon. From any thread, also after `close`."""
        self._waker.wake()

    def close(self) -> None:
        self._epoll.close()
        self._waker.close()


class _Waker:
    """Ends a sleep from any thread; never writes to its descriptor once that is closed and may be another's."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._is_asleep = False
        self._is_awake = False
        self._is_closed = False

    def __enter__(self) -> bool:
        """Begin to sleep; tell whether there was a call since the last sleep."""
        with self._lock:
            is_awake, self._is_awake = self._is_awake, False
            self._is_asleep = not is_awake
        return is_awake

    def __exit__(self, *_: object) -> None:
        self._is_asleep = False

    def fileno(self) -> int:
        return self._descriptor

    def wake(self) -> None:
        if self._is_awake:
            return
        with self._lock:
            self._is_awake = True
            if self._is_asleep and not self._is_closed:
                self._is_asleep = False
                os.eventfd_write(self._descriptor, 1)

    def take(self) -> None:
        """Take in that it was woken."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)
        self._is_awake = False

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            os.close(self._descriptor)
