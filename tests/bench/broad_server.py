"""Many small domains at a distance: addresses of the loopback, of which each answers after a while.

python -m tests.bench.broad_server DOMAINS PAGES SECONDS

All have the same pages, made beforehand. It prints its port, then for each line of its standard input what it was
asked since the last: a line of JSON. It ends with its input.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys
import time
from functools import partial
from itertools import pairwise

from tests.bench.site import Site

_ROBOTS = b"User-agent: *\nDisallow: /account/\n"
_BACKLOG = 64


def hosts(count: int) -> list[str]:
    """So many addresses: each is a domain of its own."""
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count)]


def site(pages: int) -> Site:
    """What each of them sells."""
    return Site("shop", pages)


class _Log:
    """What came, as it came."""

    def __init__(self) -> None:
        #: Of pages: when it was asked for, when it was answered, and the host.
        self.pages: list[tuple[float, float, str]] = []
        self.requests = 0
        self.connections = 0

    def take(self) -> dict[str, float]:
        """All since this was called last."""
        pages, requests, connections = self.pages, self.requests, self.connections
        self.__init__()  # type: ignore[misc]
        by_host: dict[str, list[float]] = {}
        for asked, _, host in pages:
            by_host.setdefault(host, []).append(asked)
        gaps = [later - earlier for times in by_host.values() for earlier, later in pairwise(sorted(times))]
        return {
            "pages": len(pages),
            "requests": requests,
            "connections": connections,
            "seconds": max(page[1] for page in pages) - min(page[0] for page in pages) if pages else 0.0,
            "smallest_gap": min(gaps, default=0.0),
        }


class _Connection(asyncio.Protocol):
    """Answers one request after the other; nobody here sends two at once."""

    def __init__(self, answers: dict[bytes, bytes], seconds: float, log: _Log) -> None:
        self._answers = answers
        self._seconds = seconds
        self._log = log
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._host = transport.get_extra_info("sockname")[0]
        self._loop = asyncio.get_running_loop()
        self._log.connections += 1

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            path = self._head.split(b" ", 2)[1]
            self._head = b""
            self._loop.call_later(self._seconds, self._answer, path, time.monotonic())

    def _answer(self, path: bytes, asked: float) -> None:
        self._transport.write(self._answers.get(path) or self._answers[b""])
        self._log.requests += 1
        if path != b"/robots.txt":
            self._log.pages.append((asked, time.monotonic(), self._host))


def _answers(pages: int) -> dict[bytes, bytes]:
    found = {b"/robots.txt": _answer(b"200 OK", b"Content-Type: text/plain\r\n", _ROBOTS)}
    html = b"Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    for path, page in site(pages).documents():
        found[path.encode()] = _answer(b"200 OK", html, gzip.compress(page.encode(), compresslevel=5, mtime=0))
    found[b""] = _answer(b"404 Not Found", b"Content-Type: text/plain\r\n", b"")
    return found


def _answer(status: bytes, headers: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


async def serve(domains: int, pages: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    log = _Log()
    connection = partial(_Connection, _answers(pages), seconds, log)
    first, *others = hosts(domains)
    server = await loop.create_server(connection, first, 0, backlog=_BACKLOG)
    port = server.sockets[0].getsockname()[1]
    if others:
        await loop.create_server(connection, others, port, backlog=_BACKLOG)
    print(port, flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(log.take()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
