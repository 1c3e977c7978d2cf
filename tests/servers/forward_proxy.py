"""Proxies: of HTTP (whole URLs of plain HTTP, and CONNECT, with a password where one is set), and of SOCKS 5."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

_MOST_HEAD = 65_536


class _Proxy:
    """Serves each connection in a thread of its own."""

    def __init__(self) -> None:
        self._is_open = True
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_open = False
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join(timeout=5)
        self._listener.close()

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if not self._is_open:
                client.close()
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        raise NotImplementedError


class SocksProxy(_Proxy):
    """Connects by SOCKS 5 (RFC 1928), without a password, to names and IPv4 addresses."""

    def __init__(self) -> None:
        super().__init__()
        #: Where it connected to.
        self.asked: list[str] = []

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(2 + client.recv(2, socket.MSG_PEEK)[1])
            client.sendall(b"\x05\x00")
            kind = client.recv(4)[3]
            size = client.recv(1)[0] if kind == 3 else 4
            raw = client.recv(size)
            host = raw.decode() if kind == 3 else socket.inet_ntoa(raw)
            port = int.from_bytes(client.recv(2), "big")
            self.asked.append(f"{host}:{port}")
            with socket.create_connection((host, port), timeout=10) as origin:
                client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                _carry(client, origin)


class ForwardProxy(_Proxy):
    """Carries requests to wherever they want; a context manager.

    Args:
        user: the name and password that a client has to give, as `name:password`; "" lets everybody through.
    """

    def __init__(self, user: str = "") -> None:
        super().__init__()
        self._wanted = "Basic " + base64.b64encode(user.encode()).decode() if user else ""
        #: The request lines that it was sent, in order.
        self.asked: list[str] = []
        #: The headers of each, their names in lower case.
        self.headers: list[dict[str, str]] = []

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            origin: socket.socket | None = None
            while head := self._head(client):
                line, *fields = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields if f)}
                self.asked.append(line)
                self.headers.append(headers)
                if self._wanted and headers.get("proxy-authorization") != self._wanted:
                    client.sendall(
                        b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                        b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n'
                    )
                    continue
                method, target, version = line.split(" ")
                if method == "CONNECT":
                    host, _, port = target.rpartition(":")
                    origin = opened.enter_context(socket.create_connection((host.strip("[]"), int(port)), timeout=10))
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _carry(client, origin)
                    return
                parts = urlsplit(target)
                if origin is None:
                    place = parts.hostname or "", parts.port or 80
                    origin = opened.enter_context(socket.create_connection(place, timeout=10))
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                kept = [f for f in fields if f and not f.lower().startswith("proxy-")]
                origin.sendall("\r\n".join([f"{method} {path} {version}", *kept, "", ""]).encode("latin-1"))
                _carry_answer(origin, client, lambda answer, line=line: self.passed(line, answer))

    def passed(self, line: str, answer: bytes) -> bytes:
        """What is passed on of an answer as it begins, to a request of this line."""
        return answer

    @staticmethod
    def _head(client: socket.socket) -> bytes:
        """Read up to the end of a head; the requests of tests have no body."""
        data = b""
        while b"\r\n\r\n" not in data and len(data) < _MOST_HEAD:
            piece = client.recv(65_536)
            if not piece:
                return b""
            data += piece
        return data


def _carry_answer(origin: socket.socket, client: socket.socket, passed: Callable[[bytes], bytes]) -> None:
    """One answer with a Content-Length, as our servers give it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += origin.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:]]
    left = next((int(value) for name, value in fields if name == b"content-length"), 0) - len(body)
    client.sendall(passed(data))
    while left > 0:
        piece = origin.recv(65_536)
        client.sendall(piece)
        left -= len(piece)


def _carry(client: socket.socket, origin: socket.socket) -> None:
    """Both ways, until one of them ends."""
    while True:
        ready, _, _ = select.select((client, origin), (), (), 30)
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (origin if source is client else client).sendall(data)
        if not ready:
            return
