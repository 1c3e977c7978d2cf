"""Pseudo-classes: lexbor and soupsieve find the same on made pages, or `check` and `response.css` refuse them."""

from __future__ import annotations

import random
import warnings
from functools import cache
from typing import Any

import pytest
import soupsieve
from bs4 import BeautifulSoup

from scraper import Response
from scraper.config.types.selectors import BadSelector, read_css
from scraper.errors import ScraperError

#: Not here: `:empty`, of which soupsieve has another view (white space), `:checked` of options chosen because none
#: is, and what matches the root as a first child.
FOUND = """
    :any-link|:link|:root|:active|:hover|:focus|:first-of-type|:last-child|:last-of-type|:only-of-type
    |:nth-child(-n+3)|:nth-last-child(2n)|:nth-last-child(2)|:nth-of-type(2n+1)|:nth-of-type(2)
    |:nth-last-of-type(2n)|:nth-child(2 of .x)|:nth-last-child(1 of .x)|:nth-child(2 of :not(.x))
    |:nth-child(1 of :is(.x,.y))|div:first-child|span:only-child|li:nth-child(2)|li:nth-child(even)
    |input:checked|:not(.x)|:not(.x,.y)|:not(.x > .y)|:not(.x .y)|:not(:not(.x))|:not(:is(.x))
    |:not(.x:first-child)|:not(div.x,span.y)|:not(*)|:is(.x,.y)|:is(.x .y)|:is(div.x > span)|:is(:not(.x),.y)
    |:is(:has(.x))|:where(.x,.y)|:where(:not(.x))|:has(.x)|:has(> .x)|:has(+ .x)|:has(~ .x)|:has(.x,.y)
    |:has(> .x, + .y)|:has([class])|:has(*)|:has(a[href])|:has(:not(.x))|:has(> :not(.x))|:has(+ :not(.x))
    |:has(~ :not(.x))|:has(:is(.x,.y))|:has(> :is(.x,.y))|:has(:where(.x))|:has(:first-child)
    |:has(> :not(:first-child))|:has(:nth-child(2 of .x))|:has(:not([class]))|:has(:not(.x):not(.y))
    |:has(:not(.x,.y))|:has(span,:not(.x))|:has(.x:not(.y))|:has(> div:not(.x))|:has(:only-child)
    |:not(:has(:not(.x)))|:not(:has(> .x))|:has(.x):not(.y)|:has([title=':not(x)'])|div:has(:not(.x)):not(.y)
""".replace("\n", "").split("|")
REFUSED = """
    :enabled|:disabled|:read-only|:read-write|:placeholder-shown|:required|:optional|:blank|:current
    |:current(.x)|:past|:future|input:ENABLED|:has(:disabled)|:not(:read-only)|a, :is(:enabled)
    |:nth-child(odd of div, span)|:nth-last-child(1 of .x, .y)
""".replace("\n", "").split("|")  # fmt: skip


def _attributes(chance: random.Random, tag: str, number: int) -> str:
    found = [tag, f"id=n{number}"]
    if chance.random() < 0.5:
        found.append(f'class="{" ".join(chance.sample("xyz", chance.randint(1, 2)))}"')
    if tag == "a" and chance.random() < 0.7:
        found.append("href=u")
    if tag == "input":
        found += [f"type={chance.choice(['text', 'checkbox', 'radio'])}", chance.choice(["checked", "disabled"])]
    return " ".join(found)


@cache
def pages() -> list[tuple[Response, BeautifulSoup]]:
    chance, number = random.Random(7), 0

    def element(depth: int) -> str:
        nonlocal number
        if depth > 5:
            return chance.choice(["text", " ", ""])
        number += 1
        tag = chance.choice(["div", "span", "section", "ul", "input", "a", "b", "article"])
        if tag == "input":
            return f"<{_attributes(chance, tag, number)}>"
        opening = f"<{_attributes(chance, tag, number)}>"
        inside = [element(depth + (3 if tag == "a" else 1)) for _ in range(chance.randint(0, 4))]
        if tag == "ul":
            inside = [f"<li>{one}</li>" for one in inside]
        return f"{opening}{''.join(inside) if tag != 'a' else 'x'}</{tag}>"

    made = []
    for _ in range(8):
        html = (
            f"<!DOCTYPE html><html><head><title>t</title></head><body>{''.join(element(0) for _ in range(12))}</body>"
        )
        headers = {"Content-Type": "text/html; charset=utf-8"}
        made.append((Response("http://a.example/", headers=headers, body=html.encode()), BeautifulSoup(html, "lxml")))
    return made


def _names(found: list[Any]) -> list[tuple[str, str | None]]:
    return [(getattr(one, "tag", None) or one.name, one.attrs.get("id")) for one in found]


@pytest.mark.parametrize("selector", [one.strip() for one in FOUND])
def test_what_is_found_is_what_the_selector_means(selector: str) -> None:
    read_css(selector)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for response, soup in pages():
            assert _names(response.css(selector)) == _names(soupsieve.select(selector, soup))


def test_the_made_pages_tell_wrong_from_right() -> None:
    counts = [sum(len(response.css(one.strip())) for response, _ in pages()) for one in FOUND]
    assert sum(count == 0 for count in counts) <= 6  # :hover, :not(*) and the like


@pytest.mark.parametrize("selector", [one.strip() for one in REFUSED])
def test_what_would_be_found_wrong_is_refused_with_what_to_write(selector: str) -> None:
    with pytest.raises(BadSelector, match=r"write|understood"):
        read_css(selector)
    response = Response("http://a.example/", headers={"Content-Type": "text/html"}, body=b"<p>")
    for find in (response.css, response.css_first):
        with pytest.raises(ScraperError) as caught:
            find(selector)
        assert "response.select" in str(caught.value)


@pytest.mark.parametrize("selector", ["svg|a", "|p", "svg|*", "[xlink|href]", "col || td", "a:has(svg|b)"])
def test_namespaces_are_refused_since_pages_have_none(selector: str) -> None:
    with pytest.raises(BadSelector, match=r"leave .* out, pages have neither namespaces"):
        read_css(selector)
    for fine in ("*|a", "[lang|=en]", "[title='a|b']", r".a\|b"):
        assert read_css(fine).selector == fine


def test_what_only_looks_like_a_pseudo_class_is_none() -> None:
    assert read_css("[title=':disabled']").selector == "[title=':disabled']"
    assert read_css(r".a\:enabled").selector == r".a\:enabled"
