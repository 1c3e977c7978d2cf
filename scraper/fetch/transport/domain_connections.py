"""Keep the connections of a domain, ours and those of urllib3, in one place.

A domain's connections are kept together, whatever their origin: `Connections` says which may be used again
and keeps the number that are open at most. urllib3's own pools cap idle sockets a host only, count no reconnects
and read no Keep-Alive header, so `_get_conn` and `_put_conn` call these instead.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from urllib3.exceptions import EmptyPoolError

from scraper.config import SessionConfig
from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.idle_limits import IdleLimits
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.open_connections import open_connections
from scraper.fetch.transport.pooled_connection import PooledConnection
from scraper.fetch.transport.tls_sessions import TlsSessions
from scraper.fetch.transport.waiting import Signal, signal
from scraper.stats import Reason

#: Part of the server's Keep-Alive timeout in which a connection is no longer used: the server closes at its end.
_TIMEOUT_MARGIN = 0.1
#: How much the newest response counts in the mean latency.
_NEWEST_COUNTS = 1 / 32


class HeadSigner(Protocol):
    """Signs a request for the authority that it is sent to."""

    def sign(self, request: Any, /) -> None:
        """Put a signature into its headers, in the place of an earlier one."""


class Connections:
    """All connections of one domain, over all its origins; at most `settings.pool` are open. Safe under threads."""

    def __init__(self, ledger: Ledger, settings: SessionConfig) -> None:
        self.ledger = ledger
        #: How long its servers keep what idles.
        self.idle_limits = IdleLimits()
        #: What they offered for the next handshakes.
        self.tls_sessions = TlsSessions()
        self.options: Sequence[tuple[int, int, int]] = ()
        #: Signs each head before it is sent.
        self.signer: HeadSigner | None = None
        #: Mean seconds from a head's last byte to the first of its response, the newest counting most.
        self.latency: float | None = None
        self._settings = settings
        self._lock = threading.Lock()
        #: Who waits for a place.
        self._waiting: list[Signal] = []
        self._open = 0
        self._idle: dict[str, deque[PooledConnection]] = {}

    def __repr__(self) -> str:
        idle = sum(map(len, self._idle.values()))
        return f"<Connections {self.ledger.domain} [{self._open - idle} active, {idle} idle]>"

    @property
    def open(self) -> int:
        """Return how many are open."""
        return self._open

    @property
    def are_busy(self) -> bool:
        """Tell whether one of them is in use."""
        return self._open > sum(map(len, tuple(self._idle.values())))

    def acquire(self, pool: Any, exchange: Exchange) -> PooledConnection:
        """Return a connection of `pool` for this exchange: the idle one used last, else a new one.

        When as many are open as may be, an idle one of another origin gives up its place; when all are busy,
        waits for one until the exchange's time is up.

        Raises:
            PrivateAddress: an idle connection leads to an address that this exchange may not use.
            EmptyPoolError: no place became free in time.
            NoRoom: neither did one among the connections of all domains.
        """
        while True:
            with self._lock:
                connection, unfit = self._look(pool.key, fresh=exchange.fresh)
                has_place = connection is None and not unfit and self._take_place()
                if has_none := not (connection or unfit or has_place):
                    self._waiting.append(changed := signal())
            if has_none:
                if not changed.wait(exchange.deadline.left):
                    raise EmptyPoolError(pool, f"no connection became free within {exchange.deadline.seconds:g} s")
                continue
            self._shut(unfit)
            if connection is not None or has_place:
                break
        if connection is None:
            connection = self._made(pool, exchange)
        connection.begin(exchange)
        try:
            if connection.address is not None:
                exchange.guard.check(connection.host, connection.address)
        except BaseException:
            self.release(connection)
            raise
        return connection

    def _made(self, pool: Any, exchange: Exchange) -> PooledConnection:
        """Make a connection in the place that was taken for it here, once there is one in this process too."""
        try:
            open_connections.take(exchange.deadline)
        except BaseException:
            with self._lock:
                self._open -= 1
                self._tell_waiting()
            raise
        made: PooledConnection = pool.make()
        return made

    def _look(
        self, key: str, *, fresh: bool
    ) -> tuple[PooledConnection | None, list[tuple[PooledConnection, Reason]]]:
        """Return the idle connection to use, or None, and those to close before the next look.

        Where no place is left, another origin's idle connection is closed for one rather than an own.
        """
        unfit: list[tuple[PooledConnection, Reason]] = []
        own = self._idle.get(key)
        while own and not fresh:
            connection = own.pop()
            open_connections.idles_no_more(connection)
            reason = self._why_unfit(connection)
            if reason is None:
                connection.idled = time.monotonic() - connection.idle_since
                return connection, unfit
            unfit.append((connection, reason))
        if not unfit and self._open >= self._settings.pool:
            others = next((idle for origin, idle in self._idle.items() if idle and origin != key), own)
            if others:
                connection = others.popleft()
                open_connections.idles_no_more(connection)
                unfit.append((connection, Reason.ROOM))
        return None, unfit

    def _take_place(self) -> bool:
        has_place = self._open < self._settings.pool
        self._open += has_place
        return has_place

    def _why_unfit(self, connection: PooledConnection) -> Reason | None:
        now = time.monotonic()
        idle_limit = self._settings.idle_expiry
        server_limit = connection.keep_alive.timeout
        if server_limit is None:
            server_limit = self.idle_limits.of(connection.origin)
        if server_limit is not None:
            idle_limit = min(idle_limit, server_limit - min(0.5, server_limit * _TIMEOUT_MARGIN))
        if now - connection.idle_since > idle_limit:
            return Reason.IDLE
        if now - connection.opened_at > self._settings.max_age:
            return Reason.MAX_AGE
        if connection.keep_alive.is_used_up:
            return Reason.MAX_REQUESTS
        if connection.is_dropped():
            return Reason.MAX_REQUESTS if connection.keep_alive.may_be_used_up else Reason.DROPPED
        return None

    def release(self, connection: PooledConnection) -> None:
        """Keep the connection for the next exchange, or book that it is closed."""
        if connection.is_held:
            connection.unwatch()
        with self._lock:
            if not connection.is_held:
                return
            connection.is_held = False
            self._learn_latency(connection.exchange)
            closed = connection.sock is None
            if closed:
                self._open -= 1
                open_connections.give_back()
            else:
                connection.rest()
                connection.idle_since = time.monotonic()
                self._idle.setdefault(connection.key, deque()).append(connection)
                open_connections.idles(connection)
            self._tell_waiting()
        if not closed:
            self._learn_from(connection)
        else:
            reason = connection.closing_reason()
            if reason is Reason.STALE:
                self.idle_limits.closed(connection.origin, connection.idled)
            self._book(connection, reason)
            connection.rest()

    def _learn_latency(self, exchange: Exchange) -> None:
        if exchange.first_byte_at is not None and exchange.sent_at is not None:
            seconds = exchange.first_byte_at - exchange.sent_at
            mean = seconds if self.latency is None else self.latency
            self.latency = mean + (seconds - mean) * _NEWEST_COUNTS

    def _learn_from(self, connection: PooledConnection) -> None:
        """Learn how long the server keeps idle connections from one that carried a request and is kept."""
        if connection.idled:
            self.idle_limits.survived(connection.origin, connection.idled)
        if connection.keep_alive.timeout is not None:
            self.idle_limits.announced(connection.origin, connection.keep_alive.timeout)

    def sweep(self) -> None:
        """Close what has idled too long, grown too old or been dropped; called now and then."""
        if not self._idle:
            return
        unfit: list[tuple[PooledConnection, Reason]] = []
        with self._lock:
            for key, idle in list(self._idle.items()):
                for connection in tuple(idle):
                    reason = self._why_unfit(connection)
                    if reason is not None:
                        idle.remove(connection)
                        open_connections.idles_no_more(connection)
                        unfit.append((connection, reason))
                if not idle:
                    del self._idle[key]
        self._shut(unfit)

    def close(self) -> None:
        """Close all idle connections; those in use close when they come back idle past their limit."""
        with self._lock:
            idle = [connection for origin in self._idle.values() for connection in origin]
            self._idle.clear()
            for connection in idle:
                open_connections.idles_no_more(connection)
        self._shut([(connection, Reason.IDLE) for connection in idle])

    def give_up(self, connection: PooledConnection) -> None:
        """Close a connection if it idles: another domain needs its place."""
        with self._lock:
            idle = self._idle.get(connection.key)
            if idle is None or connection not in idle:
                return
            idle.remove(connection)
        self._shut([(connection, Reason.ROOM)])

    def _tell_waiting(self) -> None:
        """Wake those that wait: a place, or a connection, is free. Called under the lock."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.set()

    def _shut(self, unfit: Sequence[tuple[PooledConnection, Reason]]) -> None:
        """Close connections taken from the idle ones. Only then are their places free for others."""
        if not unfit:
            return
        for connection, reason in unfit:
            if reason is Reason.DROPPED:
                self.idle_limits.closed(connection.origin, time.monotonic() - connection.idle_since)
            connection.close()
            self._book(connection, reason)
        with self._lock:
            self._open -= len(unfit)
            open_connections.give_back(len(unfit))
            self._tell_waiting()

    def _book(self, connection: PooledConnection, reason: Reason) -> None:
        if connection.opening is not None:
            self.ledger.closed(connection.origin, reason, unused=connection.requests == 0)
