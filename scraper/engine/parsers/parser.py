"""A parser as the pool sees it: a process, and the line to it, which the fetch loop looks after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scraper.engine.children.starting import room_for_child, start_child
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.parsers.line import Line, make_line
from scraper.engine.parsers.messages import Closed, Known, ParserConfig
from scraper.fetch.transport.event_loop import GreenletLoop

#: The module whose `main` a parser is; only parsers import it.
_PROCESS = "scraper.engine.parsers.process"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


class Parser:
    """A process that was started. Used by the loop's thread.

    Args:
        take: called with each message of it.
        gone: called when its line is at its end.

    Raises:
        ShardFailed: the system has no room for it.
    """

    def __init__(
        self,
        number: int,
        config: ParserConfig,
        loop: GreenletLoop,
        take: Callable[[Parser, Any], None],
        gone: Callable[[Parser], None],
    ) -> None:
        self.number = number
        #: What it said last.
        self.closed: Closed | None = None
        #: A callback took too long, and it was ended.
        self.is_overdue = False
        #: It took too much memory, and was ended.
        self.is_too_large = False
        self._config = config
        self._loop = loop
        self._take = take
        self._gone = gone
        with room_for_child():
            ours, theirs = make_line()
            # The process leaves when the writing end is closed, whatever it is doing.
            read, self._alive = os.pipe()
        try:
            self.child = start_child(_PROCESS, (theirs.fileno(), read))
        except BaseException:
            os.close(self._alive)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(read)
        self._line = Line(ours)
        self._known: list[str] = []
        #: Its end of the line by another number, once there was more to write than there was room for.
        self._writer: int | None = None
        loop.watch(ours.fileno(), self._receive)
        self._line.put(config)
        self.flush()

    @property
    def name(self) -> str:
        """Return how it is called in messages."""
        return f"parser {self.number} (pid {self.child.pid})"

    def marker(self) -> CrashMarker:
        """Return its crash marker."""
        return CrashMarker(self._config.marker, self._config.run)

    def learns(self, urls: list[str]) -> None:
        """Tell it, with its next message, that the frontier has these."""
        self._known += urls

    def put(self, message: Any, body: bytes = b"") -> None:
        """Take a message for the next `flush`, and the body of the page that it is about."""
        if self._known:
            self._line.put(Known(self._known))
            self._known = []
        self._line.put(message, body)

    def flush(self) -> None:
        """Write what is there, as far as there is room; the rest as soon as there is some."""
        self._line.flush()
        if self._line.has_unsent:
            if self._writer is None:
                # A number of its own, since of a number the loop awaits one thing only.
                self._writer = os.dup(self._line.socket.fileno())
            self._loop.watch(self._writer, self.flush, write=True)

    @property
    def memory(self) -> int:
        """Return the bytes of memory that it has; 0 where the system does not say."""
        try:
            return int(Path(f"/proc/{self.child.pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def find_out(self) -> None:
        """Notice that it is gone though its line is not: what it started may keep its end of that."""
        if self.child.has_ended and not self._line.is_over:
            self._receive()
            if not self._line.is_over:
                self._gone(self)

    def _receive(self) -> None:
        for message in self._line.receive():
            self._take(self, message)
        if self._line.is_over:
            self._gone(self)
        else:
            self._loop.watch(self._line.socket.fileno(), self._receive)

    def close(self) -> None:
        """Let go of the line; the process leaves."""
        self._loop.unwatch(self._line.socket.fileno())
        if self._writer is not None:
            self._loop.unwatch(self._writer)
            os.close(self._writer)
        self._line.close()
        os.close(self._alive)

    def end(self) -> None:
        """End it at once."""
        self.close()
        self.child.kill()
        self.child.wait()
        with contextlib.suppress(OSError):
            self.marker().close()
