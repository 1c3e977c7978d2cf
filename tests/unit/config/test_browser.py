"""The keys `fetcher` and `browser`: what they take, what is inherited, and what is said of what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper import BadRequest, Request
from scraper.config import load
from scraper.errors import ConfigError
from scraper.fetch.browsing import Choice

SITE: dict[str, Any] = {"name": "a", "start_urls": ["https://a.example/"], "rules": [{"match": "*", "follow": ["a"]}]}


def test_a_domain_has_the_sites_fetcher_unless_it_says_another() -> None:
    domains = {"b.example": {"politeness": {"delay": 2}}, "c.example": {"fetcher": "http"}}
    config = load({**SITE, "fetcher": "browser", "domains": domains}).config
    assert [config.for_domain(f"{name}.example").fetcher for name in "abc"] == ["browser", "browser", "http"]
    assert config.uses_browser()
    assert not load(SITE).config.uses_browser()


def test_what_is_nearest_to_the_request_counts() -> None:
    rules = [
        {"match": "/late/*", "wait_for": ".price", "fields": {"price": ".price"}},
        {"match": {"regex": "/plain/"}, "fetcher": "http"},
        {"match": "/*", "fetcher": "auto"},
    ]
    choice = Choice(load({**SITE, "rules": rules, "domains": {"b.example": {"fetcher": "browser"}}}).config)
    said = [
        choice.of(request)
        for request in (
            Request("https://a.example/"),
            Request("https://a.example/late/1"),
            Request("https://a.example/plain/1"),
            Request("https://a.example/plain/1", fetcher="browser", wait_for="h1"),
        )
    ]
    assert said == [("auto", None), ("auto", ".price"), ("http", None), ("browser", "h1")]
    plain = Choice(load({**SITE, "domains": {"b.example": {"fetcher": "browser"}}}).config)
    assert plain.of(Request("https://b.example/x")) == ("browser", None)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("fetcher: chrome", "a.yaml:3:10: fetcher: expected http or browser or auto, got chrome"),
        ("browser: {wait_for: '..'}", "browser.wait_for: expected a CSS selector"),
        ("browser: {locale: de_DE}", "browser.locale: expected a language with its region, such as de-DE"),
        ("browser: {timezone: Mars/Phobos}", "browser.timezone: expected a time zone such as Europe/London"),
        ("browser: {viewport: wide}", "browser.viewport: expected width and height in pixels, such as 1280x720"),
        ("browser: {block: [images]}", "write image"),
        ("browser: {wait_fr: h1}", "did you mean browser.wait_for"),
        (
            "rules: [{match: {selector: h1}, follow: [a], fetcher: browser}]",
            "expected a glob or {regex: …} as match, since fetcher has to be known before the page is",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, yaml: str, said: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"start_urls: [https://a.example/]\nspider: a.py:A\n{yaml}\n")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert said in str(raised.value)


def test_a_request_keeps_its_fetcher_in_the_store() -> None:
    request = Request("https://a.example/", fetcher="browser", wait_for=".price")
    again = Request.from_record(request.to_record())
    assert (again.fetcher, again.wait_for) == ("browser", ".price")
    assert request.short_form is None
    with pytest.raises(BadRequest, match="no fetcher 'chrome'"):
        Request("https://a.example/", fetcher="chrome")


def test_a_selector_on_the_command_line_may_begin_with_a_hash() -> None:
    assert load(SITE, sets=["browser.wait_for=#price"]).config.browser.wait_for == "#price"
