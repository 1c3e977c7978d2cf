from __future__ import annotations

import time
import warnings

import pytest

from scraper.errors import NotHtml
from scraper.parse.lexbor import MAX_DEPTH, make_tree
from scraper.parse.soup import make as soup_room
from scraper.parse.soup.make import make_soup


def nodes(text: str) -> int:
    return len(make_tree(text).css("*"))


def test_a_soup_of_100_000_nested_divs_can_be_worked_with() -> None:
    soup = make_soup("<div>" * 100_000 + "deep<a href=/x>link</a>")
    link = soup.select_one("div a")
    assert link is not None
    assert link["href"] == "/x"
    assert soup.get_text() == "deeplink"
    assert str(soup).count("</div>") == 100_000


def test_a_tree_of_100_000_nested_divs_is_made_at_once_and_keeps_its_link() -> None:
    before = time.process_time()
    tree = make_tree("<div class=d>" * 100_000 + "deep<a href=/x>link</a>")
    assert time.process_time() - before < 5  # 15 s where nothing is done about it
    link = tree.css_first("a")
    assert link is not None
    assert link.attributes == {"href": "/x"}
    assert MAX_DEPTH - 5 < len(tree.css("div.d")) <= MAX_DEPTH


@pytest.mark.parametrize(
    "text",
    [
        "<p>" + "".join(f"<b id={n}>" for n in range(2000)) + "<p>x" * 2000,
        "</b>" * 1500 + "<p>" + "".join(f"<b id={n}>" for n in range(1500)) + "<p>x" * 1500,
        "<table>" + "".join(f"<td><b id={n}><table><td></b></table>" for n in range(1500)) + "<p>x" * 1500,
    ],
    ids=["plain", "end tags first", "end tags in cells"],
)
def test_open_formatting_is_not_made_anew_a_million_times(text: str) -> None:
    assert nodes(text) < 20_000


def test_a_page_that_is_rewritten_says_the_same() -> None:
    head = '<title>a &amp; b</title><script>if (a < b && c) {}</script><p class="x&quot;y">one<br>&lt;two&gt;</p>'
    tree = make_tree(head + "<i>n</i>" * 6000 + '<img src="i.png" @click="z"><p>end\0')
    assert tree.css_first("title").text() == "a & b"  # type: ignore[union-attr]
    assert tree.css_first("script").text() == "if (a < b && c) {}"  # type: ignore[union-attr]
    paragraph = tree.css_first("p")
    assert paragraph is not None
    assert paragraph.attributes == {"class": 'x"y'}
    assert paragraph.text() == "one<two>"
    assert len(tree.css("i")) == 6000
    assert tree.css_first("img").attributes == {"src": "i.png"}  # type: ignore[union-attr]
    assert tree.css("p")[-1].text() == "end\ufffd"


def test_a_large_page_without_any_element_gives_an_empty_tree() -> None:
    assert nodes("<" * 20_001) <= 4
    assert nodes("") <= 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("page.html", "page.html"),
        ("http://example.com/", "http://example.com/"),
        ('<?xml version="1.0"?><rss><item>x</item></rss>', "x"),
    ],
)
def test_a_soup_of_anything_comes_without_warnings(text: str, said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make_soup(text).get_text() == said


def test_a_nul_does_not_end_the_soup() -> None:
    assert make_soup("<p>a\0b</p><p>c</p>").get_text() == "a\ufffdbc"


def test_a_page_of_too_many_tags_gets_no_soup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soup_room, "MAX_TAGS", 100)
    with pytest.raises(NotHtml, match=r"more than 100 tags.*response\.css"):
        make_soup("<b>" * 101)
