"""Prose of pages: an element as Markdown, by html-to-markdown, and an article, whose main text resiliparse finds.

Both libraries are compiled and were the quickest of those that were right: docs/rules.md has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from scraper.errors import BadRequest
from scraper.optional_dependencies import package
from scraper.parse.text import text_of
from scraper.rules.data import graph_values, values_at
from scraper.rules.dates import to_date
from scraper.rules.page import Page
from scraper.rules.refusal import NotOfType

#: The extra that brings both.
EXTRA = "article"

_PERMALINKS = ", ".join(f"{name} a[href^='#']" for name in "h1 h2 h3 h4 h5 h6 dt caption".split())
_MARKS = frozenset({"¶", "🔗", "#", "§"})
_LINES = re.compile(r"\n{3,}")
_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
#: Types of schema.org whose `headline` is that of the page's article.
_ARTICLES = (
    *("Article", "NewsArticle", "BlogPosting", "TechArticle", "ScholarlyArticle", "Report", "SocialMediaPosting"),
    *("LiveBlogPosting", "OpinionNewsArticle", "AnalysisNewsArticle", "ReportageNewsArticle", "ReviewNewsArticle"),
)
_DATES = "meta[name='date' i], meta[name='dc.date' i], meta[name='dcterms.date' i], meta[name='dcterms.created' i]"
_TIMES = "article time[datetime], main time[datetime], [role=main] time[datetime], time[pubdate][datetime]"


# Markdown ------------------------------------------------------------------------------------------------


def to_markdown(html: str, page: Page) -> str | None:
    """Return HTML as Markdown (CommonMark, with the tables of GitHub's); None where it has no text.

    Links are absolute, text that Markdown would read as markup is escaped, and what leads to no page is text.

    Raises:
        NotOfType: it cannot be made Markdown.
        UsageError: html-to-markdown is not installed.
    """
    module = package("html_to_markdown", EXTRA, "type: markdown")
    body = LexborHTMLParser(html).body
    if body is None:
        return None
    for mark in body.css(_PERMALINKS):
        # The sign behind a heading of documentation leads to that heading, and is no part of its text.
        if mark.text(strip=True) in _MARKS:
            mark.decompose()
    for block in body.css("pre"):
        # In it, markup would be shown as it is written.
        block.inner_html = f"<code>{escape(block.text(), quote=False)}</code>"
    for drawing in body.css("svg"):
        # It would be an image whose address holds all of it.
        drawing.replace_with(text_of(drawing))
    for name in ("href", "src"):
        for element in body.css(f"[{name}]"):
            _make_absolute(element, name, page)
    text: str = module.convert(body.html, _options(module)).content
    text = _TRAILING.sub(lambda match: "  " if match[0].startswith("  ") and match.end() < len(text) else "", text)
    text = text.strip("\n")
    if not text.strip() and text_of(body):
        raise NotOfType("the element is nested so that it cannot be made Markdown: take a part of it")
    return text if text.strip() else None


def _options(module: Any) -> Any:
    return module.ConversionOptions(
        autolinks=False,
        bullets="-",
        escape_asterisks=True,
        escape_misc=True,
        escape_underscores=True,
        expand_abbreviations=False,
        extract_metadata=False,
        include_blockquote_citations=False,
    )


def _make_absolute(element: Any, name: str, page: Page) -> None:
    try:
        url = page.response.urljoin(element.attrs.get(name) or "")
    except BadRequest:
        url = ""
    if url.startswith(("http://", "https://", "mailto:", "tel:")):
        element.attrs[name] = url
    else:
        del element.attrs[name]


# Articles ------------------------------------------------------------------------------------------------


def to_article(html: str, page: Page) -> dict[str, Any] | None:
    """Return the article of a page: its `title`, `author`, `date` and `text`; None where there is no text.

    What is not said is null. The first three are what the page says of itself, in this order: JSON-LD, OpenGraph, its
    `<meta>`, its elements.

    Args:
        html: where the main text is looked for.

    Raises:
        UsageError: resiliparse is not installed.
    """
    extract = package("resiliparse.extract.html2text", EXTRA, "type: article").extract_plain_text
    text = _LINES.sub("\n\n", _TRAILING.sub("", extract(html, main_content=True, alt_texts=False))).strip()
    if not text:
        return None
    facts = [("title", _titles), ("author", _authors), ("date", _dates)]
    is_page = page.response.is_html
    return {**{name: next(iter(find(page) if is_page else ()), None) for name, find in facts}, "text": text}


def _of_data(page: Page, *names: str) -> Iterator[Any]:
    for kind in _ARTICLES:
        for name in names:
            yield from values_at(page.json_ld, (kind, *name.split(".")))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    """Return what is text among values, folded, without what is blank."""
    for value in values:
        if isinstance(value, str) and (text := " ".join(value.split())):
            yield text


def _titles(page: Page) -> Iterator[str]:
    yield from _texts(_of_data(page, "headline", "name"))
    yield from _texts(graph_values(page.open_graph, "title"))
    headings = page.response.css("h1")
    if len(headings) == 1:
        # Manuals end theirs with a link to itself.
        yield from _texts([text_of(headings[0]).rstrip("¶🔗 ")])
    yield from _texts(node.text() for node in page.response.css("title")[:1])


def _authors(page: Page) -> Iterator[str]:
    said = [*_of_data(page, "author.name")] or [one for one in _of_data(page, "author") if isinstance(one, str)]
    if names := list(dict.fromkeys(_texts(said))):
        yield ", ".join(names)
    graph = page.open_graph
    for name in ("author", "article:author", "dc.creator", "dcterms.creator"):
        # Some have the address of the author's page there.
        if names := list(dict.fromkeys(one for one in _texts(graph.get(name, ())) if "://" not in one)):
            yield ", ".join(names)
    find = page.response.css
    found = find("[itemprop=author] [itemprop=name]") or find("[rel=author], [itemprop=author]")
    if names := list(dict.fromkeys(_texts(text_of(node) for node in found))):
        yield ", ".join(names)


def _dates(page: Page) -> Iterator[str]:
    said = [*_of_data(page, "datePublished", "dateCreated"), *graph_values(page.open_graph, "article:published_time")]
    said += [node.attributes.get("content") for node in page.response.css(_DATES)]
    said += [node.attributes.get("datetime") for node in page.response.css(_TIMES)[:1]]
    for text in _texts(said):
        try:
            yield str(to_date(text))
        except NotOfType:
            continue
