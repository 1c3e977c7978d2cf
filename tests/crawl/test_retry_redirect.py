"""A redirect is a new request, through the same door as every other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper import Request, Spider
from tests.crawl.crawling import (
    HOST,
    Follow,
    Pages,
    crawl,
    figures,
    paths,
    reasons_of_failures,
)
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]
HTML = {"Content-Type": "text/html"}


def to(place: str, status: int = 302, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Location": place, **headers}, b""


class TestMethods:
    @pytest.mark.parametrize(
        ("status", "method", "then"),
        [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
            (303, "PUT", "GET"),
            (302, "PUT", "PUT"),
            (303, "HEAD", "HEAD"),
        ],
    )
    def test_of_the_redirected_request(self, page_server: Start, status: int, method: str, then: str):
        bodies = []

        def answer(verb: str, path: str, headers: Any, body: bytes) -> Any:
            bodies.append((verb, path, body, headers.get("Content-Type")))
            return to("/there", status) if path == "/here" else (200, HTML, b"ok")

        class Sends(Spider):
            def start(self) -> Any:
                body = None if method == "HEAD" else {"a": "1"}
                yield Request(f"{server.url}/here", method=method, data=body)

            def parse(self, response: scraper.Response) -> Any:
                yield {"method": response.request.method}

        server = page_server(answer)
        run = crawl(Sends)
        kept = b"a=1" if then not in ("GET", "HEAD") else b""
        kind = "application/x-www-form-urlencoded" if kept else None
        assert bodies[1] == (then, "/there", kept, kind)
        assert list(run.items) == [{"method": then}]


class TestRedirects:
    def test_the_chain_and_what_comes_along(self, page_server: Start):
        class Chain(Spider):
            def start(self) -> Any:
                yield Request(f"{server.url}/a", "page", meta={"n": 1}, priority=3)

            def page(self, response: scraper.Response) -> Any:
                request = response.request
                yield {
                    "url": response.url,
                    "chain": list(request.redirected_from),
                    "rest": [response.meta, request.priority, request.depth],
                }

        server = page_server({"/a": to("b", 301), "/b": to("/c#part"), "/c": "ok"})
        run = crawl(Chain)
        base = server.url
        expected = {"url": f"{base}/c", "chain": [f"{base}/a", f"{base}/b"], "rest": [{"n": 1}, 3, 0]}
        assert list(run.items) == [expected]
        assert (run.stats["pages"], run.stats["redirects"], figures(run)["requests"]) == (1, 2, 3)

    def test_a_loop(self, page_server: Start):
        server = page_server({"/a": to("/b"), "/b": to("/a")})
        run = crawl(Pages, f"{server.url}/a")
        assert reasons_of_failures(run) == {"/b": "redirect-loop"}
        assert paths(server) == ["/a", "/b"]

    def test_a_loop_that_sets_a_cookie_is_none(self, page_server: Start):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path == "/consent":
                return to("/a", **{"Set-Cookie": "ok=1; Path=/"})
            return (200, HTML, b"in") if headers.get("Cookie") == "ok=1" else to("/consent")

        server = page_server(answer)
        run = crawl(Pages, f"{server.url}/a")
        assert paths(server) == ["/a", "/consent", "/a"]
        assert (run.stats["pages"], run.stats["failed"], run.stats["duplicates"]) == (1, 0, 0)

    def test_a_loop_whose_cookie_changes_for_ever_ends_at_the_limit(self, page_server: Start):
        visits: list[str] = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            visits.append(path)
            return to("/a", **{"Set-Cookie": f"n={len(visits)}; Path=/"})

        server = page_server(answer)
        run = crawl(Pages, f"{server.url}/a", limits={"redirects": 4})
        assert reasons_of_failures(run) == {"/a": "too-many-redirects"}
        assert len(visits) == 5

    @pytest.mark.parametrize(("most", "reason"), [(0, "too-many-redirects"), (2, "too-many-redirects"), (3, None)])
    def test_limits_redirects(self, page_server: Start, most: int, reason: str | None):
        server = page_server({"/0": to("/1"), "/1": to("/2"), "/2": to("/3"), "/3": "ok"})
        run = crawl(Pages, f"{server.url}/0", limits={"redirects": most})
        assert len(server.log) == most + 1
        assert list(reasons_of_failures(run).values()) == ([reason] if reason else [])

    @pytest.mark.parametrize(
        "place", ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "ftp://x/", "http://", "//"]
    )
    def test_to_what_is_no_web_page(self, page_server: Start, place: str):
        server = page_server({"/a": to(place)})
        run = crawl(Pages, f"{server.url}/a")
        assert reasons_of_failures(run) == {"/a": "bad-redirect"}

    def test_offsite_is_refused(self, page_server: Start):
        other = page_server({"/": "x"})
        server = page_server({"/a": to(f"http://localhost:{other.port}/")})
        run = crawl(Pages, f"{server.url}/a", allowed_domains=[HOST])
        assert (run.stats["refusals"], run.stats["failed"], other.log) == ({"offsite": 1}, 0, [])

    def test_the_host_to_which_a_start_url_redirects_is_in_scope(self, page_server: Start):
        other = page_server({"/": '<a href="/more">', "/more": "x"})
        server = page_server({"/": to(f"http://localhost:{other.port}/")})
        run = crawl(Follow, server.url)
        assert paths(other) == ["/", "/more"]
        assert run.stats["refused"] == 0

    def test_a_later_redirect_adds_nothing_to_the_scope(self, page_server: Start):
        other = page_server({"/": "x"})
        server = page_server({"/": '<a href="/away">', "/away": to(f"http://localhost:{other.port}/")})
        run = crawl(Follow, server.url)
        assert (other.log, run.stats["refusals"]) == ([], {"offsite": 1})

    def test_to_a_private_address(self, page_server: Start):
        server = page_server({"/": "x"})
        run = crawl(Pages, server.url, network={"allow_private": False})
        assert reasons_of_failures(run) == {"/": "private-address"}
        assert (server.connections, server.log) == (0, [])
        assert "network.allow_private" in run.failures[0].message

    def test_a_target_known_already_is_a_duplicate(self, page_server: Start):
        server = page_server({"/a": "x", "/b": to("/a")})
        run = crawl(Pages, f"{server.url}/a", f"{server.url}/b")
        assert paths(server) == ["/a", "/b"]
        assert (run.stats["pages"], run.stats["duplicates"]) == (1, 1)

    def test_the_target_of_a_post_is_none(self, page_server: Start):
        class Login(Spider):
            def start(self) -> Any:
                yield Request(f"{server.url}/home")
                yield Request(f"{server.url}/login", "after", method="POST", data={"a": "1"})

            def parse(self, response: scraper.Response) -> Any:
                yield {"by": "parse"}

            def after(self, response: scraper.Response) -> Any:
                yield {"by": "after", "url": response.url}

        server = page_server({"/home": "x", "/login": to("/home", 303)})
        run = crawl(Login)
        assert {"by": "after", "url": f"{server.url}/home"} in list(run.items)

    def test_nor_is_that_of_a_chain_which_a_post_began(self, page_server: Start):
        class Login(Spider):
            def start(self) -> Any:
                yield Request(f"{server.url}/home")
                yield Request(f"{server.url}/login", "after", method="POST", data={"a": "1"})

            def parse(self, response: scraper.Response) -> Any:
                yield {"by": "parse"}

            def after(self, response: scraper.Response) -> Any:
                yield {"by": "after", "url": response.url}

        server = page_server({"/home": "x", "/login": to("/hop", 303), "/hop": to("/home")})
        run = crawl(Login)
        assert {"by": "after", "url": f"{server.url}/home"} in list(run.items)

    def test_secrets_do_not_cross_an_origin(self, page_server: Start):
        got = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            got.append({name: headers.get(name) for name in ("Authorization", "Cookie", "X-Api-Key", "X-Plain")})
            return 200, HTML, b"x"

        class Secret(Pages):
            def start(self) -> Any:
                sent = {"Authorization": "Bearer s", "X-Api-Key": "s", "X-Plain": "p"}
                yield Request(f"{server.url}/", headers=sent, cookies={"session": "s"})

        other = page_server(answer)
        server = page_server({"/": to(other.url)})
        crawl(Secret, session={"secret_headers": ["X-Api-Key"]})
        assert got == [{"Authorization": None, "Cookie": None, "X-Api-Key": None, "X-Plain": "p"}]

    def test_secrets_of_an_origin_go_to_exactly_that_origin(self, page_server: Start):
        got: dict[str, Any] = {}

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            got[path] = headers.get("X-Key")
            return 200, HTML, b"x"

        one, two = page_server(answer), page_server(answer)
        crawl(Pages, f"{one.url}/one", f"{two.url}/two", origins={one.url: {"headers": {"X-Key": "k"}}})
        assert got == {"/one": "k", "/two": None}
