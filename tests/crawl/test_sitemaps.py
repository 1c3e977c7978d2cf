"""Sitemaps as seeds: from robots.txt or given, through the same door as pages, whatever state they are in."""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.observe import events
from scraper.store import Store
from scraper.store.tables import Kind
from tests.crawl.crawling import Pages, Seen, agrees, crawl, paths, prepared, reasons_of_failures
from tests.servers.keepalive import Answer, PageServer

Start = Callable[..., PageServer]
XML = {"Content-Type": "application/xml"}
OBEY = {"robots": "obey", "delay": 0, "jitter": 0}


def urlset(*locations: str, lastmod: str = "") -> bytes:
    date = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    urls = "".join(f"<url><loc>{location}</loc>{date}</url>" for location in locations)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()


def index(*locations: str) -> bytes:
    files = "".join(f"<sitemap><loc>{location}</loc></sitemap>" for location in locations)
    return f"<sitemapindex>{files}</sitemapindex>".encode()


def xml(body: bytes, **headers: str) -> Answer:
    return 200, XML | {name.replace("_", "-"): value for name, value in headers.items()}, body


def robots(*lines: str) -> Answer:
    return 200, {"Content-Type": "text/plain"}, "\n".join(("User-agent: *", "Disallow: /private/", *lines)).encode()


def visited(run: scraper.Run) -> list[str]:
    """The paths of the pages, in the order of the alphabet."""
    return sorted("/" + item["url"].split("/", 3)[3] for item in run.items)


def notices(seen: Seen) -> list[str]:
    return [notice.message for notice in seen.of(events.Notice) if "sitemap" in notice.message]


def figures(run: scraper.Run) -> dict[str, int]:
    return {key: run.stats[key] for key in ("pages", "failed", "sitemaps", "sitemaps_unread") if run.stats[key]}


class TestAuto:
    def test_from_robots_txt_over_an_index_to_pages(self, page_server: Start, tmp_path: Path):
        pages: dict[str, Any] = {"/": "<p>home", **{f"/{name}": "<p>page" for name in ("a", "b", "c", "private/d")}}
        server = page_server(pages)
        pages["/robots.txt"] = robots(f"Sitemap: {server.url}/index.xml", f"Sitemap: {server.url}/missing.xml")
        elsewhere = "http://elsewhere.example/more.xml"
        pages["/index.xml"] = xml(index("/one.xml.gz", "/soft.xml", "/broken.xml", "/index.xml", elsewhere))
        pages["/one.xml.gz"] = xml(gzip.compress(urlset("a", f"{server.url}/", "http://off.example/", "/private/d")))
        pages["/soft.xml"] = "<!doctype html><title>Not found</title>"
        pages["/broken.xml"] = xml(urlset("/b", "/c?x=1&y=2").removesuffix(b"</url></urlset>"))
        pages["/c?x=1&y=2"] = "<p>page"
        seen, store = Seen(), tmp_path / "crawl.db"
        run = crawl(Pages, f"{server.url}/", sitemaps="auto", politeness=OBEY, observers=[seen], store=str(store))
        assert visited(run) == ["/", "/a", "/b", "/c?x=1&y=2"]
        assert figures(run) == {"pages": 4, "sitemaps": 3, "sitemaps_unread": 2}
        assert run.stats["refusals"] == {"offsite": 2, "robots": 1}
        told = notices(seen)
        assert [message.removeprefix(server.url) for message in told] == [
            f"the sitemap {server.url}/missing.xml could not be read: the server answered 404",
            "/soft.xml is not a sitemap: it is an HTML page",
            f"the sitemap {server.url}/broken.xml has flaws, and was read all the same: cut-short 1",
        ]
        assert agrees(run, server)
        assert len(set(paths(server))) == len(server.log)
        with Store.open_existing(store) as kept:
            request = scraper.Request(f"{server.url}/a")
            (known,) = kept.history(run.id, request, request.fingerprint()).known
        assert (known.found_on_url, known.found_in_sitemap) == (f"{server.url}/one.xml.gz", True)

    @pytest.mark.parametrize("rules", ["obey", "ignore"])
    def test_guesses_where_none_is_named(self, page_server: Start, rules: str):
        server = page_server({"/": "<p>home", "/a": "<p>page", "/sitemap.xml": xml(urlset("/a"))})
        run = crawl(Pages, f"{server.url}/", sitemaps="auto", politeness=OBEY | {"robots": rules})
        assert visited(run) == ["/", "/a"]
        assert paths(server).count("/robots.txt") == (rules == "obey")

    def test_a_site_without_any_is_crawled_all_the_same(self, page_server: Start):
        server = page_server({"/": "<p>home"})
        run = crawl(Pages, f"{server.url}/", sitemaps="auto", gate={"max_failed": 0})
        assert (run.result, figures(run)) == ("finished", {"pages": 1, "sitemaps_unread": 1})

    def test_robots_txt_that_cannot_be_had_ends_it(self, page_server: Start):
        server = page_server({"/": "<p>home", "/robots.txt": (503, {}, b""), "/sitemap.xml": xml(urlset("/a"))})
        run = crawl(Pages, f"{server.url}/", sitemaps="auto", politeness=OBEY, retry={"attempts": 1})
        assert (visited(run), set(paths(server))) == ([], {"/robots.txt"})

    def test_is_not_the_default(self, page_server: Start):
        server = page_server({"/": "<p>home", "/sitemap.xml": xml(urlset("/a"))})
        crawl(Pages, f"{server.url}/")
        assert paths(server) == ["/"]


class TestGiven:
    def test_without_start_urls_their_hosts_are_the_scope(self, page_server: Start):
        pages: dict[str, Any] = {"/a": "<p>page"}
        server = page_server(pages)
        pages["/urls.txt"] = (200, {"Content-Type": "text/plain"}, f"{server.url}/a\nhttp://off.example/\n".encode())
        run = crawl(Pages, sitemaps=[f"{server.url}/urls.txt"])
        assert (visited(run), run.stats["refusals"]) == (["/a"], {"offsite": 1})

    def test_a_file_may_be_larger_than_a_page(self, page_server: Start):
        locations = [f"/{number:04}" for number in range(300)]
        pages: dict[str, Any] = dict.fromkeys(locations, "<p>page")
        pages["/map"] = xml(gzip.compress(urlset(*locations)), Content_Encoding="gzip")
        server = page_server(pages)
        run = crawl(Pages, sitemaps=[f"{server.url}/map"], limits={"body": "1kB"})
        assert visited(run) == locations
        assert len(urlset(*locations)) > 1_000

    def test_a_file_is_tried_again_and_follows_redirects(self, page_server: Start):
        busy = [503, 503]

        def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
            if path == "/old.xml":
                return (busy.pop(), {}, b"") if busy else (301, {"Location": "/new.xml"}, b"x" * 400_000)
            return xml(urlset("/a")) if path == "/new.xml" else (200, {"Content-Type": "text/html"}, b"<p>page")

        server = page_server(answer)
        run = crawl(Pages, sitemaps=[f"{server.url}/old.xml"])
        assert paths(server) == ["/old.xml"] * 3 + ["/new.xml", "/a"]
        assert figures(run) == {"pages": 1, "sitemaps": 1}
        assert agrees(run, server)

    def test_a_page_that_redirects_does_not_widen_the_scope(self, page_server: Start):
        pages: dict[str, Any] = {"/sitemap.xml": xml(urlset("/hop", "/b")), "/b": "<p>page"}
        server = page_server(pages)
        away = server.url.replace("127.0.0.1", "localhost")
        pages["/hop"] = (302, {"Location": "/away"}, b"")
        pages["/away"] = (302, {"Location": f"{away}/x"}, b"")
        run = crawl(Pages, sitemaps=[f"{server.url}/sitemap.xml"])
        assert (visited(run), run.stats["refusals"]) == (["/b"], {"offsite": 1})

    def test_callbacks_and_errbacks_hear_of_pages_only(self, page_server: Start):
        server = page_server({"/sitemap.xml": xml(urlset("/gone"))})
        run = crawl(Pages, sitemaps=[f"{server.url}/sitemap.xml", f"{server.url}/missing.xml"])
        assert reasons_of_failures(run) == {"/gone": "http-404"}
        assert (list(run.items), figures(run)) == ([], {"failed": 1, "sitemaps": 1, "sitemaps_unread": 1})


def test_a_page_that_did_not_change_since_is_not_asked_for(page_server: Start, tmp_path: Path):
    pages: dict[str, Any] = {"/a": "<p>page", "/b": "<p>page"}
    server = page_server(pages)
    entries = "<url><loc>/a</loc><lastmod>2020-01-01</lastmod></url><url><loc>/b</loc></url>"
    pages["/sitemap.xml"] = xml(f"<urlset>{entries}</urlset>".encode())
    before = 0
    for asked in (["/a", "/b"], ["/b"]):
        run = crawl(Visited, sitemaps=[f"{server.url}/sitemap.xml"], store=str(tmp_path / "crawl.db"))
        assert (visited(run), sorted(paths(server)[before:])) == (["/a", "/b"], [*asked, "/sitemap.xml"])
        before = len(server.log)


class Visited(Pages):
    """At the top of its module, so that its pages can stand for those of a later run."""


# Stopped and killed --------------------------------------------------------------------------------------

LONG = 20_000
SCRIPT = """
import sys
import scraper

class Killed(scraper.Spider):
    def parse(self, response):
        yield {"url": response.url}

scraper.crawl(
    Killed, sitemaps=[sys.argv[1]], store=sys.argv[2], exports=[], gate={"min_items": 0}, limits={"pages": 1},
    network={"allow_private": True}, politeness={"robots": "ignore", "delay": 0, "jitter": 0},
)
"""


def listed(store: Path, *, different: bool = False) -> int:
    """How many pages are in the frontier."""
    what = "distinct request" if different else "*"
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as database:
            (count,) = database.execute(
                f"select count({what}) from frontier where kind = ?", (Kind.PAGE.value,)
            ).fetchone()
    except sqlite3.OperationalError:  # it is not there yet
        return 0
    return int(count)


@pytest.fixture
def long(page_server: Start) -> PageServer:
    """A site whose sitemap takes several commits."""
    body = xml(gzip.compress(urlset(*(f"/{number}" for number in range(LONG)))))

    def answer(method: str, path: str, headers: Any, _: bytes) -> Answer:
        return body if path == "/sitemap.xml" else (200, {"Content-Type": "text/html"}, b"<p>page")

    return page_server(answer)


def test_killed_in_mid_file_it_is_read_again(long: PageServer, tmp_path: Path):
    store = tmp_path / "crawl.db"
    source = str(Path(scraper.__file__).parent.parent)
    command: Sequence[str] = [sys.executable, "-c", SCRIPT, f"{long.url}/sitemap.xml", str(store)]
    environment = {**os.environ, "PYTHONPATH": source}
    with subprocess.Popen(command, env=environment) as running:
        until = time.monotonic() + 30
        while not listed(store) and time.monotonic() < until:
            time.sleep(0.005)
        running.kill()
    killed_at = listed(store)
    assert 0 < killed_at < LONG
    assert subprocess.run(command, env=environment, timeout=60, check=True).returncode == 0
    assert (listed(store), listed(store, different=True)) == (LONG, LONG)
    assert paths(long).count("/sitemap.xml") == 2


def test_stopped_in_mid_file_it_is_read_again(long: PageServer, tmp_path: Path):
    settings: dict[str, Any] = {"sitemaps": [f"{long.url}/sitemap.xml"], "store": str(tmp_path / "crawl.db")}

    def stop(event: object) -> None:
        if isinstance(event, events.Fetched):
            begun.stop(10.0)

    begun = prepared(Pages, observers=[stop], **settings)
    began = time.monotonic()
    assert begun.run().result == "stopped"
    assert time.monotonic() - began < 8, "it waited for the whole file"
    assert listed(tmp_path / "crawl.db") < LONG
    run = crawl(Pages, limits={"pages": 1}, **settings)
    assert (run.result, figures(run)) == ("limit", {"pages": 1, "sitemaps": 1})
    assert listed(tmp_path / "crawl.db") == listed(tmp_path / "crawl.db", different=True) == LONG
