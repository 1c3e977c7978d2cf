from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.lexbor import make_tree
from scraper.parse.links import (
    Joiner,
    base_of,
    header_nofollow,
    links,
    may_have_base,
    may_say_nofollow,
    meta_nofollow,
    web_url,
)

PAGE = "http://example.com/shop/page.html"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=item.html>x</a>", ["http://example.com/shop/item.html"]),
        ("<a href=' /a '>x<a href='//cdn.example.org/b'>y", ["http://example.com/a", "http://cdn.example.org/b"]),
        (
            "<area href=/map><a href=/b><a href=/a>",
            ["http://example.com/map", "http://example.com/b", "http://example.com/a"],
        ),
        ("<a href=/a><a href=/a#x><a href=HTTP://EXAMPLE.com:80/b/../a>", ["http://example.com/a"]),
        ("<a href=?q=1>", ["http://example.com/shop/page.html?q=1"]),
        ("<a href=#top>", [PAGE]),
        ("<a>none</a><a href>empty</a>", [PAGE]),
        ("<a href=mailto:a@b.c><a href=javascript:void(0)><a href=data:,x><a href=tel:1><a href=ftp://h/>", []),
        ("<a href='http://'><a href='http://a b/'><a href='http://[::1'><a href=/ok>", ["http://example.com/ok"]),
        (
            "<a rel=nofollow href=/a><a rel='noopener NoFollow' href=/b><a rel=nofollower href=/c>",
            ["http://example.com/c"],
        ),
        ("<a rel=ugc href=/a>", ["http://example.com/a"]),
        ("<a rel=nofollow href=/a><a href=/a>", ["http://example.com/a"]),
        ("<!-- <a href=/a> --><script>'<a href=/b>'</script><template><a href=/c></template>", []),
        ("<meta name=robots content=nofollow><a href=/a>", []),
        ("<meta name=ROBOTS content='noindex, NONE'><a href=/a>", []),
        ("<meta name=robots content=noindex,follow><a href=/a>", ["http://example.com/a"]),
        ("<meta name=otherbot content=nofollow><a href=/a>", ["http://example.com/a"]),
        ("<link href=/a><img src=/b><form action=/c>", []),
        ("", []),
    ],
)
def test_links_of_a_page(html: str, expected: list[str]) -> None:
    assert links(html, Joiner(PAGE)) == expected


@pytest.mark.parametrize(
    ("html", "base"),
    [
        ("", PAGE),
        ("<base href=/q/>", "http://example.com/q/"),
        ("<base target=_top><BASE HREF='https://other.example/x'><base href=/no/>", "https://other.example/x"),
        ("<base href=data:text/html,x>", PAGE),
        ("<base href=javascript:1>", PAGE),
        ("<base href='http://'>", PAGE),
        ("<!-- <base href=/no/> -->", PAGE),
        ("<base href>", PAGE),
    ],
)
def test_base_of_a_page(html: str, base: str) -> None:
    assert base_of(make_tree(html), PAGE) == base
    assert may_have_base(html) == ("base" in html.lower())


@pytest.mark.parametrize(
    ("html", "may", "says"),
    [
        ("<meta name=robots content=nofollow>", True, True),
        ("<META CONTENT='a > b, NoFollow' NAME='rObOtS'>", True, True),
        ("<meta name='&#114;obots' content=none>", True, True),
        ("<meta name = r&#x6F;bots content=none>", True, True),
        ("<meta name=robots content=no&#102;ollow>", True, True),
        ("<meta name=robots content='index, follow'>", False, False),
        ("<meta name=otherbot content=nofollow>", False, False),
        ("<p>It&#39;s a page<meta name=author content='J&#246;rg'>", False, False),
        ("<!-- robots: nofollow -->", True, False),
    ],
)
def test_what_meta_robots_says(html: str, may: bool, says: bool) -> None:
    assert may_say_nofollow(html) == may
    assert meta_nofollow(make_tree(html)) == says


@pytest.mark.parametrize(
    ("header", "nofollow"),
    [
        (None, False),
        ("", False),
        ("noindex", False),
        ("nofollow", True),
        ("noindex, NoFollow", True),
        ("none", True),
        ("otherbot: nofollow", False),
        ("otherbot: noindex, nofollow", False),
        ("nofollow, otherbot: noindex", True),
        ("*: nofollow", True),
        ("unavailable_after: 25 Jun 2030 15:00:00 GMT, nofollow", True),
        ("max-snippet: 20, nofollow", True),
    ],
)
def test_x_robots_tag(header: str | None, nofollow: bool) -> None:
    assert header_nofollow(header) is nofollow


@given(st.lists(st.text(max_size=30), max_size=8))
def test_links_of_anything_are_absolute_and_each_there_once(hrefs: list[str]) -> None:
    html = "".join('<a href="{}">x</a>'.format(href.replace('"', "&quot;")) for href in hrefs)
    found = links(html, Joiner(PAGE))
    assert len(found) == len(set(found))
    assert all(url.startswith(("http://", "https://")) and "#" not in url for url in found)


@given(
    st.sampled_from(["/", "", "http://example.com", "http://example.com/", "//", "?", "a/"]),
    st.text(st.sampled_from("abZ09-._~/?&=+%:@;#\\ é"), max_size=14),
    st.sampled_from(
        [
            PAGE,
            "https://u:p@example.com/a",
            "http://example.com:8080/",
            "file:///a/b",
            "http://example.com/a/%7Eb/c?d=/e/f",
            "http://example.com?q=/x/",
            "http://example.com/a#b/c",
        ]
    ),
)
def test_each_link_is_what_a_browser_makes_of_it(start: str, rest: str, base: str) -> None:
    href = start + rest
    expected = web_url(href, base)
    assert links(f'<a href="{escape(href)}">x</a>', Joiner(base)) == ([] if expected is None else [expected])


def test_what_is_said_to_robots_is_no_link() -> None:
    page = '<meta name=robots href="/x"><meta name="Robots" content="index"><a name=top href="/a">a</a>'
    assert links(page, Joiner("http://example.com/")) == ["http://example.com/a"]
