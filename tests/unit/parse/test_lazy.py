"""A soup is made when somebody looks beyond the tags that were selected, and not before."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from scraper.parse.soup.lazy_soup import LazyTag
from scraper.parse.soup.trial import difference_between, is_lazy_alike
from scraper.response import Response

PAGE = """<!DOCTYPE html><html><head><title>T</title><meta name=description content="D"></head><body>
<article class="card big"><h3><a href="/one" title="First">One <b>1</b></a></h3> <p class=price>£1</p></article>
<article class="card"><h3><a href="/two">Two</a></h3><p class=price>£2</p><script>no</script></article>
<pre> \n </pre><textarea> </textarea></body></html>"""


def page(html: str = PAGE) -> Response:
    return Response("http://example.com/", headers={"Content-Type": "text/html; charset=utf-8"}, body=html.encode())


def test_the_installed_bs4_allows_it() -> None:
    assert is_lazy_alike()


READS: list[Callable[[Response, Tag], Any]] = [
    lambda answer, tag: tag["href"],
    lambda answer, tag: tag.get("title"),
    lambda answer, tag: tag.attrs,
    lambda answer, tag: tag.name,
    lambda answer, tag: tag.get_text(),
    lambda answer, tag: tag.get_text("|", strip=True),
    lambda answer, tag: tag.text,
    lambda answer, tag: list(tag.stripped_strings),
    lambda answer, tag: tag.select("b"),
    lambda answer, tag: tag.select_one("article b"),
    lambda answer, tag: answer.follow(tag).url,
    lambda answer, tag: answer.select("article > h3:first-child, p.price ~ script"),
]


@pytest.mark.parametrize("number", range(len(READS)))
def test_what_reads_a_tag_alone_makes_no_soup(number: int) -> None:
    answer = page()
    link = answer.select_one("article a")
    assert link is not None
    found = READS[number](answer, link)
    assert type(link) is LazyTag
    whole = page()
    expected = READS[number](whole, whole.soup.select("article a")[0])
    assert str(found) == str(expected)


LOOKS: list[Callable[[Tag], Any]] = [
    lambda tag: tag.parent,
    lambda tag: tag.contents,
    lambda tag: tag.string,
    lambda tag: tag.strings,
    lambda tag: tag.b,
    lambda tag: tag.find("b"),
    lambda tag: tag.find_parent("article"),
    lambda tag: tag.find_next("p"),
    lambda tag: tag.next_sibling,
    lambda tag: tag.previous_element,
    lambda tag: list(tag.children),
    lambda tag: list(tag.descendants),
    lambda tag: len(tag),
    lambda tag: str(tag),
    lambda tag: tag == tag,
    lambda tag: hash(tag),
    lambda tag: tag.prettify(),
    lambda tag: tag.select("b", limit=1),
    lambda tag: tag.select_one("a:has(b)"),
    lambda tag: copy.copy(tag),
    lambda tag: copy.deepcopy(tag),
    lambda tag: pickle.loads(pickle.dumps(tag)),  # noqa: S301
]


@pytest.mark.parametrize("number", range(len(LOOKS)))
def test_looking_further_finds_what_the_whole_soup_has(number: int) -> None:
    answer, whole = page(), BeautifulSoup(PAGE, "lxml")
    link = answer.select_one("article a")
    expected = whole.select_one("article a")
    assert link is not None and expected is not None
    found = LOOKS[number](link)
    if not hasattr(found, "__next__"):
        assert str(found) == str(LOOKS[number](expected))
        assert type(found) is type(LOOKS[number](expected))
    list(link.strings)
    assert type(link) is Tag
    assert difference_between(answer.soup, whole) == ""
    assert link is answer.soup.select_one("article a")


EDITS: list[Callable[[Tag], Any]] = [
    lambda tag: tag.extract(),
    lambda tag: tag.append("x"),
    lambda tag: tag.insert(0, "x"),
    lambda tag: tag.replace_with("x"),
    lambda tag: tag.decompose(),
    lambda tag: tag.unwrap(),
    lambda tag: tag.clear(),
    lambda tag: tag.__setitem__("href", "/x"),
    lambda tag: tag.__delitem__("href"),
    lambda tag: setattr(tag, "string", "x"),
]


@pytest.mark.parametrize("number", range(len(EDITS)))
def test_an_edit_of_a_selected_tag_is_one_of_the_soup(number: int) -> None:
    answer, whole = page(), BeautifulSoup(PAGE, "lxml")
    for top, select in ((answer, answer.select), (whole, whole.select)):
        EDITS[number](select("article a")[0])
        assert top is not None
    assert answer.soup.decode() == whole.decode()
    for selector in ("article a", "h3 > b", "[href='/x']", "a[href]"):
        assert list(map(str, answer.select(selector))) == list(map(str, whole.select(selector)))


def test_a_tag_is_the_same_however_it_is_found() -> None:
    answer = page()
    link = answer.select_one("article a")
    assert link is answer.select("a")[0] is answer.select("a[title=First], b")[0]
    assert link is answer.select("article")[0].select_one("h3 a")
    b = answer.select_one("b")
    assert link is not None and b is not None
    assert b.parent is link is answer.soup.find("a")
    assert answer.select_one("b") is b


def test_attributes_changed_before_the_soup_is_made_stay_changed() -> None:
    answer = page()
    link = answer.select_one("article a")
    assert link is not None
    link.attrs["href"] = "/x"
    link.name = "q"
    answer.soup_changed()
    assert answer.select("q[href='/x']") == [link]


@pytest.mark.parametrize(
    "selector", ["article", "body", "pre", "textarea", "p.price", "title", "script", "html", "h3"]
)
def test_texts_are_those_of_the_whole_soup(selector: str) -> None:
    tag, expected = page().select_one(selector), page().soup.select_one(selector)
    assert tag is not None and expected is not None
    assert tag.get_text() == expected.get_text()
    assert tag.text == expected.text
    assert tag.getText("|", True) == expected.getText("|", True)
    assert tag.get_text("|", types=(str,)) == expected.get_text("|", types=(str,))  # type: ignore[arg-type]
    assert list(tag.stripped_strings) == list(expected.stripped_strings)


@pytest.mark.parametrize(
    "html",
    [
        "<template><p>a</p></template><p>b</p>",
        "<ruby><p>a<rt>b</rt></p></ruby>",
        "<p {{x}}=1>a</p>",
        "\ufeff<p>a</p>",
        "<p>a</p>behind</body></html>text",
        "<?xml version='1.0'?><html><p>a</p></html>",
        "<input checked=checked><input checked><p>a</p>",
        "<iframe><p>a</p></iframe><p>b</p>",
        "<div>" * 260 + "<p>a</p>",
    ],
)
@pytest.mark.filterwarnings("ignore::bs4.XMLParsedAsHTMLWarning")
def test_pages_of_which_the_tree_does_not_tell_all(html: str) -> None:
    answer, whole = page(html), page(html)
    found, expected = answer.select("p"), whole.soup.select("p")
    assert [tag.get_text() for tag in found] == [tag.get_text() for tag in expected]
    assert [tag.attrs for tag in found] == [tag.attrs for tag in expected]
    assert difference_between(answer.soup, whole.soup) == ""
    assert [id(tag) for tag in found] == [id(tag) for tag in answer.soup.select("p")]
