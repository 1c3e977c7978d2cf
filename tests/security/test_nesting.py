"""Pages whose tags nest so that the parsers would work on them for minutes, in which nothing else runs."""

from __future__ import annotations

import time

import pytest

from scraper import Response
from scraper.errors import NotHtml, TooNested
from tests.crawl.commands import command

N = 25_000
ATTACKS = {
    "end tags of nothing": "<div>" * N + "</x>" * N,
    "end tags of paragraphs": "<div>" * N + "</p>" * N,
    "end tags of the body": "<div>" * N + "</body>" * N,
    "end tags that a higher element holds": "<b>" + "<div>" * N + "</b>" * N,
    "end tags in upper case": "<DIV>" * N + "</X>" * N,
    "end tags with attributes": "<div a=1>" * N + "</x a=1>" * N,
    "end tags without >": "<div>" * N + "</x" * N,
    "names with signs": "<a:b->" * N + "</c:d>" * N,
    "one of many kinds": "<i><font><section>" * (N // 3) + "</em>" * N,
    "open fonts": "<font>" * N,
    "open blocks": "<div>" * N,
    "lists in lists": "<ul><li>" * (N // 2) + "</b>" * N,
    "tables in tables": "<table><tr><td>" * (N // 3) + "</x>" * N,
    "in comments": "<!--" + "<div>" * N + "-->" + "<div>" * N + "</x>" * N,
    "options of one select": "<select>" + "<option>" * N,
    "selects in options": "<select><option>" * (N // 2),
    "forms": "<form><div>" * (N // 2) + "</form>" * N,
    "in svg": "<svg>" * N + "</x>" * N,
    "elements that the end of the page ends": "<svg>" * N + "<th>" * N,
    "line breaks that end": "<div>" * N + "</br>" * N,
    "bodies in what is open": "<svg>" * 2 * N + "<body>" * 2 * N,
}


@pytest.mark.parametrize("page", ATTACKS.values(), ids=ATTACKS)
def test_a_page_is_read_in_time_or_refused(page: str) -> None:
    response = Response("http://a.example/", headers={"Content-Type": "text/html"}, body=page.encode())
    begun = time.process_time()
    for read in (
        response.links,
        lambda: response.css("b i"),
        lambda: response.select("b i, font"),
        lambda: response.soup,
    ):
        try:
            read()
        except (TooNested, NotHtml) as error:
            assert error.request is response.request
    assert time.process_time() - begun < 12


HONEST = {
    "paragraphs without end": "<p>text <b>b</b>" * N,
    "cells without end": "<table>" + "<tr><td>a<td><i>b</i>" * (N // 3) + "</table>",
    "lists without end": "<ul>" + "<li><a href=/>a</a>" * N + "</ul>",
    "stray end tags": "<div>a</font></div>" * N,
    "bodies without end": "<body>a" * N,
    "options without end": "<select>" + "<option>a" * 15_000 + "</select>" + "<p>" * 9_000,
    "definitions without end": "<dl>" + "<dt>a<dd>b</b>" * N + "</dl>",
    "a script that writes": "<script>" + "document.write('<div>')</x>" * N + "</script><body>a",
    "inline elements that cross": "<p><b><i>x</b></i></p>" * N,
}


@pytest.mark.parametrize("page", HONEST.values(), ids=HONEST)
def test_a_long_page_that_is_written_as_people_write_is_read(page: str) -> None:
    response = Response("http://a.example/", headers={"Content-Type": "text/html"}, body=page.encode())
    assert response.css_first("body") is not None
    assert response.select_one("body") is not None


SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.url}
        yield from map(response.follow, response.links())
"""


@pytest.mark.parametrize("parsers", [0, 1])
def test_such_a_page_fails_by_name_and_its_neighbours_are_crawled(parsers: int, page_server, project) -> None:
    pages = {
        "/": '<a href="/evil">e</a><a href="/good">g</a>',
        "/evil": ATTACKS["end tags of nothing"],
        "/good": "<p>",
    }
    folder = project(page_server(pages).url, spider=SPIDER, more=f"engine: {{parsers: {parsers}}}")
    done = command("crawl", "site.yaml", cwd=folder)
    failures = command("runs", "site.yaml", "--failures", cwd=folder).stdout
    assert done.returncode == 0, done.stderr
    assert "too-nested" in failures
    assert (folder / "out" / "site.jsonl").read_text().count("/good") == 1
