"""What counts as a trap, by URLs and by what pages brought."""

from __future__ import annotations

import pytest

from scraper.engine.frontier.traps import Traps, shape_of

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
