"""Run requests of one thread as greenlets, which wait aside on what the system has: epoll, kqueue, poll, select."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

try:
    from greenlet import getcurrent, greenlet
except ImportError as error:
    from scraper.errors import InternalError

    raise InternalError(
        f"scraper cannot fetch without the package greenlet: {error}",
        remedy="run: pip install --force-reinstall greenlet; where it has no wheel, that needs a C++ compiler",
    ) from error

from scraper.fetch.transport.exchange import here
from scraper.fetch.transport.readiness import Waker, make_poller
from scraper.fetch.transport.waiting import Signal, current

#: How often, in seconds, those that have waited too long are looked for.
_PRECISION = 0.1
#: Pollers count whole milliseconds, and round up: what is left of a pause (seconds) is slept out.
_UNIT = 0.001
#: How long, in seconds, one may run before others continue, where it gives way.
_TURN = 0.02


class GreenletLoop:
    """Work that takes turns. All but `wake` and what a signal's `set` calls is called in the thread that made it.

    A greenlet runs until it waits for a socket or a signal, or pauses; `continue_all` continues those that are ready.
    """

    def __init__(self) -> None:
        self._poller = make_poller()
        self._waker = Waker()
        self._poller.arm(self._waker.fileno(), write=False)
        self._main = getcurrent()
        #: By descriptor, or by the number of a signal, which is negative: who waits for it, until when.
        self._waiting: dict[int, tuple[greenlet, float | None]] = {}
        #: Signals that were set since the last look.
        self._set: deque[int] = deque()
        #: By descriptor: what is called when it is ready.
        self._watched: dict[int, Callable[[], None]] = {}
        self._pausing: list[tuple[float, int, greenlet]] = []
        self._numbers = count()
        self._looked_at = 0.0
        self._continued_at = 0.0
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
        self._poller.arm(descriptor, write=write)
        return self._wait_for(descriptor, seconds)

    def _wait_for(self, number: int, seconds: float | None) -> bool:
        self._waiting[number] = getcurrent(), None if seconds is None else time.monotonic() + seconds
        return bool(self._step_aside())

    def wait_for_one_of(self, descriptors: Sequence[int], *, write: bool, seconds: float) -> None:
        """Return when one of them is ready, or after some seconds. Called in a greenlet."""
        waiting = getcurrent(), time.monotonic() + seconds
        for descriptor in descriptors:
            self._poller.arm(descriptor, write=write)
            self._waiting[descriptor] = waiting
        self._step_aside()
        for descriptor in descriptors:
            if self._waiting.get(descriptor) is waiting:
                del self._waiting[descriptor]
                self._poller.disarm(descriptor)

    def signal(self) -> Signal:
        """Return what any thread may set, for one greenlet that waits for it."""
        return _Signal(self, -1 - next(self._numbers))

    def watch(self, descriptor: int, ready: Callable[[], None], *, write: bool = False) -> None:
        """Have `continue_all` call this, once, when the descriptor can be read, or written."""
        self._watched[descriptor] = ready
        self._poller.arm(descriptor, write=write)

    def unwatch(self, descriptor: int) -> None:
        """Call nothing any more; the descriptor is about to be closed."""
        if self._watched.pop(descriptor, None) is not None:
            self._poller.disarm(descriptor)

    def pause(self, seconds: float) -> None:
        """Return after some seconds. Called in a greenlet."""
        heappush(self._pausing, (time.monotonic() + seconds, next(self._numbers), getcurrent()))
        self._step_aside()

    def has_turn_until(self) -> float:
        """Return until when the one that runs may do so before others continue. Called in a greenlet."""
        return self._continued_at + _TURN

    def _step_aside(self) -> Any:
        context, exchange = here.context, here.exchange
        here.context = here.exchange = None
        try:
            return self._main.switch()
        finally:
            here.context, here.exchange = context, exchange

    def _go_on(self, who: greenlet, outcome: Any) -> None:
        current.loop = self
        self._continued_at = time.monotonic()
        try:
            who.switch(outcome)
        finally:
            current.loop = None

    def wait_for_any(self, seconds: float) -> Sequence[int]:
        """Return what became ready; where nothing is, wait for it, for a pause's end or for `wake`, some seconds at
        most.
        """
        now = time.monotonic()
        if self._pausing:
            seconds = min(seconds, self._pausing[0][0] - now)
        if self._waiting:
            seconds = min(seconds, _PRECISION)
        with self._waker as is_awake:
            ready = self._poller.poll(0.0 if is_awake or seconds < _UNIT else seconds // _UNIT * _UNIT)
        if not ready and not is_awake and (left := now + seconds - time.monotonic()) > 0:
            time.sleep(min(left, _UNIT))
            ready = self._poller.poll(0.0)
        return ready

    def continue_all(self, ready: Sequence[int]) -> None:
        """Continue those that are ready, and those whose time is over."""
        for descriptor in ready:
            if (watcher := self._watched.pop(descriptor, None)) is not None:
                watcher()
            elif descriptor == self._waker.fileno():
                self._waker.take()
                self._poller.arm(descriptor, write=False)
            elif (waiting := self._waiting.pop(descriptor, None)) is not None:
                self._go_on(waiting[0], True)
        while self._set:
            if (waiting := self._waiting.pop(self._set.popleft(), None)) is not None:
                self._go_on(waiting[0], True)
        now = time.monotonic()
        while self._pausing and self._pausing[0][0] <= now:
            self._go_on(heappop(self._pausing)[2], None)
        if now - self._looked_at > _PRECISION:
            self._looked_at = now
            late = [number for number, (_, until) in self._waiting.items() if until is not None and until <= now]
            for number in late:
                if (waiting := self._waiting.pop(number, None)) is not None:
                    if number >= 0:
                        self._poller.disarm(number)
                    self._go_on(waiting[0], False)

    def end_pauses(self) -> None:
        """Continue all that pause or wait for a signal, with an error. Sockets are shut down by their deadlines."""
        ending = [who for _, _, who in self._pausing]
        self._pausing.clear()
        for number in [number for number in self._waiting if number < 0]:
            ending.append(self._waiting.pop(number)[0])
        for who in ending:
            current.loop = self
            try:
                who.throw(TimeoutError("the crawl ends"))
            finally:
                current.loop = None

    def wake(self) -> None:
        """Let `wait_for_any` return soon. From any thread, also after `close`."""
        self._waker.wake()

    def close(self) -> None:
        self._poller.close()
        self._waker.close()


class _Signal:
    """Set by any thread, also after the loop's end; one greenlet of the loop waits for it."""

    __slots__ = ("_is_set", "_loop", "_number")

    def __init__(self, loop: GreenletLoop, number: int) -> None:
        self._loop = loop
        self._number = number
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        self._loop._set.append(self._number)
        self._loop.wake()

    def wait(self, seconds: float) -> bool:
        return self._is_set or self._loop._wait_for(self._number, seconds)
