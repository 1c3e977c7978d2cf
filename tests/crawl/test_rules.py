"""Crawls by rules alone, and beside a spider: what is visited, what items come out, what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

import scraper
from scraper import Response, Spider
from tests.crawl.book_shop import RULES, books, pages
from tests.crawl.crawling import SETTINGS, Seen, crawl, merged, paths
from tests.servers.keepalive import PageServer

FAST = merged(SETTINGS, {"politeness": {"concurrency": 8}})


def by_rules(server: PageServer, rules: list[dict[str, Any]], **overrides: Any) -> scraper.Run:
    settings = merged(FAST, {"name": "rules", "start_urls": [server.url + "/"], "rules": rules})
    return scraper.crawl(merged(settings, overrides))


def test_a_shop_of_a_thousand_books_comes_out_as_it_is(tmp_path: Path) -> None:
    truth = books(1_000)
    site = tmp_path / "shop.yaml"
    with PageServer(pages(truth)) as server:
        settings = merged(
            FAST, {"start_urls": [server.url + "/"], "rules": RULES, "items": {"book": {"key": ["upc"]}}}
        )
        site.write_text(yaml.safe_dump(settings), encoding="utf-8")
        run = scraper.crawl(site)
        asked = paths(server)
        base = server.url
    wanted = [{**book, "image": base + book["image"], "url": base + book["url"]} for book in truth]
    items = sorted(run.items, key=lambda item: str(item["upc"]))
    assert len(items) == 1_000
    assert items == wanted
    assert run.stats["failed"] == 0
    assert len(asked) == len(set(asked)) == 1_000 + 50 + 1
    assert "/trap" not in asked


def test_every_rule_that_matches_applies_and_links_come_first() -> None:
    site = {"/": "<h1>one</h1><a href=/b>b</a>", "/b": "<h1>two</h1>"}
    rules = [
        {"match": "/", "follow": ["a"]},
        {"match": {"selector": "h1"}, "item": "head", "fields": {"text": "h1"}},
        {"match": {"regex": "/b$"}, "item": "b", "fields": {"text": {"css": "h1", "re": "t(.*)"}}},
    ]
    with PageServer(site) as server:
        run = by_rules(server, rules, items={"b": {"key": ["text"]}})
        assert [item["text"] for item in run.items] == ["one", "two", "wo"]


def test_a_type_of_items_has_its_own_key_also_behind_a_pipeline(tmp_path: Path) -> None:
    site = {"/": "".join(f"<p class=q>{letter}</p>" for letter in "aab")}
    rules = [
        {"match": "/", "item": "quote", "each": ".q", "fields": {"text": {"css": "::text"}, "from": {"page": "url"}}}
    ]
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    (tmp_path / "rules_pipes.py").write_text(
        "def loud(item):\n    return {**item, 'text': item['text'].upper()}\n", encoding="utf-8"
    )
    with PageServer(site) as server:
        settings = {"start_urls": [server.url + "/"], "rules": rules, "pipelines": ["rules_pipes:loud"]}
        exports = ["quotes.csv", {"path": "typed.jsonl", "item": "quote"}]
        path = tmp_path / "quotes.yaml"
        path.write_text(yaml.safe_dump(merged(FAST, {**settings, "exports": exports})), encoding="utf-8")
        scraper.crawl(path)
    lines = (tmp_path / "typed.jsonl").read_text(encoding="utf-8").splitlines()
    assert [yaml.safe_load(line)["text"] for line in lines] == ["A", "A", "B"]


def test_an_item_without_what_is_required_is_dropped_and_the_others_stay() -> None:
    site = {"/": "<a href=/1></a><a href=/2></a><a href=/3></a>", "/1": "<b>£5</b>", "/2": "<b>soon</b>", "/3": ""}
    rules = [
        {"match": "/", "follow": ["a"]},
        {"match": "/?", "item": "offer", "fields": {"price": {"css": "b", "type": "price", "required": True}}},
    ]
    events = Seen()
    with PageServer(site) as server:
        run = scraper.crawl(
            merged(FAST, {"name": "r", "start_urls": [server.url + "/"], "rules": rules}), observers=[events]
        )
        assert list(run.items) == [{"price": 5.0}]
    assert run.stats["dropped"] == 2
    assert {event.reason for event in events.of(scraper.observe.events.ItemDropped)} == {"offer without price"}


def test_links_that_are_nofollow_are_left_out() -> None:
    plain = {"Content-Type": "text/html"}
    site = {
        "/": "<a href=/a>a</a><a href=/b rel='NoFollow x'>b</a><a href='mailto:a@b.c'>m</a><a href=/meta></a>"
        "<a href=/header></a><a href=/pdf></a>",
        "/a": "a",
        "/meta": "<meta name=ROBOTS content='noindex, nofollow'><a href=/no1>n</a>",
        "/header": (200, {**plain, "X-Robots-Tag": "nofollow"}, b"<a href=/no2>n</a>"),
        "/pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF"),
    }
    with PageServer(site) as server:
        run = by_rules(
            server, [{"match": "*", "follow": ["a", {"xpath": "//a/@href"}]}, {"match": "/a", "follow": ["a"]}]
        )
        assert sorted(paths(server)) == ["/", "/a", "/header", "/meta", "/pdf"]
    assert run.stats["failed"] == 0


class Beside(Spider):
    """Yields something of each page itself."""

    def parse(self, response: Response) -> Any:
        yield {"by": "parse"}
        yield response.follow("/other", self.parse_other, errback=self.lost)
        yield response.follow("/gone", self.parse_other, errback=self.lost)

    def parse_other(self, response: Response) -> Any:
        return {"by": "parse_other"}

    def lost(self, failure: Any) -> Any:
        yield {"by": "lost"}


def test_beside_a_spider_its_callbacks_run_and_the_rules_too() -> None:
    site = {"/": "<h1>home</h1>", "/other": "<h1>other</h1>"}
    with PageServer(site) as server:
        run = crawl(Beside, server.url + "/", rules=[{"match": "*", "fields": {"by": "h1"}}])
        assert sorted(item["by"] for item in run.items) == ["home", "lost", "other", "parse", "parse_other"]
        assert run.stats["failed"] == 1


class NoParse(Spider):
    """Begins, and leaves the pages to the rules."""

    def start(self) -> Any:
        yield scraper.Request(self.first)  # type: ignore[attr-defined]


def test_a_spider_may_only_begin() -> None:
    with PageServer({"/x": "<h1>home</h1>"}) as server:
        run = crawl(NoParse, args={"first": server.url + "/x"}, rules=[{"match": "*", "fields": {"title": "h1"}}])
        assert list(run.items) == [{"title": "home"}]


class TestRelations:
    """Pages of a list, as the page and its headers say which one is next."""

    RULES: ClassVar[list[Any]] = [{"match": "*", "follow": [{"rel": "next"}], "fields": {"url": {"page": "url"}}}]

    @pytest.mark.parametrize(
        "link",
        [
            '<a rel="next" href="/2">on</a><a href="/3">no</a>',
            '<link rel="NEXT" href="/2">',
            '<a rel="nofollow next" href="/3">no</a><a rel="bookmark next" href="2">on</a>',
        ],
    )
    def test_in_the_page(self, page_server: Callable[..., PageServer], link: str) -> None:
        server = page_server({"/": link, "/2": "end"})
        run = scraper.crawl(merged(SETTINGS, {"name": "x", "start_urls": [f"{server.url}/"], "rules": self.RULES}))
        assert [record.path for record in server.log] == ["/", "/2"]
        assert run.stats["items"] == 2

    @pytest.mark.parametrize("kind", ["text/html", "application/json"])
    def test_in_the_header(self, page_server: Callable[..., PageServer], kind: str) -> None:
        links = '</>; rel="prev", </2?a=1,2>; rel="next last"; title="more, of it"'
        server = page_server({"/": (200, {"Content-Type": kind, "Link": links}, b"{}"), "/2?a=1,2": "end"})
        scraper.crawl(merged(SETTINGS, {"name": "x", "start_urls": [f"{server.url}/"], "rules": self.RULES}))
        assert [record.path for record in server.log] == ["/", "/2?a=1,2"]
