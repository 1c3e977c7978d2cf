"""A connection of our own: resolved, guarded, connected, with TLS, and directly or through a proxy to its origin."""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from scraper.errors import PrivateAddress
from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.happy_eyeballs import connect_first
from scraper.fetch.transport.open_connections import open_connections
from scraper.fetch.transport.open_files import is_ours
from scraper.fetch.transport.pooled_connection import Home, PooledConnection
from scraper.fetch.transport.resolver import resolver
from scraper.fetch.transport.response_head import Head, read_head
from scraper.fetch.transport.stream import Stream, wait_writable

#: Bytes of a file that are sent at once.
_BLOCK = 64 * 1024
#: A server that has offered no TLS session by so many answers offers none.
_OFFERED_BY = 3
#: Where struct tcp_info has its round trip.
_ROUND_TRIP_AT = 68
_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class ConnectFailed(ConnectionError):
    """There is no connection; no request reached the server."""


class ConnectTimedOut(ConnectFailed):
    """There was no connection in time."""


class ProxyFailed(ConnectFailed):
    """There is no connection to the proxy, or it made none."""


class ProxyLogin(ProxyFailed):
    """The proxy wants other credentials."""


class ProxyRefused(ProxyFailed):
    """The proxy does not connect to the origin, on purpose."""


class ProxyGateway(ProxyFailed):
    """The proxy could not connect to the origin."""


class NotResolved(ConnectFailed):
    """The name has no address."""


class Proxy(NamedTuple):
    """Where an HTTP proxy is, and what it wants to know."""

    host: str
    port: int
    authorization: str | None

    @property
    def name(self) -> str:
        """Return how it is called where it is shown."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Route(NamedTuple):
    """The way to an origin. Connections of the same route serve each other's requests."""

    #: By which routes are told apart: origin, TLS settings and proxy.
    key: str
    origin: str
    host: str
    port: int
    #: None without TLS.
    context: ssl.SSLContext | None
    #: None where it is connected to directly.
    proxy: Proxy | None


class DirectConnection(PooledConnection):
    """Carries one exchange at a time; `Connections` keeps it in between."""

    def __init__(self, route: Route, home: Home) -> None:
        super().__init__()
        self.key, self.origin, self.host = route.key, route.origin, route.host
        self.home = home
        self.route = route
        self.by_proxy = route.proxy.name if route.proxy is not None else ""
        self.sock: Stream | None = None
        self._has_tls_session = False

    @property
    def stream(self) -> Stream:
        assert self.sock is not None
        return self.sock

    def begin(self, exchange: Exchange) -> None:
        super().begin(exchange)
        if self.sock is not None:
            self._serve(exchange)

    def rest(self) -> None:
        # With it its request, which would stay in memory as long as the connection; and each holds the other, so that
        # only a search for cycles would find what is closed.
        del self.exchange
        if self.sock is not None:
            self.sock.deadline = self.sock.recorder = None

    def _serve(self, exchange: Exchange) -> None:
        stream = self.stream
        stream.deadline = exchange.deadline
        stream.recorder = exchange.recorder
        exchange.deadline.watch(stream.sock, keeps_time=True)

    def connect(self, seconds: float) -> None:
        """Connect, within `seconds` for all of it.

        Raises:
            NotResolved, ConnectFailed, ConnectTimedOut: there is no connection.
            PrivateAddress: all of its addresses are refused.
            NoRoom: this machine had no file, memory or port for it until the exchange's time was up.
            ssl.SSLError: there is no TLS with it.
        """
        started = connected_at = until = 0.0
        exchange, route = self.exchange, self.route

        def attempt() -> socket.socket:
            nonlocal started, until
            started = time.monotonic()
            until = started + min(seconds, exchange.deadline.left)
            return self._open(seconds, until)

        try:
            sock = open_connections.with_room(attempt, exchange.deadline)
            connected_at = time.monotonic()
            self.sock = Stream(sock)
            self._serve(exchange)
            # What the proxy is told and answers is between us and it.
            recorder, self.stream.recorder = self.stream.recorder, None
            if route.proxy is not None and route.context is not None:
                self._tunnel(route.proxy, until)
            if route.context is not None:
                self._start_tls(route.context, until, seconds)
            self.stream.recorder = recorder
        except BaseException as error:
            exchange.fault = error
            raise
        finally:
            if connected_at:
                self.book_opening(started, connected_at)

    def round_trip(self) -> float | None:
        """Return how long connecting takes by the system's own clock; that of a proxy is not the whole of it."""
        return round_trip_of(self.stream.sock) if self.route.proxy is None else None

    def _start_tls(self, context: ssl.SSLContext, until: float, seconds: float) -> None:
        sessions = self.home.tls_sessions
        session = sessions.take(self.key, context)
        try:
            self.tls_resumed = self.stream.handshake(context, self.host, until - time.monotonic(), session)
        except TimeoutError as error:
            raise TimeoutError(f"no TLS with {self.host} within {seconds:g} s") from error
        except ssl.SSLError:
            if session is not None:
                sessions.forget(self.key)
            raise

    def _keep_tls_session(self) -> None:
        """Keep the session that the server offers; with TLS 1.3 it comes after the handshake, mostly right after."""
        sock = self.stream.sock
        if isinstance(sock, ssl.SSLSocket):
            self._has_tls_session = self.home.tls_sessions.keep(self.key, sock)

    def _open(self, seconds: float, until: float) -> socket.socket:
        proxy = self.route.proxy
        if proxy is None:
            return self._open_to(self.host, self.route.port, seconds, until)
        try:
            return self._open_to(proxy.host, proxy.port, seconds, until)
        except ConnectFailed as error:
            raise ProxyFailed(f"the proxy {proxy.host}:{proxy.port} cannot be reached: {error}") from error

    def _open_to(self, host: str, port: int, seconds: float, until: float) -> socket.socket:
        proxy = self.route.proxy
        try:
            found = resolver.resolve(host, port, max(0.001, until - time.monotonic()))
            # The user chose the proxy, whatever its address.
            addresses = found if proxy is not None else self.exchange.guard.permitted(self.host, found)
            left = max(0.001, until - time.monotonic())
            options = (*_OPTIONS, *self.home.options)
            sock, address = connect_first(addresses, left, options=options, wait=wait_writable)
        except socket.gaierror as error:
            raise NotResolved(f"{host} does not resolve: {error.strerror or error}") from error
        except TimeoutError as error:
            text = str(error)
            raise ConnectTimedOut(
                text if host in text else f"no connection to {host} within {seconds:g} s"
            ) from error
        except PrivateAddress:
            raise
        except OSError as error:
            if is_ours(error):
                raise
            raise ConnectFailed(f"no connection to {host}:{port}: {error}") from error
        if proxy is None:
            self.address = str(address[4][0])
        return sock

    def _tunnel(self, proxy: Proxy, until: float) -> None:
        """Let the proxy connect us with the origin (RFC 9110 section 9.3.6)."""
        where = f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.route.port}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
        if proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        stream = self.stream
        try:
            stream.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), until - time.monotonic())
            head = read_head(stream, until - time.monotonic(), _Silent())
        except (OSError, http.client.HTTPException) as error:
            raise ProxyFailed(f"the proxy {proxy.host}:{proxy.port} did not connect: {error}") from error
        if not 200 <= head.status < 300:
            raise refusal_to_connect(f"{proxy.host}:{proxy.port}", where, head.status, head.reason)

    def send(self, head: bytes, body: object, seconds: float) -> None:
        """Send a request; takes and gives back the domain's gate around its head.

        A server may refuse a body half way and still have answered, so a connection that it closed meanwhile is no
        error here: whoever reads the answer finds out.
        """
        exchange, stream = self.exchange, self.stream
        pieces = pieces_of(body)
        first = head + pieces.pop(0) if isinstance(pieces, list) and pieces else head
        exchange.sending()
        try:
            stream.send(first, seconds)
        except OSError as error:
            if not isinstance(error, BrokenPipeError | ConnectionResetError):
                exchange.failed(error)
                raise
        finally:
            exchange.sent()
        recorder = exchange.recorder
        if recorder is not None:
            recorder.sent += first
            recorder.address = self.address
        try:
            for piece in pieces:
                stream.send(piece, seconds)
                if recorder is not None:
                    recorder.sent += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
        except OSError as error:
            exchange.failed(error)
            raise

    def read_head(self, seconds: float) -> Head:
        """Return the head of the answer.

        Raises what `response_head.read_head` does.
        """
        try:
            head = read_head(self.stream, seconds, self.exchange)
        except BaseException as error:
            self.exchange.failed(error)
            raise
        if self.route.context is not None and not self._has_tls_session and self.requests <= _OFFERED_BY:
            self._keep_tls_session()
        return head

    def is_dropped(self) -> bool:
        return self.sock is None or self.sock.has_something()

    def unwatch(self) -> None:
        if self.sock is not None:
            self.sock.unwatch()

    def close(self) -> None:
        stream, self.sock = self.sock, None
        if stream is not None:
            stream.close()


def refusal_to_connect(proxy: str, where: str, status: int, why: str) -> ProxyFailed:
    """Return the error for what a proxy answered to CONNECT (RFC 9110 section 9.3.6)."""
    if status in (401, 407):  # tinyproxy says 401 where they are wrong
        return ProxyLogin(f"the proxy {proxy} wants other credentials: {status} {why}")
    kind = ProxyGateway if status >= 500 else ProxyRefused
    return kind(f"the proxy {proxy} refuses to connect to {where}: {status} {why}")


def round_trip_of(sock: socket.socket) -> float | None:
    """Return the round trip that the system has measured on a connection, in seconds; None where it does not say.

    Source: struct tcp_info of Linux (include/uapi/linux/tcp.h): tcpi_rtt, in microseconds. On a connection that was
    just opened it is that of the handshake, however long this process has taken to notice.
    """
    option = getattr(socket, "TCP_INFO", None)
    if option is None or sys.platform != "linux":
        return None
    try:
        said = sock.getsockopt(socket.IPPROTO_TCP, option, _ROUND_TRIP_AT + 4)
    except OSError:
        return None
    return int.from_bytes(said[_ROUND_TRIP_AT:], sys.byteorder) / 1e6 if len(said) == _ROUND_TRIP_AT + 4 else None


class _Silent:
    """An exchange with a proxy, of which the ledger knows nothing."""

    def first_byte(self) -> None:
        pass


def pieces_of(body: object) -> Any:
    """Return the pieces of a request's body as requests allows them: bytes, text, a file, an iterable."""
    if body is None:
        return []
    if isinstance(body, str):
        return [body.encode("utf-8")]
    if isinstance(body, bytes | bytearray | memoryview):
        return [bytes(body)]
    if hasattr(body, "read"):
        return _blocks_of(body)
    return (piece.encode("utf-8") if isinstance(piece, str) else bytes(piece) for piece in cast(Iterable[Any], body))


def _blocks_of(file: Any) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block.encode("utf-8") if isinstance(block, str) else block
