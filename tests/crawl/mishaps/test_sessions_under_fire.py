"""What outlasts an answer: cookies, connections, and what plugins do with an answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests.auth
import trustme

import scraper
from scraper import Request
from scraper.fetch.cookies import MAX_COOKIES
from tests.crawl.crawling import HOST, Pages, agrees, crawl, figures, reasons_of_failures
from tests.servers import behaviours
from tests.servers.behaviours import always, response
from tests.servers.keepalive import PageServer
from tests.servers.mishaps import HEALTHY
from tests.servers.raw import Connection, RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]


def setting(*cookies: bytes) -> bytes:
    """An answer that sets cookies."""
    lines = b"".join(b"Set-Cookie: %s\r\n" % cookie for cookie in cookies)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + lines + b"Content-Length: 1\r\n\r\nx"


def cookies_of(server: RawServer) -> list[bytes]:
    """The Cookie header of each request, in order."""
    heads = [record.head for record in server.received]
    return [head.partition(b"\r\nCookie: ")[2].partition(b"\r\n")[0] for head in heads]


class TestCookies:
    def test_5000_of_them(self, raw_server: StartRaw):
        """The newest are kept, and what they make of the next request's head stays small."""

        def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
            if n_request > 56:
                connection.send(response(HEALTHY))
                return
            start = n_request * 90
            connection.send(setting(*(b"c%d=%s" % (number, b"v" * 20) for number in range(start, start + 90))))

        server = raw_server(behave)
        began = time.monotonic()
        run = crawl(Pages, *(f"{server.url}/{number}" for number in range(58)))
        assert (run.stats["pages"], run.stats["failed"]) == (58, 0)
        assert time.monotonic() - began < 10
        last = cookies_of(server)[-1]
        assert last.count(b"=") == MAX_COOKIES
        assert b"c5129=" in last and b"c100=" not in last
        assert agrees(run, server)

    @pytest.mark.parametrize(
        "cookie",
        [b"bad=" + b"x" * 5_000, b"bad=a\0b", b"bad=a\x1b[31mb", b"bad=1; Path=/\x01"],
        ids=["too long", "NUL", "escape", "in its path"],
    )
    def test_one_that_a_server_would_refuse_is_not_kept(self, raw_server: StartRaw, cookie: bytes):
        """One cookie must not spoil every later request to its domain."""
        table = {"set": always(setting(cookie, b"good=1"))}
        server = raw_server(behaviours.routes(table, always(response(HEALTHY))))
        run = crawl(Pages, f"{server.url}/set", f"{server.url}/next")
        assert run.stats["pages"] == 2
        assert cookies_of(server) == [b"", b"good=1"]

    def test_one_with_a_header_inside(self, raw_server: StartRaw):
        """A bare CR neither ends the header here nor travels on."""
        table = {"set": always(setting(b"a=1\rX-Evil: 1", b"good=1"))}
        server = raw_server(behaviours.routes(table, always(response(HEALTHY))))
        run = crawl(Pages, f"{server.url}/set", f"{server.url}/next")
        assert run.stats["pages"] == 2
        head = server.received[-1].head
        assert b"\r\nX-Evil" not in head and b"good=1" in head and b"\r" not in head.replace(b"\r\n", b"")

    def test_one_for_another_site(self, raw_server: StartRaw):
        server = raw_server(always(setting(b"a=1; Domain=example.com", b"b=2; Domain=com", b"good=1")))
        crawl(Pages, f"{server.url}/set", f"{server.url}/next")
        assert cookies_of(server) == [b"", b"good=1"]


class TestRestsOfAnswers:
    """Bytes beyond an answer's end are never taken for the next answer."""

    @pytest.mark.parametrize("rest", [b"rest of the body", b"\0\1\2", b"\r\n\r\nHTTP"])
    def test_that_cross_the_next_request(self, raw_server: StartRaw, rest: bytes):
        """They come after the next request is sent: it is sent once more, on another connection."""

        def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
            late = n_connection == 1 and n_request == 2
            connection.send(rest + b"\r\n\r\n" if late else response(HEALTHY))

        server = raw_server(behave)
        run = crawl(Pages, f"{server.url}/one", f"{server.url}/two", retry={"attempts": 1})
        assert (run.stats["pages"], figures(run)["retries"]) == (2, 0)
        assert [record.path for record in server.received] == ["/one", "/two", "/two"]
        assert figures(run)["reasons"] == {"first": 1, "after-error": 1}
        assert agrees(run, server)

    def test_that_the_tls_layer_has_read_already(self):
        """The socket is quiet then; what lies in between would be taken for the next answer."""
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(context)
        server = RawServer(always(response(HEALTHY) + b"x" * 12_000))
        server._socket = context.wrap_socket(server._socket, server_side=True)
        with server, authority.cert_pem.tempfile() as bundle:
            base = server.url.replace("http:", "https:")
            run = crawl(Pages, f"{base}/one", f"{base}/two", session={"verify": bundle})
        assert (run.stats["pages"], figures(run)["reasons"]) == (2, {"first": 1, "dropped": 1})
        assert [record.path for record in server.received] == ["/one", "/two"]
        assert agrees(run, server)

    def test_a_post_is_not_sent_again(self, raw_server: StartRaw):
        def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
            connection.send(response(HEALTHY) if n_request == 1 else b"rest of the body\r\n\r\n")

        class Posts(Pages):
            def parse(self, response: scraper.Response) -> Any:
                yield Request(f"{server.url}/form", self.done, method="POST", data={"a": "b"})

            def done(self, response: scraper.Response) -> Any:
                yield {"url": response.url}

        server = raw_server(behave)
        run = crawl(Posts, f"{server.url}/one")
        assert reasons_of_failures(run) == {"/form": "bad-http"}
        assert [record.method for record in server.received] == ["GET", "POST"]
        assert agrees(run, server)


ENDLESS_401 = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def digest() -> Any:
    return requests.auth.HTTPDigestAuth("user", "password")


class Careless(requests.auth.AuthBase):
    """Looks at an answer and leaves its body unread; raises on some."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._look)
        return request

    def _look(self, answer: requests.Response, **_: Any) -> None:
        if answer.status_code == 401:
            raise ValueError("no such user")


def careless() -> Any:
    return Careless()


class TestPlugins:
    def test_digest_reads_no_endless_401(self, raw_server: StartRaw):
        """The plugin reads the body of the 401 itself; it gets no more of it than limits.body."""
        piece = b"%x\r\n%s\r\n" % (16_000, b"x" * 16_000)
        server = raw_server(
            behaviours.routes({"bad": behaviours.floods(ENDLESS_401, piece)}, always(response(HEALTHY)))
        )
        began = time.monotonic()
        run = crawl(
            Pages,
            f"{server.url}/bad",
            f"{server.url}/good",
            origins={server.url: {"auth": f"{__name__}:digest"}},
            limits={"body": 500_000},
            session={"timeout": {"total": 5}},
        )
        assert time.monotonic() - began < 4
        assert reasons_of_failures(run) == {"/bad": "body-too-large"}
        assert (run.stats["pages"], figures(run)["reasons"]) == (1, {"first": 1, "unread-body": 1})
        assert agrees(run, server)

    def test_a_plugin_that_raises_leaks_no_connection(self, raw_server: StartRaw):
        """Were their places not given back, the third request would wait for one in vain."""
        bad = always(response(b"x" * 10, status="401 Unauthorized"))
        server = raw_server(behaviours.routes({"bad": bad}, always(response(HEALTHY))))
        run = crawl(
            Pages,
            *(f"{server.url}/bad/{number}" for number in range(4)),
            f"{server.url}/good",
            origins={server.url: {"auth": f"{__name__}:careless"}},
            session={"pool": 2, "timeout": {"total": 2}},
        )
        assert set(reasons_of_failures(run).values()) == {"network"}
        assert (run.stats["failed"], run.stats["pages"]) == (4, 1)
        assert agrees(run, server)
