"""What is decided of drawn pages without a browser: what is kept of parts, what is drawn, what is stored."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, cast

import pytest

from scraper import Request, Response
from scraper.config import load
from scraper.fetch.archive import RecordMaker
from scraper.fetch.base import FetchResult
from scraper.fetch.browser import can_draw
from scraper.fetch.browser.kept_parts import KeptParts, Part, fresh_for
from scraper.fetch.keeping import KeepingFetcher, response_of
from scraper.fetch.redirects import refresh_of
from scraper.fetch.transport.recorder import WireRecorder
from scraper.fetch.warc_reader import ArchiveIndex
from scraper.hiding import forget, remember
from scraper.response.rendering import Captured, Rendering

HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 300.0),
        ({"Cache-Control": "public, max-age=60"}, 60.0),
        ({"Cache-Control": "max-age=99999999999"}, 86_400.0),
        ({"Cache-Control": "no-store"}, 0.0),
        ({"Cache-Control": "no-cache, max-age=60"}, 0.0),
        ({"Vary": "*"}, 0.0),
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
    ],
)
def test_how_long_a_script_is_used_again(headers: dict[str, str], seconds: float) -> None:
    assert fresh_for(headers) == seconds


def test_parts_are_kept_while_they_are_fresh_and_small() -> None:
    kept, part = KeptParts(), Part(200, {}, b"x")
    kept.keep("a", {}, part)
    kept.keep("b", {"Cache-Control": "no-store"}, part)
    kept.keep("c", {}, Part(404, {}, b""))
    kept.keep("d", {}, Part(200, {}, b"x" * 10_000_000))
    assert [kept.get(url) for url in "abcd"] == [part, None, None, None]
    with kept.turn("a"), kept.turn("b"):
        pass
    assert kept._turns == {}


@pytest.mark.parametrize(
    ("response", "drawn"),
    [
        (Response("https://a.example/", 200, HTML, b"<p>x"), True),
        (Response("https://a.example/", 404, HTML, b"<p>x"), False),
        (Response("https://a.example/", 200, HTML, b""), False),
        (Response("https://a.example/", 200, {"Content-Type": "application/json"}, b"{}"), False),
        (Response("https://a.example/", 200, {**HTML, "Content-Disposition": "Attachment; x"}, b"<p>x"), False),
    ],
)
def test_pages_alone_are_drawn(response: Response, drawn: bool) -> None:
    assert can_draw(response, response.request) is drawn


CAPTURED = (Captured("https://a.example/api", 200, {"a": [1]}), Captured("https://a.example/api", 200, {"a": [2]}))
RENDERING = Rendering(
    "<html><body><h1>drawn ü</h1><a href=/b>b</a></body></html>",
    CAPTURED,
    b"PNG",
    (("https://a.example/track", "robots"),),
    3,
)


def drawn(rendering: Rendering = RENDERING) -> Response:
    response = Response("https://a.example/", 200, HTML, "<h1>Gruß</h1>".encode())
    response.drawn(rendering)
    return response


def test_what_was_drawn_is_the_page() -> None:
    response = drawn()
    assert response.css_first("h1").text().startswith("drawn ü")
    assert response.select_one("h1").get_text().startswith("drawn ü")
    assert list(response.links()) == ["https://a.example/b"]
    sends_on = drawn(RENDERING._replace(elsewhere="https://a.example/next"))
    assert refresh_of(sends_on) == "https://a.example/next"


class Fixed:
    """Answers with one page, drawn."""

    is_cooperative = True

    def fetch(self, request: Request, domain: Any, context: Any, **how: Any) -> FetchResult:
        return FetchResult(drawn(), None, None, 0.0, 0)

    def close(self) -> None:
        pass


def test_all_of_it_comes_back_from_the_store() -> None:
    request, nobody = Request("https://a.example/"), cast(Any, None)
    kept = KeepingFetcher(Fixed()).fetch(request, nobody, nobody).kept
    assert kept is not None
    again = response_of(request, kept.head, zlib.decompress(kept.body))
    assert (again.body, again.rendering, again.screenshot) == (drawn().body, RENDERING, b"PNG")


def test_all_of_it_comes_back_from_an_archive(tmp_path: Path) -> None:
    maker = RecordMaker(load({"name": "a", "spider": "a:B", "start_urls": ["http://a.example/"]}).config)
    exchange = WireRecorder()
    exchange.url, exchange.sent = "https://a.example/", bytearray(b"GET / HTTP/1.1\r\n\r\n")
    exchange.received = bytearray(b"HTTP/1.1 200 OK\r\n\r\nx")
    plain = Rendering("<p>plain</p>", elsewhere="https://a.example/next")
    file = tmp_path / "a.warc.gz"

    def rendering_kept(rendering: Rendering) -> Rendering | None:
        both = maker.records([exchange]) + maker.drawn("https://a.example/", rendering)
        file.write_bytes(both + maker.records([exchange]))
        found = ArchiveIndex([file], lambda request: request.url.encode()).find(b"https://a.example/")
        assert found is not None
        return found.rendering

    assert [rendering_kept(each) for each in (RENDERING, plain)] == [RENDERING, plain]
    remember(["drawn ü"])
    try:
        # What is hidden in the text would be seen in the picture.
        kept = rendering_kept(RENDERING)
    finally:
        forget()
    assert kept is not None
    assert (kept.screenshot, "drawn" in kept.text, kept.captured) == (None, False, CAPTURED)


def test_a_page_is_another_where_tree_or_captured_data_are() -> None:
    """The order in which data came, a picture, and how much was refused say nothing of it."""
    same = RENDERING._replace(captured=CAPTURED[::-1], screenshot=None, refused=(), requests=7)
    others = [RENDERING._replace(text="<p>other</p>"), RENDERING._replace(captured=CAPTURED[:1])]
    assert drawn(same).content == drawn().content
    assert all(drawn(other).content != drawn().content for other in others)
