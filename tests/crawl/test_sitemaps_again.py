"""Sitemaps that did not change since the run before are not sent again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.engine.tasks import sitemap_cache
from tests.crawl.crawling import Pages, crawl
from tests.crawl.test_sitemaps import index, urlset, visited, xml
from tests.servers.keepalive import Answer, PageServer

Start = Callable[..., PageServer]


class Site:
    """Two pages, a sitemap of them and an index of it; a file has the ETag that `etags` says."""

    def __init__(self) -> None:
        self.bodies = {"/index.xml": index("/one.xml"), "/one.xml": urlset("/a", "/b")}
        self.etags: dict[str, str] = {"/index.xml": '"i1"', "/one.xml": '"o1"'}
        self.always_304 = False

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path not in self.bodies:
            return 200, {"Content-Type": "text/html"}, f"<p>{path}".encode()
        etag, asked = self.etags.get(path), headers.get("If-None-Match")
        validators = {} if etag is None else {"ETag": etag}
        if asked is not None and (asked == etag or self.always_304):
            return 304, validators, b""
        return xml(self.bodies[path], **validators)


def run(server: PageServer, folder: Path, **config: Any) -> tuple[scraper.Run, dict[str, int]]:
    """A run, and with what each sitemap was answered last."""
    seen = len(server.log)
    done = crawl(Pages, sitemaps=[f"{server.url}/index.xml"], store=str(folder / "s.db"), **config)
    return done, {each.path: each.status for each in server.log[seen:] if each.path.endswith(".xml")}


def test_what_they_list_is_taken_from_the_store(page_server: Start, tmp_path: Path):
    site = Site()
    server = page_server(site)
    _, statuses = run(server, tmp_path)
    assert statuses == {"/index.xml": 200, "/one.xml": 200}
    for _ in range(2):
        again, statuses = run(server, tmp_path, keep_runs=1)
        assert statuses == {"/index.xml": 304, "/one.xml": 304}
        assert (visited(again), again.stats["sitemaps"], again.stats["sitemaps_unread"]) == (["/a", "/b"], 2, 0)

    site.bodies["/one.xml"], site.etags["/one.xml"] = urlset("/a", "/c"), '"o2"'
    changed, statuses = run(server, tmp_path)
    assert (visited(changed), statuses) == (["/a", "/c"], {"/index.xml": 304, "/one.xml": 200})
    # Today's scope holds for what is kept, too.
    narrow, statuses = run(server, tmp_path, scope={"exclude": ["/c"]})
    assert (visited(narrow), statuses) == (["/a"], {"/index.xml": 304, "/one.xml": 304})


def test_a_304_that_contradicts_itself_is_not_believed(page_server: Start, tmp_path: Path):
    site = Site()
    server = page_server(site)
    run(server, tmp_path)
    site.bodies["/one.xml"], site.etags["/one.xml"] = urlset("/c"), '"o2"'
    site.always_304 = True
    again, _ = run(server, tmp_path)
    assert (visited(again), again.stats["distrusted"], again.stats["sitemaps_unread"]) == (["/c"], 1, 0)
    assert [each.status for each in server.log if each.path == "/one.xml"] == [200, 304, 200]


@pytest.mark.parametrize("why", ["not-conditional", "no-validators", "too-large"])
def test_where_nothing_is_kept_they_are_fetched(
    page_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
):
    site = Site()
    if why == "no-validators":
        site.etags = {}
    if why == "too-large":
        monkeypatch.setattr(sitemap_cache, "MOST_BYTES", 10)
    server = page_server(site)
    config = {"revisit": {"conditional": False}} if why == "not-conditional" else {}
    run(server, tmp_path, **config)
    again, statuses = run(server, tmp_path, **config)
    assert (visited(again), statuses) == (["/a", "/b"], {"/index.xml": 200, "/one.xml": 200})


def test_what_no_kept_run_read_is_forgotten(page_server: Start, tmp_path: Path):
    site = Site()
    server = page_server(site)
    run(server, tmp_path, keep_runs=1)
    site.bodies["/index.xml"], site.etags["/index.xml"] = index("/two.xml"), '"i2"'
    site.bodies["/two.xml"], site.etags["/two.xml"] = urlset("/c"), '"t1"'
    del site.bodies["/one.xml"]
    for _ in range(2):
        again, _ = run(server, tmp_path, keep_runs=1)
    assert visited(again) == ["/c"]
    with closing(sqlite3.connect(tmp_path / "s.db")) as store:
        assert store.execute("select count(*) from listings").fetchone() == (2,)
