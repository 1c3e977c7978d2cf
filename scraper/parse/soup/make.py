"""The soup of a page, whole or as far as it is used."""

from __future__ import annotations

import warnings
from io import StringIO

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.exceptions import ParserRejectedMarkup

from scraper.errors import NotHtml
from scraper.parse.nesting import check_nesting
from scraper.parse.soup.edit_tracking import watch
from scraper.parse.soup.select import Index, SoupIndex
from scraper.parse.soup.trial import builds_alike, edits_are_noticed, is_lazy_alike

#: A soup takes some 600 bytes of memory for each tag that opens or closes; a page with more tags gets none.
MAX_TAGS = 1_000_000


def make_soup(text: str) -> BeautifulSoup:
    """Return the whole tree of `text`, as BeautifulSoup makes it with lxml; whether it is edited is noticed from then
    on.

    Nesting does no harm here: neither libxml2 nor BeautifulSoup works recursively.

    Raises:
        NotHtml: the page has more than `MAX_TAGS` tags, or lxml cannot read it.
        TooNested: making it would take minutes.
    """
    _check_size(text)
    readable = _readable(text)
    try:
        if not _is_xml(text):
            soup = _built(readable)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # the server said that it is HTML
                soup = _built(readable)
    except (ParserRejectedMarkup, RecursionError) as error:
        raise NotHtml(
            f"the page cannot be read as HTML: {error}", remedy="use response.text or response.body"
        ) from error
    watch(soup)
    return soup


def index_of(text: str) -> Index:
    """Return what answers selectors for `text`: with a soup of which only what is found gets made, where that is
    possible.

    Raises:
        NotHtml, TooNested: as `make_soup` does.
    """
    if is_lazy_alike() and not _is_xml(text):
        from scraper.parse.soup.builder import build_lazily

        _check_size(text)
        lazy = build_lazily(_readable(text))
        if lazy is not None:
            return lazy
    return index_of_soup(make_soup(text))


def index_of_soup(soup: BeautifulSoup) -> Index:
    """Return what answers selectors for a soup that is already whole."""
    return SoupIndex(soup, edits_are_noticed)


def _check_size(text: str) -> None:
    if text.count("<") > MAX_TAGS:
        raise NotHtml(
            f"a page of more than {MAX_TAGS:,} tags is too large for a soup",
            remedy="use response.css() and response.links(), which need a fraction of the memory",
        )
    check_nesting(text)


def _readable(text: str) -> str:
    # libxml2 ends at a NUL; the HTML Standard (13.2.5.1) makes it U+FFFD.
    return text.replace("\0", "\ufffd")


def _is_xml(text: str) -> bool:
    return text.lstrip().startswith("<?xml")


def _built(text: str) -> BeautifulSoup:
    # A file object is never mistaken for a file name or a URL, as a short text is.
    readable = StringIO(text, newline="")
    if not builds_alike():
        return BeautifulSoup(readable, "lxml")
    from scraper.parse.soup.builder import build  # rests on inner workings of bs4 that have just been found in place

    return build(readable)
