"""Signals while a crawl runs: the first lets it come to a good end, the second ends it at once.

What is done then belongs to a thread of its own: Python calls handlers in the main thread, which may be in the middle
of a write, or wait for a store that somebody keeps locked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from scraper.observe import log

#: Seconds that what is in flight is given at the first signal. Closing takes up to two more, and the command is to
#: end within ten.
DRAIN_SECONDS = 7.0
_END_WITHIN = 9.3
_END_AT_ONCE_WITHIN = 2.5
#: What the last words may take, in seconds: the figures are read from the store.
_LAST_WORDS_SECONDS = 0.6
#: SIGBREAK is how Windows asks another process to end.
EXIT_CODES = {
    getattr(signal, name): code
    for name, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGBREAK", 143))
    if hasattr(signal, name)
}


class Interrupted(KeyboardInterrupt):
    """A signal came before there was a crawl that could be stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = EXIT_CODES[number]


#: What `stop_asked` writes where the system writes the numbers of signals.
_ASKED = 255


class Stopping:
    """Handles SIGINT and SIGTERM, and requests to stop; a context manager, for the main thread.

    Until `crawl_with` is called a signal raises Interrupted. From then on the first stops the crawl with
    `DRAIN_SECONDS` for what is in flight, the second with none. A crawl that does not end in time, since a callback
    or a pipe hangs, is ended as a kill would end it: it can be resumed all the same.

    Args:
        last_words: called before the process is ended so, in a thread that is not waited for long.
    """

    def __init__(self, last_words: Callable[[], None]) -> None:
        self._last_words = last_words
        self._stop: Callable[[float], None] | None = None
        self._before: dict[int, Any] = {}
        #: The exit codes of what came, in order.
        self._came: list[int] = []
        #: Where the system's own handler writes the number of each signal, and where it is read; 0 is the last word.
        self._written, self._read = socket.socketpair()
        self._written.setblocking(False)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in EXIT_CODES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._thread is not None:
            signal.set_wakeup_fd(-1)
            self._written.send(bytes(1))
            self._thread.join()
        self._written.close()
        self._read.close()

    def crawl_with(self, stop: Callable[[float], None]) -> None:
        """From now on signals call `stop` with the seconds that what is in flight is given."""
        self._stop = stop
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, args=(stop,), name="signals", daemon=True)
        self._thread.start()

    @property
    def exit_code(self) -> int | None:
        """That of the first signal which came; None where none did. A request to stop has that of SIGTERM."""
        return self._came[0] if self._came else None

    def stop_asked(self) -> None:
        """Do what the first SIGTERM does. From any thread, while a crawl is at work."""
        self._written.send(bytes([_ASKED]))

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._stop is None:
            raise Interrupted(number)

    def _watch(self, stop: Callable[[float], None]) -> None:
        deadline: float | None = None
        while True:
            self._read.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
            try:
                number = self._read.recv(1)[0]
            except TimeoutError:
                self._end_now()
            if not number:
                return
            if number not in EXIT_CODES and number != _ASKED:
                continue
            self._came.append(EXIT_CODES[signal.SIGTERM if number == _ASKED else number])
            stop(DRAIN_SECONDS if len(self._came) == 1 else 0.0)
            name = "scraper stop" if number == _ASKED else signal.Signals(number).name
            if deadline is None:
                deadline = time.monotonic() + _END_WITHIN
                _say(
                    name,
                    f"stopping: what is in flight has {DRAIN_SECONDS:g} s. Once more stops at once. "
                    "Either way the same command resumes the run.",
                )
            else:
                deadline = min(deadline, time.monotonic() + _END_AT_ONCE_WITHIN)
                _say(name, "stopping at once")

    def _end_now(self) -> None:
        last = threading.Thread(target=self._last_words, daemon=True)
        last.start()
        last.join(_LAST_WORDS_SECONDS)
        _say("timeout", "something did not end in time and was left behind; the same command resumes the run")
        os._exit(self.exit_code or 1)


def _say(why: str, text: str) -> None:
    with contextlib.suppress(Exception):  # nothing may keep the process from its end
        log.write(logging.WARNING, f"{why}: {text}", "stopping", {"why": why, "message": text})
