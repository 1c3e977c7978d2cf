"""The connections of urllib3 that report to the ledger."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import urllib3.connection
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from scraper.errors import PrivateAddress
from scraper.fetch.transport.cooperative_sockets import PlainSocket
from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.resolver import AddressInfo, resolver
from scraper.fetch.transport.response_reader import ResponseReader, WireResponse
from scraper.stats import Opening, Reason

#: A Keep-Alive header is read this far: no honest one is longer, and the pattern would take its time.
_MAX_KEEP_ALIVE = 200
#: Headers of requests are kept as they went out, this many a connection.
_MOST_LINES = 32
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

    def read(self, headers: Mapping[str, str], *, will_close: bool, requests: int) -> None:
        """Take note of the head of a response, the `requests`-th on its connection."""
        if will_close:
            self.closes = True
        value = headers.get("Keep-Alive")
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

    def release(self, connection: Connection) -> None:
        """Take a connection back whose exchange is over."""


class _Reports:
    """Adds reporting to the connections of both schemes. One object is one connection: it never reconnects."""

    # Set by the pool that makes it.
    key: str
    origin: str
    ledger: Ledger
    home: Home
    #: The exchange that it serves, or served last; set by `begin`.
    exchange: Exchange
    # urllib3's own.
    sock: Any
    host: str
    port: int
    timeout: Any
    source_address: tuple[str, int] | None
    socket_options: Any
    proxy: Any
    _dns_host: str

    response_class = ResponseReader

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.opening: Opening | None = None
        self.address: str | None = None
        self.keep_alive = KeepAlive()
        self.closing: Reason | None = None
        self.requests = 0
        self.opened_at = self.idle_since = time.monotonic()
        #: How long it idled before the exchange that it serves, in seconds.
        self.idled = 0.0
        #: An exchange uses it and has not given it back.
        self.is_held = False
        self._tunnelling = False
        self._lines: dict[tuple[Any, tuple[Any, ...]], bytes] = {}
        self._tcp_connected_at: float | None = None

    def begin(self, exchange: Exchange) -> None:
        """Serve this exchange from now on."""
        self.exchange = exchange
        self.is_held = True
        exchange.connection = cast("Connection", self)
        exchange.reused = self.opening is not None
        exchange.request_number = self.requests + 1
        if self.sock is not None:
            exchange.deadline.watch(self.sock)

    def abandon(self, exchange: Exchange) -> None:
        """Close and give back the connection if the exchange still holds it: nobody will read its response."""
        if self.is_held and self.exchange is exchange:
            self.closing = self.closing or Reason.UNREAD_BODY
            if exchange.recorder is not None:
                exchange.recorder.cut = "length"
            connection = cast("Connection", self)
            connection.close()
            self.home.release(connection)

    def count_request(self, exchange: Exchange) -> None:
        """Count the exchange as a request of this connection."""
        self.requests += 1
        self.ledger.request(reused=exchange.reused)

    def closing_reason(self) -> Reason:
        """Return why it is closed."""
        if self.closing is not None:
            return self.closing
        if self.exchange.stale:
            return Reason.STALE
        if self.exchange.fault is None and self.keep_alive.closes:
            return Reason.MAX_REQUESTS if self.keep_alive.may_be_used_up else Reason.CLOSED_BY_SERVER
        return Reason.AFTER_ERROR

    # The steps of a request, in their order ------------------------------------------------------------

    def connect(self) -> None:
        started = time.monotonic()
        self._tcp_connected_at = None
        try:
            super().connect()  # type: ignore[misc]
        except BaseException as error:
            self.exchange.fault = error
            raise
        finally:
            self._book_opening(started)
        if self.exchange.deadline.expired:
            raise TimeoutError(f"not connected within {self.exchange.deadline.seconds:g} s")

    def _book_opening(self, started: float) -> None:
        """Count a completed connect, also one whose TLS failed: the server accepted it, and it will be unused."""
        if self._tcp_connected_at is None:
            return
        self.opened_at = time.monotonic()
        connect_seconds = self._tcp_connected_at - started
        tls_seconds = self.opened_at - self._tcp_connected_at if self.origin.startswith("https:") else 0.0
        self.exchange.connect_seconds, self.exchange.tls_seconds = connect_seconds, tls_seconds
        self.opening = self.ledger.opened(self.origin, self.key, connect_seconds, tls_seconds)

    def _new_conn(self) -> socket.socket:
        """Resolve, check each address, connect: within the connect timeout altogether."""
        deadline = self.exchange.deadline
        timeout = self.timeout if isinstance(self.timeout, int | float) else deadline.left
        until = time.monotonic() + min(timeout, deadline.left)
        connection = cast(Any, self)
        try:
            addresses = resolver.resolve(self._dns_host, self.port, max(0.001, until - time.monotonic()))
        except socket.gaierror as error:
            raise NameResolutionError(self.host, connection, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, str(error)) from error
        failure: OSError | None = None
        for address in self._permitted(addresses):
            left = until - time.monotonic()
            if left <= 0:
                failure = TimeoutError("timed out")
                break
            try:
                return self._connect_socket(address, left)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(connection, f"no connection to {self.host} within {timeout:g} s") from failure
        raise NewConnectionError(connection, f"no connection to {self.host}:{self.port}: {failure}") from failure

    def _permitted(self, addresses: Sequence[AddressInfo]) -> Sequence[AddressInfo]:
        """Return the addresses that the guard allows; all of a proxy, which the user chose."""
        if self.proxy is not None:
            return addresses
        permitted: list[AddressInfo] = []
        refusal: PrivateAddress | None = None
        for address in addresses:
            try:
                self.exchange.guard.check(self.host, str(address[4][0]))
            except PrivateAddress as error:
                refusal = refusal or error
            else:
                permitted.append(address)
        if refusal is not None and not permitted:
            raise refusal
        return permitted

    def _connect_socket(self, address: AddressInfo, timeout: float) -> socket.socket:
        family, kind, protocol, _, where = address
        sock: socket.socket = PlainSocket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(timeout)
            if self.source_address:
                sock.bind(self.source_address)
            self.exchange.deadline.watch(sock)
            sock.connect(where)
        except BaseException:
            sock.close()
            raise
        self.address = str(where[0])
        self._tcp_connected_at = time.monotonic()
        return sock

    def _tunnel(self) -> None:
        self._tunnelling = True
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            self._tunnelling = False

    def send(self, data: Any) -> None:
        if self.sock is None and not self._tunnelling:
            self.connect()
        is_head = False
        if not self._tunnelling:
            self.exchange.deadline.watch(self.sock)
            is_head = self.exchange.sending()
        try:
            super().send(data)  # type: ignore[misc]
        except OSError as error:
            # A server may refuse a body half way and still have responded, so its response is read first.
            if not isinstance(error, BrokenPipeError | ConnectionResetError):
                self.exchange.failed(error)
            raise
        finally:
            if is_head:
                self.exchange.sent()
        recorder = self.exchange.recorder
        if recorder is not None and not self._tunnelling and isinstance(data, bytes | bytearray):
            recorder.sent += data
            recorder.address = self.address if self.proxy is None else None

    def request(self, *args: Any, **keywords: Any) -> None:
        """Send as urllib3 does, under the read timeout where the socket is in use already.

        To change the timeout and back is two system calls, at each of which a thread that computes may take the
        interpreter for milliseconds.
        """
        kept = self.sock.gettimeout() if self.sock is not None and self.requests else None
        if kept is not None:
            self.timeout = kept
        super().request(*args, **keywords)  # type: ignore[misc]

    def putheader(self, header: Any, *values: Any) -> None:
        """Send a header as http.client encodes it; encode one that this connection has sent before only once."""
        connection = cast(Any, self)
        line = self._lines.get((header, values))
        if line is not None:
            connection._output(line)
            return
        before = len(connection._buffer)
        super().putheader(header, *values)  # type: ignore[misc]
        if len(connection._buffer) == before + 1 and len(self._lines) < _MOST_LINES:
            self._lines[header, values] = connection._buffer[-1]

    def getresponse(self) -> WireResponse:
        """Do what urllib3 does, without going over the fields of the head again: `ResponseReader` read them."""
        connection = cast(Any, self)
        options = connection._response_options
        if options is None:
            raise http.client.ResponseNotReady
        connection._response_options = None
        try:
            if self.sock.gettimeout() != self.timeout:
                self.sock.settimeout(self.timeout)
            shutdown = getattr(self.sock, "shutdown", None)
            answer = cast(ResponseReader, http.client.HTTPConnection.getresponse(connection))
        except BaseException as error:
            self.exchange.failed(error)
            raise
        headers = HTTPHeaderDict()
        for name, value in answer.headers.items():
            headers.add(name, value)
        self.keep_alive.read(headers, will_close=bool(answer.will_close), requests=self.requests)
        response = WireResponse(
            body=answer,
            headers=headers,
            status=answer.status,
            version=answer.version,
            version_string="HTTP/1.1" if answer.version == 11 else "HTTP/1.0",
            reason=answer.reason,
            preload_content=options.preload_content,
            decode_content=options.decode_content,
            original_response=answer,
            enforce_content_length=options.enforce_content_length,
            request_method=options.request_method,
            request_url=options.request_url,
            sock_shutdown=shutdown,
        )
        response.most = self.exchange.most_bytes
        return response


class HttpConnection(_Reports, urllib3.connection.HTTPConnection):  # type: ignore[misc]
    """A connection without TLS."""


class HttpsConnection(_Reports, urllib3.connection.HTTPSConnection):  # type: ignore[misc]
    """A connection with TLS."""


Connection = HttpConnection | HttpsConnection
