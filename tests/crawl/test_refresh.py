"""A page that sends its reader on is a redirect; one that shows itself again is a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scraper.demo.server import Answer
from tests.crawl.crawling import Follow, Pages, crawl, paths, reasons_of_failures
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


def meta(place: str, seconds: int = 0) -> str:
    return f'<head><meta http-equiv="refresh" content="{seconds}; url={place}"></head>'


@pytest.mark.parametrize("by_header", [True, False])
def test_it_is_followed_as_a_redirect(page_server: Start, by_header: bool):
    first: Any = (200, {**HTML, "Refresh": "3; url=new/"}, b"moved") if by_header else meta("new/", 3)
    server = page_server({"/old/": first, "/old/new/": "here"})
    run = crawl(Pages, f"{server.url}/old/")
    assert [item["url"] for item in run.items] == [f"{server.url}/old/new/"]
    assert (run.stats["pages"], run.stats["redirects"]) == (1, 1)


def test_base_and_the_page_s_encoding_count(page_server: Start):
    page = '<base href="/b/"><meta http-equiv=refresh content="0;url=q?x=é">'.encode("latin-1")
    server = page_server({"/": (200, {"Content-Type": "text/html; charset=latin-1"}, page), "/b/q?x=%E9": "here"})
    run = crawl(Pages, f"{server.url}/")
    assert (paths(server), run.stats["items"]) == (["/", "/b/q?x=%E9"], 1)


@pytest.mark.parametrize(
    "page",
    [meta("/", 5), meta("/other", 60), meta("mailto:x@a.example"), "<noscript>" + meta("/other") + "</noscript>"],
)
def test_what_stays_a_page(page_server: Start, page: str):
    server = page_server({"/": page, "/other": "x"})
    run = crawl(Pages, f"{server.url}/")
    assert ([item["url"] for item in run.items], paths(server)) == ([f"{server.url}/"], ["/"])


def test_two_that_send_to_each_other_end_as_a_page(page_server: Start):
    server = page_server({"/a": meta("/b"), "/b": meta("/a")})
    run = crawl(Pages, f"{server.url}/a")
    assert (run.stats["pages"], run.stats["failed"], paths(server)) == (1, 0, ["/a", "/b"])


def test_a_gate_that_sets_a_cookie_and_shows_itself_again_is_passed(page_server: Start):
    def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
        if "GATE=1" in (headers["Cookie"] or ""):
            return 200, HTML, b"inside"
        return 200, {**HTML, "Set-Cookie": "GATE=1; Expires=; Domain=; Path=/"}, meta("/").encode()

    server = page_server(answer)
    run = crawl(Pages, f"{server.url}/")
    assert (run.stats["items"], run.stats["redirects"], len(server.log)) == (1, 1, 2)


def test_too_many_in_a_row_fail(page_server: Start):
    server = page_server(lambda method, path, headers, body: (200, HTML, meta(f"/{int(path[1:]) + 1}").encode()))
    run = crawl(Pages, f"{server.url}/0", limits={"redirects": 3})
    assert reasons_of_failures(run) == {"/3": "too-many-redirects"}


@pytest.mark.parametrize("off", [{"pages": {"refresh": False}}, {"limits": {"redirects": 0}}])
def test_it_can_be_switched_off(page_server: Start, off: dict[str, Any]):
    server = page_server({"/": meta("/other")})
    run = crawl(Follow, f"{server.url}/", **off)
    assert (run.stats["pages"], paths(server)) == (1, ["/"])
