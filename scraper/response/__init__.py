"""The response that a callback gets, with its text, its tree and its links made on first access."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborNode

from scraper import urls
from scraper.errors import BadRequest
from scraper.parse.links import (
    Joiner,
    base_of,
    header_nofollow,
    links,
    may_have_base,
    may_say_nofollow,
    meta_nofollow,
    rel_nofollow,
)
from scraper.request import Request
from scraper.request.parts import Callback
from scraper.response.trees import Trees

if TYPE_CHECKING:
    from bs4 import Tag

    from scraper.parse.forms.find import FilledForm

    #: What `follow` understands: a URL, or an element that has one.
    Link = str | Tag | LexborNode

_plain = Request.plain
_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]{0,30}:")


class Response(Trees):
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

    __slots__ = ()

    def links(self) -> list[str]:
        """Return the http(s) links of `a` and `area`, absolute, without fragment, each once, in the page's order.

        Links that are `rel=nofollow` are left out, and all of them where the page's `<meta name=robots>` or its
        X-Robots-Tag says `nofollow` or `none`; `politeness.nofollow` is the key that lets them. A body that is not
        HTML has none.
        """
        if not self.is_html:
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
            self._page_says = "page" in self.obeyed and (
                header_nofollow(self.headers.get("X-Robots-Tag")) or (self.is_html and self._meta_says_nofollow())
            )
        if self._page_says:
            self.left_out[url] = "page"
        elif rel and "link" in self.obeyed and rel_nofollow(rel):
            self.left_out.setdefault(url, "link")
        else:
            self.left_out.pop(url, None)
            return True
        return False

    def _meta_says_nofollow(self) -> bool:
        may = self._tree is not None or may_say_nofollow(self.text)
        return may and meta_nofollow(self._html_tree())

    def _repr_html_(self) -> str:
        """Return what a notebook shows of it."""
        from scraper import notebook

        rows = [("url", self.url), ("status", self.status), ("type", self.headers.get("Content-Type") or "")]
        rows += [("bytes", f"{len(self.body):,}"), ("seconds", f"{self.elapsed:.3f}")]
        if self.connection is not None:
            rows.append(("connection", str(self.connection)))
        return notebook.facts("response", rows)

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
            BadRequest: there is no link (None, an element without one), or with `strict`, not one to http(s).
        """
        target = link if type(link) is str else _target(link)
        if target is None:
            raise self._bad_link(*_what_is_no_link(link))
        joiner = self._joiner or self._joining()
        url = joiner.made.get(target) or joiner.url_of(target)
        if url is None:
            self._leave_out(target)
            return None
        return Request(url, callback, **keywords) if keywords else _plain(url, callback)

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
                yield Request(url, callback, **keywords) if keywords else _plain(url, callback)

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
            has_base = self._tree is not None or (self.is_html and may_have_base(self.text))
            base_url = base_of(self._html_tree(), self.url) if has_base else self.url
            self._joiner = Joiner(base_url, self._sent_in() if self._text is not None else "utf-8")
        return self._joiner


def _target(link: object) -> str | None:
    """Return the URL of a link as it is written, or None."""
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


def _what_is_no_link(link: object) -> tuple[str, str]:
    """Return what was given in place of a link, and what to do about it."""
    if isinstance(link, list | tuple):
        return (
            f"a {type(link).__name__}",
            "response.follow_all() takes many links: yield from response.follow_all(links)",
        )
    what = "None" if link is None else f"a {_described(link)} without href or src"
    return what, "check what the selector found before following it"


def _described(link: object) -> str:
    if isinstance(link, LexborNode):
        return f"<{link.tag}>"
    return f"<{link.name}>" if hasattr(link, "attrs") and hasattr(link, "name") else type(link).__name__
