"""Places of a site that go on for ever are held back, named, and may be let; what brings something new never is."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from scraper import Request, Response, Spider
from scraper.demo.server import Answer
from scraper.observe.events import Refused
from tests.crawl.crawling import crawl, paths, prepared
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
MOST = 1_500


def html(*links: str, text: str = "") -> Answer:
    body = text + "".join(f'<a href="{link.replace("&", "&amp;")}">x</a>' for link in links)
    return 200, {"Content-Type": "text/html"}, body.encode()


class Products(Spider):
    """Follows everything; items come from products alone."""

    def parse(self, response: Response) -> Any:
        if "/product/" in response.url:
            yield {"url": response.url.partition("?")[0]}
        for link in response.links():
            yield response.follow(link)


def calendar(path: str) -> Answer:
    if path == "/":
        return html("/calendar?month=1", "/list?page=1")
    if path.startswith("/product"):
        return html(text=path)
    name, _, number = path.rpartition("=")
    page = int(number)
    if name == "/list?page":
        return html(
            *(f"/product/{page}-{each}" for each in range(2)), f"/list?page={page + 1}" if page < 300 else "/"
        )
    return html(f"/calendar?month={page + 1}", f"/calendar?month={page - 1}", "/", text=f"month {page}")


def relative(path: str) -> Answer:
    return html("news/", "item/product/1", text=path) if path.endswith("/") else html(text=path)


def sessions(path: str) -> Answer:
    place = path.partition(";")[0]
    links = [f"/product/{number};jsessionid={secrets.token_hex(8)}" for number in range(10)]
    return html(*links, f"/;jsessionid={secrets.token_hex(8)}", text=place)


def same(path: str) -> Answer:
    if path == "/":
        return html("/product/0", *(f"/gone/{number}" for number in range(MOST)))
    return html("/", text="We are sorry" if path.startswith("/gone") else path)


def facets(path: str) -> Answer:
    place, _, query = path.partition("?")
    if place.startswith("/product"):
        return html("/", text=path)
    chosen = parse_qsl(query)
    more = [urlencode(sorted([*chosen, (f"f{number}", "1")])) for number in range(12) if f"f{number}=1" not in query]
    return html(*(f"/list?{each}" for each in more), *(f"/product/{number}" for number in range(30)), text=path)


ENDLESS = {
    "calendar": (calendar, "/calendar?month=*", 600),
    "relative": (relative, "/news", 0),
    "sessions": (sessions, "jsessionid", 10),
    "same": (same, "/gone/N", 1),
    "facets": (facets, "/list?*", 30),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_goes_on_for_ever_is_held_back_and_named(page_server: Start, kind: str):
    answer, named, products = ENDLESS[kind]
    server = page_server(lambda method, path, headers, body: answer(path))
    run = crawl(Products, f"{server.url}/", limits={"pages": MOST})
    assert run.result == "finished"
    assert len(server.log) < MOST
    assert set(run.stats["refusals"]) == {"trap"}
    assert sum(run.stats["traps"].values()) == run.stats["refused"] > 0
    assert any(named in trap for trap in run.stats["traps"])
    assert len({item["url"].partition(";")[0] for item in run.items}) >= products


def test_what_is_held_back_stays_so_after_a_stop(page_server: Start, tmp_path: Path):
    server = page_server(lambda method, path, headers, body: same(path))
    settings: dict[str, Any] = {"store": str(tmp_path / "crawl.db"), "exports": [], "limits": {"pages": MOST}}

    def stop(event: object) -> None:
        if isinstance(event, Refused) and event.reason == "trap":
            stopped.stop(1)

    stopped = prepared(Products, f"{server.url}/", observers=[stop], **settings)
    assert stopped.run().result == "stopped"
    before = len(server.log)
    assert before < MOST / 2
    run = crawl(Products, f"{server.url}/", **settings)
    assert run.result == "finished"
    assert not [path for path in paths(server)[before:] if path.startswith("/gone")]
    assert run.stats["refused"] > MOST / 2


def test_a_path_that_is_let_is_fetched_on(page_server: Start):
    server = page_server(lambda method, path, headers, body: calendar(path))
    run = crawl(Products, f"{server.url}/", limits={"pages": MOST}, scope={"no_traps": ["/cal*"]})
    assert (run.result, run.stats["refusals"]) == ("limit", {})


def test_a_list_whose_pages_lead_to_items_is_followed_to_its_end(page_server: Start):
    """As deep as a calendar, of one shape, and no item on its own pages."""
    server = page_server(lambda method, path, headers, body: calendar(path) if "cal" not in path else html(text=path))
    run = crawl(Products, f"{server.url}/")
    assert run.stats["refusals"] == {}
    assert {f"/list?page={number}" for number in range(1, 301)} <= set(paths(server))
    assert run.stats["items"] == 600


def test_categories_that_lead_to_items_by_another_page_are_followed(page_server: Start):
    def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
        if path == "/":
            return html(*(f"/cat/{number}" for number in range(250)))
        kind, _, number = path.strip("/").partition("/")
        return (
            html(f"/{ {'cat': 'sub', 'sub': 'product'}[kind] }/{number}", text=path) if kind in "catsub" else html()
        )

    server = page_server(answer)
    run = crawl(Products, f"{server.url}/")
    assert (run.stats["refusals"], run.stats["items"]) == ({}, 250)


def test_a_crawl_without_items_follows_a_long_chain(page_server: Start):
    """Nothing says what is new there but its links."""

    class Keep(Spider):
        def parse(self, response: Response) -> Any:
            for link in response.links():
                yield response.follow(link)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
        if path.startswith("/thread"):
            return html(text=path)
        page = int(path.rpartition("=")[2] or 0) if "=" in path else 0
        return html(f"/thread/{page}", f"/forum?page={page + 1}" if page < 500 else "/", text=path)

    run = crawl(Keep, f"{page_server(answer).url}/")
    assert (run.stats["refusals"], run.stats["pages"]) == ({}, 1 + 500 + 501)


def test_what_a_spider_starts_with_is_meant(page_server: Start):
    server = page_server(lambda method, path, headers, body: html(text="the same"))

    class Many(Spider):
        def start(self) -> Any:
            for number in range(300):
                yield Request(f"{server.url}/gone/{number}")
            yield Request(f"{server.url}/a/b/a/b/a/b")

        def parse(self, response: Response) -> Any:
            return None

    run = crawl(Many)
    assert (run.stats["pages"], run.stats["refusals"]) == (301, {})


def test_it_is_the_same_where_a_process_parses(page_server: Start):
    server = page_server(lambda method, path, headers, body: calendar(path))
    run = crawl(Products, f"{server.url}/", limits={"pages": MOST}, engine={"parsers": 1})
    assert (run.result, set(run.stats["refusals"])) == ("finished", {"trap"})
