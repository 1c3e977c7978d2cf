"""Heads that flood, overflow a number or write on a terminal: each ends its own page at the most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.crawl.commands import Project, command
from tests.security.test_terminal import DOES_SOMETHING

SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url, "text": response.text[:10]}
        yield from map(response.follow, response.links())
"""
MORE = """exports: [out/x.jsonl]
archive: out/x.warc.gz
retry: {attempts: 2, backoff: 10ms, max_wait: 1s}
gate: {min_items: 0}
"""
NUMBER = b"9" * 5_000
ESCAPES = b"\x1b]0;owned\x07\x9b31m\xe2\x80\xae"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n"


def fields(count: int, value: bytes, name: bytes = b"X") -> bytes:
    return b"".join(b"%b-%d: %b\r\n" % (name, number, value) for number in range(count))


#: By name, the head, and the reason for which its page fails; none where it is a page.
HEADS: dict[str, tuple[bytes, str]] = {
    "many-fields": (OK + fields(101, b"a"), "bad-http"),
    "large-fields": (OK + fields(90, b"a" * 60_000), "bad-http"),
    "interim": (b"HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n" * 50_000 + OK, "bad-http"),
    "large-interim": ((b"HTTP/1.1 100 x\r\nX: " + b"a" * 60_000 + b"\r\n\r\n") * 20 + OK, "bad-http"),
    "retry-after": (b"HTTP/1.1 503 x\r\nContent-Length: 3\r\nRetry-After: " + NUMBER + b"\r\n", "http-503"),
    "retry-float": (b"HTTP/1.1 503 x\r\nContent-Length: 3\r\nRetry-After: 1e400\r\n", "http-503"),
    "keep-alive": (OK + b"Keep-Alive: timeout=" + NUMBER + b", max=" + NUMBER + b"\r\n", ""),
    "negative": (OK + b"Keep-Alive: timeout=-1, max=-5\r\nAge: -" + NUMBER + b"\r\n", ""),
    "dates": (OK + b"Date: " + NUMBER + b"\r\nExpires: " + NUMBER + b"\r\nLast-Modified: " + NUMBER + b"\r\n", ""),
    "validators": (OK + b'ETag: W/"' + b'"' * 50_000 + b"\r\nVary: " + b"a," * 20_000 + b"\r\n", ""),
    "links": (OK + b"Link: " + b'<a>;rel="next",' * 4_000 + b"\r\nX-Robots-Tag: " + b"a:b," * 15_000 + b"\r\n", ""),
    "codings": (OK + b"Content-Encoding: " + b"gzip," * 10_000 + b"\r\n", "bad-encoding"),
    "disposition": (OK + b"Content-Disposition: a;" + b'filename="a\\' * 5_000 + b"\r\n", ""),
    "refresh": (OK + b"Refresh: " + b"0;" * 20_000 + b"url=/x\r\n", ""),
    "cookies": (OK + b"".join(b"Set-Cookie: c%d=%b\r\n" % (each, b"x" * 4_000) for each in range(80)), ""),
    "cookie-dates": (OK + b"Set-Cookie: a=b; Max-Age=" + NUMBER + b"; Expires=" + b"1 " * 20_000 + b"\r\n", ""),
    "escapes": (OK + b"X: " + ESCAPES + b"\r\nSet-Cookie: a=" + ESCAPES + b"; Path=/" + ESCAPES + b"\r\n", ""),
    "reason": (b"HTTP/1.1 404 " + ESCAPES + b"\r\nContent-Length: 3\r\n", "http-404"),
    "no-http": (ESCAPES, "bad-http"),
    "port": (
        b"HTTP/1.1 302 x\r\nContent-Length: 3\r\nLocation: http://127.0.0.1:" + NUMBER + b"/\r\n",
        "bad-redirect",
    ),
    "places": (b"HTTP/1.1 302 x\r\nContent-Length: 3\r\nLocation: http://[::1\r\nLocation: /x\r\n", "bad-redirect"),
    "charset": (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\nContent-Type: text/html; charset=unicode_escape\r\n", ""),
    "type": (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\nContent-Type: text/html; " + b"a=b;" * 900 + b"\r\n", ""),
}


def test_each_ends_its_own_page_at_the_most(raw_server: Callable[..., Any], project: Project) -> None:
    links = "".join(f'<a href="/{name}">x</a>' for name in HEADS).encode()

    def serve(connection: Any, request: bytes, *_: int) -> None:
        name = request.split(b" ", 2)[1].decode()[1:]
        if name in HEADS:
            connection.send(HEADS[name][0] + b"\r\n<p>")
        elif not name:
            connection.send(
                b"HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(links) + links
            )
        else:
            connection.send(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n")

    folder = project(raw_server(serve).url, spider=SPIDER, more=MORE)
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    listed = command("runs", "site.yaml", "--failures", cwd=folder)
    for shown in (done.stderr, listed.stdout):
        assert DOES_SOMETHING.search(shown) is None, shown
    failed = dict(reversed(line.split(None, 2)[:2]) for line in listed.stdout.splitlines())
    found = {url.rpartition("/")[2]: reason for url, reason in failed.items()}
    assert found == {name: reason for name, (_, reason) in HEADS.items() if reason}
