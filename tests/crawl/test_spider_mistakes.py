"""What a spider does wrong fails its page, not the crawl."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper import Request, Response, Spider
from scraper.config import load
from scraper.errors import SpiderFailed
from scraper.testing.recording import outcome_of
from tests.crawl.crawling import (
    crawl,
    reasons_of_failures,
)
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


def with_meta(request: Request, **more: Any) -> Request:
    request.meta.update(more)
    return request


class TestMistakesOfASpider:
    """A request that cannot be stored fails the page that yielded it, not the crawl."""

    @pytest.mark.parametrize(
        "careless",
        [
            lambda response: with_meta(response.follow("/next"), parent=object()),
            lambda response: with_meta(response.follow("/next"), name="\ud800"),
            lambda response: response.follow("/next", headers={"Accept": b"text/html"}),
            lambda response: response.follow("/next", priority="high"),
            lambda response: response.follow("/next", priority=10**30),
            lambda response: response.follow("/next", statuses=["\ud800"]),
        ],
        ids=["object in meta", "lone surrogate", "bytes", "priority in words", "priority beyond reason", "statuses"],
    )
    def test_bad_request(self, page_server: Start, careless: Callable[[Response], Request]):
        class Careless(Spider):
            def parse(self, response: Response) -> Any:
                yield {"url": response.url}
                if response.url.endswith("/bad"):
                    yield careless(response)

        server = page_server({"/bad": "x", "/good": "x", "/next": "x"})
        run = crawl(Careless, f"{server.url}/bad", f"{server.url}/good")
        assert f"{server.url}/good" in [item["url"] for item in run.items]
        assert run.result == "finished"

    def test_meta_from_a_page_s_json(self, page_server: Start):
        """JSON may hold half a surrogate pair, which UTF-8 cannot say: a hostile page ends no crawl."""

        class Reads(Spider):
            def parse(self, response: Response) -> Any:
                yield response.follow("/next", "leaf", meta=response.json())

            def leaf(self, response: Response) -> Any:
                yield {"url": response.url}

        body = (200, {"Content-Type": "application/json"}, rb'{"name": "\ud800"}')
        server = page_server({"/": body, "/next": "x"})
        run = crawl(Reads, server.url)
        assert run.result == "finished"

    def test_an_exception_that_speaks_of_it(self, page_server: Start):
        class Raises(Spider):
            def parse(self, response: Response) -> Any:
                raise ValueError(response.json()["name"])

        body = (200, {"Content-Type": "application/json"}, rb'{"name": "\ud800"}')
        server = page_server({"/": body})
        run = crawl(Raises, server.url)
        assert reasons_of_failures(run) == {"/": "spider"}

    @pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit, SystemExit, BaseException])
    def test_an_exception_that_is_not_an_Exception(self, page_server: Start, raised: type[BaseException]):
        """It would end the crawl at the same page each time that it is resumed."""

        class Raises(Spider):
            def parse(self, response: Response) -> Any:
                yield {"url": response.url}
                if response.url.endswith("/bad"):
                    raise raised

        server = page_server({"/bad": "x", "/good": "x"})
        run = crawl(Raises, f"{server.url}/bad", f"{server.url}/good")
        assert [item["url"] for item in run.items] == [f"{server.url}/good"]
        assert (run.result, reasons_of_failures(run)) == ("finished", {"/bad": "spider"})


def test_a_recording_of_a_page_whose_pipeline_raises_fails(tmp_path: Path):
    (tmp_path / "books.py").write_text(
        "from scraper import Spider\nclass Books(Spider):\n    def parse(self, response):\n        yield {'a': 1}\n"
        "def clean(item):\n    return item['b']\n"
    )
    site = tmp_path / "site.yaml"
    site.write_text("spider: books.py:Books\nstart_urls: [http://a.example/]\npipelines: [books.py:clean]\n")
    with pytest.raises(SpiderFailed, match="the pipeline clean raised KeyError: 'b'"):
        outcome_of(load(site), Response("http://a.example/", body=b"x"))


def test_a_page_that_yields_without_end_fails_alone(page_server: Start, monkeypatch: pytest.MonkeyPatch):
    """What a page yields is held in memory until it is committed, so there is a bound to it."""
    monkeypatch.setattr("scraper.engine.spider_runner.MAX_REQUESTS", 50)

    class Endless(Spider):
        def parse(self, response: Response) -> Any:
            yield {"url": response.url}
            for number in itertools.count() if response.url.endswith("/bad") else ():
                yield response.follow(f"/p{number}")

    server = page_server({"/bad": "x", "/good": "x"})
    run = crawl(Endless, f"{server.url}/bad", f"{server.url}/good")
    assert [item["url"] for item in run.items] == [f"{server.url}/good"]
    assert [(failure.reason, "more than 50 requests" in failure.message) for failure in run.failures] == [
        ("spider", True)
    ]
