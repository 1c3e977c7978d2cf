"""One head sent on one connection, and the turn to which it belongs.

A turn is what the frontier, or the caller of a plain session, asked for: one request. It usually takes one
exchange; a stale socket or a plugin such as digest auth makes it more.
"""

from __future__ import annotations

import threading
import time
from http.client import BadStatusLine, RemoteDisconnected
from typing import TYPE_CHECKING, Protocol

from scraper.fetch.transport.deadline import Deadline, watchdog
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.recorder import WireRecorder
from scraper.stats import Reason, Served

if TYPE_CHECKING:
    from scraper.fetch.transport.connection import Connection


class SendGate(Protocol):
    """Keeps a domain's delay."""

    def wait(self, limit: Deadline) -> None:
        """Blocks until another request may be sent; for what is sent beside the frontier."""

    def sending(self) -> None:
        """Called before a head is written to its socket; raises where it may not be."""

    def sent(self) -> None:
        """Called when it is written: from now on the delay runs, so that no stall in between shortens it."""


class OpenSendGate:
    """A gate without delay."""

    def wait(self, limit: Deadline) -> None:
        pass

    def sending(self) -> None:
        pass

    def sent(self) -> None:
        pass


class RequestContext:
    """One request asked for: its time limit, the guard that holds for it, its domain's gate."""

    def __init__(self, limit: Deadline, guard: Guard, gate: SendGate) -> None:
        #: The largest body, decoded, that anybody may read: a plugin too. None is no limit.
        self.most_bytes: int | None = None
        self.limit = limit
        self.guard = guard
        self.gate = gate
        #: A tape of each exchange, where they are to be kept.
        self.tapes: list[WireRecorder] | None = None
        self._began = False
        self._exchanges: list[Exchange] = []
        #: The exchange that came last.
        self.exchange: Exchange | None = None

    def next_exchange(self, *, fresh: bool = False) -> Exchange:
        """Begin another exchange; each but the first, for which the caller has waited, waits at the gate."""
        if self._began:
            self.gate.wait(self.limit)
        self._began = True
        self.exchange = Exchange(self, fresh=fresh)
        self._exchanges.append(self.exchange)
        if self.tapes is not None:
            self.exchange.tape = WireRecorder()
            self.tapes.append(self.exchange.tape)
        return self.exchange

    def end(self) -> None:
        """Take back the connections of answers that nobody has read to their end or closed."""
        for exchange in self._exchanges:
            if exchange.connection is not None:
                exchange.connection.abandon(exchange)


class Exchange:
    """One head on one connection: times, and whether a byte of an answer came."""

    def __init__(self, context: RequestContext, *, fresh: bool = False) -> None:
        self.limit = context.limit
        self.most_bytes = context.most_bytes
        self.guard = context.guard
        self._gate = context.gate
        #: Take no idle connection: one has just proved stale.
        self.fresh = fresh
        self.connection: Connection | None = None
        #: What goes over the wire is kept here.
        self.tape: WireRecorder | None = None
        self.reused = False
        self.request_number = 0
        self.connect_seconds = 0.0
        self.tls_seconds = 0.0
        self.sent_at: float | None = None
        self.first_byte_at: float | None = None
        self.ended_at: float | None = None
        #: It was sent into a connection that the server had closed before.
        self.stale = False
        #: What came was no answer but, on a used connection, what the answer before it had left behind.
        self.misread = False
        #: What went wrong before the answer's head was read.
        self.fault: BaseException | None = None

    def sending(self) -> bool:
        """The next bytes are about to be written; says whether they are the head."""
        if self.sent_at is not None:
            return False
        self._gate.sending()
        self.sent_at = time.monotonic()
        return True

    def sent(self) -> None:
        """The head is written, or came to nothing."""
        self._gate.sent()

    def first_byte(self) -> None:
        """The answer begins."""
        if self.first_byte_at is None and self.connection is not None:
            self.first_byte_at = time.monotonic()
            self.connection.count_request(self)

    def failed(self, error: BaseException) -> None:
        """The head was not answered, or not whole.

        A reused socket that ends before a byte came was closed by the server while idle: stale, no request
        reached it. A timeout, and a reset of a fresh socket, is a request.
        """
        if self.fault is not None:
            return
        self.fault = error
        self.misread = self.reused and type(error) is BadStatusLine
        if self.sent_at is None or self.first_byte_at is not None or self.connection is None:
            return
        ended = isinstance(error, ConnectionError | RemoteDisconnected) or type(error).__name__ == "SSLEOFError"
        if self.reused and ended and not self.limit.expired:
            self.stale = True
            self.connection.ledger.stale()
        else:
            self.connection.count_request(self)

    def ended(self, body_bytes: int) -> None:
        """The body was read, or given up."""
        self.ended_at = time.monotonic()
        if self.connection is not None and body_bytes:
            self.connection.ledger.received(body_bytes)

    def served(self) -> Served | None:
        """What the response knows of its connection; None where none was had."""
        connection = self.connection
        if connection is None or connection.opening is None:
            return None
        now = time.monotonic()
        first_byte = self.first_byte_at or self.ended_at or now
        return Served(
            id=connection.opening.id,
            reused=self.reused,
            request_number=self.request_number,
            reason=Reason(connection.opening.reason),
            connect_seconds=self.connect_seconds,
            tls_seconds=self.tls_seconds,
            first_byte_seconds=first_byte - self.sent_at if self.sent_at is not None else 0.0,
            body_seconds=max(0.0, (self.ended_at or now) - first_byte),
            sent_at=self.sent_at or 0.0,
        )


class _Here(threading.local):
    context: RequestContext | None = None
    exchange: Exchange | None = None


here = _Here()


class request_context:
    """A turn with `seconds` for everything, taken by this thread: what it sends inside the block belongs to it.

    Used like a function; a class costs each request less than a generator.
    """

    def __init__(self, seconds: float, guard: Guard, gate: SendGate) -> None:
        self._context = RequestContext(Deadline(seconds), guard, gate)
        self._before: RequestContext | None = None

    def __enter__(self) -> RequestContext:
        watchdog.start(self._context.limit)
        self._before, here.context = here.context, self._context
        return self._context

    def __exit__(self, *_: object) -> None:
        here.context = self._before
        watchdog.end(self._context.limit)
