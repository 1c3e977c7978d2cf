"""The entries in the markup of a sitemap or feed, however broken it is.

A scanner of our own instead of an XML parser. Sitemaps in the wild have a bare `&` in their URLs, entities that
nothing declares, tags that never close, text before the declaration; there expat stops, and libxml2 recovers by
leaving out a part (`?x=1&y=2` becomes `?x=1=2`). This one takes what it finds. It knows no DTD, so that nothing is
expanded or loaded, holds one token at a time, and its time grows with the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html.entities import html5
from typing import Literal, NamedTuple

from scraper.errors import ScraperError

Kind = Literal["page", "sitemap"]

#: The longest token, in characters: a comment, a CDATA section or a text that is longer is passed over.
MAX_TOKEN = 128 * 1024
#: The alternates that are kept of one entry: a page has at most one for each language and region.
MAX_ALTERNATES = 500

_TOKEN = re.compile(
    r"<(?:"
    # A tag, with the text after it and the end tag after that: name, attributes, text, end tag. Elements that say
    # nothing here and are in every entry are passed over in the same step.
    r"(/?)([A-Za-z_][^\s<>/=\"']*+)((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+(?=>)|[^<>]*+)>([^<]*+)"
    r"(</\2\s*+>(?:\s*+<(?:changefreq|priority)>[^<]*+</(?:changefreq|priority)>)*+)?+"
    r"|(!--.*?-->|\?[^<>]*+>|!\[CDATA\[(.*?)\]\]>|!(?i:doctype)([^\[>]*+(?:\[.*?\]\s*)?)>"
    r"|!(?!--|\[CDATA\[|(?i:doctype))[^<>]*+>)([^<]*+)"
    # None of these, up to where one of them may begin.
    r"|((?:[^<]++|<(?![A-Za-z_/!?]))*+))",
    re.DOTALL,
)
#: What a token can begin with that another `<` does not end, and what ends it.
_SPANNING = {"<!--": "-->", "<![CDATA[": "]]>"}
_DOCTYPE = "<!doctype"
_ATTRIBUTE = re.compile(r"([^\s=<>\"'/]+)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)')")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")

_FORMATS = {"urlset": "urlset", "sitemapindex": "sitemapindex", "rss": "rss", "rdf": "rss", "feed": "atom"}
_CONTAINERS: dict[str, frozenset[str]] = {
    "": frozenset({"url", "sitemap", "item", "entry"}),
    "urlset": frozenset({"url", "sitemap"}),
    "sitemapindex": frozenset({"url", "sitemap"}),
    "rss": frozenset({"item"}),
    "atom": frozenset({"entry"}),
}
#: What a file is that has such elements and no root.
_FORMAT_OF = {"": "urlset", "url": "urlset", "sitemap": "sitemapindex", "item": "rss", "entry": "atom"}
_FEEDS = ("rss", "atom")
#: Dates by how well they tell when a page last changed; of several the best counts.
_DATES = {
    "lastmod": 3,
    "updated": 3,
    "modified": 3,
    "date": 2,
    "pubdate": 1,
    "published": 1,
    "issued": 1,
}
_VALUES = frozenset({"loc", "link", "guid"})
#: Elements that hold locations, links and dates of something else.
_ASIDE = frozenset({"image", "video", "news", "source", "author", "contributor", "textinput"})
#: Prefixes by which everybody calls the extensions; of these the wrapping element alone is of interest.
_EXTENSIONS = frozenset({"image", "video", "news", "mobile", "media", "itunes", "content"})
_PAGE = frozenset({"html", "head", "body"})


class NotASitemap(ScraperError):
    """The document of a URL is not a sitemap: mostly an error page that says 200."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(
            f"{url} is not a sitemap: {what}",
            remedy="look at it with `scraper fetch`; a site's robots.txt names its sitemaps",
        )


class RawEntry(NamedTuple):
    """An entry as it is written, entities undone. `base` is its xml:base."""

    kind: Kind
    location: str
    date: str = ""
    alternates: Sequence[str] = ()
    base: str = ""


class MarkupScanner:
    """Takes text and gives entries.

    Args:
        url: the file's address, for errors.
        flaws: counts what was wrong and survived.
        with_media: whether alternates for other media count.
    """

    def __init__(self, url: str, flaws: Counter[str], *, with_media: bool = False) -> None:
        self._with_media = with_media
        self._url = url
        self._flaws = flaws
        #: urlset, sitemapindex, rss or atom; empty before the root element.
        self.format = ""
        self._is_closed = False
        self._held = ""
        #: What ends the token that is being passed over.
        self._until = ""
        self._aside = ""
        self._field = ""
        self._parts: list[str] = []
        self._length = 0
        self._base = ""
        self._location = ""
        self._open("")

    # Tokens ------------------------------------------------------------------------------------------

    def feed(self, text: str) -> Iterator[RawEntry]:
        """Return the entries that end in `text`, which goes on where the last one ended.

        Raises:
            NotASitemap: it is HTML, or declares entities.
        """
        text = self._held + text
        # The text of the last tag may go on in what comes next.
        end = text.rfind("<")
        self._held = ""
        if end < 0 or len(text) - end > MAX_TOKEN:
            end = len(text)
        yield from self._scan(text[:end], text[end:])

    def end(self) -> Iterator[RawEntry]:
        """Return the entries left at the file's end.

        Raises:
            NotASitemap: nothing in it was one.
        """
        yield from self._scan(self._held, "")
        last = self._flushed()
        if last is not None:
            yield last
        if not self.format:
            raise NotASitemap(self._url, "it has none of the elements of sitemaps and feeds")
        if not self._is_closed:
            self._flaws["cut-short"] += 1

    def _scan(self, text: str, rest: str) -> Iterator[RawEntry]:
        position = 0
        if self._until:
            found = text.find(self._until)
            if found < 0:
                self._held = text[-len(self._until) + 1 :] + rest
                return
            position = found + len(self._until)
            self._until = ""
        for match in _TOKEN.finditer(text, position):
            closing, name, attributes, value, ended, other, cdata, doctype, after, stray = match.groups()
            if name is not None:
                if self._field:
                    self._finish_field()  # by any tag: values have no elements inside, and end tags are forgotten
                meaning = _meaning(name)
                if meaning is None:
                    continue
                if closing:
                    entry = self._end_tag(meaning)
                else:
                    entry = self._start_tag(meaning, attributes, value, ended is not None)
                if entry is not None:
                    yield entry
            elif other is not None:
                if doctype is not None:
                    self._read_doctype(doctype)
                # What is in CDATA has no entities.
                self._add((cdata or "").replace("&", "&amp;") + after)
            elif stray[:1] == "!" and _is_spanning(text, match.start()):
                self._hold(text[match.start() :] + rest)
                return
            else:
                self._add("<" + stray)
        self._held = rest

    def _hold(self, text: str) -> None:
        """Keep an unfinished token, or pass it over when it grows too long."""
        if len(text) <= MAX_TOKEN:
            self._held = text
            return
        for opening, ending in _SPANNING.items():
            if text.startswith(opening):
                self._until = ending
                self._held = text[-len(ending) + 1 :]
                return
        raise NotASitemap(self._url, f"its DOCTYPE has more than {MAX_TOKEN:,} characters")

    def _add(self, text: str) -> None:
        """More text of the open field; one that is too long is dropped."""
        if self._field:
            self._parts.append(text)
            self._length += len(text)
            if self._length > MAX_TOKEN:
                self._field = ""
                self._parts = []

    def _read_doctype(self, declaration: str) -> None:
        declaration = declaration.lower()
        if "<!entity" in declaration:
            raise NotASitemap(self._url, "it declares entities, which no sitemap needs, and attacks do")
        if not self.format and declaration.split()[:1] == ["html"]:
            raise NotASitemap(self._url, "it is an HTML page")

    # Elements ----------------------------------------------------------------------------------------

    def _start_tag(self, meaning: str, attributes: str, value: str, ended: bool) -> RawEntry | None:
        """Read a tag, with the text and the end tag after it; returns the entry that ends here."""
        is_empty = ended or attributes.endswith("/")
        if meaning in _CONTAINERS[self.format]:
            entry = self._flushed()
            self._aside = ""  # its end tag may have been forgotten
            self._open("" if is_empty else meaning, attributes)
            if is_empty:
                self._flaws["no-location"] += 1
            return entry
        if self._aside:
            return self._end_tag(meaning) if ended else None
        if meaning in _VALUES or meaning in _DATES:
            entry = None
            if meaning == "loc" and self._location:  # a second one in one element: both are meant
                entry = self._flushed()
                self._open(self._container)
            if self._holds_value(meaning, attributes):
                self._field, self._parts, self._length = meaning, [value], len(value)
                if is_empty:
                    self._finish_field()
            return entry
        if meaning in _FORMATS:
            entry = self._flushed()
            self.format = _FORMATS[meaning]
            self._is_closed = is_empty
            self._base = _base_in(attributes)
            self._open("")
            return entry
        if meaning in _ASIDE:
            self._aside = "" if is_empty else meaning
        elif meaning in _PAGE and not self.format:
            raise NotASitemap(self._url, "it is an HTML page")
        return None

    def _end_tag(self, meaning: str) -> RawEntry | None:
        if self._aside:
            if meaning == self._aside:
                self._aside = ""
            return None
        if meaning == self._container:
            entry = self._flushed()
            if entry is None:
                self._flaws["no-location"] += 1
            self._open("")
            return entry
        if meaning in _FORMATS:
            self._is_closed = True
            entry = self._flushed()
            self._open("")
            return entry
        return None

    def _holds_value(self, meaning: str, attributes: str) -> bool:
        """Tell whether the text of an element counts; a link in its attributes is taken here."""
        is_feed = self.format in _FEEDS or self._container in ("item", "entry")
        if meaning in _DATES:
            return _DATES[meaning] > self._date_rank
        if meaning == "loc":
            return not is_feed
        if meaning == "link" and "href" in attributes:
            self._take_link(_attributes(attributes), is_feed)
            return False
        if not is_feed or not self._container or self._location:
            return False
        return meaning == "link" or _attributes(attributes).get("ispermalink", "true").lower() == "true"

    def _take_link(self, attributes: dict[str, str], is_feed: bool) -> None:
        relations = attributes.get("rel", "alternate" if is_feed else "").lower().split()
        if "alternate" not in relations or not self._container:
            return
        if not self._with_media and attributes.get("media", "").strip().lower() not in ("", "all"):
            return  # the same page for small screens, or for print
        target = _undone(attributes.get("href", "")).strip()
        if not is_feed:
            if len(self._alternates) < MAX_ALTERNATES:
                self._alternates.append(target)
        elif not self._location:
            self._location = target

    def _finish_field(self) -> None:
        field, self._field = self._field, ""
        parts = self._parts
        text = _undone(parts[0] if len(parts) == 1 else "".join(parts)).strip()
        if field in _DATES:
            self._date, self._date_rank = text, _DATES[field]
        elif field == "guid":
            if text.startswith(("http://", "https://")):
                self._guid = text
        elif text:
            self._location = text

    # Entries -----------------------------------------------------------------------------------------

    def _open(self, container: str, attributes: str = "") -> None:
        self._container = container
        self._location = self._guid = self._date = ""
        self._date_rank = 0
        self._alternates: list[str] = []
        self._own_base = (_base_in(attributes) if attributes else "") or self._base

    def _flushed(self) -> RawEntry | None:
        """Return the entry that is open, or None; `_open` makes room for the next."""
        location = self._location or self._guid
        if not location and not self._alternates:
            return None
        if not self.format:  # its root element is missing, or has a name of its own
            self.format = _FORMAT_OF[self._container]
        is_index = self.format == "sitemapindex" if not self._container else self._container == "sitemap"
        kind: Kind = "sitemap" if is_index else "page"
        return RawEntry(kind, location, self._date, self._alternates, self._own_base)


def _is_spanning(text: str, start: int) -> bool:
    return text.startswith(tuple(_SPANNING), start) or text[start : start + len(_DOCTYPE)].lower() == _DOCTYPE


@lru_cache(maxsize=1024)
def _meaning(name: str) -> str | None:
    """Return what the element called `name` is to sitemaps, by its local name, as namespaces are often wrong."""
    prefix, _, local = name.lower().rpartition(":")
    if prefix in _EXTENSIONS:
        return local if local in _ASIDE else None
    known = local in _CONTAINERS[""] or local in _FORMATS or local in _VALUES or local in _DATES
    return local if known or local in _ASIDE or local in _PAGE else None


def _attributes(text: str) -> dict[str, str]:
    return {match[1].lower(): match[2] or match[3] or "" for match in _ATTRIBUTE.finditer(text)}


def _base_in(attributes: str) -> str:
    return _undone(_attributes(attributes).get("xml:base", "")) if "xml:base" in attributes else ""


def _undone(text: str) -> str:
    """Undo character references and entities in `text`, HTML's too; anything else stays as it is."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return html5.get(f"{name};", match[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code == 0 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return "\ufffd"
    return chr(code)
