"""Pages in any encoding and of any type, met by rules and spiders: `pages.encoding`, and what is skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import scraper
from scraper import Spider
from scraper.errors import ConfigError
from tests.crawl.commands import command
from tests.crawl.crawling import SETTINGS, crawl, merged, paths
from tests.servers.keepalive import PageServer

TEXT = "Zażółć gęślą jaźń"
XHTML = b'<html xmlns="http://www.w3.org/1999/xhtml"><body><div/><h1>X</h1><a href="/last">x</a></body></html>'


def typed(content_type: str, body: bytes) -> Any:
    return 200, {"Content-Type": content_type}, body


def heading(encoding: str, content_type: str = "text/html") -> Any:
    return typed(content_type, f"<h1>{TEXT}</h1>".encode(encoding))


def by_rules(server: PageServer, rules: list[dict[str, Any]], **overrides: Any) -> scraper.Run:
    settings = merged(SETTINGS, {"name": "rules", "start_urls": [server.url + "/"], "rules": rules})
    return scraper.crawl(merged(settings, overrides))


EVERY = {"match": "*", "follow": ["a"], "fields": {"title": "h1"}}


@pytest.mark.parametrize("parsers", [0, 2])
def test_rules_skip_what_is_not_html_and_count_it(parsers: int) -> None:
    site = {
        "/": "<h1>Home</h1><a href=/f.pdf>1</a><a href=/d.json>2</a><a href=/x>3</a><a href=/twice>4</a>",
        "/f.pdf": typed("application/pdf", b"%PDF-1.4"),
        "/d.json": typed("application/json", b"{}"),
        "/x": typed("application/xml", XHTML),
        "/twice": (200, [("Content-Type", "text/html"), ("Content-Type", "text/html")], b"<h1>Twice</h1>"),
        "/last": typed("html", b"<h1>Last</h1>"),
    }
    with PageServer(site) as server:
        run = by_rules(server, [EVERY], engine={"parsers": parsers})
        assert sorted(item["title"] for item in run.items) == ["Home", "Last", "Twice", "X"]
        assert (run.stats["pages"], run.stats["failed"], run.stats["dropped"]) == (6, 0, 0)
        assert (run.stats["skipped"], run.stats["drops"]) == ({"not-html": 2}, {})


def test_a_rule_that_reads_nothing_of_the_page_still_makes_its_item() -> None:
    site = {"/": "<a href=/f.pdf>1</a>", "/f.pdf": typed("application/pdf", b"%PDF-1.4")}
    rules = [{"match": "/", "follow": ["a"]}, {"match": "*.pdf", "fields": {"url": {"page": "url"}}}]
    with PageServer(site) as server:
        run = by_rules(server, rules)
        assert [item["url"] for item in run.items] == [server.url + "/f.pdf"]
        assert run.stats["skipped"] == {}


def test_rules_test_says_that_a_page_is_skipped(tmp_path: Path) -> None:
    with PageServer({"/f.pdf": typed("application/pdf", b"%PDF-1.4")}) as server:
        site = tmp_path / "site.yaml"
        settings = merged(SETTINGS, {"start_urls": [server.url], "rules": [EVERY]})
        site.write_text(yaml.safe_dump(settings), encoding="utf-8")
        done = command("rules", "test", site, f"{server.url}/f.pdf", cwd=tmp_path)
    assert "skipped:" in done.stdout
    assert "application/pdf" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("parsers", [0, 1])
def test_pages_are_read_in_the_encoding_that_the_crawl_the_domain_or_the_rule_names(parsers: int) -> None:
    site = {"/": heading("cp1250", "text/html; charset=utf-8")}
    ways: list[dict[str, Any]] = [
        {"pages": {"encoding": "windows-1250"}},
        {"domains": {"127.0.0.1": {"pages": {"encoding": "cp1250"}}}},
        {"pages": {"encoding": "koi8-r"}, "domains": {"127.0.0.1": {"pages": {"encoding": "cp1250"}}}},
    ]
    with PageServer(site) as server:
        for way in ways:
            run = by_rules(server, [EVERY], engine={"parsers": parsers}, **way)
            assert [item["title"] for item in run.items] == [TEXT]
        rules = [EVERY, {"match": "/", "item": "own", "pages": {"encoding": "cp1250"}, "fields": {"title": "h1"}}]
        run = by_rules(server, rules, engine={"parsers": parsers})
        assert [item["title"] == TEXT for item in run.items] == [False, True]


class Headings(Spider):
    name = "headings"

    def parse(self, response: Any) -> Any:
        yield {"encoding": response.encoding, "title": response.select_one("h1").get_text()}
        if response.encoding != "windows-1250":
            response.encoding = "windows-1250"
            yield {"encoding": response.encoding, "title": response.select_one("h1").get_text()}
            yield response.follow("?q=ź", dont_filter=True)


def test_a_spider_meets_the_encoding_and_may_change_it() -> None:
    with PageServer(lambda method, path, headers, body: heading("cp1250", "text/html; charset=latin1")) as server:
        run = crawl(Headings, server.url + "/", pages={"encoding": "cp1250"})
        assert list(run.items) == [{"encoding": "windows-1250", "title": TEXT}]
        run = crawl(Headings, server.url + "/", limits={"depth": 1, "pages": 1})
        assert [item["title"] == TEXT for item in run.items] == [False, True]
        assert paths(server) == ["/", "/"]


@pytest.mark.parametrize("where", ["pages", "domains.127_0_0_1.pages", "rules.0.pages"])
def test_an_encoding_that_no_page_has_is_refused_with_its_place(where: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "start_urls": ["http://127.0.0.1/"],
        "rules": [dict(EVERY)],
        "domains": {"127.0.0.1": {}},
    }
    place: Any = settings
    for name in where.split(".")[:-1]:
        place = place[int(name) if name.isdigit() else name.replace("_", ".")]
    place["pages"] = {"encoding": "windows-1520"}
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        scraper.crawl(site)
    assert "windows-1520" in str(caught.value)
    assert "site.yaml:" in str(caught.value)


def test_links_of_a_legacy_page_are_sent_in_its_encoding() -> None:
    page = typed(
        "text/html; charset=iso-8859-1", "<a href='/suche?wort=Größe'>x</a><a href='/süß'>y</a>".encode("latin-1")
    )
    with PageServer({"/": page}) as server:
        by_rules(server, [{"match": "/", "follow": ["a"]}])
        assert sorted(paths(server)) == ["/", "/s%C3%BC%C3%9F", "/suche?wort=Gr%F6%DFe"]
