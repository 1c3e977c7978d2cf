"""A server that knows no HTTP but where a request ends: what it sends, and how it hangs up, is the test's.

The behaviours that tests ask for again and again are in `tests.servers.behaviours`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Accepted:
    """One connection."""

    time: float  # time.monotonic()
    connection: int  # 1 for the first
    client_port: int


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    time: float  # time.monotonic() when it had been read
    connection: int
    request: int  # 1 for the first on its connection
    head: bytes  # without the blank line that ends it

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")


class Hangup(Exception):
    """The client went away, or the server is closing: nothing more can be sent on this connection."""


class Connection:
    """What a behaviour may do with a client."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self._sock = sock
        self._stopping = stopping
        self._unread = b""
        self.is_closed = False

    def send(self, data: bytes) -> None:
        """Send `data` in one piece.

        Raises:
            Hangup: the client went away; a behaviour need not catch it.
        """
        try:
            self._sock.sendall(data)
        except OSError:
            raise Hangup from None

    def drip(self, data: bytes, *, interval: float, size: int = 1) -> None:
        """Send `data` in pieces of `size` bytes, `interval` seconds apart.

        Raises:
            Hangup: the client went away, or the server is closing.
        """
        for start in range(0, len(data), size):
            self.send(data[start : start + size])
            self.pause(interval)

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Hangup: the server is closing.
        """
        if self._stopping.wait(seconds):
            raise Hangup

    def hang(self) -> None:
        """Answer nothing until the client goes away or the server closes. What the client sends is left out."""
        with contextlib.suppress(OSError):
            while self._sock.recv(65_536):
                pass
        raise Hangup

    def close(self) -> None:
        """Close in an orderly way (FIN)."""
        self.is_closed = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._sock.close()

    def reset(self) -> None:
        """Close with a reset (RST): SO_LINGER with no time to linger."""
        self.is_closed = True
        # Winsock's struct linger holds two shorts, every other one two ints.
        packed = struct.pack("hh" if hasattr(socket, "SIO_RCVALL") else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, packed)
        self._sock.close()

    def read_request(self) -> bytes | None:
        """The next request, head and body; None when the client ended the connection."""
        while b"\r\n\r\n" not in self._unread:
            if not self._receive():
                return None
        end = self._unread.index(b"\r\n\r\n") + 4
        length = _LENGTH.search(self._unread, 0, end)
        end += int(length[1]) if length else 0
        while len(self._unread) < end:
            if not self._receive():
                return None
        request, self._unread = self._unread[:end], self._unread[end:]
        return request

    def wake(self) -> None:
        """End whatever waits on this connection, from another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(65_536)
        except OSError:
            return False
        self._unread += data
        return bool(data)


#: Called with the connection, the request's bytes, the connection's number and the request's number on it, both
#: from 1. When it returns and has not closed the connection, the next request is read from it.
Behaviour = Callable[[Connection, bytes, int, int], None]


class RawServer:
    """Accepts connections and leaves every answer to `behaviour`; a context manager.

    Args:
        behaviour: see `Behaviour`. Called in a thread for each connection.
        host: any address of 127.0.0.0/8 (on macOS only 127.0.0.1).
        port: 0 takes a free one.
    """

    def __init__(self, behaviour: Behaviour, host: str = "127.0.0.1", port: int = 0) -> None:
        self._behaviour = behaviour
        self._stopping = threading.Event()
        self._open: set[Connection] = set()
        self._lock = threading.Lock()
        #: Every connection that was accepted and every request that was read, in order.
        self.accepted: list[Accepted] = []
        self.received: list[Received] = []
        self._socket = socket.create_server((host, port), backlog=256)
        self._address: tuple[str, int] = self._socket.getsockname()
        self._thread = threading.Thread(target=self._accept, name=f"raw server {self.url}", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def url(self) -> str:
        """The base address, as `http://127.0.0.1:8765`."""
        return f"http://{self._address[0]}:{self._address[1]}"

    @property
    def connections(self) -> int:
        """How many connections were accepted, with or without a request."""
        return len(self.accepted)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection; returns when their threads are told."""
        self._stopping.set()
        # A socket that is merely closed does not wake an accept() everywhere; a connection to it does.
        with contextlib.suppress(OSError):
            socket.create_connection(self._address, timeout=1).close()
        self._thread.join(timeout=5)
        self._socket.close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            connection.wake()

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self._socket.accept()
            except OSError:
                return
            if self._stopping.is_set():
                sock.close()
                return
            number = len(self.accepted) + 1
            self.accepted.append(Accepted(time.monotonic(), number, peer[1]))
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, self._stopping)
        with self._lock:
            self._open.add(connection)
        requests = 0
        try:
            while not connection.is_closed and (request := connection.read_request()) is not None:
                requests += 1
                head = request.partition(b"\r\n\r\n")[0]
                self.received.append(Received(time.monotonic(), number, requests, head))
                self._behaviour(connection, request, number, requests)
        except Hangup:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            if not connection.is_closed:
                connection.close()
