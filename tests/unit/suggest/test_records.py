"""Rules that are written of one answer of an API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scraper.config import load
from scraper.response import Response
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.suggest.records import suggest_records

URL = "https://api.example/v1/things"


def page_of(data: Any, url: str = URL, **headers: str) -> Page:
    body = json.dumps(data).encode()
    return Page(Response(url, headers={"Content-Type": "application/json", **headers}, body=body))


def read(data: Any, url: str = URL, **headers: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The items and links that the rules of an answer make of it."""
    page = page_of(data, url, **headers)
    suggestion = suggest_records(page)
    assert suggestion is not None
    (config,) = load({"name": "api", **suggestion.written()}).config.rules
    rule = PageRule(config, 0)
    assert rule.matches(page)
    return [dict(item) for item in rule.items(page)], [request.url for request in rule.links(page)]


def test_records_are_found_wherever_they_lie_with_all_that_they_say() -> None:
    records = [
        {
            "id": 1,
            "price": {"amount": 3.5},
            "link": "/things/1",
            "tags": ["a", "b"],
            "bad-key": True,
            "parts": [{"x": 1}],
        },
        {"id": 2, "price": None, "link": "/things/2", "tags": [], "bad-key": False, "parts": []},
    ]
    found, links = read({"meta": {"count": 2}, "data": {"rows": records}})
    assert found == [
        {"id": 1, "price_amount": 3.5, "link": "https://api.example/things/1", "tags": ["a", "b"], "bad_key": True},
        {"id": 2, "price_amount": None, "link": "https://api.example/things/2", "tags": [], "bad_key": False},
    ]
    assert links == []
    assert read(records)[0] == found
    assert read({"id": 7, "name": "Ada"})[0] == [{"id": 7, "name": "Ada"}]


@pytest.mark.parametrize(
    ("more", "query", "headers", "following"),
    [
        ({}, "", {"Link": '</v1/things?page=2>; rel="next"'}, "?page=2"),
        ({"next": "/v1/things?from=9"}, "", {}, "?from=9"),
        ({"links": {"next": f"{URL}?from=9"}}, "", {}, "?from=9"),
        ({"meta": {"next_cursor": "xyz"}}, "", {}, "?cursor=xyz"),
        ({"nextPageToken": "t"}, "?q=tea", {}, "?q=tea&pageToken=t"),
        ({}, "?q=tea&page=3", {}, "?q=tea&page=4"),
    ],
)
def test_what_leads_to_the_next_answer_is_found(
    more: dict[str, Any], query: str, headers: dict[str, str], following: str
) -> None:
    _, links = read({"items": [{"id": 1}], **more}, f"{URL}{query}", **headers)
    assert links == [f"{URL}{following}"]


@pytest.mark.parametrize("data", [[], {}, "text", 7, [1, 2], {"items": []}])
def test_json_without_records_gives_nothing(data: Any) -> None:
    assert suggest_records(page_of(data)) is None
