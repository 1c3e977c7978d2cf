from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from scraper.errors import ItemError, ScraperError, UsageError
from scraper.request import Request
from scraper.response import Response
from scraper.spider import Spider, resolve, results_of


class Books(Spider):
    start_urls = ("http://example.com/",)
    category = "all"

    def parse(self, response: Response) -> Iterator[Any]:
        yield {"url": response.url}

    def parse_book(self, response: Response) -> None: ...

    def _parse_hidden(self, response: Response) -> None: ...


class Strict(Spider):
    name = "quite strict"

    def __init__(self, category: str, pages: int = 3) -> None:
        super().__init__(category=category)
        self.pages = pages


@dataclass
class Thing:
    name: str


def test_a_spider_has_a_name_a_log_and_its_arguments() -> None:
    spider = Books.build({"category": "travel", "pages": 2})
    assert (spider.name, spider.category, vars(spider)["pages"]) == ("books", "travel", 2)
    assert spider.log is logging.getLogger("scraper.spider.Books")
    assert Strict.build({"category": "x"}).name == "quite strict"
    assert Books.build({}).category == "all"


def test_it_starts_with_its_start_urls_or_those_of_the_configuration() -> None:
    assert [request.url for request in Books.build({}).start()] == ["http://example.com/"]
    spider = Books.build({}, ["http://example.com/a", "http://example.com/b"])
    assert [request.url for request in spider.start()] == ["http://example.com/a", "http://example.com/b"]
    assert Books.start_urls == ("http://example.com/",)


@pytest.mark.parametrize(
    "name", ["parse", "parse_book", "start", "log", "name", "start_urls", "_secret", "__class__"]
)
def test_an_argument_may_not_take_a_name_that_means_something(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name!r}.*another name"):
        Books.build({name: 1})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "missing a required argument: 'category'.*it takes category, pages"),
        ({"categry": "x"}, "it takes category, pages"),
        ({"category": "x", "depth": 3}, "'depth'.*it takes category, pages"),
    ],
)
def test_wrong_arguments_are_answered_with_the_right_ones(args: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Strict.build(args)


def test_a_spider_whose_init_fails_is_a_usage_error_that_keeps_the_cause() -> None:
    class Broken(Spider):
        def __init__(self, n: str) -> None:
            super().__init__()
            self.n = int(n)

    with pytest.raises(UsageError, match="Broken cannot be made: ValueError") as caught:
        Broken.build({"n": "x"})
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_spider_without_parse_says_what_to_write() -> None:
    class Empty(Spider):
        pass

    with pytest.raises(ScraperError, match=r"Empty has no parse method.*def parse"):
        Empty().parse(Response("http://example.com/"))


def test_callbacks_are_found_by_name() -> None:
    spider = Books()
    assert resolve(spider, None) == spider.parse
    assert resolve(spider, "parse_book") == spider.parse_book
    assert resolve(spider, "_parse_hidden") == spider._parse_hidden


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parse_bok", "no method 'parse_bok'.*did you mean parse_book"),
        ("xyzzy", "no method 'xyzzy'.*it has .*parse, parse_book"),
        ("category", "no method 'category'"),
        ("__init__", "no method '__init__'"),
    ],
)
def test_a_callback_that_is_not_there_names_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(Books(), name)


def test_results_are_none_one_or_many() -> None:
    request, item, thing = Request("http://example.com/"), {"a": 1}, Thing("x")
    assert list(results_of(None)) == []
    assert list(results_of(request)) == [request]
    assert list(results_of(item)) == [item]
    assert list(results_of(thing)) == [thing]
    assert list(results_of([request, None, item])) == [request, item]
    assert list(results_of(result for result in (thing, request))) == [thing, request]


def test_results_come_one_by_one() -> None:
    def endless() -> Iterator[dict[str, int]]:
        number = 0
        while True:
            yield {"n": number}
            number += 1

    results = results_of(endless())
    assert [next(results), next(results)] == [{"n": 0}, {"n": 1}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("http://example.com/", "yielded str"),
        (["http://example.com/"], "yielded str"),
        (5, "yielded int"),
        ([{"a": 1}, 5], "yielded int"),
        ([b"x"], "yielded bytes"),
        ([Thing], "yielded type"),
        ([(n for n in ())], "yielded generator.*yield from"),
        ([[{"a": 1}]], "yielded list"),
    ],
)
def test_other_results_are_named(value: object, message: str) -> None:
    with pytest.raises(ItemError, match=message):
        list(results_of(value))


def test_an_async_callback_is_named_as_such() -> None:
    async def coroutine() -> None: ...

    async def generator() -> Any:
        yield {}

    for value in (coroutine(), generator()):
        with pytest.raises(ItemError, match=r"async.*with `def`"):
            list(results_of(value))
