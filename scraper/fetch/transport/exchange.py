"""One head sent on one connection, and the context of the request to which it belongs.

A request, of the frontier or of the caller of a plain session, usually takes one exchange; a stale socket or a
plugin such as digest auth makes it more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any, Protocol

from scraper.fetch.transport.deadline import Deadline, watchdog
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.recorder import WireRecorder
from scraper.stats import Opening, Reason, Served


class SendGate(Protocol):
    """Keeps a domain's delay."""

    def wait(self, deadline: Deadline) -> None:
        """Block until another request may be sent; for what is sent beside the frontier."""

    def sending(self) -> None:
        """Take the right to write a head to its socket; raises where it may not be written."""

    def sent(self) -> None:
        """Start the delay: the head is written. Called then, so that no stall in between shortens the delay."""


class OpenSendGate:
    """A gate without delay."""

    def wait(self, deadline: Deadline) -> None:
        pass

    def sending(self) -> None:
        pass

    def sent(self) -> None:
        pass


class ExchangeConnection(Protocol):
    """The parts of a connection that an exchange needs; see `CountedConnection`."""

    ledger: Ledger
    opening: Opening | None

    def count_request(self, exchange: Exchange) -> None:
        """Count the exchange as a request of this connection, in the ledger."""

    def abandon(self, exchange: Exchange) -> None:
        """Close the connection if the exchange still holds it: nobody will read the rest of its response."""


class RequestContext:
    """One request: its deadline, the guard that holds for it, its domain's gate, and its exchanges."""

    def __init__(self, deadline: Deadline, guard: Guard, gate: SendGate) -> None:
        #: The largest body, decoded, that anybody may read: a plugin too. None is no limit.
        self.most_bytes: int | None = None
        self.deadline = deadline
        self.guard = guard
        self.gate = gate
        #: A recorder of each exchange, where what goes over the wire is kept.
        self.recorders: list[WireRecorder] | None = None
        #: The URL as the Session was handed it; None where it is not to be restored.
        self.made_url: str | None = None
        #: Makes the `scraper.fetch.beside.Beside` of a page that a browser draws; None for what is no page.
        self.beside: Callable[[], Any] | None = None
        self._began = False
        self._exchanges: list[Exchange] = []
        #: The exchange that came last.
        self.exchange: Exchange | None = None

    def next_exchange(self, *, fresh: bool = False) -> Exchange:
        """Begin another exchange; each but the first, for which the caller has waited, waits at the gate."""
        if self._began:
            self.gate.wait(self.deadline)
        self._began = True
        self.exchange = Exchange(self, fresh=fresh)
        self._exchanges.append(self.exchange)
        if self.recorders is not None:
            self.exchange.recorder = WireRecorder()
            self.recorders.append(self.exchange.recorder)
        return self.exchange

    def end(self) -> None:
        """Take back the connections of responses that nobody has read to their end or closed."""
        for exchange in self._exchanges:
            if exchange.connection is not None:
                exchange.connection.abandon(exchange)


class Exchange:
    """One head on one connection: times, and whether a byte of a response came."""

    def __init__(self, context: RequestContext, *, fresh: bool = False) -> None:
        self.deadline = context.deadline
        self.most_bytes = context.most_bytes
        self.guard = context.guard
        self._gate = context.gate
        #: Take no idle connection: one has just proved stale.
        self.fresh = fresh
        self.connection: ExchangeConnection | None = None
        #: Keeps what goes over the wire.
        self.recorder: WireRecorder | None = None
        #: The request target, as urllib3 was given it.
        self.target: str | None = None
        self.reused = False
        self.request_number = 0
        self.connect_seconds = 0.0
        self.tls_seconds = 0.0
        self.sent_at: float | None = None
        self.first_byte_at: float | None = None
        self.ended_at: float | None = None
        #: Bytes of the body that are in the ledger.
        self._booked = 0
        #: It was sent into a connection that the server had closed before.
        self.stale = False
        #: What came was not a response but, on a used connection, what the response before it had left behind.
        self.misread = False
        #: What went wrong before the head of the response was read.
        self.fault: BaseException | None = None

    def sending(self) -> bool:
        """Take the gate before the head is written; tell whether the next bytes are the head."""
        if self.sent_at is not None:
            return False
        self._gate.sending()
        self.sent_at = time.monotonic()
        return True

    def sent(self) -> None:
        """Give the gate free: the head is written, or could not be."""
        self._gate.sent()

    def first_byte(self) -> None:
        """Count the request: its response begins."""
        if self.first_byte_at is None and self.connection is not None:
            self.first_byte_at = time.monotonic()
            self.connection.count_request(self)

    def failed(self, error: BaseException) -> None:
        """Book that no whole head came back.

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
        if self.reused and ended and not self.deadline.expired:
            self.stale = True
            self.connection.ledger.stale()
        else:
            self.connection.count_request(self)

    def ended(self, body_bytes: int) -> None:
        """Book the end of the body: it was read, or given up, after this many bytes on the wire."""
        self.ended_at = time.monotonic()
        self._book(body_bytes)

    def receiving(self, body_bytes: int) -> None:
        """Book what came of the body so far, before more of it is read.

        Raises:
            BytesOver: its domain, or the run, has had as much as it may.
        """
        self._book(body_bytes)
        if self.connection is not None:
            self.connection.ledger.refuse_more()

    def _book(self, body_bytes: int) -> None:
        new = body_bytes - self._booked
        if self.connection is not None and new > 0:
            self.connection.ledger.received(new)
            self._booked = body_bytes

    def served(self) -> Served | None:
        """Return what the response knows of its connection; None where there was no connection."""
        connection = self.connection
        if connection is None or connection.opening is None:
            return None
        now = time.monotonic()
        first_byte = self.first_byte_at or self.ended_at or now
        return Served(
            id=connection.opening.id,
            reused=self.reused,
            request_number=self.request_number,
            reason=connection.opening.reason,
            connect_seconds=self.connect_seconds,
            tls_seconds=self.tls_seconds,
            first_byte_seconds=first_byte - self.sent_at if self.sent_at is not None else 0.0,
            body_seconds=max(0.0, (self.ended_at or now) - first_byte),
            sent_at=self.sent_at or 0.0,
            proxy=connection.opening.proxy,
        )


class CountedConnection:
    """A connection of a fetcher that has sockets of its own, as the ledger counts it.

    Call `opened` once it is connected, `carry` for each exchange before its head is sent, `closed` at its end.
    """

    def __init__(self, ledger: Ledger, origin: str, key: str = "") -> None:
        self.ledger = ledger
        self.opening: Opening | None = None
        self._origin = origin
        self._key = key or origin
        self._seconds = (0.0, 0.0)
        self._requests = 0

    def opened(self, connect_seconds: float, tls_seconds: float = 0.0) -> None:
        """Count a completed connect."""
        self._seconds = connect_seconds, tls_seconds
        self.opening = self.ledger.opened(self._origin, self._key, connect_seconds, tls_seconds)

    def carry(self, exchange: Exchange) -> None:
        """Let this connection carry the exchange; its first one spent the time of connecting."""
        exchange.connection = self
        exchange.reused = self._requests > 0
        exchange.request_number = self._requests + 1
        if not exchange.reused:
            exchange.connect_seconds, exchange.tls_seconds = self._seconds

    def closed(self, reason: Reason) -> None:
        """Count that it was closed, and why."""
        if self.opening is not None:
            self.ledger.closed(self._origin, reason, unused=self._requests == 0)

    def count_request(self, exchange: Exchange) -> None:
        self._requests += 1
        self.ledger.request(self._origin, reused=exchange.reused)

    def abandon(self, exchange: Exchange) -> None:
        """Do nothing: its fetcher reads or closes what it has opened."""


class _Here(threading.local):
    context: RequestContext | None = None
    exchange: Exchange | None = None


here = _Here()


class request_context:
    """A context with `seconds` for everything, entered by this thread: what it sends inside the block belongs to it.

    Used like a function; a class costs each request less than a generator.

    Args:
        entered: holds the contexts that are entered.
    """

    def __init__(
        self, seconds: float, guard: Guard, gate: SendGate, entered: set[RequestContext] | None = None
    ) -> None:
        self._context = RequestContext(Deadline(seconds), guard, gate)
        self._entered = set() if entered is None else entered
        self._before: RequestContext | None = None

    def __enter__(self) -> RequestContext:
        self._before, here.context = here.context, self._context
        self._entered.add(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        here.context = self._before
        self._entered.discard(self._context)
        if self._context.deadline.is_watched:
            watchdog.end(self._context.deadline)
