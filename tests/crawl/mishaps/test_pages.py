"""What stands in a page: trees without end, links without end, traps, charsets that lie."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper import Spider
from tests.crawl.crawling import Follow, Pages, crawl, paths, reasons_of_failures
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Looks(Spider):
    """Looks at a page in every way there is."""

    def parse(self, response: scraper.Response) -> Any:
        last = response.css_first("a.last")
        soup = response.select_one("a.last")
        assert last is not None and soup is not None
        yield {"url": response.url, "links": len(response.links()), "texts": [last.text(), soup.get_text()]}


LAST = '<a class=last href="/last">last</a>'
PAGES = {
    "100,000 nested divs": "<div>" * 100_000 + LAST,
    "100,000 nested divs, closed": "<div>" * 100_000 + LAST + "</div>" * 100_000,
    "50,000 formatting elements": "<b><i>" * 25_000 + LAST,
    "formatting in every paragraph": "<p><b><u><font>" * 4_000 + LAST,
    "10,000 nested tables": "<table><tr><td>" * 10_000 + LAST,
    "50,000 nested tables": "<table><tr><td>" * 50_000 + LAST,
    "200,000 attributes": "<p " + " ".join(f"a{number}=1" for number in range(200_000)) + ">" + LAST,
    "100,000 attributes with tags inside": "<p " + " ".join(f"a{n}='><b'" for n in range(100_000)) + ">" + LAST,
    "100,000 quotes that close far away": "<a b='" * 9_000 + "x" * 1_000_000 + "'>" + LAST,
    "an attribute of 5 MB": '<p title="' + "x" * 5_000_000 + '">' + LAST + "</p>",
    "a text of 5 MB in one line": "x" * 5_000_000 + LAST,
    "5 MB of <": "< " * 400_000 + LAST,
    "entities without end": "&#x" + "0" * 1_000_000 + "41;" + LAST,
    "nul and control characters": "\0\x01\x02\x1b[2J" * 10_000 + LAST,
}


#: They are read as others of these are, and take the longest.
LONG = {"100,000 nested divs, closed", "50,000 nested tables"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in PAGES]
)
def test_a_page_that_is_hard_to_read(page_server: Start, name: str):
    """It is read in every way, within seconds, and so is the next page."""
    server = page_server({"/bad": PAGES[name], "/good": LAST})
    began = time.monotonic()
    run = crawl(Looks, f"{server.url}/bad", f"{server.url}/good")
    assert time.monotonic() - began < 15
    assert [item["texts"] for item in run.items] == [["last", "last"]] * 2
    assert [item["links"] for item in run.items] == [1, 1]


@pytest.mark.parametrize("links", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_page_of_links_without_end(page_server: Start, links: int):
    """All to ten pages: each is admitted once."""
    server = page_server({"/": "".join(f"<a href=/p{n % 10}>x" for n in range(links))})
    began = time.process_time()
    run = crawl(Follow, server.url, limits={"depth": 1, "body": "40MB"})
    assert time.process_time() - began < 30 * links / 1_000_000
    assert sorted(set(paths(server))) == ["/", *(f"/p{n}" for n in range(10))]
    assert (run.stats["pages"], run.stats["failed"]) == (1, 10)


def test_a_page_of_too_many_tags_for_a_soup(page_server: Start):
    server = page_server({"/bad": "<i>" * 1_100_000, "/good": LAST})
    run = crawl(Looks, f"{server.url}/bad", f"{server.url}/good")
    assert reasons_of_failures(run) == {"/bad": "spider"}
    assert len(list(run.items)) == 1


class TestTraps:
    """Sites without end: the limits end them, and every URL is accounted for."""

    def trap(self, page_server: Start, link: Callable[[str], str]) -> PageServer:
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            return 200, HTML, f'<a href="{link(path)}">next</a>'.encode()

        return page_server(answer)

    def calendar(self, path: str) -> str:
        found = re.search(r"month=(\d+)", path)
        return f"/calendar?month={int(found[1]) + 1 if found else 1}"

    def test_an_endless_calendar_by_depth(self, page_server: Start):
        server = self.trap(page_server, self.calendar)
        run = crawl(Follow, server.url, limits={"depth": 12})
        assert (run.result, run.stats["pages"], run.stats["refusals"]) == ("finished", 13, {"depth": 1})

    def test_an_endless_calendar_by_pages(self, page_server: Start):
        server = self.trap(page_server, self.calendar)
        run = crawl(Follow, server.url, limits={"pages": 20})
        assert (run.result, run.stats["pages"], len(server.log)) == ("limit", 20, 20)

    def test_a_path_that_repeats_itself_by_depth(self, page_server: Start):
        server = self.trap(page_server, lambda path: path.rstrip("/") + "/a/b")
        run = crawl(Follow, server.url, limits={"depth": 9}, scope={"no_traps": ["*"]})
        assert (run.result, run.stats["pages"], run.stats["refusals"]) == ("finished", 10, {"depth": 1})

    def test_a_path_that_repeats_itself_is_a_trap(self, page_server: Start):
        server = self.trap(page_server, lambda path: path.rstrip("/") + "/a/b")
        run = crawl(Follow, server.url, limits={"depth": 9})
        assert (run.result, run.stats["pages"], run.stats["refusals"]) == ("finished", 3, {"trap": 1})

    def test_a_path_that_repeats_itself_by_the_length_of_its_url(self, page_server: Start):
        """Without any limit of depth it ends where a URL is longer than any server takes."""
        server = self.trap(page_server, lambda path: path.rstrip("/") + "/again-and-again" * 40)
        run = crawl(Follow, server.url, scope={"no_traps": ["*"]})
        assert run.result == "finished"
        assert run.stats["refusals"] == {"url-too-long": 1}
        assert run.stats["pages"] == 13

    def test_a_link_of_1_mb_and_links_that_are_none(self, page_server: Start):
        links = ["/" + "x" * 1_000_000, "javascript:x()", "data:,x", "file:///etc", "http://[", "//\0/", "mailto:a@b"]
        server = page_server(
            {"/": "".join(f'<a href="{link}">x</a>' for link in links) + '<a href="/ok">x</a>', "/ok": "x"}
        )
        run = crawl(Follow, server.url)
        assert (run.stats["pages"], run.stats["failed"]) == (2, 0)
        assert run.stats["refusals"] == {"url-too-long": 1}


class TestCharsets:
    TEXT = "<h1>Grüße aus Köln</h1>"

    def read(self, page_server: Start, body: bytes, content_type: str) -> tuple[str, str]:
        found: list[tuple[str, str]] = []

        class Reads(Pages):
            def parse(self, response: scraper.Response) -> Any:
                found.append((response.encoding, response.text))
                assert response.select_one("h1") is not None
                return super().parse(response)

        server = page_server({"/x": (200, {"Content-Type": content_type}, body)})
        run = crawl(Reads, f"{server.url}/x")
        assert run.stats["pages"] == 1
        return found[0]

    def test_that_is_unknown(self, page_server: Start):
        assert self.read(page_server, self.TEXT.encode(), "text/html; charset=klingon") == ("utf-8", self.TEXT)

    def test_utf_7_is_none(self, page_server: Start):
        """It would let text be read as tags that no filter of the site has seen."""
        body = b"<h1>x</h1>+ADw-script+AD4-"
        assert self.read(page_server, body, "text/html; charset=utf-7")[1] == body.decode()

    def test_that_lies(self, page_server: Start):
        encoding, text = self.read(page_server, self.TEXT.encode("windows-1252"), "text/html; charset=utf-8")
        assert (encoding, text) == ("utf-8", "<h1>Gr\ufffd\ufffde aus K\ufffdln</h1>")

    def test_that_a_byte_order_mark_belies(self, page_server: Start):
        body = b"\xef\xbb\xbf" + self.TEXT.encode()
        assert self.read(page_server, body, "text/html; charset=utf-16") == ("utf-8", self.TEXT)
