"""Many small shops on addresses of the loopback, which note each page that they serve.

python -m tests.proofs.soak_server DOMAINS PAGES PORT LOG

The log gets a line of RECORD bytes a page: the moment (seconds since the epoch), the domain's number, the page's. It
prints its port (PORT 0 is a free one) and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tests.bench.broad_server import hosts

RECORD = 28
_BRANCHES = 4
_FLUSH_SECONDS = 0.5
_BACKLOG = 64
_ROBOTS = b"User-agent: *\nDisallow: /account/\n"
_FILLER = "<p>" + "a plain lantern that holds its grain and warms the winter table. " * 20 + "</p>\n"


def page(number: int, pages: int) -> str:
    """One page of a shop; each leads to the next few, so that all are found from the first."""
    first = number * _BRANCHES + 1
    links = "".join(f'<li><a href="/{each}">{each}</a></li>' for each in range(first, min(first + _BRANCHES, pages)))
    return f"<!DOCTYPE html><html><body><h1>Page {number}</h1><ul>{links}</ul>{_FILLER}</body></html>"


class _Connection(asyncio.Protocol):
    def __init__(self, answers: list[bytes], log: BinaryIO, numbers: dict[str, int]) -> None:
        self._answers = answers
        self._log = log
        self._numbers = numbers
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._domain = self._numbers[transport.get_extra_info("sockname")[0]]

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        path = self._head.split(b" ", 2)[1][1:]
        self._head = b""
        if path == b"robots.txt":
            self._transport.write(_answer(b"text/plain", _ROBOTS))
            return
        number = int(path or b"0")
        self._log.write(b"%016.4f %05d %04d\n" % (time.time(), self._domain, number))
        self._transport.write(self._answers[number])


def _answer(media: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % (media, len(body))
    return head + body


async def serve(domains: int, pages: int, port: int, log: BinaryIO) -> None:
    """Serve until SIGTERM comes."""
    loop = asyncio.get_running_loop()
    names = hosts(domains)
    answers = [_answer(b"text/html", page(number, pages).encode()) for number in range(pages)]
    connection = partial(_Connection, answers, log, {name: number for number, name in enumerate(names)})
    first = await loop.create_server(connection, names[0], port, backlog=_BACKLOG)
    port = first.sockets[0].getsockname()[1]
    if names[1:]:
        await loop.create_server(connection, names[1:], port, backlog=_BACKLOG)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print(port, flush=True)
    while not ended.is_set():
        await asyncio.sleep(_FLUSH_SECONDS)
        log.flush()


if __name__ == "__main__":
    with Path(sys.argv[4]).open("ab", buffering=1 << 20) as file:
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), file))
