"""Another fetcher than the one by requests: robots.txt, delay, guard, ledger and archive hold for it as well."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from warcio.archiveiterator import ArchiveIterator

from scraper import components
from scraper.config import SiteConfig
from scraper.errors import LeaseLost, UsageError
from scraper.fetch.base import NO_CONDITIONS, Answer, FetchResult, Writable, result_of
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.origins import Origins
from scraper.fetch.retry import failure_of
from scraper.fetch.transport.exchange import CountedConnection, Exchange, RequestContext
from scraper.request import Request
from scraper.stats import Reason
from tests.crawl.crawling import Follow, Pages, agrees, crawl, figures, paths, reasons_of_failures, site
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer


class Line:
    """A socket to an origin; a response has a Content-Length."""

    def __init__(self, host: str, port: int, domain: DomainSession, exchange: Exchange) -> None:
        exchange.guard.check(host, host)
        started = time.monotonic()
        self.socket = socket.create_connection((host, port), exchange.deadline.left)
        self.file = self.socket.makefile("rb")
        self.counted = CountedConnection(domain.ledger, f"http://{host}:{port}")
        self.counted.opened(time.monotonic() - started)

    def exchange(self, exchange: Exchange, head: bytes) -> tuple[int, dict[str, str], bytes]:
        self.counted.carry(exchange)
        exchange.deadline.watch(self.socket)
        exchange.sending()
        try:
            self.socket.sendall(head)
        finally:
            exchange.sent()
        received = bytearray()
        while not received.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                error = ConnectionResetError("the connection ended")
                exchange.failed(error)
                raise error
            exchange.first_byte()
            received += line
        status, *fields = received.decode("latin-1").rstrip().split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        body = self.file.read(int(headers.get("Content-Length", "0")))
        if exchange.recorder is not None:
            exchange.recorder.address = self.counted.ledger.domain
            exchange.recorder.sent += head
            exchange.recorder.received += received + body
        return int(status.split(" ")[1]), headers, body

    def close(self, reason: Reason) -> None:
        self.file.close()
        self.socket.close()
        self.counted.closed(reason)


class IdleLines(list[Line]):
    """Those of one domain."""

    def close(self) -> None:
        while self:
            self.pop().close(Reason.IDLE)


class SocketFetcher:
    """Speaks just enough HTTP for the servers of these tests, on sockets of its own."""

    is_cooperative = False
    made: list[SocketFetcher]

    def __init__(self, config: SiteConfig, origins: Origins) -> None:
        self.is_closed = False
        self._body_limit = config.limits.body
        self._lock = threading.Lock()
        self.made.append(self)

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        body_limit: int | None = None,
        truncate: bool = False,
        conditions: Mapping[str, str] = NO_CONDITIONS,
        into: Writable | None = None,
        began: Callable[[Any], None] | None = None,
    ) -> FetchResult:
        started = time.monotonic()
        answer, error = None, None
        try:
            status, headers, body = self._send(request, domain, context.next_exchange())
            answer = Answer(status, headers, body[: body_limit or self._body_limit])
        except LeaseLost:
            raise
        except Exception as problem:
            error = failure_of(problem)
        return result_of(request, context, started, answer, error, len(answer.body) if answer is not None else 0)

    def _send(self, request: Request, domain: DomainSession, exchange: Exchange) -> tuple[int, dict[str, str], bytes]:
        authority, _, path = request.url.removeprefix("http://").partition("/")
        host, _, port = authority.partition(":")
        with self._lock:
            if domain.kept is None:
                domain.kept = IdleLines()
            idle: Any = domain.kept
            line = idle.pop() if idle else None
        if line is None:
            line = Line(host, int(port), domain, exchange)
        if exchange.recorder is not None:
            exchange.recorder.url = request.url
        try:
            answer = line.exchange(exchange, f"GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        except BaseException:
            line.close(Reason.AFTER_ERROR)
            raise
        with self._lock:
            idle.append(line)
        return answer

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[SocketFetcher]:
    """Crawls fetch with it; nothing is sent by requests."""
    monkeypatch.setattr(SocketFetcher, "made", [], raising=False)
    monkeypatch.setitem(components.FETCHERS, "http", SocketFetcher)
    monkeypatch.setattr(requests.Session, "__init__", lambda self: pytest.fail("a Session was made"))
    return SocketFetcher.made


@pytest.mark.timing
def test_robots_delay_ledger_and_archive_hold(
    page_server: Callable[..., PageServer], sockets: list[SocketFetcher], tmp_path: Path
) -> None:
    robots = 200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /p3\n"
    server = page_server({**site(5), "/robots.txt": robots})
    archive = tmp_path / "a.warc.gz"
    run = crawl(Follow, server.url, politeness={"robots": "obey", "delay": 0.1}, archive=str(archive))
    assert (run.stats["pages"], run.stats["refused"]) == (5, 1)
    assert Counter(paths(server)) == Counter(["/robots.txt", "/", "/p0", "/p1", "/p2", "/p4"])
    times = [record.time for record in server.log]
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.095
    assert agrees(run, server)
    assert figures(run)["reused"] == len(server.log) - server.connections > 0
    assert [fetcher.is_closed for fetcher in sockets] == [True]
    with archive.open("rb") as file:
        kept = Counter(
            "/" + record.rec_headers.get_header("WARC-Target-URI").split("/", 3)[3]
            for record in ArchiveIterator(file, check_digests="raise")
            if record.rec_type == "response"
        )
    assert kept == Counter(paths(server))


def test_many_at_once_are_counted_as_the_server_counts_them(page_server: Callable[..., PageServer]) -> None:
    pages = site(40)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        time.sleep(0.02)
        return 200, {"Content-Type": "text/html"}, pages[path].encode()

    server = page_server(answer)
    run = crawl(Follow, server.url, politeness={"concurrency": 4})
    assert run.stats["pages"] == 41
    assert agrees(run, server)
    assert figures(run)["connections"] > 1


def test_the_guard_holds(page_server: Callable[..., PageServer]) -> None:
    server = page_server(site(1))
    run = crawl(Pages, server.url, network={"allow_private": False})
    assert reasons_of_failures(run) == {"/": "private-address"}
    assert server.connections == 0


def test_the_time_limit_holds(raw_server: Callable[..., RawServer]) -> None:
    server = raw_server(behaviours.drips(interval=0.05))
    run = crawl(Pages, server.url, session={"timeout": {"total": 0.3}}, retry={"attempts": 1})
    assert reasons_of_failures(run) == {"/": "timeout"}
    assert agrees(run, server)


def test_what_a_browser_needs_is_said_before_the_crawl(page_server: Callable[..., PageServer]) -> None:
    server = page_server(site(1))
    browser = {"executable": "/no/such/chromium"}
    with pytest.raises(UsageError, match=r"playwright|no browser at") as raised:
        crawl(Pages, server.url, fetcher="browser", browser=browser)
    assert raised.value.remedy
    assert server.connections == 0
