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
    monkeypatch.setattr("scraper.engine.collected.MAX_REQUESTS", 50)

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


class Lists(Spider):
    """Follows all that it finds on the first page, whatever it is."""

    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        yield from (response.follow(link) for link in (response.css("a") if response.is_html else ()))


LINKS = {
    "/": "<a href=mailto:a@b.c>m</a><a href='tel:1'>t</a><a href=/x.pdf>p</a><a href=/old>o</a>",
    "/x.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF"),
    "/old": (302, {"Location": "/gone"}, b""),
}


@pytest.mark.parametrize("parsers", [0, 1])
def test_links_to_no_page_are_counted_and_cost_nothing(page_server: Start, parsers: int):
    run = crawl(Lists, page_server(LINKS).url, engine={"parsers": parsers})
    assert run.stats["unfollowed"] == {"mailto:": 1, "tel:": 1}
    assert len(run.items) == 2


def test_a_link_to_no_page_fails_the_page_where_that_is_wanted(page_server: Start):
    run = crawl(Lists, page_server(LINKS).url, strict=True)
    assert reasons_of_failures(run) == {"/": "spider"}
    assert "'mailto:a@b.c'" in run.failures[0].message


@pytest.mark.parametrize("types", [["html"], ["text/*"]])
def test_pages_of_other_types_reach_no_callback(page_server: Start, types: list[str]):
    run = crawl(Lists, page_server(LINKS).url, scope={"types": types})
    assert run.stats["skipped"] == {"other-type": 1}
    assert len(run.items) == 1


def test_a_failure_names_the_page_with_the_link_and_not_a_redirect(page_server: Start):
    server = page_server(LINKS)
    run = crawl(Lists, server.url)
    assert [(each.url, each.found_on) for each in run.failures] == [(f"{server.url}/gone", f"{server.url}/")]
