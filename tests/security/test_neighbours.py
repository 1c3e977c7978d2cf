"""One site's name server or cookies are in the way of no other site, and of none of its own pages."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from scraper.fetch.cookies import MAX_HEADER, LockedJar
from scraper.spider import Spider
from tests.crawl.crawling import crawl, reasons_of_failures

HANGING = [f"hang{number}.example" for number in range(60)]


def test_sixty_names_whose_servers_hang_hold_up_no_healthy_site(monkeypatch, page_server) -> None:
    real, let_go = socket.getaddrinfo, threading.Event()

    def slow(host, *rest, **keywords):
        if str(host).rstrip(".").endswith(".example"):
            let_go.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *rest, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    # Names that have to be looked up, too.
    healthy = [page_server({f"/{n}": f"<p>{n}" for n in range(5)}) for _ in range(3)]
    done: list[float] = []

    class Many(Spider):
        def parse(self, response):
            done.append(time.monotonic())
            yield {"url": response.url}

    urls = [f"http://{name}/" for name in HANGING]
    urls += [f"{server.url.replace('127.0.0.1', 'localhost')}/{n}" for server in healthy for n in range(5)]
    begun = time.monotonic()
    threading.Timer(8, let_go.set).start()
    run = crawl(
        Many,
        *urls,
        session={"timeout": {"connect": "3s", "total": "5s"}},
        retry={"attempts": 1},
        allowed_domains=[*HANGING, "localhost"],
    )
    let_go.set()
    assert run.stats["pages"] == 15
    assert len(done) == 15
    assert max(done) - begun < 3, "healthy sites waited for the names of others"
    assert set(run.stats["failed_by_reason"]) <= {"dns", "timeout"} if "failed_by_reason" in run.stats else True
    assert set(reasons_of_failures(run).values()) <= {"dns", "timeout", "connect"}


def test_cookies_of_four_kilobytes_each_leave_a_header_that_servers_take(page_server) -> None:
    cookies = [("Set-Cookie", f"c{number}={'x' * 4_000}; Path=/") for number in range(90)]
    seen: list[int] = []

    def answer(method, path, headers, body):
        header = headers.get("Cookie") or ""
        seen.append(len(header))
        if len(header) > 30_000:
            return 431, {}, b""
        extra = {"Content-Type": "text/html", "Set-Cookie": "login=me; Path=/"}
        if path.startswith("/c"):
            number = int(path[2:])
            extra["Set-Cookie"] = cookies[number][1]
        return 200, extra, b"<p>x"

    server = page_server(answer)

    class All(Spider):
        def parse(self, response):
            yield {"url": response.url}

    run = crawl(All, *(f"{server.url}/c{n}" for n in range(90)), f"{server.url}/end")
    assert run.stats["pages"] == 91
    assert max(seen) <= MAX_HEADER


SUFFIXES = ("com", "co.uk", "github.io", "uk", ".com", "COM", "com.", "example", "blogspot.com", "s3.amazonaws.com")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cookie_of_a_public_suffix_never_leaves_its_host(suffix: str) -> None:
    jar = LockedJar()
    bare = suffix.strip(".").lower()
    jar.take(f"a=1; Domain={suffix}", f"http://evil.{bare}/")
    assert jar.header_of(f"http://victim.{bare}/") == ""
    assert jar.header_of(f"http://{bare}/") == ""


@pytest.mark.parametrize(
    "domain", ["elsewhere.example", "b.a.example", "x.evil.example", "127.0.0.1", "[::1]", "a.exam\0ple"]
)
def test_a_cookie_for_a_host_that_is_not_its_own_is_not_taken(domain: str) -> None:
    jar = LockedJar()
    jar.take(f"a=1; Domain={domain}", "http://evil.example/")
    assert jar.header_of("http://a.example/") == ""
    assert not [cookie for cookie in jar if cookie.domain_specified and cookie.domain != ".evil.example"]


def test_what_a_user_set_is_sent_however_many_cookies_a_site_sets() -> None:
    jar = LockedJar()
    jar.take("login=me; Path=/", "http://a.example/")
    for number in range(500):
        jar.take(f"c{number}={'x' * 3_000}; Path=/", "http://a.example/")
    header = jar.header_of("http://a.example/")
    assert len(header) <= MAX_HEADER
