"""What `fetcher: auto` learns, and what it takes for evidence: values, asked without any page being fetched."""

from __future__ import annotations

import pytest

from scraper import Response
from scraper.fetch import ways
from scraper.fetch.evidence import is_empty, what_was_gained, why_drawn
from scraper.fetch.ways import Ways, in_words, pattern_of
from scraper.response.rendering import Rendering

URL = "https://shop.example/product/blue-lamp/"


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://shop.example/", "shop.example/"),
        ("https://shop.example/about", "shop.example/about"),
        (URL, "shop.example/product/*/"),
        ("https://shop.example/en/product/42/blue-lamp", "shop.example/en/product/*/*"),
        ("https://shop.example/list?page=2&sort=up#top", "shop.example/list?page&sort"),
    ],
)
def test_pages_of_a_kind_have_one_pattern(url: str, pattern: str) -> None:
    assert pattern_of(url) == pattern


def test_three_that_agree_decide_and_five_that_do_not_leave_each_page_to_itself() -> None:
    known = Ways()
    for _ in range(2):
        assert known.count(URL, gained=True, why="price").decided == ""
    assert known.count(URL, gained=True, why="price").decided == "browser"
    # What is decided stays.
    assert known.count(URL, gained=False, why="whole").decided == "browser"
    other = "https://shop.example/note/1"
    said = [known.count(other, gained=gained, why="x").decided for gained in (True, False, True, False, True)]
    assert said == ["", "", "", "", "mixed"]
    assert "auto: browser for pages like shop.example/product/*/, after 3 of them: price" in in_words(
        URL, known.of(URL)
    )


def test_it_comes_back_from_the_store_and_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Ways()
    for _ in range(3):
        known.count(URL, gained=False, why="whole")
    again = Ways.load(known.dump())
    assert again.of(URL) == known.of(URL)
    assert Ways.load("nonsense").of(URL) == ways.Way()
    later = ways.time.time() + ways.HOLDS_FOR + 1
    monkeypatch.setattr(ways.time, "time", lambda: later)
    assert again.of(URL).decided == ""


def page(body: str) -> Response:
    markup = f"<!doctype html><html><head></head><body>{body}</body></html>"
    return Response(URL, headers={"Content-Type": "text/html"}, body=markup.encode())


def drawn(plain: Response, body: str) -> Response:
    made = page("x")
    made.body = plain.body
    made.drawn(Rendering(f"<html><body>{body}</body></html>"))
    return made


def nothing(response: Response) -> str:
    return ""


def price(response: Response) -> str:
    return "" if response.css(".price:not(:empty)") else "price is missing"


LONG = "<p>" + "many words of a page that is whole " * 20 + "</p>"


@pytest.mark.parametrize(
    ("body", "lacking", "why"),
    [
        (LONG + "<script src=a.js></script>", nothing, ""),
        ("<div id=app></div>", nothing, ""),
        ("<div id=app></div><script src=a.js></script>", nothing, "is empty"),
        ("<p>Shop</p><noscript>Please enable JavaScript</noscript><script>1</script>", nothing, "needs JavaScript"),
        ("<script src=bundle.js></script>", nothing, "no text"),
        (LONG + "<p class=price></p><script>1</script>", price, "price is missing"),
        (LONG + "<p class=price></p>", price, ""),
        (LONG + "<p class=price>1</p><div id=root></div><script>1</script>", price, ""),
    ],
)
def test_what_speaks_for_a_browser(body: str, lacking: object, why: str) -> None:
    said = why_drawn(page(body), lacking)  # type: ignore[arg-type]
    assert why in said
    assert bool(said) == bool(why)


def test_what_a_browser_has_gained() -> None:
    shell = page("<div id=app></div><p class=price></p><script>1</script>")
    assert "price is missing over HTTP, and there" in what_was_gained(
        shell, drawn(shell, "<p class=price>1</p>"), price
    )
    # It is missing there too, whatever else there is.
    assert what_was_gained(shell, drawn(shell, LONG), price) == ""
    assert "characters of text" in what_was_gained(shell, drawn(shell, LONG), nothing)
    assert "links" in what_was_gained(shell, drawn(shell, "<a href=1>1</a><a href=2>2</a>"), nothing)
    assert what_was_gained(shell, drawn(shell, "<div id=app></div>"), nothing) == ""
    assert is_empty(drawn(shell, "<div id=app></div><script>const text = 1</script>"))
    assert not is_empty(drawn(shell, LONG))
