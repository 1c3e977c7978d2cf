"""Soups and selections are those of BeautifulSoup: node by node, element by element, by identity.

The pages are Debian's documentation (postgresql-doc-15, python3.11-doc, vim-doc), where it is installed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse.soup.builder import Listener
from scraper.parse.soup.make import make_soup
from scraper.parse.soup.selectors import parse
from scraper.parse.soup.trial import builds_alike, difference_between
from scraper.response import Response

_FOLDERS = tuple(
    Path("/usr/share/doc") / folder for folder in ("postgresql-doc-15/html", "python3.11/html", "vim/html")
)
_LARGEST = 150_000

pytestmark = pytest.mark.filterwarnings("ignore::bs4.XMLParsedAsHTMLWarning")

SELECTORS = (
    "* *",
    "title, h1, a",
    "div.section > p",
    "div.sect1 div.titlepage h2.title",
    "dl dt > span.term",
    "#content a, .toc a[href]",
    "a[href^='http']",
    "a[href$=html]:not([class])",
    "a[href*=index]",
    "[class~=literal]",
    "[lang|=en], [lang!=en] > head",
    "link[rel=PREV], a[accesskey='N' i]",
    "li:first-child, li:last-child",
    "tr:nth-child(2n+1) > td:nth-of-type(2)",
    "p:nth-last-child(-n + 2)",
    "dd p ~ pre, h2 + p",
    "p:only-child, pre:only-of-type",
    ":root > body :empty",
    "div:has(> p)",
    "body > *:last-of-type",
)


def response_of(text: str) -> Response:
    return Response(
        "http://example.com/",
        headers={"Content-Type": "text/html; charset=utf-8"},
        body=text.encode("utf-8", "replace"),
    )


def assert_equal_soups(text: str) -> None:
    ours, expected = make_soup(text), made_by_bs4(text)
    assert difference_between(ours, expected) == ""
    assert ours.decode() == expected.decode()


def assert_equal_selections(text: str, selectors: Sequence[str]) -> None:
    """Selected, also within what was selected, and read; then compared with the whole soup, by identity."""
    page = response_of(text)
    found = [page.select(selector) for selector in selectors]
    firsts = [page.select_one(selector) for selector in selectors]
    tops = [tags[0] for tags in found if tags]
    within = [
        (top, selector, top.select(selector), top.select_one(selector)) for top in tops for selector in selectors
    ]
    texts = [[texts_of(tag) for tag in tags] for tags in found]

    # The page's first byte order mark is no part of its text.
    assert difference_between(page.soup, made_by_bs4(page.text)) == ""
    for selector, tags, first in zip(selectors, found, firsts, strict=True):
        expected = page.soup.select(selector)
        assert [id(tag) for tag in tags] == [id(tag) for tag in expected], selector
        assert first is page.soup.select_one(selector), selector
        # From now on the tags of the soup are searched.
        assert [id(tag) for tag in page.select(selector)] == [id(tag) for tag in expected], selector
        assert page.select_one(selector) is first, selector
    for top, selector, tags, first in within:
        assert {type(top), *map(type, tags)} == {Tag}
        assert [id(tag) for tag in tags] == [id(tag) for tag in top.select(selector)], selector
        assert first is top.select_one(selector), selector
    assert texts == [[texts_of(tag) for tag in tags] for tags in found]


def made_by_bs4(text: str) -> BeautifulSoup:
    return BeautifulSoup(StringIO(text.replace("\0", "\ufffd"), newline=""), "lxml")


def texts_of(tag: Tag) -> tuple[str, str, list[str]]:
    return tag.text, tag.get_text("|", strip=True), list(tag.stripped_strings)


def pages(*, every: int) -> list[str]:
    """Each `every`th page, so that all folders and sizes have their share."""
    found = sorted(path for folder in _FOLDERS for path in folder.rglob("*.html"))[::every]
    if not found:
        pytest.skip("no pages to compare: apt-get install postgresql-doc-15 python3.11-doc vim-doc")
    return [text for path in found if len(text := path.read_text("utf-8", "replace")) <= _LARGEST or every == 1]


def broken(text: str, seed: int) -> str:
    """The page with a few mistakes of the kind that pages have."""
    chance = random.Random(seed)
    for _ in range(8):
        place = chance.randrange(len(text) + 1)
        mistake = chance.choice(
            ["<", ">", "</", '"', "'", "<!--", "<p>", "</div>", "<b>", "<table>", "&", "<html a=1>", "<script>", "\0"]
        )
        text = text[:place] + mistake + text[place + chance.randrange(4) :]
    return text


def assert_all_equal(texts: list[str]) -> None:
    assert builds_alike(), "nothing would be compared"
    for seed, text in enumerate(texts):
        assert_equal_soups(text)
        assert_equal_soups(broken(text, seed))
        assert_equal_selections(text, SELECTORS[seed % 4 :: 4])


def test_a_spread_of_real_pages_and_the_same_pages_broken() -> None:
    assert_all_equal(pages(every=90))


def test_no_real_page_needs_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """libxml2 takes Python's lock for each event: with other threads at work that costs more than all the rest."""
    assert builds_alike(), "the listener would not be ours"
    listened_to = 0

    class Counted(Listener):
        def __init__(self) -> None:
            nonlocal listened_to
            listened_to += 1
            super().__init__()

    monkeypatch.setattr("scraper.parse.soup.builder.Listener", Counted)
    for text in pages(every=20):
        make_soup(text)
    assert listened_to == 0


@pytest.mark.slow
def test_all_real_pages_and_the_same_pages_broken() -> None:
    assert_all_equal(pages(every=1))


def test_most_of_these_selectors_need_no_soupsieve() -> None:
    assert [selector for selector in SELECTORS if parse(selector) is None] == ["div:has(> p)"]


# fmt: off
_NAMES = st.sampled_from([
    "a", "b", "p", "div", "span", "table", "tr", "td", "ul", "li", "pre", "textarea", "script", "style", "template",
    "iframe", "svg:rect", "html", "head", "body", "meta", "br", "select", "option", "input", "title", "rt", "form",
    "h1", "noscript", "plaintext", "frameset", "x-y",
])
# fmt: on
_ATTRIBUTES = st.lists(
    st.sampled_from(
        [
            "",
            "class='a  b'",
            "class=b",
            "class='\u00a0a\tb'",
            "id=x",
            "id='x y'",
            "checked",
            "checked=checked",
            "rel='A b'",
            "href='/a-b'",
            "lang=en-GB",
            "{{k}}=v",
            "charset=koi8-r",
            "http-equiv=content-type content='text/html; charset=x'",
            "headers='a b'",
            "xml:lang=e",
            "data-a='a\n'",
            "class",
        ]
    ),
    max_size=3,
).map(" ".join)
_PIECES = st.one_of(
    st.builds("<{} {}>".format, _NAMES, _ATTRIBUTES),
    st.builds("</{}>".format, _NAMES),
    st.sampled_from(
        [" ", "\n", "\u00a0", "\f", "text", "&amp;", "&#12;", "<!-- c -->", "<!---->", "<?pi x?>", "<![CDATA[x]]>"]
    ),
    st.sampled_from(
        ["<!DOCTYPE html>", '<!DOCTYPE a PUBLIC "b" "c">', "<", "</", "<!--", "'", '"', "\0", "\r\n", "\ufeff"]
    ),
    st.text(max_size=5),
)
_MARKUP = st.lists(_PIECES, max_size=25).map("".join)

# fmt: off
_SIMPLE = st.sampled_from([
    ".a", ".b", "#x", "[class]", "[checked]", "[rel~=a]", "[rel='A b']", "[href^='/a']", "[href$=b]",
    "[href*='-']", "[lang|=en]", "[data-a=a]", "[data-a$=a]", "[class='a b']", "[id!=x]", "[rel=B]",
    "[href='']", ":first-child", ":last-child", ":only-child", ":first-of-type", ":nth-child(2n+1)",
    ":nth-child(-n+2)", ":nth-last-child(2)", ":nth-of-type(even)", ":not(.a)", ":not(p, [id])", ":empty",
    ":root", ":only-of-type", ":nth-last-of-type(odd)", ":nth-child(n + 2)", ":not(:first-child)", "[HREF]",
    "[id=x i]",
])
# fmt: on
_COMPOUND = st.builds(
    lambda name, parts: name + "".join(parts) or "*",
    st.sampled_from(["", "*", "a", "p", "div", "LI", "td", "body"]),
    st.lists(_SIMPLE, max_size=2),
)
_COMPLEX = st.builds(
    lambda first, rest: first + "".join(rest),
    _COMPOUND,
    st.lists(st.builds("{}{}".format, st.sampled_from([" ", " > ", "+", " ~ "]), _COMPOUND), max_size=2),
)
_SELECTOR = st.lists(_COMPLEX, min_size=1, max_size=2).map(", ".join)


@given(_MARKUP)
@example("\ufeff\ufeff")
def test_the_soup_of_any_markup(markup: str) -> None:
    assert_equal_soups(markup.encode("utf-8", "replace").decode())


@given(_MARKUP, st.lists(_SELECTOR, min_size=1, max_size=4))
@example("\ufeff\ufeff", ["*"])
def test_any_selection_from_any_markup(markup: str, selectors: list[str]) -> None:
    assert_equal_selections(markup, selectors)
