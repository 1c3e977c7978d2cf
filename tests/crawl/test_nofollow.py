"""What pages and links ask not to follow: counted, said, and followed where politeness.nofollow says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import scraper
from scraper import Response, Spider
from tests.crawl.commands import command
from tests.crawl.crawling import SETTINGS, crawl, merged, paths
from tests.servers.keepalive import PageServer

SITE = {
    "/": "<a href=/page>p</a><a rel=nofollow href=/marked>m</a><a href=mailto:a@b>x</a>",
    "/page": "<meta name=robots content='noindex,nofollow'><a href=/in1>1</a><a href=/in2>2</a><a href=/>up</a>",
    "/marked": "m",
    "/in1": "1",
    "/in2": "2",
}
RULES: list[dict[str, Any]] = [{"match": "*", "follow": ["a"], "fields": {"url": {"page": "url"}}}]


class Links(Spider):
    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)


class All(Spider):
    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        yield from response.follow_all("a")


class Elements(Spider):
    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        yield from response.follow_all(response.soup.find_all("a"))


WAYS: list[type[Spider] | None] = [None, Links, All, Elements]


def run_of(way: type[Spider] | None, server: PageServer, **overrides: Any) -> scraper.Run:
    start = server.url + "/"
    if way is not None:
        return crawl(way, start, **overrides)
    return scraper.crawl(merged(merged(SETTINGS, {"name": "r", "start_urls": [start], "rules": RULES}), overrides))


@pytest.mark.parametrize("parsers", [0, 1])
@pytest.mark.parametrize("way", WAYS)
def test_links_follow_all_and_rules_leave_out_the_same_links_and_count_them(
    way: type[Spider] | None, parsers: int
) -> None:
    with PageServer(SITE) as server:
        run = run_of(way, server, engine={"parsers": parsers})
        assert sorted(paths(server)) == ["/", "/page"]
    assert run.stats["refusals"] == {"nofollow": 3}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("ignore", {"/marked", "/in1", "/in2"}),
        ({"page": "ignore"}, {"/in1", "/in2"}),
        ({"link": "ignore"}, {"/marked"}),
    ],
)
def test_a_key_follows_them_pages_and_links_apart(way: type[Spider] | None, key: Any, more: set[str]) -> None:
    with PageServer(SITE) as server:
        run = run_of(way, server, politeness={"nofollow": key})
        assert set(paths(server)) == {"/", "/page"} | more
    assert run.stats["refusals"].get("nofollow", 0) == 3 - len(more)


def test_a_header_counts_as_the_page_and_a_request_of_the_spiders_own_is_admitted() -> None:
    class Own(Spider):
        def parse(self, response: Response) -> Any:
            for link in response.links():
                yield response.follow(link)
            if response.url.endswith("/"):
                yield response.follow("/asked")

    page = (200, {"Content-Type": "text/html", "X-Robots-Tag": "nofollow"}, b"<a href=/no>n</a><a href=/asked>a</a>")
    with PageServer({"/": page, "/asked": "x"}) as server:
        run = crawl(Own, server.url + "/")
        assert sorted(paths(server)) == ["/", "/asked"]
    assert run.stats["refusals"] == {"nofollow": 1}


def test_a_later_run_that_ignores_it_asks_again_although_nothing_changed(tmp_path: Path) -> None:
    site = {path: (200, {"Content-Type": "text/html", "ETag": '"1"'}, body.encode()) for path, body in SITE.items()}
    store = str(tmp_path / "c.db")
    with PageServer(site) as server:
        first = run_of(None, server, store=store)
        again = run_of(None, server, store=store)
        ignoring = run_of(None, server, store=store, politeness={"nofollow": "ignore"})
    assert [len(run.items) for run in (first, again, ignoring)] == [2, 2, 5]
    assert again.stats["refusals"] == {"nofollow": 3}


def test_report_log_rules_test_and_explain_say_it_with_the_key(tmp_path: Path) -> None:
    with PageServer(SITE) as server:
        start = server.url + "/"
        file = tmp_path / "site.yaml"
        file.write_text(yaml.safe_dump(merged(SETTINGS, {"start_urls": [start], "rules": RULES})), encoding="utf-8")
        done = command("crawl", file, cwd=tmp_path)
        tried = command("rules", "test", file, start + "page", cwd=tmp_path)
        marked = command("rules", "test", file, start, cwd=tmp_path)
        explained = command("explain", file, start + "in1", cwd=tmp_path)
    assert done.returncode == 0
    assert "refused: nofollow 3 (politeness.nofollow: ignore follows them)" in done.stderr
    assert "warning 2 links were not followed, since their pages say nofollow" in done.stderr
    assert "politeness.nofollow: ignore" in done.stderr
    assert "3 links not followed, since this page says nofollow" in tried.stdout
    assert "politeness: {nofollow: {page: ignore}}" in tried.stdout
    assert "1 link\n" in marked.stdout
    assert "1 link not followed, since they are rel=nofollow" in marked.stdout
    assert "refused     nofollow: the page that links to it says nofollow" in explained.stdout
    assert start + "page" in explained.stdout
    assert "politeness.nofollow: ignore" in explained.stdout
