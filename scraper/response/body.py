"""The bytes of a response: their text, their encoding and what kind of document they are."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from requests.structures import CaseInsensitiveDict
from selectolax.lexbor import LexborHTMLParser

from scraper.errors import NotHtml, NotJson, UsageError
from scraper.lazy_pattern import lazy_pattern
from scraper.media import content_type_of
from scraper.parse.encoding import decode, decode_in, sniff
from scraper.parse.labels import encoding_of
from scraper.parse.links import NOFOLLOW, Joiner
from scraper.parse.xhtml import as_html, is_xhtml
from scraper.request import Request
from scraper.stats import Served

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from scraper.parse.soup.select import Index
    from scraper.response.rendering import Captured, Rendering

_XHTML = "application/xhtml+xml"
_XML_TYPES = frozenset({"application/xml", "text/xml"})
_LOOKS_LIKE_HTML = lazy_pattern(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_STARTS_WITH_TAG = lazy_pattern(rb"(?:\xef\xbb\xbf)?\s*(?:<|\Z)")


_NOTHING_SAID: Mapping[str, bool] = {}


class Body:
    """What was received, and places for the trees that are made of it on first access."""

    __slots__ = (
        "_html",
        "_index",
        "_joiner",
        "_page_says",
        "_root",
        "_soup",
        "_text",
        "_tree",
        "body",
        "connection",
        "elapsed",
        "headers",
        "is_strict",
        "left_out",
        "missed",
        "named_encoding",
        "obeyed",
        "rendering",
        "request",
        "status",
        "unfollowed",
        "url",
        "usage",
    )

    def __init__(
        self,
        url: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        request: Request | None = None,
        elapsed: float = 0.0,
        connection: Served | None = None,
    ) -> None:
        self.url = url
        self.status = status
        self.headers: CaseInsensitiveDict[str] = (
            headers if isinstance(headers, CaseInsensitiveDict) else CaseInsensitiveDict(headers or {})
        )
        self.body = body
        self.request = Request(url) if request is None else request
        self.elapsed = elapsed
        self.connection = connection
        #: What a browser made of it; None where none was used.
        self.rendering: Rendering | None = None
        #: The encoding that a user has named; None where the page decides.
        self.named_encoding: str | None = None
        #: Whose nofollow holds, of `page` and `link`; set by the crawl, from politeness.nofollow.
        self.obeyed = NOFOLLOW
        #: The URLs that links(), follow_all() and rules left out for it, and whose it was.
        self.left_out: dict[str, str] = {}
        #: What the site says that the page may be used for, by use: `{"search": True, "ai-train": False}`; set by
        #: the crawl, of robots.txt and headers. What it does not speak of is not in it.
        self.usage: Mapping[str, bool] = _NOTHING_SAID
        self._page_says: bool | None = None
        self._text: tuple[str, str] | None = None
        self._soup: BeautifulSoup | None = None
        self._index: Index | None = None
        self._tree: LexborHTMLParser | None = None
        self._joiner: Joiner | None = None
        self._html: bool | None = None
        self._root: Any = None
        #: `follow` raises for what is not a link, instead of leaving it out: `strict` of the configuration.
        self.is_strict = False
        #: What `follow` left out: its kind, as `mailto:`, and the rest in words.
        self.unfollowed: list[tuple[str, str]] = []
        #: Selectors that found nothing, the first few.
        self.missed: list[str] = []

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url}>"

    @property
    def ok(self) -> bool:
        """Tell whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def meta(self) -> dict[str, Any]:
        """Return the request's `meta`."""
        return self.request.meta

    # What a browser made of it -----------------------------------------------------------------------

    @property
    def captured(self) -> tuple[Captured, ...]:
        """Return the JSON answers that its page fetched, of `browser.capture`; none where no browser was used."""
        return self.rendering.captured if self.rendering is not None else ()

    @property
    def screenshot(self) -> bytes | None:
        """Return a PNG of the page, where `browser.screenshot` is true and a browser was used."""
        return self.rendering.screenshot if self.rendering is not None else None

    def drawn(self, rendering: Rendering) -> None:
        """Take what a browser made of it: text, trees and links are those of that from now on."""
        self.rendering = rendering
        if rendering.elsewhere is not None:
            self.headers["Refresh"] = f"0;url={rendering.elsewhere}"
        self._forget()

    @property
    def content(self) -> bytes:
        """Return all that tells this page from another state of it: the body, and what a browser made of it."""
        return self.body if self.rendering is None else self.body + self.rendering.telling()

    # The body ----------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """Return the body as text, what is not valid in its encoding as U+FFFD; the tree as drawn, by a browser."""
        return self._decoded()[0]

    @property
    def encoding(self) -> str:
        """Name the encoding: by byte order mark, Content-Type, the page's own `<meta>`, a guess, in that order.

        Set it where the page is wrong about itself, or nothing tells: `response.encoding = "windows-1250"`. From then
        on text, trees and links are those of that encoding, unless the body begins with a byte order mark.
        """
        return self._decoded()[1]

    @encoding.setter
    def encoding(self, label: str) -> None:
        name = encoding_of(label) if isinstance(label, str) else None
        if name is None:
            raise UsageError(f"{label!r} is not an encoding that pages have", remedy="name one such as windows-1250")
        self.named_encoding = name
        self._forget()

    def _forget(self) -> None:
        self._text = self._soup = self._index = self._tree = self._joiner = self._html = self._root = None

    def in_encoding(self, label: str | None) -> Self:
        """Return the same response read in another encoding; itself if that is None or the same."""
        if label is None or label == self.named_encoding:
            return self
        other = type(self)(
            self.url,
            self.status,
            self.headers,
            self.body,
            request=self.request,
            elapsed=self.elapsed,
            connection=self.connection,
        )
        other.rendering = self.rendering
        other.encoding = label
        other.obeyed, other.left_out, other.usage = self.obeyed, self.left_out, self.usage
        return other

    @property
    def markup(self) -> str:
        """Return the text as HTML: XHTML that is sent as XML has empty elements and CDATA written out."""
        kind = self._content_type()
        return as_html(self.text) if kind == _XHTML or kind in _XML_TYPES else self.text

    def _decoded(self) -> tuple[str, str]:
        if self._text is None:
            named = self.named_encoding
            self._text = (
                decode(self.body, self.headers.get("Content-Type")) if named is None else decode_in(self.body, named)
            )
            if self.rendering is not None:
                self._text = self.rendering.text, self._text[1]
        return self._text

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            NotJson: it is not JSON.
        """
        try:
            return jsonlib.loads(self.text)
        except (ValueError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise NotJson(
                f"{self.url} is not JSON: {why}; its Content-Type is {self._type_name()}",
                remedy="look at response.text",
                request=self.request,
            ) from None

    def _sent_in(self) -> str:
        """Return the encoding of queries and forms: the page's, and UTF-8 where it neither declares nor shows one."""
        name = self.encoding
        if name != "windows-1252" or self.named_encoding is not None or not self.body.isascii():
            return name
        return sniff(self.body, self.headers.get("Content-Type")) or "utf-8"

    # What kind of body -------------------------------------------------------------------------------

    def _content_type(self) -> str:
        return content_type_of(self.headers.get("Content-Type") or "").essence

    def _type_name(self) -> str:
        said = self.headers.get("Content-Type") or ""
        return repr(self._content_type() or said[:80]) if said else "missing"

    @property
    def is_html(self) -> bool:
        """Tell whether the body is HTML, by its Content-Type, or where that says nothing, by how it begins."""
        if self._html is None:
            self._html = self._judge_type()
        return self._html

    def _judge_type(self) -> bool:
        """Judge by the Content-Type; where it says nothing, or plain text or XML, by how the body begins."""
        kind = self._content_type()
        if not kind:
            return _STARTS_WITH_TAG.match(self.body) is not None
        if kind in _XML_TYPES:
            return is_xhtml(self.text)
        return kind in ("text/html", _XHTML) or (
            kind == "text/plain" and _LOOKS_LIKE_HTML.match(self.body) is not None
        )

    def _require_html(self) -> None:
        if not self.is_html:
            kind = self._content_type()
            if "json" in kind:
                remedy = "use response.json()"
            elif "xml" in kind:
                remedy = 'use response.body, with BeautifulSoup(response.body, "xml") for example'
            else:
                remedy = "use response.body, response.text or response.json()"
            raise NotHtml(
                f"{self.url} is not HTML: its Content-Type is {self._type_name()}",
                remedy=remedy,
                request=self.request,
            )
