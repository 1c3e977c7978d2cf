"""Names in the YAML that fit nothing of a run: each is said once, at its end, with the nearest that would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import scraper
from scraper import Response, Spider
from scraper.items import NamedItem
from scraper.observe.events import Notice
from tests.crawl.commands import Project, command
from tests.crawl.crawling import SETTINGS, Seen, crawl, merged
from tests.servers.keepalive import PageServer

SITE = {"/": "<a href=/q/1>1</a><a href=/q/2>2</a><h1>home</h1>", "/q/1": "<p>a</p>", "/q/2": "<p>b</p>"}


class Quotes(Spider):
    def parse(self, response: Response) -> Any:
        for link in response.links():
            yield response.follow(link)
        if response.css_first("p") is not None:
            yield NamedItem("quote", {"text": response.css_first("p").text(), "author": None, "page": 1})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"items": {"quote": {"key": ["sku"]}}},
            "items.quote.key: no item has a field sku, so that none is known again",
        ),
        ({"items": {"quote": {"key": ["txt"]}}}, "did you mean text?"),
        ({"items": {"quot": {"key": ["text"]}}}, "items.quot: no item is of this type; did you mean quote?"),
        ({"exports": [{"path": "a.csv", "item": "Quote"}]}, "no item is of type Quote; did you mean quote?"),
        ({"exports": [{"path": "a.csv", "fields": ["pages"]}]}, "no item has a field pages; did you mean page?"),
        ({"items": {"quote": {"key": ["page"]}}}, "1 quote item has the key of one before"),
        ({}, "quote.author is empty in all 2 items"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("parsers", [0, 1])
def test_what_a_spider_does_not_make_is_said_once(
    settings: dict[str, Any], words: str, parsers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = Seen()
    with PageServer(SITE) as server:
        run = crawl(Quotes, server.url + "/", observers=[seen], engine={"parsers": parsers}, **settings)
    assert len([notice for notice in seen.of(Notice) if words in notice.message]) == 1
    assert len([warning for warning in run.stats["warnings"] if words in warning]) == 1


def test_a_crawl_in_which_all_fits_warns_of_nothing() -> None:
    class Fine(Quotes):
        def parse(self, response: Response) -> Any:
            for result in super().parse(response):
                if isinstance(result, NamedItem):
                    result["author"] = "somebody"
                yield result

    with PageServer(SITE) as server:
        run = crawl(Fine, server.url + "/", items={"quote": {"key": ["text"]}})
    assert run.stats["warnings"] == []


@pytest.mark.parametrize("parsers", [0, 1])
def test_a_rule_that_matches_no_page_is_said_and_one_of_unchanged_pages_is_not(parsers: int, tmp_path: Path) -> None:
    rules = [
        {"match": "/", "follow": ["a"]},
        {"match": "/q/*", "fields": {"text": "p"}},
        {"match": "/quotes/*", "fields": {"text": "p"}},
    ]
    site = {path: (200, {"Content-Type": "text/html", "ETag": '"1"'}, body.encode()) for path, body in SITE.items()}
    with PageServer(site) as server:
        settings = merged(SETTINGS, {"name": "r", "start_urls": [server.url + "/"], "rules": rules})
        settings = merged(settings, {"store": str(tmp_path / "r.db"), "engine": {"parsers": parsers}})
        runs = [scraper.crawl(settings) for _ in range(2)]
    said = "rules[2] (match: /quotes/*) is not for any of 3 pages: try it by scraper rules test SITE.yaml URL"
    assert [run.stats["warnings"] for run in runs] == [[said], [said]]
    assert runs[1].stats["carried"] == 3


@pytest.mark.parametrize("parsers", [0, 1])
def test_json_ld_that_cannot_be_read_is_counted_with_one_example(parsers: int) -> None:
    script = '<script type="application/ld+json">{}</script>'.format
    unread = "<p>a" + script('{"@type": "Product", "name": nonsense here}')
    fine = "<p>b" + script('{"@type": "Product", "name": "b"}')
    site = {"/": "<a href=/q/1>1</a><a href=/q/2>2</a><a href=/q/3>3</a>"}
    site |= {"/q/1": unread, "/q/2": unread + script('{"@type": "Product", "name": "c"}'), "/q/3": fine}
    rules = [
        {"match": "/", "follow": ["a"]},
        {"match": "/q/*", "fields": {"text": "p", "name": {"jsonld": "Product.name"}}},
    ]
    with PageServer(site) as server:
        settings = merged(SETTINGS, {"name": "r", "start_urls": [server.url + "/"], "rules": rules})
        run = scraper.crawl(merged(settings, {"engine": {"parsers": parsers}}))
        [said] = run.stats["warnings"]
        assert said.startswith(f"JSON-LD of 2 pages cannot be read, as on {server.url}/q/")
        assert said.endswith("): try it by scraper rules test SITE.yaml URL")
        assert (run.stats["drops"], run.stats["skipped"]) == ({}, {})


def test_a_field_that_no_rule_makes_ends_the_check_with_its_line(tmp_path: Path) -> None:
    rules = [{"match": "*", "item": "product", "fields": {"name": "h1"}}]
    settings = {"start_urls": ["https://example.com/"], "rules": rules, "items": {"product": {"key": ["sku"]}}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    done = command("check", "site.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "site.yaml:4:7: items.product.key[0]" in done.stderr
    assert "no rule gives product a field sku: write one of name" in done.stderr


def test_an_export_of_a_type_or_field_that_the_run_has_not_is_refused(small: PageServer, project: Project) -> None:
    folder = project(small.url)
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    for options, words in (
        (("--item", "itm"), "--item itm: the run has no items of this type; did you mean item?"),
        (("--fields", "titel"), "--fields titel: no item of the run has it; did you mean title?"),
    ):
        done = command("export", "site.yaml", *options, cwd=folder)
        assert done.returncode == 2
        assert words in done.stderr.replace("\n  ", "; ")
        assert done.stdout == ""
