"""A sitemap is read the same however it arrives, and while it arrives."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scraper.parse.sitemap.markup import MarkupScanner, RawEntry
from scraper.parse.sitemap.reader import NotASitemap, SitemapEntry, SitemapReader

URL = "https://example.com/deep/sitemap.xml"
NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def read(chunks: Iterable[bytes]) -> tuple[list[SitemapEntry], dict[str, int]]:
    reader = SitemapReader(URL, NOW)
    return list(reader.entries(chunks)), dict(reader.flaws)


def _wild() -> bytes:
    parts = ['<?xml version="1.0"?><urlset><!-- a < b -->']
    for number in range(700):
        parts.append(
            f"<url><loc>https://example.com/é/{number}?a=1&b=2</loc><lastmod>2026-01-{number % 40:02}</lastmod>"
            f'<xhtml:link rel="alternate" href="/alternate/{number}"/><!--{"<" * (number % 7)}-->'
            f"<![CDATA[ <url><loc>/no</loc> ]]></url>"
        )
    return "".join(parts).encode()


WILD = _wild()
FORMS = {"plain": WILD, "gzip": gzip.compress(WILD), "cut": gzip.compress(WILD)[:-1_500]}
WHOLE = {name: read([body]) for name, body in FORMS.items()}


@given(form=st.sampled_from(sorted(FORMS)), size=st.integers(1, 100_000), offset=st.integers(0, 100))
@example(form="plain", size=1, offset=0)
@example(form="gzip", size=1, offset=0)
@settings(deadline=None, max_examples=20)
def test_how_a_file_is_cut_into_chunks_makes_no_difference(form: str, size: int, offset: int) -> None:
    body, whole = FORMS[form], WHOLE[form]
    chunks = [body[:offset], b""] + [body[start : start + size] for start in range(offset, len(body), size)]
    assert read(chunks) == whole
    assert len(whole[0]) > 300


PIECES = (
    *("<urlset>", "<url>", "<loc>", "/a", "</loc>", "</url>", "<lastmod>", "2026", "</lastmod>", "</urlset>"),
    *("<!--", "-->", "<![CDATA[", "]]>", "<", ">", "&", "&amp;", '"', "'", "<item>", "<link href='/b'/>", "/>"),
    *("<!DOCTYPE x [", "]>", "<?", "<rss>", "<entry>", "<image>", "é", " ", "<source/>", "<sitemap>"),
)
MARKUP = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@given(MARKUP | st.text() | st.binary())
def test_whatever_comes_ends_in_entries_or_in_one_error(body: str | bytes) -> None:
    try:
        found, _ = read([body if isinstance(body, bytes) else body.encode("utf-8", "replace")])
    except NotASitemap:
        return
    assert all(entry.url.startswith(("http://", "https://")) for entry in found)


def scanned(text: str, size: int) -> tuple[list[RawEntry], str]:
    """What the scanner makes of `text`, given so many characters at a time."""
    scanner = MarkupScanner(URL, Counter())
    found: list[RawEntry] = []
    try:
        for start in range(0, len(text), size):
            found.extend(scanner.feed(text[start : start + size]))
        found.extend(scanner.end())
    except NotASitemap as error:
        return found, str(error)
    return found, scanner.format


@given(MARKUP, st.integers(1, 20))
@example("<image><image></image><urlset><url><loc>/a</loc></url>", 1)
@example("<item><urlset></urlset><urlset><loc>/a</loc>", 3)
@example("<?<urlset><url>", 1)
@example("<!x<urlset><url>", 1)
def test_where_blocks_end_makes_no_difference_to_the_scanner(text: str, size: int) -> None:
    assert scanned(text, size) == scanned(text, max(1, len(text)))


def test_entries_come_before_the_file_has_ended() -> None:
    def chunks() -> Iterable[bytes]:
        yield b"<urlset>" + b"".join(b"<url><loc>/%d</loc></url>" % number for number in range(5_000))
        pytest.fail("read on before it gave what it had")

    reader = SitemapReader(URL, NOW).entries(chunks())
    assert next(iter(reader)).url == "https://example.com/0"
