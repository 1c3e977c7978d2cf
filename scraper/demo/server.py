"""A small HTTP/1.1 server on loopback that keeps connections alive and keeps a log of what it accepted.

The log is the other side's view of what a crawl's ledger claims.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from scraper.errors import UsageError
from scraper.lazy_dataclass import dataclass

Headers = Mapping[str, str] | Sequence[tuple[str, str]]
#: Status, headers, body.
Answer = tuple[int, Headers, bytes]
#: Called with method, path (query included), the request's headers (`headers.get(name)` whatever the case) and
#: its body; from many threads at once.
Answering = Callable[[str, str, Message, bytes], Answer]

_MOST_BODY = 1_000_000
_BODILESS = frozenset({204, 304})
# Its connection ends, since what follows on it cannot be told from the body.
_NO_BODY_READ: Answer = 413, {"Connection": "close"}, b"the body is too large or has no length\n"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One request that was answered."""

    time: float  # time.monotonic() when its head had been read
    connection: int  # 1 for the first that was accepted
    request: int  # 1 for the first on its connection
    method: str
    path: str
    status: int
    client_port: int


class Server:
    """Serves what `answer` says, on a thread of its own; a context manager.

    Args:
        answer: says what to answer. `Content-Length` is added to its headers; `Connection: close` is kept.
        host: a loopback address. Linux and Windows know all of 127.0.0.0/8, macOS only 127.0.0.1.
        port: 0 takes a free one.
        idle_timeout: seconds after which a connection without a request is closed.
        latency: seconds before each answer, as if there were a network in between.

    Raises:
        UsageError: the address is not available.
    """

    def __init__(
        self,
        answer: Answering,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        idle_timeout: float = 30.0,
        latency: float = 0.0,
    ) -> None:
        self._answer = answer
        self._host = host
        self._port = port
        self._idle_timeout = idle_timeout
        self._latency = latency
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None
        self._log: list[LogRecord] = []
        # Numbers go on over restarts; what was accepted before the last clear_log() is not counted.
        self._accepted_earlier = 0
        self._accepted_uncounted = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Return the port that is listened on; before `start` the one that was requested."""
        return self._port

    @property
    def url(self) -> str:
        """Return the base address, as `http://127.0.0.1:8765`."""
        return f"http://{self._host}:{self._port}"

    @property
    def log(self) -> list[LogRecord]:
        """Return a copy of the log, in the order of answering."""
        return list(self._log)

    @property
    def connections(self) -> int:
        """Return how many connections were accepted since the log began, with or without a request."""
        accepted = self._listener.accepted if self._listener else self._accepted_earlier
        return accepted - self._accepted_uncounted

    def clear_log(self) -> None:
        """Begin the log and the count of connections again; connections that are open keep their numbers."""
        self._accepted_uncounted += self.connections
        self._log.clear()

    def start(self) -> None:
        """Listen. Returns when connections are accepted; started again after `close`, it keeps its port and log."""
        if self._listener is not None:
            return
        try:
            self._listener = _Listener(
                (self._host, self._port), self._answer, self._log, self._idle_timeout, self._latency
            )
            self._listener.accepted = self._accepted_earlier
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot listen on {self._host}:{self._port}: {error}",
                remedy="choose another port, or end what uses this one",
            ) from None
        self._port = self._listener.server_address[1]
        # The interval is how long shutdown() waits for the loop to notice.
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name=f"server {self.url}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and close every connection, in mid-answer if need be."""
        if self._listener is None or self._thread is None:
            return
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        self._listener.close_connections()
        self._accepted_earlier = self._listener.accepted
        self._listener = self._thread = None

    def wait(self) -> None:
        """Block until `close` is called from elsewhere, or KeyboardInterrupt."""
        while self._thread is not None and self._thread.is_alive():
            # A join without a timeout cannot be interrupted on Windows.
            self._thread.join(0.5)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    # On Windows this option would let two servers share one port.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self, address: tuple[str, int], answer: Answering, log: list[LogRecord], idle_timeout: float, latency: float
    ) -> None:
        self.answer = answer
        self.log = log
        self.idle_timeout = idle_timeout
        self.latency = latency
        self.accepted = 0
        self._open: dict[socket.socket, int] = {}
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for its own name, which may take seconds and is not needed.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.accepted += 1
            self._open[request] = self.accepted
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def number_of(self, connection: socket.socket) -> int:
        """Return the connection's number; 0 for one that is closing already."""
        with self._lock:
            return self._open.get(connection, 0)

    def close_connections(self) -> None:
        with self._lock:
            open_now = list(self._open)
        for connection in open_now:
            # Its thread wakes, finds the end of the stream, and closes it.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away in mid-answer is not an error of this server.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without these two, Nagle's algorithm and delayed acknowledgements cost 40 ms an answer.
    disable_nagle_algorithm = True
    wbufsize = 1 << 18
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.idle_timeout)
        self._number = self.server.number_of(self.connection)
        self._requests = 0

    def version_string(self) -> str:
        return "scraper-demo"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is kept as records."""

    def _respond(self) -> None:
        arrived = time.monotonic()
        self._requests += 1
        body = self._read_body()
        if body is None:
            status, headers, content = _NO_BODY_READ
        else:
            status, headers, content = self.server.answer(self.command, self.path, self.headers, body)
        if self.server.latency:
            time.sleep(self.server.latency)
        # First the log, then the answer: who has the answer finds it in the log.
        self.server.log.append(
            LogRecord(arrived, self._number, self._requests, self.command, self.path, status, self.client_address[1])
        )
        self._send(status, list(headers.items() if isinstance(headers, Mapping) else headers), content)

    def _read_body(self) -> bytes | None:
        if "Transfer-Encoding" in self.headers:
            return None
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MOST_BODY:
            return None
        return self.rfile.read(int(length))

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status in _BODILESS:
            content = b""
        elif not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond
