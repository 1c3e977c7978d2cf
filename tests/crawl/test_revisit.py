"""A second visit: what did not change is neither sent nor parsed again, and the crawl still reaches everything."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Mapping
from email.message import Message
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Spider
from tests.crawl.crawling import crawl
from tests.servers.keepalive import Answer, PageServer

MODIFIED = "Tue, 03 Nov 2026 10:00:00 GMT"
LATER = "Wed, 04 Nov 2026 10:00:00 GMT"

#: How often each spider's parse was called.
parsed: Counter[str] = Counter()


class Reader(Spider):
    """An item a page, and all its links."""

    def parse(self, response: scraper.Response) -> Any:
        parsed[response.url.rpartition("/")[2]] += 1
        title = response.css_first("h1")
        yield {"url": response.url, "title": title.text() if title is not None else None}
        yield from response.follow_all("a")


class OtherReader(Reader):
    """Makes the same of the same source; its name is another one."""


#: How often the pipelines below were called.
piped: Counter[str] = Counter()
#: What the requests of `Starter` carry.
carries: dict[str, Any] = {}


def stamp(item: Any) -> Any:
    piped["stamp"] += 1
    return {**item, "title": f"{item['title']}!"}


def leave(item: Any) -> Any:
    piped["leave"] += 1
    return item


class Starter(Spider):
    """An item of the one page that it begins with."""

    def start(self) -> Any:
        yield scraper.Request(self.start_urls[0], getattr(self, carries["callback"]), meta=carries["meta"])

    def parse(self, response: scraper.Response) -> Any:
        parsed["parse"] += 1
        yield {"url": response.url, "title": response.meta["n"]}

    def other(self, response: scraper.Response) -> Any:
        yield from self.parse(response)


class Changing:
    """Pages with validators, and a server that may lie about them; `headers` are laid over those of each answer."""

    def __init__(self, **headers: Any) -> None:
        links = "".join(f'<a href="/{name}">{name}</a>' for name in "abc")
        self.bodies = {"/": f"<h1>home</h1>{links}", **{f"/{name}": f"<h1>{name}</h1>" for name in "abc"}}
        self.headers: dict[str, Any] = headers
        #: What is added to a 304.
        self.with_304: dict[str, str] = {}
        self.always_304 = False
        self.serial = 0

    def etag(self, body: str) -> str:
        return f'"{blake2b(body.encode(), digest_size=4).hexdigest()}"'

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        page = self.bodies.get(path)
        if page is None:
            return 404, {}, b"none\n"
        sent: dict[str, str] = {"Content-Type": "text/html; charset=utf-8", "ETag": self.etag(page), **self.headers}
        if self.headers.get("ETag") == "new each time":
            self.serial += 1
            sent["ETag"] = f'"{self.serial}"'
        asked = headers.get("If-None-Match"), headers.get("If-Modified-Since")
        same = asked[0] == sent["ETag"] if asked[0] is not None else asked[1] == sent.get("Last-Modified")
        if any(asked) and (self.always_304 or same):
            return 304, {"ETag": sent["ETag"], **self.with_304}, b""
        return 200, sent, page.encode()


@pytest.fixture(autouse=True)
def _nothing_parsed() -> None:
    parsed.clear()


def visit(server: PageServer, folder: Path, kind: type[Spider] = Reader, **overrides: Any) -> dict[str, Any]:
    """A run; returns its stats, its items by URL path, and what was asked: `method path` -> status."""
    before = len(server.log)
    parsed.clear()
    run = crawl(kind, f"{server.url}/", store=str(folder / "s.db"), **overrides)
    items = {item["url"].rpartition("/")[2]: item["title"] for item in run.items}
    assert len(items) == run.stats["items"]
    statuses = Counter(record.status for record in server.log[before:])
    return {**run.stats, "found": items, "statuses": dict(statuses)}


FOUND = {"": "home", "a": "a", "b": "b", "c": "c"}


def test_what_did_not_change_is_not_parsed_and_the_rest_is(page_server: Any, tmp_path: Path):
    pages = Changing()
    server = page_server(pages)
    first = visit(server, tmp_path)
    assert (first["found"], first["statuses"], first["carried"], sum(parsed.values())) == (FOUND, {200: 4}, 0, 4)

    second = visit(server, tmp_path)
    assert (second["found"], second["statuses"], second["bytes"]) == (FOUND, {304: 4}, 0)
    assert (second["pages"], second["carried"], second["not_modified"], sum(parsed.values())) == (4, 4, 4, 0)

    pages.bodies["/b"] = '<h1>other</h1><a href="/d">new</a>'
    pages.bodies["/d"] = "<h1>d</h1>"
    third = visit(server, tmp_path)
    assert third["found"] == {**FOUND, "b": "other", "d": "d"}
    assert (third["statuses"], dict(parsed)) == ({304: 3, 200: 2}, {"b": 1, "d": 1})


def test_a_page_that_is_gone_takes_its_items_with_it(page_server: Any, tmp_path: Path):
    pages = Changing()
    server = page_server(pages)
    visit(server, tmp_path)
    del pages.bodies["/c"]
    second = visit(server, tmp_path)
    assert (second["found"], second["failed"]) == ({"": "home", "a": "a", "b": "b"}, 1)


def test_what_is_gone_does_not_come_back_from_an_earlier_run(page_server: Any, tmp_path: Path):
    pages = Changing()
    server = page_server(pages)
    visit(server, tmp_path)
    del pages.bodies["/c"]
    visit(server, tmp_path)
    third = visit(server, tmp_path, revisit={"fresh_for": "1h"})
    assert (third["found"], third["statuses"]) == ({"": "home", "a": "a", "b": "b"}, {404: 1})


def test_the_same_body_without_a_304_is_not_parsed_either(page_server: Any, tmp_path: Path):
    pages = Changing(ETag="new each time")
    server = page_server(pages)
    visit(server, tmp_path)
    second = visit(server, tmp_path)
    assert (second["found"], second["statuses"], sum(parsed.values())) == (FOUND, {200: 4}, 0)
    assert (second["carried"], second["not_modified"], second["unstable"]) == (4, 0, 4)


def test_the_same_body_as_one_that_an_older_version_has_kept(page_server: Any, tmp_path: Path):
    """Its hashes were of another kind."""
    pages = Changing(ETag="new each time")
    server = page_server(pages)
    visit(server, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as database:
        for path, body in pages.bodies.items():
            old = blake2b(body.encode(), digest_size=16).digest()
            database.execute("update pages set content_hash = ? where url = ?", (old, server.url + path))
    pages.bodies["/b"] = "<h1>other</h1>"
    second = visit(server, tmp_path)
    assert (second["found"], second["carried"], dict(parsed)) == ({**FOUND, "b": "other"}, 3, {"b": 1})


@pytest.mark.parametrize(
    "change",
    [{"args": {"shelf": "b"}}, {"kind": OtherReader}, {"session": {"headers": {"Accept-Language": "de"}}}],
    ids=["args", "spider", "headers"],
)
def test_what_makes_items_of_a_body_is_another(page_server: Any, tmp_path: Path, change: dict[str, Any]):
    server = page_server(Changing())
    visit(server, tmp_path)
    second = visit(server, tmp_path, **change)
    assert (second["statuses"], second["carried"], sum(parsed.values())) == ({200: 4}, 0, 4)


def test_pipelines_see_what_was_parsed_and_nothing_that_is_taken_over(page_server: Any, tmp_path: Path):
    piped.clear()
    pages = Changing()
    server = page_server(pages)
    pipelines = [f"{__name__}:stamp"]
    stamped = {name: f"{title}!" for name, title in FOUND.items()}
    assert visit(server, tmp_path, pipelines=pipelines)["found"] == stamped
    pages.bodies["/a"] = "<h1>new</h1>"
    second = visit(server, tmp_path, pipelines=pipelines)
    assert (second["found"], second["carried"], piped) == ({**stamped, "a": "new!"}, 3, {"stamp": 5})
    # Another pipeline makes something else of the same page.
    third = visit(server, tmp_path, pipelines=[f"{__name__}:leave"])
    assert (third["found"], third["statuses"]) == ({**FOUND, "a": "new"}, {200: 4})
    assert piped == {"stamp": 5, "leave": 4}


@pytest.mark.parametrize("change", [{"callback": "other"}, {"meta": {"n": 2}}], ids=["callback", "meta"])
def test_a_request_that_makes_something_else_of_a_page(page_server: Any, tmp_path: Path, change: dict[str, Any]):
    server = page_server({"/": (200, {"Content-Type": "text/html", "ETag": '"1"'}, b"<h1>home</h1>")})
    carries.update(callback="parse", meta={"n": 1})
    for _ in range(2):
        visit(server, tmp_path, Starter)
    # Its body is the same, so it is carried without a 304.
    assert parsed == {}
    carries.update(change)
    again = visit(server, tmp_path, Starter)
    assert (again["carried"], parsed) == (0, {"parse": 1})
    assert again["found"] == {"": carries["meta"]["n"]}


def test_not_conditional(page_server: Any, tmp_path: Path):
    server = page_server(Changing())
    visit(server, tmp_path)
    second = visit(server, tmp_path, revisit={"conditional": False})
    assert (second["statuses"], second["carried"]) == ({200: 4}, 0)


def test_young_pages_are_not_asked_for(page_server: Any, tmp_path: Path):
    server = page_server(Changing())
    visit(server, tmp_path)
    second = visit(server, tmp_path, revisit={"fresh_for": "1h"})
    assert (second["found"], second["statuses"], second["requests"], second["pages"]) == (FOUND, {}, 0, 4)
    assert (second["carried"], second["not_modified"]) == (4, 0)
    # Nobody asked the server meanwhile: the pages are as old as they were.
    third = visit(server, tmp_path, revisit={"fresh_for": "1ms"})
    assert third["statuses"] == {304: 4}


@pytest.mark.parametrize(
    "headers",
    [{"Vary": "Cookie, Accept"}, {"Vary": "*"}, {"Cache-Control": "private, no-store"}],
    ids=["cookie", "star", "no-store"],
)
def test_an_answer_that_may_not_be_asked_for_again(page_server: Any, tmp_path: Path, headers: Mapping[str, str]):
    server = page_server(Changing(**headers))
    visit(server, tmp_path)
    second = visit(server, tmp_path)
    # The same body is the same body all the same.
    assert (second["statuses"], second["carried"]) == ({200: 4}, 4)


class TestLies:
    """Servers that say 304 though the page changed."""

    def test_the_etag_of_the_304_is_another(self, page_server: Any, tmp_path: Path):
        pages = Changing()
        server = page_server(pages)
        visit(server, tmp_path)
        pages.always_304 = True
        pages.bodies["/a"] = "<h1>new</h1>"
        second = visit(server, tmp_path)
        assert (second["found"], second["statuses"]) == ({**FOUND, "a": "new"}, {304: 4, 200: 1})
        assert (second["distrusted"], second["not_modified"], second["retries"]) == (1, 3, 0)

    def test_its_last_modified_is_later(self, page_server: Any, tmp_path: Path):
        pages = Changing(**{"ETag": "", "Last-Modified": MODIFIED})
        server = page_server(pages)
        visit(server, tmp_path)
        pages.always_304, pages.with_304 = True, {"Last-Modified": LATER}
        pages.bodies["/a"] = "<h1>new</h1>"
        second = visit(server, tmp_path)
        assert (second["found"], second["distrusted"]) == ({**FOUND, "a": "new"}, 4)

    def test_a_304_that_nobody_asked_for_is_a_failure(self, page_server: Any, tmp_path: Path):
        server = page_server({"/": (304, {}, b"")})
        run = crawl(Reader, f"{server.url}/", store=str(tmp_path / "s.db"))
        assert [failure.reason for failure in run.failures] == ["http-304"]


def test_a_run_that_was_stopped_in_between_is_gone_on_with(page_server: Any, tmp_path: Path):
    server = page_server(Changing())
    visit(server, tmp_path)
    half = visit(server, tmp_path, limits={"pages": 2})
    assert (half["pages"], half["carried"]) == (2, 2)
    third = visit(server, tmp_path)
    assert (third["found"], third["statuses"], sum(parsed.values())) == (FOUND, {304: 4}, 0)
