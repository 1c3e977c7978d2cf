"""Sitemaps and feeds: the URLs that a site names, and when their pages last changed.

Streamed: bytes in, entries out, with one block of the file in memory. All that the sitemap protocol allows is read
(https://www.sitemaps.org/protocol.html): `<urlset>`, `<sitemapindex>`, RSS, Atom and plain lists of URLs, any of
them in gzip. What is broken is read as far as it goes, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple

from scraper import urls
from scraper.parse.links import web_url
from scraper.parse.sitemap.dates import last_modified
from scraper.parse.sitemap.limits import SitemapLimits
from scraper.parse.sitemap.markup import Kind, MarkupScanner, NotASitemap, RawEntry
from scraper.parse.sitemap.text import text_blocks

__all__ = ["NotASitemap", "SitemapEntry", "SitemapLimits", "SitemapReader"]

#: The longest URL that is taken, in characters, written or made absolute. The protocol allows 2,048; a crawl
#: admits as many as this.
MAX_URL = 8_000
#: Alternates are repeated in each of the pages that they are alternates of; so many are remembered.
_RECENT = 2_048

_SPACE = "\ufeff \t\r\n\f\v\0"
_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:urlset|sitemapindex|rss|feed|rdf|html)[\s>]", re.IGNORECASE)
#: A path in which a browser would change nothing: no dot segments, nothing to encode.
_PLAIN_PATH = re.compile(r"(?:/[\w~-][\w.~-]*+)++/?(?:\?[\w.~=&+-]*+)?", re.ASCII)
_LINE_END = re.compile(r"[\r\n]+")
_ABSOLUTE = re.compile(r"https?://\S+", re.IGNORECASE)


class SitemapEntry(NamedTuple):
    """An entry of a sitemap: one URL and what is said of it.

    `url` is absolute, http or https, without fragment. `lastmod` is the latest moment, in UTC, that the file's date
    can mean (a day ends at 23:59:59), None where the file says none that makes sense. `kind` is `sitemap` for an
    entry of an index.
    """

    url: str
    lastmod: datetime | None
    kind: Kind


class SitemapReader:
    """Reads one file, once.

    Args:
        url: where the file came from; relative locations start there.
        now: an aware datetime; dates after it are as good as none.
        limits: what is read, at most.
        with_media: whether alternates for other media (`media="only screen and …"`) are pages of their own.
    """

    def __init__(
        self, url: str, now: datetime, limits: SitemapLimits | None = None, *, with_media: bool = False
    ) -> None:
        self._with_media = with_media
        self._url = urls.resolve(url) or url
        self._root = urls.origin_of(self._url)
        self._now = now
        self._limits = limits or SitemapLimits()
        self._recent: dict[str, None] = {}
        #: `urlset`, `sitemapindex`, `rss`, `atom` or `text`, as soon as it is known.
        self.format = ""
        #: How often something was wrong and survived: `bad-location`, `no-location` (an entry without
        #: `<loc>`), `bad-date` (senseless, or in the future), `cut-short` (the file ends too early),
        #: `gzip-cut-short`, `gzip-broken`, `too-large` and `too-many` (the rest, beyond a limit, was not read).
        self.flaws: Counter[str] = Counter()

    def entries(self, chunks: Iterable[bytes]) -> Iterator[SitemapEntry]:
        """Return the entries of the file, in its order, as soon as each is read.

        A page's alternates in other languages (`<xhtml:link rel="alternate">`) follow it as pages of their own. They
        have no `lastmod`: the date is that of the page that names them. One that is named again soon is left out; so
        the same URL may come as an alternate and, with its date, as an entry.

        Args:
            chunks: the body in pieces of any size, gzip or not.

        Raises:
            NotASitemap: it is HTML, or empty, or nothing that names URLs; or it declares entities. Entries found
                before that were good.
        """
        raws = self._raw_entries(chunks)
        for raw in islice(raws, self._limits.entries):
            base = urls.resolve(raw.base, self._url) or self._url if raw.base else self._url
            url = self._absolute(raw.location, base)
            if url is not None:
                yield SitemapEntry(url, self._date(raw.date), raw.kind)
            for alternate in raw.alternates:
                other = self._absolute(alternate, base)
                if other is not None and other != url and self._is_new(other):
                    yield SitemapEntry(other, None, "page")
        if next(raws, None) is not None:
            self.flaws["too-many"] += 1

    def _raw_entries(self, chunks: Iterable[bytes]) -> Iterator[RawEntry]:
        blocks = text_blocks(chunks, self._limits.size, self.flaws)
        first = next((text for block in blocks if (text := block.lstrip(_SPACE))), "")
        if not first:
            raise NotASitemap(self._url, "it is empty")
        blocks = chain((first,), blocks)
        # A warning of the site's own program may stand before the root element.
        if first.startswith("<") or _ROOT.search(first):
            return self._in_markup(blocks)
        return self._in_lines(blocks)

    def _in_markup(self, blocks: Iterator[str]) -> Iterator[RawEntry]:
        scanner = MarkupScanner(self._url, self.flaws, with_media=self._with_media)
        for block in blocks:
            for entry in scanner.feed(block):
                self.format = scanner.format
                yield entry
        yield from scanner.end()
        self.format = scanner.format

    def _in_lines(self, blocks: Iterator[str]) -> Iterator[RawEntry]:
        """Return the URLs of a list: one a line, absolute, as the protocol has it."""
        held = ""
        for block in chain(blocks, ("\n",)):
            *lines, held = _LINE_END.split(held + block)
            for line in map(str.strip, lines):
                if _ABSOLUTE.fullmatch(line):
                    self.format = "text"
                    yield RawEntry("page", line)
                elif line:
                    self.flaws["bad-location"] += 1
            if len(held) > MAX_URL:
                held = held[: MAX_URL + 1]  # too long already, and so it stays
            if not self.format:  # a block is enough to know
                raise NotASitemap(self._url, "it is neither XML nor a list of URLs")

    def _date(self, text: str) -> datetime | None:
        if not text:
            return None
        date = last_modified(text, self._now)
        if date is None:
            self.flaws["bad-date"] += 1
        return date

    def _absolute(self, location: str, base: str) -> str | None:
        if not location:
            return None
        # Most are such, each comes once, and joining by hand takes a fifth of the time.
        if location.startswith(self._root) and _PLAIN_PATH.fullmatch(location, len(self._root), MAX_URL + 1):
            return location
        url = web_url(location, base) if len(location) <= MAX_URL else None
        if url is None or len(url) > MAX_URL:
            self.flaws["bad-location"] += 1
            return None
        return url

    def _is_new(self, alternate: str) -> bool:
        """Tell whether an alternate was not given lately."""
        is_new = self._recent.pop(alternate, self) is self
        self._recent[alternate] = None
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        return is_new
