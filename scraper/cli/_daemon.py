"""A daemon under signals: its rounds until it is told to stop, and how long its crawls are waited for then."""

from __future__ import annotations

import queue
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Self

from scraper.cli._signals import EXIT_CODES
from scraper.observe.text import counted
from scraper.schedule.daemon import POLL_AT_WORK, Daemon

#: Seconds that crawls are waited for which were told to stop; each ends itself within ten.
WAIT_SECONDS = 12.0
#: The signal of a child that ended, which Windows does not send.
_CHILD = () if sys.platform == "win32" else (signal.SIGCHLD,)


class Signals:
    """SIGINT, SIGTERM and Windows' SIGBREAK, as they come; a context manager, for the main thread.

    A child that ends ends the waiting, too: its place is free for another.
    """

    def __init__(self) -> None:
        # A handler may interrupt this very queue: SimpleQueue is the one that may be entered again.
        self._came: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (*EXIT_CODES, *_CHILD)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._came.put(None if number in _CHILD else number)

    def wait(self, seconds: float) -> int | None:
        """Return the next signal; None where none came within `seconds`, or a child ended."""
        try:
            return self._came.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None


def look_after(daemon: Daemon, say: Callable[[str], object]) -> int:
    """Rounds until a signal comes, then an end; returns the exit code."""
    return _until_signal(daemon, say, iter(daemon.round, None))


def start_each(daemon: Daemon, say: Callable[[str], object], starts: Iterable[Callable[[], object]]) -> int:
    """Call each of `starts` when there is room, and wait until all that they started has ended, or a signal comes.

    Returns the signal's exit code, or 0.
    """

    def waits() -> Iterator[float]:
        rest = deque(starts)
        while rest or daemon.at_work:
            while rest and daemon.has_room:
                rest.popleft()()
            yield POLL_AT_WORK if daemon.at_work else 0.0
            daemon.gather()

    return _until_signal(daemon, say, waits())


def _until_signal(daemon: Daemon, say: Callable[[str], object], waits: Iterator[float | None]) -> int:
    with Signals() as signals:
        try:
            for wait in waits:
                number = signals.wait(wait or 0.0)
                if number is not None:
                    _end(daemon, signals, number, say)
                    return EXIT_CODES[number]
            return 0
        finally:
            daemon.close()


def _end(daemon: Daemon, signals: Signals, number: int, say: Callable[[str], object]) -> None:
    """Tell what is at work to stop, and wait for it; a second signal tells it to stop at once."""
    name = signal.Signals(number).name
    if not daemon.at_work:
        say(f"{name}: ends")
        return
    say(
        f"{name}: stopping: {counted(daemon.at_work, 'crawl')} told to stop and waited for, {WAIT_SECONDS:g} s at "
        "most. Once more stops at once. The next run resumes what is unfinished."
    )
    daemon.stop()
    deadline = time.monotonic() + WAIT_SECONDS
    while daemon.at_work and time.monotonic() < deadline:
        if signals.wait(0.1) is not None:
            say("stopping at once")
            daemon.stop()
        daemon.gather()
