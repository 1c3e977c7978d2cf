"""The response that a callback gets, with its text, its tree and its links made on first access."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from requests.structures import CaseInsensitiveDict
from selectolax.lexbor import LexborHTMLParser, LexborNode

from scraper import urls
from scraper.config.types.pseudo_classes import WrongSelector, right_for_lexbor
from scraper.errors import BadRequest, NotHtml, NotJson, ScraperError, TooNested, UsageError
from scraper.media import content_type_of
from scraper.parse.encoding import decode, decode_in, sniff
from scraper.parse.labels import encoding_of
from scraper.parse.lexbor import make_tree
from scraper.parse.links import (
    NOFOLLOW,
    Joiner,
    base_of,
    header_nofollow,
    links,
    may_have_base,
    meta_nofollow,
    rel_nofollow,
)
from scraper.parse.xhtml import as_html, is_xhtml
from scraper.request import Callback, Request
from scraper.stats import Served

if TYPE_CHECKING:
    # BeautifulSoup takes a tenth of a second to import, so that is done when somebody asks for a soup.
    from bs4 import BeautifulSoup, Tag

    from scraper.parse.forms.find import FilledForm
    from scraper.parse.soup.select import Index

    #: What `follow` understands: a URL, or an element that has one.
    Link = str | Tag | LexborNode

T = TypeVar("T")

#: Selectors of a page that are remembered since they found nothing.
_MOST_MISSED = 5
_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]{0,30}:")

_XHTML = "application/xhtml+xml"
_XML_TYPES = frozenset({"application/xml", "text/xml"})
_LOOKS_LIKE_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_STARTS_WITH_TAG = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<|\Z)")


class Response:
    """An answer.

    Args:
        url: where it came from; after a redirect the target.
        status: the HTTP status.
        headers: any mapping; kept so that upper and lower case make no difference.
        body: the bytes, with any Content-Encoding undone.
        request: what it answers; default a plain GET of `url`.
        elapsed: seconds from the send to the end of the body.
        connection: the connection that carried it, None where there was none.

    `soup` and `select` are BeautifulSoup, `css` and `links` selectolax; each tree is made once, when first asked
    for, and neither needs the other. On a body that is not HTML they raise `NotHtml`, except that what has no
    markup has no links.
    """

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
        "request",
        "status",
        "unfollowed",
        "url",
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
        #: The encoding that a user has named; None where the page decides.
        self.named_encoding: str | None = None
        #: Whose nofollow holds, of `page` and `link`; set by the crawl, from politeness.nofollow.
        self.obeyed = NOFOLLOW
        #: The URLs that links(), follow_all() and rules left out for it, and whose it was.
        self.left_out: dict[str, str] = {}
        self._page_says: bool | None = None
        self._text: tuple[str, str] | None = None
        self._soup: BeautifulSoup | None = None
        self._index: Index | None = None
        self._tree: LexborHTMLParser | None = None
        self._joiner: Joiner | None = None
        self._html: bool | None = None
        self._root: Any = None
        #: `follow` raises for what is no link, instead of leaving it out: `strict` of the configuration.
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

    # The body ----------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """Return the body as text; what is not valid in its encoding is U+FFFD."""
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
        self._text = self._soup = self._index = self._tree = self._joiner = self._html = self._root = None

    def in_encoding(self, label: str | None) -> Response:
        """Return the same response read in another encoding; itself where there is none, or no other."""
        if label is None or label == self.named_encoding:
            return self
        other = Response(
            self.url,
            self.status,
            self.headers,
            self.body,
            request=self.request,
            elapsed=self.elapsed,
            connection=self.connection,
        )
        other.encoding = label
        other.obeyed, other.left_out = self.obeyed, self.left_out
        return other

    @property
    def markup(self) -> str:
        """Return the text as HTML: XHTML that is sent as XML has empty elements and CDATA written out."""
        is_xml = self._content_type() == _XHTML or self._content_type() in _XML_TYPES
        return as_html(self.text) if is_xml else self.text

    def _decoded(self) -> tuple[str, str]:
        if self._text is None:
            named = self.named_encoding
            self._text = (
                decode(self.body, self.headers.get("Content-Type")) if named is None else decode_in(self.body, named)
            )
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

    # BeautifulSoup -----------------------------------------------------------------------------------

    @property
    def soup(self) -> BeautifulSoup:
        """Return the whole tree.

        Raises:
            NotHtml: the body is not HTML, or too large for a soup.
        """
        if self._soup is None:
            from scraper.parse.soup.make import make_soup

            # Where tags of it were handed out already, they take their places in it.
            self._soup = self._of_page(make_soup) if self._index is None else self._index.complete()
        return self._soup

    def select(self, selector: str) -> list[Tag]:
        """Return the elements that a CSS selector finds, in the page's order: those that `soup.select` finds, faster.

        Once the tree is changed by BeautifulSoup's methods or `tag[...]`, it is as fast as `soup.select`. Of other
        changes it has to be told: see `soup_changed`.

        Raises:
            NotHtml: as `soup` does.
            soupsieve.SelectorSyntaxError: it is not a selector.
        """
        if "::" in selector:
            _refuse_pseudo_element("select", selector)
        found = self._indexed().select(selector)
        return found or self._missed(selector, found)

    def select_one(self, selector: str) -> Tag | None:
        """Return the first element that a CSS selector finds, None where there is none; raises like `select`."""
        if "::" in selector:
            _refuse_pseudo_element("select_one", selector)
        found = self._indexed().select_one(selector)
        return self._missed(selector, found) if found is None else found

    def soup_changed(self) -> None:
        """To be called after a tag's `.attrs`, `.contents`, `.name` or a list in them was changed directly.

        From then on `select` and `select_one` look at the tree as it is.
        """
        from scraper.parse.soup.edit_tracking import mark

        mark(self.soup)

    def _indexed(self) -> Index:
        index = self._index
        if index is None or index.is_spent:
            from scraper.parse.soup.make import index_of, index_of_soup

            whole = index is not None or self._soup is not None
            index = self._index = index_of_soup(self.soup) if whole else self._of_page(index_of)
        return index

    def _of_page(self, make: Callable[[str], T]) -> T:
        self._require_html()
        try:
            return make(self.markup)
        except (NotHtml, TooNested) as error:
            error.request = self.request
            raise

    # selectolax --------------------------------------------------------------------------------------

    def css(self, selector: str) -> list[LexborNode]:
        """Return the elements that a CSS selector finds, as selectolax's nodes, each once.

        A node's own `css` is selectolax's, and looks for what it is given unchecked.

        Raises:
            NotHtml: the body is not HTML.
            ScraperError: lexbor, the parser behind it, would find other elements (`:disabled`, `:read-only`), or it
                is no selector of elements (`p::text`).
            selectolax.lexbor.SelectolaxError: it is not a selector.
        """
        if ":" in selector:
            selector = self._right(selector)
        found = self._html_tree().css(selector)
        if not found:
            return self._missed(selector, [])
        if "," not in selector:
            return list(found)
        # lexbor reports an element once for each part of the selector that it matches.
        return list({node.mem_id: node for node in found}.values())

    def css_first(self, selector: str) -> LexborNode | None:
        """Return the first element that a CSS selector finds, as selectolax's node; raises like `css`."""
        if ":" in selector:
            selector = self._right(selector)
        found = self._html_tree().css_first(selector)
        return self._missed(selector, found) if found is None else found

    def _missed(self, selector: str, found: T) -> T:
        """Note a selector that found nothing; returns that."""
        if len(self.missed) < _MOST_MISSED and selector not in self.missed:
            self.missed.append(selector)
        return found

    def xpath(self, expression: str) -> list[Any]:
        """Return what an XPath 1.0 expression finds: lxml's elements, or text for `text()` and `@href`.

        It sees the elements that `css` sees, by their names in lower case. A number, a text or a truth value is all
        that the list holds then.

        Raises:
            NotHtml: the body is not HTML.
            UsageError: it is not an expression.
        """
        from lxml import etree

        try:
            found = self.lxml_root.xpath(expression)
        except etree.XPathError as error:
            raise UsageError(f"{expression!r} is not an XPath expression: {error}", remedy="as //h1/text()") from None
        if isinstance(found, list):
            plain = [str(each) if isinstance(each, str) else each for each in found]
            return plain or self._missed(expression, plain)
        return [str(found) if isinstance(found, str) else found]

    @property
    def lxml_root(self) -> Any:
        """Return the page as lxml's tree, with the elements that `css` sees.

        Raises:
            NotHtml: the body is not HTML.
        """
        if self._root is None:
            from scraper.parse.xml_tree import xml_tree

            html = self._html_tree().css_first("html")
            self._root = xml_tree(html.html or "" if html is not None else "")
        return self._root

    def _right(self, selector: str) -> str:
        if "::" in selector:
            _refuse_pseudo_element("css", selector)
        try:
            return right_for_lexbor(selector)
        except WrongSelector as error:
            raise ScraperError(
                f"response.css cannot find {selector}",
                remedy=f"{error}; or use response.select",
                request=self.request,
            ) from None

    def text_of(self, element: LexborNode | Tag) -> str:
        """Return the text of an element of this page in one line, as a field of rules has it.

        What a browser shows on lines of their own, in cells, list items or options is apart by a space; scripts,
        styles, templates and what else is hidden by itself is left out (docs/rules.md).

        Args:
            element: of `css`, of `select` or `soup`, or of lxml.
        """
        from scraper.parse.text import text_of  # it brings all entities of HTML along

        return text_of(element)

    def links(self) -> list[str]:
        """Return the http(s) links of `a` and `area`, absolute, without fragment, each once, in the page's order.

        Links that are `rel=nofollow` are left out, and all of them where the page's `<meta name=robots>` or its
        X-Robots-Tag says `nofollow` or `none`; `politeness.nofollow` is the key that lets them. A body that is not
        HTML has none.
        """
        if not self._is_html():
            return []
        page_says = header_nofollow(self.headers.get("X-Robots-Tag"))
        return links(
            self._html_tree(), self._joining(), obeyed=self.obeyed, left_out=self.left_out, page_says=page_says
        )

    def may_follow(self, url: str, rel: str | Iterable[str] | None) -> bool:
        """Tell whether a link to `url` may be followed, by what the page says of all of them and its own `rel`.

        One that may not is noted in `left_out`.
        """
        if self._page_says is None:
            says = "page" in self.obeyed and (
                header_nofollow(self.headers.get("X-Robots-Tag")) or (self._is_html() and meta_nofollow(self.css))
            )
            self._page_says = says
        if self._page_says:
            self.left_out[url] = "page"
        elif rel and "link" in self.obeyed and rel_nofollow(rel):
            self.left_out.setdefault(url, "link")
        else:
            self.left_out.pop(url, None)
            return True
        return False

    def _html_tree(self) -> LexborHTMLParser:
        if self._tree is None:
            self._tree = self._of_page(make_tree)
        return self._tree

    # Onward ------------------------------------------------------------------------------------------

    def urljoin(self, link: str) -> str:
        """Return `link` as an absolute URL, as a browser would understand it on this page (`<base>` included).

        Raises:
            BadRequest: no browser would.
        """
        joiner = self._joining()
        url = urls.resolve(joiner.escaped(link), joiner.base_url)
        if url is None:
            raise self._bad_link(repr(link[:200]), "check where the spider took it from")
        return url

    def follow(self, link: Link, callback: Callback | str | None = None, **keywords: Any) -> Request | None:
        """Return a request for a link of this page; None for one that leads to no page, such as `mailto:`.

        Such a link is counted, and said once; where the configuration says `strict: true`, it is an error.

        Args:
            link: a URL, relative or not, or an element that has one as its `href` or `src`, of BeautifulSoup or
                of selectolax.
            callback: as in `Request`; None means `parse`.
            keywords: anything else that `Request` takes.

        Raises:
            BadRequest: there is no link at all (None, an element without one); with `strict`, it is none to http(s).
        """
        target = link if type(link) is str else _target(link)
        if target is None:
            raise self._bad_link(
                "None" if link is None else f"a {_described(link)} without href or src",
                "check what the selector found before following it",
            )
        joiner = self._joiner or self._joining()
        url = joiner.made.get(target) or joiner.url_of(target)
        if url is None:
            self._leave_out(target)
            return None
        return Request(url, callback, **keywords) if keywords else Request.plain(url, callback)

    def _leave_out(self, target: str) -> None:
        what = f"{target[:200]!r}, which is not an http or https URL,"
        if self.is_strict:
            raise self._bad_link(what, "response.follow_all() leaves such links out")
        scheme = _SCHEME.match(target)
        name = scheme.group().strip().lower() if scheme else ""
        kind = name if name not in ("", "http:", "https:") else "bad URL"
        caller = sys._getframe(2)
        place = f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}"
        self.unfollowed.append((kind, f"{what} followed on {self.url}, at {place}"))

    def follow_all(
        self, links: str | Iterable[Link], callback: Callback | str | None = None, **keywords: Any
    ) -> Iterator[Request]:
        """Return requests for many links: those of a CSS selector (selectolax's), or those given as for `follow`.

        What is not a link to http(s) (mailto:, an `<a>` without href) is left out, and of elements those that are
        nofollow, as `links` does. A URL given as text is followed.
        """
        joiner = self._joining()
        for link in self.css(links) if isinstance(links, str) else links:
            target = _target(link)
            url = None if target is None else joiner.url_of(target)
            if url is not None and (isinstance(link, str) or self.may_follow(url, _rel(link))):
                yield Request(url, callback, **keywords) if keywords else Request.plain(url, callback)

    def form(
        self,
        fields: Mapping[str, Any],
        selector: str | None = None,
        callback: Callback | str | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Request:
        """Return a request that submits a form of this page, as a browser would, its hidden fields included.

        Args:
            fields: what is filled in, by the fields' names; the form is found by them. Text, numbers, True and False,
                or lists of these where a name has several fields, boxes or options.
            selector: a CSS selector of the form, or of anything in it, where the fields do not tell it from others.
            callback: as in `Request`; None means `parse`.
            extra: what is sent beside the form's own fields, as scripts add it.
            keywords: anything else that `Request` takes, such as `retry_unsafe`.

        Raises:
            FormError: no form holds the fields, or a value is not a choice of its field.
            NotHtml: as `soup` does.
        """
        from scraper.parse.forms.submit import request_of

        return request_of(self.filled_form(fields, selector, extra), self.url, callback, **keywords)

    def filled_form(
        self, fields: Mapping[str, Any], selector: str | None = None, extra: Mapping[str, Any] | None = None
    ) -> FilledForm:
        """Return what `form` would send, before a request is made of it; raises like `form`."""
        from scraper.parse.forms.find import find_form

        self._require_html()
        return find_form(self.markup, self.url, fields, selector, encoding=self._sent_in(), extra=extra)

    def _bad_link(self, what: str, remedy: str) -> BadRequest:
        return BadRequest(f"cannot follow {what} on {self.url}", remedy=remedy, request=self.request)

    def _joining(self) -> Joiner:
        if self._joiner is None:
            # Asking a tree is quickest, but making one for that is not.
            has_base = self._tree is not None or (self._is_html() and may_have_base(self.text))
            base_url = base_of(self._html_tree(), self.url) if has_base else self.url
            self._joiner = Joiner(base_url, self._sent_in() if self._text is not None else "utf-8")
        return self._joiner

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
        return self._is_html()

    def _is_html(self) -> bool:
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
        if not self._is_html():
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


def _refuse_pseudo_element(method: str, selector: str) -> None:
    """Raise ScraperError for `::text` or `::attr(…)`, which are Scrapy's and no CSS."""
    if selector.rstrip().endswith("::text") or "::attr(" in selector:
        attribute = "element.attrs" if method == "css" else "element.get(name)"
        raise ScraperError(
            f"response.{method} finds elements, and no {selector[selector.index('::') :].strip()}",
            remedy=f"take the text of an element by response.text_of(element), an attribute by {attribute}",
        )


def _target(link: object) -> str | None:
    """Return the URL of a link as it is written; None where there is none."""
    if isinstance(link, str):
        return str(link)
    attributes = getattr(link, "attrs", None)
    # lxml's elements call them so.
    look_up = getattr(getattr(link, "attrib", None) if attributes is None else attributes, "get", None)
    if look_up is not None:
        for attribute in ("href", "src"):
            value = look_up(attribute)
            if isinstance(value, str):
                return value
    return None


def _rel(link: object) -> str | list[str] | None:
    rel: str | list[str] | None = link.attrs.get("rel")  # type: ignore[attr-defined]
    return rel


def _described(link: object) -> str:
    if isinstance(link, LexborNode):
        return f"<{link.tag}>"
    return f"<{link.name}>" if hasattr(link, "attrs") and hasattr(link, "name") else type(link).__name__
