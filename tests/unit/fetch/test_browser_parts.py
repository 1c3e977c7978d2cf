"""What is decided of drawn pages without a browser: what is kept of parts, what is drawn, what is stored."""

from __future__ import annotations

import pytest

from scraper import Request, Response
from scraper.fetch.browser import can_draw
from scraper.fetch.browser.kept_parts import KeptParts, Part, fresh_for
from scraper.fetch.keeping import head_of, response_of
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


def test_what_was_drawn_is_the_page_and_comes_back_from_the_store() -> None:
    response = Response("https://a.example/", 200, HTML, "<h1>Gruß</h1>".encode())
    before = response.content
    assert response.css_first("h1").text() == "Gruß"
    captured = (Captured("https://a.example/api", 200, {"a": [1]}),)
    response.drawn(Rendering("<html><body><h1>drawn ü</h1><a href=/b>b</a></body></html>", captured, b"PNG"))
    assert response.css_first("h1").text().startswith("drawn ü")
    assert response.select_one("h1").get_text().startswith("drawn ü")
    assert list(response.links()) == ["https://a.example/b"]
    assert response.content != before
    head = head_of(response.status, response.headers, len(response.body))
    again = response_of(Request("https://a.example/"), head, response.content)
    assert (again.body, again.text, again.captured) == (response.body, response.text, captured)
    assert again.screenshot is None
