"""The connections of urllib3 that report to the ledger."""

from __future__ import annotations

import http.client
import socket
import time
from typing import Any, cast

import urllib3.connection
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import is_connection_dropped

from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.happy_eyeballs import connect_first
from scraper.fetch.transport.open_connections import open_connections
from scraper.fetch.transport.open_files import is_ours
from scraper.fetch.transport.pooled_connection import PooledConnection
from scraper.fetch.transport.resolver import resolver
from scraper.fetch.transport.response_reader import ResponseReader, WireResponse
from scraper.fetch.transport.targets import restored_target

#: Headers of requests are kept as they went out, this many a connection.
_MOST_LINES = 32


class _Reports(PooledConnection):
    """Adds reporting to the connections of both schemes."""

    # urllib3's own.
    port: int
    timeout: Any
    source_address: tuple[str, int] | None
    socket_options: Any
    proxy: Any
    _dns_host: str

    response_class = ResponseReader

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._tunnelling = False
        self._lines: dict[tuple[Any, tuple[Any, ...]], bytes] = {}
        self._tcp_connected_at: float | None = None

    def begin(self, exchange: Exchange) -> None:
        super().begin(exchange)
        if self.sock is not None:
            exchange.deadline.watch(self.sock)

    def unwatch(self) -> None:
        if self.sock is not None:
            self.exchange.deadline.forget(self.sock)

    def close(self) -> None:
        self.unwatch()
        super(PooledConnection, self).close()  # type: ignore[misc]

    def is_dropped(self) -> bool:
        return is_connection_dropped(cast(Any, self)) or self._has_rest()

    def _has_rest(self) -> bool:
        """Tell whether the TLS layer holds bytes beyond the last response: they would be taken for the next one."""
        pending = getattr(self.sock, "pending", None)
        return pending is not None and pending() > 0

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
        if self._tcp_connected_at is not None:
            self.book_opening(started, self._tcp_connected_at)

    def _new_conn(self) -> socket.socket:
        """Resolve, check each address, connect: within the connect timeout altogether.

        Where this machine has no room for it, that is waited for as long as the request may take.
        """
        return open_connections.with_room(self._connected, self.exchange.deadline)

    def _connected(self) -> socket.socket:
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
        permitted = addresses if self.proxy is not None else self.exchange.guard.permitted(self.host, addresses)
        options = (*(self.socket_options or ()), *self.home.options)
        left = max(0.001, until - time.monotonic())
        try:
            sock, address = connect_first(permitted, left, options=options, source_address=self.source_address)
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, f"no connection to {self.host} within {timeout:g} s") from error
        except OSError as error:
            if is_ours(error):
                raise
            raise NewConnectionError(connection, f"no connection to {self.host}:{self.port}: {error}") from error
        sock.settimeout(left)
        deadline.watch(sock)
        self.address = str(address[4][0])
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

    def request(self, method: str, url: str, *args: Any, **keywords: Any) -> None:
        """Send as urllib3 does, but ask for what was wanted, not for what urllib3 quoted again.

        The read timeout holds where the socket is in use already.

        To change the timeout and back is two system calls, at each of which a thread that computes may take the
        interpreter for milliseconds.
        """
        kept = self.sock.gettimeout() if self.sock is not None and self.requests else None
        if kept is not None:
            self.timeout = kept
        target = restored_target(url, self.exchange.target)
        super().request(method, target, *args, **keywords)  # type: ignore[misc]

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
            headers.add(name, _without_identity(value) if name.lower() == "content-encoding" else value)
        self.keep_alive.read(headers.get("Keep-Alive"), will_close=bool(answer.will_close), requests=self.requests)
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


def _without_identity(codings: str) -> str:
    """Return a Content-Encoding without the coding that changes nothing, which urllib3 takes for deflate."""
    names = [name.strip() for name in codings.split(",")]
    return ", ".join(name for name in names if name.lower() != "identity") if len(names) > 1 else codings


class HttpConnection(_Reports, urllib3.connection.HTTPConnection):  # type: ignore[misc]
    """A connection without TLS."""


class HttpsConnection(_Reports, urllib3.connection.HTTPSConnection):  # type: ignore[misc]
    """A connection with TLS."""


Connection = HttpConnection | HttpsConnection
