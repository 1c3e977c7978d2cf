"""Thousands of domains of a few pages each, more than can be in flight: connections serve more than one request.

Every domain answers after a while. One process crawls them all, and the server's log says how many connections it
took. Names are resolved to addresses of the loopback in the crawling process.

python -m tests.proofs.many_domains [--domains 10000] [--pages 20] [--latency 0.1] [--delay 0] [--in-flight 256]
                                    [--reuse 0.8] [--rate 500] [--memory 220]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scraper import Request, Response, Spider

#: Addresses of the server: each has ports enough for the connections of its domains.
_ADDRESSES = [f"127.0.1.{number}" for number in range(1, 17)]

_CRAWL = """
import json, resource, socket, sys, time
from scraper import crawl
from scraper.fetch.transport.resolver import resolver
from tests.proofs.many_domains import address_of, settings

def getaddrinfo(name, port, **_):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address_of(name), port))]

resolver.getaddrinfo = getaddrinfo
began, cpu = time.time(), time.process_time()
run = crawl(settings(sys.argv[1], json.loads(sys.argv[2])))
domains = run.stats["domains"].values()
print(json.dumps({
    "seconds": time.time() - began, "cpu": time.process_time() - cpu, "pages": run.stats["pages"],
    "failed": run.stats["failed"], "requests": run.stats["requests"], "connections": run.stats["connections"],
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


class Visitor(Spider):
    """Reads the first page of each domain, and what it links to."""

    def __init__(self, domains: int, port: int) -> None:
        self._domains = domains
        self._port = port

    def start(self) -> Iterator[Request]:
        return (Request(f"http://site{number:05}.example:{self._port}/0") for number in range(self._domains))

    def parse(self, response: Response) -> Iterator[Any]:
        yield {"url": response.url}
        yield from (response.follow(link) for link in response.links())


def address_of(name: str) -> str:
    """Where a domain is served."""
    return _ADDRESSES[int(name[4:9]) % len(_ADDRESSES)]


def settings(folder: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Of the crawl."""
    return {
        "name": "many",
        "spider": "tests.proofs.many_domains:Visitor",
        "args": {"domains": asked["domains"], "port": asked["port"]},
        "store": f"{folder}/many.db",
        "exports": [],
        "allowed_domains": ["example"],
        "politeness": {"delay": asked["delay"]},
        "engine": {"in_flight": asked["in_flight"]},
        "network": {"allow_private": True},
    }


class _Answering(asyncio.Protocol):
    """Answers one request after the other."""

    seen: dict[str, int]
    answers: dict[bytes, bytes]
    latency: float

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self.seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self.seen["requests"] += 1
            path = self._head.split(b" ", 2)[1]
            self._head = b""
            self._loop.call_later(self.latency, self._transport.write, self.answers.get(path, self.answers[b""]))


def _serve(pipe: Connection, pages: int, latency: float) -> None:
    """Serve until something comes through the pipe, and say what was asked for."""
    links = "".join(f'<a href="/{number}">a page</a>' for number in range(1, pages))
    answers = {f"/{number}".encode(): _answer("200 OK", "<h1>a page</h1>" * 50) for number in range(1, pages)}
    answers |= {b"/0": _answer("200 OK", links), b"": _answer("404 Not Found", "nothing")}
    kind = type("_Kind", (_Answering,), {"seen": {"connections": 0, "requests": 0}})
    kind.answers, kind.latency = answers, latency  # type: ignore[attr-defined]

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        first, *others = _ADDRESSES
        server = await loop.create_server(kind, first, 0, backlog=512)
        port = server.sockets[0].getsockname()[1]
        await loop.create_server(kind, others, port, backlog=512)
        pipe.send(port)
        await loop.run_in_executor(None, pipe.recv)
        pipe.send(kind.seen)  # type: ignore[attr-defined]

    asyncio.run(serve())


def _answer(status: str, text: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(text)}\r\n\r\n"
    return (head + text).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=20, help="of each domain")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds that each answer takes")
    parser.add_argument("--delay", type=float, default=0.0, help="`politeness.delay`")
    parser.add_argument("--in-flight", type=int, default=256, help="`engine.in_flight`")
    parser.add_argument("--reuse", type=float, default=0.8, help="share of requests that need no new connection")
    parser.add_argument("--rate", type=float, default=500.0, help="pages a second, at least")
    parser.add_argument("--memory", type=float, default=220.0, help="MB that the process may take at its peak")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    server = context.Process(target=_serve, args=(there, options.pages, options.latency), daemon=True)
    server.start()
    asked = {**vars(options), "port": here.recv()}
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", _CRAWL, folder, json.dumps(asked)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr)
        crawled = json.loads(done.stdout)
    here.send("")
    seen = here.recv()
    server.join()
    reuse = 1 - seen["connections"] / seen["requests"]
    rate = crawled["pages"] / crawled["seconds"]
    cpu = 1000 * crawled["cpu"] / crawled["pages"]
    print(
        f"{options.domains:,} domains of {options.pages} pages: {crawled['pages']:,} pages in"
        f" {crawled['seconds']:.0f} s, {rate:,.0f} a second with {cpu:.2f} ms of CPU each;"
        f" {seen['connections']:,} connections for {seen['requests']:,} requests: {100 * reuse:.1f} % reused;"
        f" peak {crawled['peak']:.0f} MB ({time.time() - began:.0f} s in all)"
    )
    wanted = options.domains * options.pages
    missed = [
        text
        for text, is_missed in (
            (f"{crawled['pages']:,} pages, not {wanted:,}", crawled["pages"] != wanted),
            (f"{crawled['failed']:,} failed", crawled["failed"]),
            ("the ledger does not count what the server does", crawled["requests"] != seen["requests"]),
            (f"less than {100 * options.reuse:.0f} % reused", reuse < options.reuse),
            (f"less than {options.rate:,.0f} pages a second", rate < options.rate),
            (f"more than {options.memory:.0f} MB", crawled["peak"] > options.memory),
        )
        if is_missed
    ]
    if missed:
        sys.exit("; ".join(missed))


if __name__ == "__main__":
    main()
