"""What a spider may write, and what comes of it: callbacks, errbacks, exceptions, items."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import attrs
import pydantic
import pytest

from scraper import DropItem, Failure, Request, Response, Retry, ScraperError, Spider, StopCrawl
from scraper.errors import ConfigError
from scraper.observe import events
from tests.crawl.crawling import (
    Follow,
    Pages,
    Seen,
    crawl,
    paths,
    reasons_of_failures,
    site,
)
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


@dataclasses.dataclass
class Book:
    title: str


@attrs.define
class Film:
    title: str


class Song(pydantic.BaseModel):
    title: str


def shout(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"loud": True}


def place(item: dict[str, Any], response: Response | None) -> dict[str, Any]:
    return item | {"from": response.url if response is not None else None}


def choosy(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("n") == 1:
        raise DropItem("unwanted")
    if item.get("n") == 2:
        raise StopCrawl("enough")
    return item


def broken(item: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("a pipeline of glass")


class TestCallbacks:
    def test_by_method_and_by_name_with_what_comes_along(self, page_server: Start):
        class Names(Spider):
            def parse(self, response: Response) -> Any:
                yield response.follow("/a", self.by_method, meta={"n": [1]})
                yield response.follow("/b", "by_name")

            def by_method(self, response: Response) -> Any:
                yield {"method": response.meta, "depth": response.request.depth}

            def by_name(self, response: Response) -> Any:
                return [{"name": response.meta}]

        server = page_server({"/": "x", "/a": "a", "/b": "b"})
        run = crawl(Names, server.url)
        assert list(run.items) == [{"method": {"n": [1]}, "depth": 1}, {"name": {}}]

    def test_a_callback_that_is_not_there_fails_its_page_alone(self, page_server: Start):
        class Wrong(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/a", "prase")
                yield Request(f"{server.url}/b")

        server = page_server({"/a": "a", "/b": "b"})
        run = crawl(Wrong)
        assert (reasons_of_failures(run), run.stats["pages"]) == ({"/a": "spider"}, 1)
        assert "parse" in run.failures[0].message

    def test_an_exception_discards_all_that_its_page_yielded(self, page_server: Start):
        class Fragile(Spider):
            def parse(self, response: Response) -> Any:
                yield {"url": response.url}
                yield response.follow("/more")
                if response.url.endswith("/bad"):
                    raise ValueError("a bad page")

        seen = Seen()
        server = page_server({"/bad": "x", "/more": "x"})
        run = crawl(Fragile, f"{server.url}/bad", observers=[seen])
        assert (list(run.items), paths(server)) == ([], ["/bad"])
        assert reasons_of_failures(run) == {"/bad": "spider"}
        failed = run.failures[0]
        assert "ValueError: a bad page" in failed.message
        assert failed.traceback is not None and "def parse" not in failed.traceback and "in parse" in failed.traceback
        assert [event.reason for event in seen.of(events.PageFailed)] == ["spider"]

    def test_priority_goes_first(self, page_server: Start):
        class Order(Spider):
            def parse(self, response: Response) -> Any:
                for number, priority in enumerate((0, 5, -1, 5, 9)):
                    yield response.follow(f"/p{number}", "leaf", priority=priority)

            def leaf(self, response: Response) -> Any:
                return None

        server = page_server(site(5))
        crawl(Order, server.url)
        assert paths(server) == ["/", "/p4", "/p1", "/p3", "/p0", "/p2"]

    def test_a_duplicate_is_fetched_once_unless_asked_for_again(self, page_server: Start):
        class Twice(Spider):
            def parse(self, response: Response) -> Any:
                for link in ("/a", "/a#part", "/%61"):
                    yield response.follow(link, "leaf")
                yield response.follow("/b", "leaf")
                yield response.follow("/b", "leaf", dont_filter=True)
                yield response.follow("/c", "leaf", method="POST", data="1")
                yield response.follow("/c", "leaf", method="POST", data="2")

            def leaf(self, response: Response) -> Any:
                return None

        server = page_server({"/": "x", "/a": "a", "/b": "b", "/c": "c"})
        run = crawl(Twice, server.url)
        assert sorted(paths(server)) == ["/", "/a", "/b", "/b", "/c", "/c"]
        assert (run.stats["duplicates"], run.stats["refused"]) == (2, 0)

    def test_statuses_go_to_the_callback(self, page_server: Start):
        class Tolerant(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/gone", statuses=[404])
                yield Request(f"{server.url}/moved", statuses=[301])
                yield Request(f"{server.url}/busy", statuses=[503])

        pages = {"/gone": (404, HTML, b""), "/moved": (301, {"Location": "/x"}, b""), "/busy": (503, HTML, b"")}
        server = page_server(pages)
        run = crawl(Tolerant)
        assert sorted(item["status"] for item in run.items) == [301, 404, 503]
        assert (run.stats["pages"], run.stats["failed"], len(server.log)) == (3, 0, 3)

    def test_nofollow_is_left_out_of_links_and_admitted_when_yielded(self, page_server: Start):
        class Yields(Spider):
            def parse(self, response: Response) -> Any:
                yield from (response.follow(link) for link in response.links())
                if response.url.endswith("/"):
                    yield response.follow(response.select_one("#asked"))

        server = page_server(
            {"/": '<a href="/a">a<a rel=nofollow href="/b">b<a id=asked rel=nofollow href="/c">c', "/a": "", "/c": ""}
        )
        crawl(Yields, server.url)
        assert sorted(paths(server)) == ["/", "/a", "/c"]

    def test_what_is_not_html_reaches_the_callback_and_no_parser(self, page_server: Start):
        class Looks(Spider):
            def parse(self, response: Response) -> Any:
                if response.url.endswith("/json"):
                    yield {"json": response.json()}
                    response.select("a")
                else:
                    yield {"json": response.json()}

        kind = {"Content-Type": "application/json"}
        server = page_server({"/json": (200, kind, b"[1]"), "/fine": (200, kind, b"[2]")})
        run = crawl(Looks, f"{server.url}/json", f"{server.url}/fine")
        assert list(run.items) == [{"json": [2]}]
        assert "application/json" in run.failures[0].message

    def test_args_become_attributes(self, page_server: Start):
        class Takes(Spider):
            def parse(self, response: Response) -> Any:
                yield {"category": self.category}

        server = page_server({"/": "x"})
        assert list(crawl(Takes, server.url, args={"category": "travel"}).items) == [{"category": "travel"}]

    def test_args_that_the_spider_does_not_take(self, page_server: Start):
        class Strict(Pages):
            def __init__(self, *, category: str) -> None:
                super().__init__(category=category)

        with pytest.raises(ConfigError, match="category"):
            crawl(Strict, "http://127.0.0.1:9/", args={"categroy": "travel"})


class TestErrbacks:
    def test_gets_the_failure_and_may_yield(self, page_server: Start):
        class Careful(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/gone", meta={"n": 1}, errback=self.failed)

            def failed(self, failure: Failure) -> Any:
                assert failure.response is not None
                yield {"reason": failure.reason, "meta": failure.request.meta, "body": failure.response.text}
                yield failure.response.follow("/instead")

        server = page_server({"/gone": (404, HTML, b"gone"), "/instead": "x"})
        run = crawl(Careful)
        assert next(iter(run.items)) == {"reason": "http-404", "meta": {"n": 1}, "body": "gone"}
        assert paths(server) == ["/gone", "/instead"]
        assert (run.stats["pages"], run.stats["failed"]) == (1, 1)

    def test_is_called_after_the_last_attempt_only(self, page_server: Start):
        class Careful(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/busy", errback=self.failed)

            def failed(self, failure: Failure) -> Any:
                yield {"reason": failure.reason}

        server = page_server({"/busy": (500, HTML, b"")})
        run = crawl(Careful, retry={"attempts": 3})
        assert (list(run.items), len(server.log)) == ([{"reason": "http-500"}], 3)

    def test_one_that_raises_leaves_the_failure_as_it_was(self, page_server: Start):
        class Clumsy(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/gone", errback=self.failed)
                yield Request(f"{server.url}/fine")

            def failed(self, failure: Failure) -> Any:
                yield {"never": "kept"}
                raise RuntimeError("oh")

        server = page_server({"/fine": "x"})
        run = crawl(Clumsy)
        assert (reasons_of_failures(run), len(run.items)) == ({"/gone": "http-404"}, 1)


class TestWords:
    def test_retry_takes_one_of_the_attempts(self, page_server: Start):
        class Again(Spider):
            def parse(self, response: Response) -> Any:
                yield {"never": "kept"}
                raise Retry("not yet")

        server = page_server({"/a": "x"})
        run = crawl(Again, f"{server.url}/a", retry={"attempts": 3})
        assert (len(server.log), list(run.items)) == (3, [])
        assert reasons_of_failures(run) == {"/a": "retry"}

    def test_retry_waits_as_asked_and_then_succeeds(self, page_server: Start):
        class Again(Spider):
            tries = 0

            def parse(self, response: Response) -> Any:
                type(self).tries += 1
                if self.tries == 1:
                    raise Retry("not yet", wait=0.4)
                yield {"try": self.tries}

        server = page_server({"/a": "x"})
        run = crawl(Again, f"{server.url}/a")
        assert list(run.items) == [{"try": 2}]
        assert server.log[1].time - server.log[0].time >= 0.4

    def test_stop_crawl_ends_it_well_with_what_was_found(self, page_server: Start):
        class Enough(Spider):
            def parse(self, response: Response) -> Any:
                yield {"url": response.url}
                yield from (response.follow(link) for link in response.links())
                if response.url.endswith("/p1"):
                    raise StopCrawl("that will do")

        server = page_server(site(30))
        run = crawl(Enough, server.url)
        assert (run.result, len(run.items), run.stats["pages"]) == ("finished", 3, 3)
        assert "that will do" in run.why

    def test_stop_crawl_in_start(self, page_server: Start):
        class Enough(Pages):
            def start(self) -> Any:
                yield {"only": "this"}
                for number in range(20):
                    yield Request(f"{server.url}/p{number}")
                raise StopCrawl("that will do")

        server = page_server(site(20))
        run = crawl(Enough, politeness={"delay": 0.05})
        assert (run.result, "that will do" in run.why) == ("finished", True)
        assert run.stats["pages"] < 20

    def test_stop_crawl_does_not_wait_for_what_will_be_thrown_away(self, page_server: Start):
        asked, free = threading.Event(), threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path == "/hangs":
                asked.set()
                free.wait(6)
            else:
                asked.wait(5)
            return 200, HTML, b"x"

        class Enough(Spider):
            def parse(self, response: Response) -> Any:
                raise StopCrawl("that will do")

        server = page_server(answer)
        began = time.monotonic()
        run = crawl(Enough, f"{server.url}/hangs", f"{server.url}/a", politeness={"concurrency": 2})
        took = time.monotonic() - began
        free.set()
        assert (run.result, run.stats["pages"]) == ("finished", 1)
        assert took < 4

    def test_an_exception_in_start_is_told_in_words(self, page_server: Start):
        class Broken(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/p0")
                raise KeyError("no such thing")

        server = page_server(site(1))
        with pytest.raises(ScraperError, match="no such thing"):
            crawl(Broken)


class TestItems:
    def test_of_every_kind(self, page_server: Start):
        class Kinds(Spider):
            def parse(self, response: Response) -> Any:
                yield Book("b")
                yield Film("f")
                yield Song(title="s")
                yield {"title": "d"}

        server = page_server({"/": "x"})
        run = crawl(Kinds, server.url)
        assert list(run.items) == [{"title": letter} for letter in "bfsd"]

    def test_pipelines_in_order_with_and_without_the_response(self, page_server: Start):
        server = page_server({"/": "x"})
        run = crawl(Pages, server.url, pipelines=[f"{__name__}:shout", f"{__name__}:place"])
        url = f"{server.url}/"
        assert list(run.items) == [{"url": url, "status": 200, "loud": True, "from": url}]

    def test_dropped_items_are_counted_and_the_rest_kept(self, page_server: Start):
        class Three(Spider):
            def parse(self, response: Response) -> Any:
                yield from ({"n": n} for n in (0, 1, 3))

        seen = Seen()
        server = page_server({"/": "x"})
        run = crawl(Three, server.url, pipelines=[f"{__name__}:choosy"], observers=[seen])
        assert (list(run.items), run.stats["dropped"], run.stats["pages"]) == ([{"n": 0}, {"n": 3}], 1, 1)
        assert [event.reason for event in seen.of(events.ItemDropped)] == ["unwanted"]

    def test_a_pipeline_may_stop_the_crawl(self, page_server: Start):
        class Counts(Spider):
            def parse(self, response: Response) -> Any:
                yield {"n": len(response.url.rpartition("/")[2])}
                yield from (response.follow(link) for link in response.links())

        server = page_server(site(30))
        run = crawl(Counts, server.url, pipelines=[f"{__name__}:choosy"])
        assert (run.result, list(run.items), "enough" in run.why) == ("finished", [{"n": 0}], True)

    def test_a_broken_pipeline_costs_its_item_and_not_its_page(self, page_server: Start):
        server = page_server(site(2))
        seen = Seen()
        run = crawl(Follow, server.url, pipelines=[f"{__name__}:broken"], observers=[seen])
        assert reasons_of_failures(run) == {}
        assert (run.stats["pages"], run.stats["items"], run.stats["quarantined"]) == (3, 0, 3)
        (told,) = (event.message for event in seen.of(events.Notice) if "pipeline" in event.message)
        assert "the pipeline broken raised" in told and "test_spider_contract.py:" in told

    def test_start_may_yield_items(self, page_server: Start):
        class Starts(Pages):
            def start(self) -> Any:
                yield {"from": "start"}
                yield Request(f"{server.url}/")

        server = page_server({"/": "x"})
        run = crawl(Starts, pipelines=[f"{__name__}:place"])
        assert [item["from"] for item in run.items] == [None, f"{server.url}/"]
