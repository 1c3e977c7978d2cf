"""What counts as a trap, by URLs and by what pages brought."""

from __future__ import annotations

import pytest

from scraper import Request
from scraper.engine.frontier.traps import BARREN_ANYWAY, Traps, shape_of
from scraper.store.values import Found, StoredItem

SITE = "https://shop.example"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/calendar/2031/05/", "/calendar/N/N/"),
        ("/c?month=5&year=2031", "/c?month=*&year=*"),
        ("/c?year=2032&month=6", "/c?month=*&year=*"),
        ("/list?color=red&size=m&sort=up", "/list?*"),
        ("/list?brand=a&color=red&size=m&sort=up", "/list?*"),
        ("/f/9f86d081884c7d659a2feaa0c55ad015/x", "/f/*/x"),
        ("/about", "/about"),
        ("/p1;jsessionid=0123456789ABCDEF", "/pN"),
        ("/p?sid=0a1b2c3d4e5f60718293&x=1", "/p?x=*"),
        ("/p&sid=0a1b2c3d4e5f60718293", "/p"),
    ],
)
def test_shapes(path: str, shape: str) -> None:
    assert shape_of(SITE + path).text == SITE + shape


@pytest.mark.parametrize(
    "path",
    ["/a/b/a/b/a/b/", "/news/news/news/news/", "/a/b/c/a/b/c/a/b/c/x", "/x/a/y/a/z/a/v/a/w/a/u/a", "/a/b" * 2_000],
)
def test_paths_that_repeat_themselves(path: str) -> None:
    assert Traps().why(SITE + path) is not None
    assert Traps(["/[anx]*"]).why(SITE + path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/2011/11/11/11/11/",
        "/a/a/a.html",
        "/en/shop/en/help/en/faq",
        "/org/foo/foo/blob/main/foo/foo.py",
        "/docs/a/b/c/d/e/f/g/h/i",
        "/article.pl?sid=24050112345678901",
        "/search?session=winter",
        "/p?s=10",
    ],
)
def test_paths_that_do_not(path: str) -> None:
    traps = Traps()
    assert [traps.why(f"{SITE}{path}{'' if '?' not in path else number}") for number in range(9)] == [None] * 9


@pytest.mark.parametrize(
    "url",
    [
        "/p;jsessionid={0}",
        "/p?PHPSESSID={0}",
        "/p?a=1&sessionid={0}&b=2",
        "/p?sid=ab12{0}cd34ef56",
        "/p?osCsid={0}",
    ],
)
def test_one_page_under_one_session_after_the_other(url: str) -> None:
    traps = Traps()
    told = [traps.why(SITE + url.format(f"deadbeef{number:08}")) for number in range(5)]
    assert told[:3] == [None, None, None]
    assert told[3] is not None and told[4] is not None
    # The ones that were let are let again, and other pages are not concerned.
    assert traps.why(SITE + url.format("deadbeef00000000")) is None
    assert traps.why(SITE + url.replace("/p", "/q").format("deadbeef00000009")) is None


def looked_for(traps: Traps, number: int) -> str | None:
    """Note a page of results that leads to two longer searches."""
    url = f"{SITE}/search?q=a{number}"
    found = [Found(Request(f"{SITE}/search?q=a{number}{more}"), b"", "shop.example") for more in (0, 1)]
    return traps.note(url, len(str(number)), number.to_bytes(4, "big"), [], found)


@pytest.mark.parametrize("has_items", [True, False])
def test_a_great_many_pages_that_lead_to_their_like_alone_are_a_trap_beside_items(has_items: bool) -> None:
    traps = Traps()
    if has_items:
        traps.note(f"{SITE}/product/1", 1, b"p", [StoredItem("item", None, "{}")], [])
    told = [looked_for(traps, number) for number in range(BARREN_ANYWAY)]
    assert [place for place, why in enumerate(told) if why] == ([BARREN_ANYWAY - 1] if has_items else [])
    assert (traps.why(f"{SITE}/search?q=b") is not None) is has_items


def test_as_many_categories_with_items_below_each_are_none() -> None:
    traps = Traps()
    for number in range(2 * BARREN_ANYWAY):
        traps.note(f"{SITE}/product/{number}", 2, b"p%d" % number, [StoredItem("item", None, f"[{number}]")], [])
        links = [f"{SITE}/list/{number + 1}", f"{SITE}/product/{number + 1}"]
        found = [Found(Request(url), b"", "shop.example") for url in links]
        assert traps.note(f"{SITE}/list/{number}", 1, b"l%d" % number, [], found) is None
