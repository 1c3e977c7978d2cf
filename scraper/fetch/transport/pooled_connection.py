"""What `Connections` and the ledger know of a connection, whoever carries its bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, Protocol

from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.tls_sessions import TlsSessions
from scraper.stats import Opening, Reason

#: A Keep-Alive header is read this far: no honest one is longer, and the pattern would take its time.
_MAX_KEEP_ALIVE = 200
_PARAMETER = re.compile(r"(\w+)\s*=\s*\"?(\d{1,9})")


class KeepAlive:
    """Keeps what the server said of how long a connection lasts: `Keep-Alive: timeout=5, max=100`.

    The header is an informal one (RFC 2068 section 19.7.1). `max` counts what is left with some servers and
    is a fixed number with others; the second response shows which.
    """

    __slots__ = ("_falls", "_last_max", "_requests", "closes", "timeout")

    def __init__(self) -> None:
        self.timeout: float | None = None
        self.closes = False
        self._last_max: int | None = None
        self._falls = False
        self._requests = 0

    def read(self, value: str | None, *, will_close: bool, requests: int) -> None:
        """Take note of the Keep-Alive header of a response, the `requests`-th on its connection."""
        if will_close:
            self.closes = True
        if value is None:
            return
        said = {name.lower(): int(number) for name, number in _PARAMETER.findall(value[:_MAX_KEEP_ALIVE])}
        if "timeout" in said:
            self.timeout = float(said["timeout"])
        if "max" in said:
            self._falls = self._last_max is not None and said["max"] < self._last_max
            self._last_max = said["max"]
            self._requests = requests

    @property
    def is_used_up(self) -> bool:
        """Tell whether the server will answer no further request on this connection."""
        if self._last_max is None:
            return False
        if self._last_max == 0:
            return True
        return not self._falls and self._requests > 1 and self._requests >= self._last_max

    @property
    def may_be_used_up(self) -> bool:
        """Tell whether the maximum that the server announced explains that it closes."""
        return self.is_used_up or (self._last_max is not None and self._last_max <= 1)


class Home(Protocol):
    """Keeps the connections of a domain: its `Connections`."""

    tls_sessions: TlsSessions
    #: For `setsockopt`, before connecting.
    options: Sequence[tuple[int, int, int]]

    def release(self, connection: PooledConnection) -> None:
        """Take a connection back whose exchange is over."""

    def give_up(self, connection: PooledConnection) -> None:
        """Close it if it idles: another domain needs its place."""


class PooledConnection:
    """One connection, and the exchange that it serves. It never reconnects: another connection is another object."""

    # Set by what makes it: what must be equal for it to serve, and whose it is.
    key: str
    origin: str
    host: str
    ledger: Ledger
    home: Home
    #: The exchange that it serves; set by `begin`.
    exchange: Exchange
    #: None until it is connected, and again once it is closed.
    sock: Any

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.opening: Opening | None = None
        #: The proxy that it goes by, without credentials; empty for none.
        self.by_proxy = ""
        #: What it is connected to; None before, and behind a proxy.
        self.address: str | None = None
        self.keep_alive = KeepAlive()
        self.closing: Reason | None = None
        self.requests = 0
        self.opened_at = self.idle_since = time.monotonic()
        #: How long it idled before the exchange that it serves, in seconds.
        self.idled = 0.0
        #: Its handshake took up the session of one before it.
        self.tls_resumed = False
        #: An exchange uses it and has not given it back.
        self.is_held = False

    def begin(self, exchange: Exchange) -> None:
        """Serve this exchange from now on."""
        self.exchange = exchange
        self.is_held = True
        exchange.connection = self
        exchange.reused = self.opening is not None
        exchange.request_number = self.requests + 1

    def abandon(self, exchange: Exchange) -> None:
        """Close and give back the connection if the exchange still holds it: nobody will read its response."""
        if self.is_held and self.exchange is exchange:
            self.closing = self.closing or Reason.UNREAD_BODY
            if exchange.recorder is not None:
                exchange.recorder.cut = "length"
            self.close()
            self.home.release(self)

    def rest(self) -> None:
        """Let go of what belongs to the exchange that is over: nobody holds the connection."""

    def unwatch(self) -> None:
        """Take its socket away from the deadline of the exchange, which is over."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the socket."""
        raise NotImplementedError

    def is_dropped(self) -> bool:
        """Tell whether an idle one is of no use: closed by the server, or with bytes that answer no request."""
        raise NotImplementedError

    def count_request(self, exchange: Exchange) -> None:
        """Count the exchange as a request of this connection."""
        self.requests += 1
        self.ledger.request(self.origin, reused=exchange.reused, proxy=self.by_proxy)

    def book_opening(self, started: float, connected_at: float) -> None:
        """Count a completed connect, also one whose TLS failed: the server accepted it, and it will be unused."""
        self.opened_at = time.monotonic()
        connect_seconds = connected_at - started
        tls_seconds = self.opened_at - connected_at if self.origin.startswith("https:") else 0.0
        self.exchange.connect_seconds, self.exchange.tls_seconds = connect_seconds, tls_seconds
        self.opening = self.ledger.opened(
            self.origin,
            self.key,
            connect_seconds,
            tls_seconds,
            tls_resumed=self.tls_resumed,
            round_trip=self.round_trip(),
            proxy=self.by_proxy,
        )

    def round_trip(self) -> float | None:
        """Return how long connecting takes by the system's own clock, in seconds; None where it is not known."""
        return None

    def closing_reason(self) -> Reason:
        """Return why it is closed."""
        if self.closing is not None:
            return self.closing
        if self.exchange.stale:
            return Reason.STALE
        if self.exchange.fault is None and self.keep_alive.closes:
            return Reason.MAX_REQUESTS if self.keep_alive.may_be_used_up else Reason.CLOSED_BY_SERVER
        return Reason.AFTER_ERROR
