"""How many connections of a domain are open, asked while they are being closed."""

from __future__ import annotations

import gc
import time
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from scraper.config import SessionConfig
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.direct_connection import DirectConnection, Route
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import OpenSendGate, RequestContext
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.pooled_connection import KeepAlive
from scraper.stats import Reason

NOW = time.monotonic()


class Idle:
    """A connection that idles, older than it may be, and that notes how many are open when it is closed."""

    def __init__(self, home: Connections, key: str) -> None:
        self.home, self.key, self.origin = home, key, key
        self.keep_alive = KeepAlive()
        self.sock: Any = object()
        self.opened_at, self.idle_since, self.idled = NOW - 1_000_000, time.monotonic(), 0.0
        self.opening, self.requests = None, 1
        self.exchange = SimpleNamespace(first_byte_at=None, sent_at=None)
        self.is_held = True
        self.open_at_close: int | None = None

    def unwatch(self) -> None: ...

    def rest(self) -> None: ...

    def close(self) -> None:
        self.sock = None
        self.open_at_close = self.home.open


@pytest.fixture
def connections() -> Connections:
    return Connections(Ledger("example.com"), SessionConfig(pool=1))


def idle_in(connections: Connections, key: str = "http://example.com") -> Idle:
    connection = Idle(connections, key)
    assert connections._take_place()
    connections.release(connection)  # type: ignore[arg-type]
    return connection


def acquired(connections: Connections, key: str) -> tuple[Any, bool]:
    begun: list[Any] = []
    pool = SimpleNamespace(key=key, make=lambda: SimpleNamespace(begin=begun.append, address=None))
    exchange: Any = SimpleNamespace(fresh=False, deadline=SimpleNamespace(left=0.0, seconds=0.0))
    return connections.acquire(pool, exchange), begun == [exchange]


def test_the_place_of_an_unfit_connection_is_free_when_it_is_closed(connections: Connections) -> None:
    old = idle_in(connections)
    connection, has_begun = acquired(connections, old.key)
    assert (old.sock, old.open_at_close) == (None, 1)
    assert connection is not old and has_begun
    assert connections.open == 1


def test_the_place_of_another_origin_is_free_when_its_connection_is_closed(connections: Connections) -> None:
    other = idle_in(connections, "http://a.example.com")
    other.opened_at = time.monotonic()
    acquired(connections, "http://b.example.com")
    assert (other.sock, other.open_at_close) == (None, 1)
    assert connections.open == 1


@pytest.mark.parametrize("close", [Connections.sweep, Connections.close])
def test_places_are_given_back_after_closing(connections: Connections, close: Any) -> None:
    old = idle_in(connections)
    close(connections)
    assert (old.sock, old.open_at_close) == (None, 1)
    assert connections.open == 0


def test_the_reasons_are_booked(connections: Connections) -> None:
    closed: list[Reason] = []
    connections.ledger.closed = lambda origin, reason, *, unused: closed.append(reason)  # type: ignore[method-assign]
    old = idle_in(connections)
    old.opening = object()  # type: ignore[assignment]
    acquired(connections, old.key)
    assert closed == [Reason.MAX_AGE]


@pytest.mark.parametrize("is_closed", [True, False])
def test_who_idles_or_is_closed_holds_nothing_of_its_request(connections: Connections, is_closed: bool) -> None:
    route = Route("key", "http://example.com", "example.com", 80, None, None)
    connection = DirectConnection(route, connections)
    exchange = RequestContext(Deadline(1.0), Guard(allow_private=False), OpenSendGate()).next_exchange()
    assert connections._take_place()
    connection.begin(exchange)
    if not is_closed:
        stream: Any = SimpleNamespace(deadline=exchange.deadline, recorder=object(), unwatch=lambda: None)
        # It stays open: another test may make room by closing it.
        stream.close = lambda: None
        connection.sock = stream
    exchange.fault = ConnectionError()
    held = weakref.ref(exchange)
    gc.disable()
    try:
        connections.release(connection)
        del exchange
        # Without a search for cycles.
        assert held() is None
    finally:
        gc.enable()
    assert is_closed or (stream.deadline, stream.recorder) == (None, None)
