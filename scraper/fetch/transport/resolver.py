"""Resolve names: each once at a time, remembered for a while, and not held up by names that hang.

getaddrinfo has no time limit and cannot be interrupted, so it runs in daemon threads. A name whose servers do not
answer keeps its thread until the system gives up, half a minute later. So there are many threads, a look-up that
takes long no longer counts among those that others wait behind, and names seen hanging get some of the threads only.
"""

from __future__ import annotations

import copy
import logging
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from errno import EAGAIN, EMFILE
from typing import Any

from scraper.fetch.transport.open_files import Shortage, has_file, is_ours, most_connections
from scraper.fetch.transport.waiting import signal

#: As getaddrinfo gives it: family, kind, protocol, canonical name, where.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

_log = logging.getLogger(__name__)

#: Seconds for which the addresses of a name are used again. getaddrinfo does not tell the record's own time to live.
_REMEMBERED = 60.0
#: The same for failures, by their number; others are not remembered.
_FAILURES_REMEMBERED = {
    socket.EAI_NONAME: 5.0,
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): 5.0,
    socket.EAI_AGAIN: 1.0,
    socket.EAI_FAIL: 1.0,
}
#: Names that are remembered, and those that are known to hang, at most.
_MOST_NAMES = 4096
#: Look-ups that begin at once. One that has taken longer than `_LONG` seconds no longer counts.
_AT_ONCE = 64
_LONG = 0.1
#: Threads there are at most, and how many of them may serve names that hung before.
_MOST_THREADS = 256
#: And for so many connections that there may be, one.
_CONNECTIONS_EACH = 8
_MOST_HANGING = 64
#: A name hangs if its asker left after the look-up had taken this many seconds.
_HANGS = 1.0
#: Seconds after which an idle thread ends.
_IDLE = 10.0

_Answer = Sequence[AddressInfo] | OSError


class Question:
    """What one asker wants to know. Several may share a look-up."""

    __slots__ = ("_answer", "_callbacks", "_lookup", "_resolver", "host", "port")

    def __init__(self, resolver: Resolver, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._resolver = resolver
        self._lookup: _Lookup | None = None
        self._answer: _Answer | None = None
        self._callbacks: list[Callable[[Question], object]] = []

    @property
    def done(self) -> bool:
        """Tell whether the answer is there."""
        return self._answer is not None

    def add_done_callback(self, call: Callable[[Question], object]) -> None:
        """Call with this question when the answer is there: in a thread of the resolver, or now if it is there."""
        with self._resolver.changed:
            if self._answer is None:
                self._callbacks.append(call)
                return
        call(self)

    def forget(self) -> None:
        """Want the answer no longer: no callback is called. A look-up that nobody waits for does not begin."""
        self._resolver.forget(self)

    def result(self) -> Sequence[AddressInfo]:
        """Return the addresses, in the system's order. Called when it is done.

        Raises:
            socket.gaierror: the name has none, or nobody could tell.
        """
        if self._answer is None:
            raise TimeoutError(f"{self.host} is not resolved yet")
        if isinstance(self._answer, OSError):
            # The answer has many askers, and each raise writes into the exception.
            raise copy.copy(self._answer)
        return self._answer


class _Lookup:
    """A name that is looked up, or will be, for those who ask."""

    __slots__ = ("askers", "name", "port", "started")

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.askers: dict[Question, None] = {}
        self.started: float | None = None


class Resolver:
    """Asks getaddrinfo for whoever wants to know, from any thread."""

    def __init__(
        self,
        getaddrinfo: Callable[..., Sequence[Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        idle: float = _IDLE,
    ) -> None:
        self.getaddrinfo = getaddrinfo
        self._clock = clock
        self._idle_seconds = idle
        self.reset()

    def reset(self) -> None:
        """Begin again: nothing is remembered, and there is no thread, as in a forked process."""
        self.changed = threading.Condition(threading.Lock())
        self._threads = 0
        self._lookups: dict[str, _Lookup] = {}
        self._queue: OrderedDict[str, _Lookup] = OrderedDict()
        #: The same, of names that hung before.
        self._queue_of_hanging: OrderedDict[str, _Lookup] = OrderedDict()
        self._running: set[_Lookup] = set()
        #: By name: until when it is known, the port of the look-up, and the answer.
        self._known: dict[str, tuple[float, int, _Answer]] = {}
        self._hanging: dict[str, None] = {}

    def resolve(self, host: str, port: int, timeout: float) -> Sequence[AddressInfo]:
        """Return the addresses of `host`, in the system's order. Waits in the thread, or aside in an event loop.

        Raises:
            TimeoutError: there is no answer within `timeout` seconds.
            socket.gaierror: the name does not exist, or cannot be a name.
        """
        question = self.ask(host, port)
        try:
            if not question.done and not self._wait(question, timeout):
                raise TimeoutError(f"{host} was not resolved within {timeout:g} s")
            return question.result()
        finally:
            if not question.done:
                question.forget()

    @staticmethod
    def _wait(question: Question, timeout: float) -> bool:
        answered = signal()
        question.add_done_callback(lambda _: answered.set())
        return answered.wait(timeout)

    def ask(self, host: str, port: int) -> Question:
        """Return a question that is answered in time; a numeric address, or what is remembered, at once."""
        question = Question(self, host, port)
        question._answer = self._numeric(host, port)
        if question.done:
            return question
        name = host.lower()
        with self.changed:
            until, asked_port, answer = self._known.get(name, (0.0, 0, ()))
            if until > self._clock():
                question._answer = _with_port(answer, asked_port, port)
                return question
            lookup = self._lookups.get(name)
            if lookup is None:
                lookup = self._lookups[name] = _Lookup(name, port)
                (self._queue_of_hanging if name in self._hanging else self._queue)[name] = lookup
                self.changed.notify()
            question._lookup = lookup
            lookup.askers[question] = None
            needs_thread = self._needs_thread()
        if needs_thread:
            self._start_thread()
        return question

    def _numeric(self, host: str, port: int) -> _Answer | None:
        if ":" not in host and not host[-1:].isdigit():
            return None
        answer = self._look_up(host, port, socket.AI_NUMERICHOST)
        return None if isinstance(answer, OSError) else answer

    def forget(self, question: Question) -> None:
        """Take back a question."""
        with self.changed:
            question._callbacks.clear()
            lookup, question._lookup = question._lookup, None
            if lookup is None or question.done:
                return
            lookup.askers.pop(question, None)
            if lookup.started is not None:
                if self._clock() - lookup.started >= _HANGS:
                    _put(self._hanging, lookup.name, None)
            elif not lookup.askers:
                del self._lookups[lookup.name]
                self._queue.pop(lookup.name, None)
                self._queue_of_hanging.pop(lookup.name, None)

    def discard(self, host: str) -> None:
        """Look the name up again when it is next wanted: none of its addresses could be connected to."""
        with self.changed:
            self._known.pop(host.lower(), None)

    # The threads ---------------------------------------------------------------------------------------

    def _needs_thread(self) -> bool:
        """Tell whether all threads are busy and another is allowed; if so, count it."""
        # Each look-up opens a file or two.
        most = max(1, min(_MOST_THREADS, most_connections() // _CONNECTIONS_EACH))
        needs = len(self._running) == self._threads < most
        self._threads += needs
        return needs

    def _start_thread(self) -> None:
        """Start a thread that has been counted."""
        try:
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
        except RuntimeError as error:
            with self.changed:
                self._threads -= 1
                given_up = [] if self._threads else list(self._lookups.values())
            for lookup in given_up:
                self._finish(lookup, Shortage(EAGAIN, f"no thread to resolve names: {error}"))

    def _work(self) -> None:
        while (lookup := self._take()) is not None:
            self._finish(lookup, self._look_up(lookup.name, lookup.port))

    def _take(self) -> _Lookup | None:
        """Wait for a look-up that may begin, and see to it that another thread waits for the next one.

        Returns None when this thread is to end, having idled.
        """
        with self.changed:
            while (lookup := self._next()) is None:
                is_told = self.changed.wait(self._patience())
                if not is_told and not self._queue and not self._queue_of_hanging:
                    self._threads -= 1
                    return None
            lookup.started = self._clock()
            self._running.add(lookup)
            needs_thread = self._needs_thread()
        if needs_thread:
            self._start_thread()
        return lookup

    def _next(self) -> _Lookup | None:
        """Take what may begin now from the queue."""
        if len(self._running) >= _AT_ONCE and len(self._young()) >= _AT_ONCE:
            return None
        if self._queue:
            return self._queue.popitem(last=False)[1]
        if self._queue_of_hanging and sum(each.name in self._hanging for each in self._running) < _MOST_HANGING:
            return self._queue_of_hanging.popitem(last=False)[1]
        return None

    def _young(self) -> list[float]:
        """Return when the look-ups began that others wait behind."""
        since = self._clock() - _LONG
        return [each.started for each in self._running if each.started is not None and each.started > since]

    def _patience(self) -> float:
        """Return the seconds after which an idle thread looks again, if nobody tells it to."""
        if not self._queue and not self._queue_of_hanging:
            return self._idle_seconds
        young = self._young()
        return min(young) + _LONG - self._clock() if young else _LONG

    def _look_up(self, name: str, port: int, flags: int = 0) -> _Answer:
        ask = self.getaddrinfo or socket.getaddrinfo
        try:
            return ask(name, port, type=socket.SOCK_STREAM, flags=flags)
        except OSError as error:
            if is_ours(error) or error.errno == socket.EAI_MEMORY or not has_file():
                # It says that there is no such name, or that its servers do not answer, when it has no file for them.
                return Shortage(EMFILE, f"no file or memory to look {name} up")
            return error.with_traceback(None)
        except UnicodeError as error:
            return socket.gaierror(socket.EAI_NONAME, f"not a host name: {error}")
        except Exception as error:
            return socket.gaierror(socket.EAI_FAIL, f"{type(error).__name__}: {error}")

    def _finish(self, lookup: _Lookup, answer: _Answer) -> None:
        """Remember the answer and tell it to all who ask."""
        calls: list[tuple[Callable[[Question], object], Question]] = []
        with self.changed:
            now = self._clock()
            self._lookups.pop(lookup.name, None)
            self._queue.pop(lookup.name, None)
            self._queue_of_hanging.pop(lookup.name, None)
            self._running.discard(lookup)
            if lookup.started is not None and now - lookup.started < _HANGS:
                self._hanging.pop(lookup.name, None)
            seconds = _FAILURES_REMEMBERED.get(answer.errno or 0, 0.0) if isinstance(answer, OSError) else _REMEMBERED
            if seconds:
                _put(self._known, lookup.name, (now + seconds, lookup.port, answer))
            for question in lookup.askers:
                question._answer = _with_port(answer, lookup.port, question.port)
                calls.extend((call, question) for call in question._callbacks)
        for call, question in calls:
            try:
                call(question)
            except Exception:
                _log.exception("what was to be done with the addresses of %s failed", question.host)


def _with_port(answer: _Answer, asked: int, port: int) -> _Answer:
    """Return the answer to a look-up with one port as the one with another."""
    if asked == port or isinstance(answer, OSError):
        return answer
    return [(*address[:4], (address[4][0], port, *address[4][2:])) for address in answer]


def _put(names: dict[str, Any], name: str, value: Any) -> None:
    """Keep what is known of a name, and of only so many."""
    names.pop(name, None)
    names[name] = value
    if len(names) > _MOST_NAMES:
        del names[next(iter(names))]


resolver = Resolver()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=resolver.reset)
