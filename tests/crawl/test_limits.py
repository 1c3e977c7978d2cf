"""How a crawl ends: limits, gate, results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Response, Spider
from tests.crawl.crawling import (
    SETTINGS,
    Follow,
    Pages,
    crawl,
    merged,
    paths,
    reasons_of_failures,
    site,
)
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


class TestLimits:
    def test_duration_ends_a_start_that_blocks(self, page_server: Start):
        """It may wait for a queue or a database that says nothing more."""

        class Blocked(Spider):
            def start(self) -> Any:
                yield scraper.Request(f"{server.url}/0")
                time.sleep(60)

            def parse(self, response: Response) -> Any:
                yield {"url": response.url}

        server = page_server({"/0": "x"})
        began = time.monotonic()
        run = crawl(Blocked, limits={"duration": 0.6})
        assert (run.result, "limits.duration" in run.why) == ("limit", True)
        assert time.monotonic() - began < 10

    def test_a_slow_start_is_crawled_as_it_comes(self, page_server: Start):
        """Its first requests are sent long before it has given hundreds."""
        sent_while_it_ran = []

        class Slow(Spider):
            def start(self) -> Any:
                for number in range(30):
                    time.sleep(0.05)
                    yield scraper.Request(f"{server.url}/{number}")
                sent_while_it_ran.append(len(server.log))

            def parse(self, response: Response) -> Any:
                yield {"url": response.url}

        server = page_server({f"/{number}": "x" for number in range(30)})
        run = crawl(Slow)
        assert len(run.items) == 30
        assert sent_while_it_ran[0] > 5

    @pytest.mark.parametrize("most", [1, 7, 20])
    def test_pages_are_exact(self, page_server: Start, most: int):
        server = page_server(site(60))
        settings = {"politeness": {"concurrency": 8}, "limits": {"pages": most}}
        run = crawl(Follow, server.url, **settings)
        assert (run.result, run.stats["pages"], len(run.items)) == ("limit", most, most)
        assert len(server.log) == most
        assert "limits.pages" in run.why

    def test_failed_pages_and_redirects_give_their_places_back(self, page_server: Start):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            number = int(path.removeprefix("/p"))
            if number % 3 == 0:
                return 404, HTML, b""
            if number % 3 == 1 and number < 50:
                return 302, {"Location": f"/p{number + 100}"}, b""
            return 200, HTML, b"x"

        server = page_server(answer)
        starts = [f"{server.url}/p{number}" for number in range(40)]
        run = crawl(Pages, *starts, politeness={"concurrency": 8}, limits={"pages": 12})
        assert (run.result, run.stats["pages"], len(run.items)) == ("limit", 12, 12)

    def test_as_many_pages_as_there_are_is_no_limit(self, page_server: Start):
        server = page_server(site(4))
        run = crawl(Follow, server.url, limits={"pages": 5})
        assert (run.result, run.stats["pages"]) == ("finished", 5)

    def test_items_may_be_passed_by_one_page(self, page_server: Start):
        class Three(Spider):
            def parse(self, response: Response) -> Any:
                yield from ({"n": n} for n in range(3))
                yield from (response.follow(link) for link in response.links())

        server = page_server(site(30))
        run = crawl(Three, server.url, limits={"items": 7}, politeness={"concurrency": 4})
        assert (run.result, len(run.items), run.stats["items"], run.stats["pages"]) == ("limit", 9, 9, 3)

    def test_depth(self, page_server: Start):
        pages = {f"/{depth}": f'<a href="/{depth + 1}">' for depth in range(6)}
        server = page_server(pages)
        run = crawl(Follow, f"{server.url}/0", limits={"depth": 2})
        assert (paths(server), run.stats["refusals"]) == (["/0", "/1", "/2"], {"depth": 1})

    def test_duration(self, page_server: Start):
        class Endless(Spider):
            def parse(self, response: Response) -> Any:
                yield response.follow(f"/{int(response.url.rpartition('/')[2]) + 1}")

        server = page_server(lambda *_: (200, HTML, b"x"))
        began = time.monotonic()
        run = crawl(Endless, f"{server.url}/0", limits={"duration": 0.6}, scope={"no_traps": ["*"]})
        assert (run.result, "limits.duration" in run.why) == ("limit", True)
        assert 0.6 <= time.monotonic() - began < 3

    def test_body(self, page_server: Start):
        server = page_server({"/fits": "x" * 1_000, "/large": "x" * 1_001})
        run = crawl(Pages, f"{server.url}/fits", f"{server.url}/large", limits={"body": 1_000})
        assert (run.stats["pages"], reasons_of_failures(run)) == (1, {"/large": "body-too-large"})
        assert "limits.body" in run.failures[0].message


class TestResults:
    def test_finished(self, page_server: Start):
        run = crawl(Pages, page_server({"/": "x"}).url, gate={"min_items": 1})
        assert (run.result, run.exit_code) == ("finished", 0)

    @pytest.mark.parametrize(("gate", "word"), [({"min_items": 2}, "min_items"), ({"max_failed": 0.4}, "max_failed")])
    def test_outside_gate(self, page_server: Start, gate: dict[str, Any], word: str):
        server = page_server({"/": "x"})
        run = crawl(Pages, server.url, f"{server.url}/gone", gate=gate)
        assert (run.result, run.exit_code, word in run.why) == ("outside-gate", 1, True)

    def test_the_default_of_the_gate_is_named_where_it_strikes(self, page_server: Start):
        settings = {
            **SETTINGS,
            "name": "g",
            "rules": [{"match": "*", "fields": {"t": {"css": "h2", "required": True}}}],
        }
        server = page_server({"/": "<h1>x"})
        del settings["gate"]
        run = scraper.crawl({**settings, "start_urls": [server.url]})
        assert run.why == "0 items, fewer than gate.min_items: 1 (nobody wrote gate.min_items; the default is 1)"
        written = scraper.crawl({**settings, "start_urls": [server.url]}, gate={"min_items": 1})
        assert (written.result, written.why) == ("outside-gate", "0 items, fewer than gate.min_items: 1")

    @pytest.mark.parametrize("more", [{}, {"archive": "out/a.warc.gz"}])
    def test_the_default_of_the_gate_is_none_where_no_items_are_meant(
        self, page_server: Start, more: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        fields = {"fields": {"t": {"css": "h2", "required": True}}} if more else {}
        settings = {**SETTINGS, "name": "g", "rules": [{"match": "*", "follow": ["a"], **fields}], **more}
        del settings["gate"]
        settings["start_urls"] = [page_server({"/": "<a href=/b>b", "/b": "b"}).url]
        run = scraper.crawl(settings)
        assert (run.result, run.stats["pages"], len(run.items)) == ("finished", 2, 0)
        assert scraper.crawl(settings, gate={"min_items": 1}).result == "outside-gate"

    def test_max_failed_is_failed_of_all_that_ended(self, page_server: Start):
        server = page_server({"/": "x"})
        run = crawl(Pages, server.url, f"{server.url}/gone", gate={"max_failed": 0.5})
        assert run.result == "finished"

    def test_a_limit_is_inside(self, page_server: Start):
        run = crawl(Follow, page_server(site(3)).url, limits={"pages": 2}, gate={"min_items": 2})
        assert (run.result, run.exit_code) == ("limit", 0)

    def test_a_spider_class_and_keywords(self, page_server: Start):
        server = page_server(site(3))
        run = scraper.crawl(Follow, **merged(SETTINGS, {"start_urls": [server.url], "limits": {"pages": 3}}))
        assert (run.name, run.result, len(list(run.items)), len(list(run.items))) == ("follow", "limit", 3, 3)

    def test_two_crawls_at_once_in_one_process(self, page_server: Start):
        server = page_server(site(20))
        runs: list[scraper.Run] = []
        threads = [threading.Thread(target=lambda: runs.append(crawl(Follow, server.url))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [(run.result, len(run.items)) for run in runs] == [("finished", 21)] * 2

    def test_a_private_store_goes_with_the_run(self, page_server: Start):
        run = crawl(Pages, page_server({"/": "x"}).url)
        folder = run._store.path.parent
        items = run.items
        assert folder.is_dir() and len(list(items)) == 1
        del run
        assert folder.is_dir()
        del items
        assert not folder.exists()
