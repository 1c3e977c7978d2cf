"""The links of a page, and what the page says about them."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

from scraper import urls
from scraper.parse.tree import make_tree

#: Directives of X-Robots-Tag and meta robots that bring a value of their own after a colon.
_WITH_VALUE = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
#: A path from the root in which a browser would change nothing: no dot segments, nothing to encode.
_PLAIN_PATH = re.compile(r"(?:/[\w~-][\w.~-]*)+/?(?:\?[\w.~=&+-]*)?", re.ASCII)
_BASE = re.compile(r"<base[\s/]", re.IGNORECASE)


def links(page: LexborHTMLParser | str, base_url: str) -> list[str]:
    """The http(s) URLs to which `a` and `area` of a page link, absolute, without fragment, each once, in order.

    Left out: `rel=nofollow`, everything when the page's `<meta name=robots>` says `nofollow` or `none`, other
    schemes, and what is no URL.

    Args:
        page: the page's tree, or its text.
        base_url: where relative links start, as `base_of` gives it.
    """
    tree = make_tree(page) if isinstance(page, str) else page
    if _meta_nofollow(tree):
        return []
    root = urls.origin_of(base_url)
    has_root = base_url.startswith((f"{root}/", f"{root}?")) and root.startswith(
        "http"
    )  # no user:password@ before it
    found: dict[str, None] = {}
    seen: set[str] = set()
    for node in tree.css("a[href], area[href]"):
        attributes = node.attrs
        href = attributes.get("href") or ""
        if href in seen or "nofollow" in (attributes.get("rel") or "").lower().split():
            continue
        seen.add(href)
        # Most links are plain paths; joining by hand takes a tenth of the time.
        url = root + href if has_root and _PLAIN_PATH.fullmatch(href) else web_url(href, base_url)
        if url is not None:
            found[url] = None
    return list(found)


def web_url(link: str, base_url: str) -> str | None:
    """`link` as an absolute http(s) URL without fragment; None where it is none."""
    url = urls.normalize(link, base_url)
    if url is None or urls.scheme_of(url) not in ("http", "https"):
        return None
    return urls.without_fragment(url)


def may_have_base(text: str) -> bool:
    """Whether `text` could hold a `<base>`: False saves a tree to those who only need `base_of`."""
    return _BASE.search(text) is not None


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """Where the relative links of the page at `url` start.

    Source: HTML Standard, 4.2.3 and 2.4.3: the first `<base>` that has a href, unless that is no URL or one of
    data: or javascript:.
    """
    base = tree.css_first("base[href]")
    if base is None:
        return url
    target = urls.normalize(base.attrs.get("href") or "", url)
    if target is None or urls.scheme_of(target) in ("data", "javascript"):
        return url
    return target


def header_nofollow(value: str | None) -> bool:
    """Whether an X-Robots-Tag header tells every robot not to follow links.

    Directives after a robot's name (`otherbot: nofollow`) are that robot's, up to the next name.
    """
    robot = ""
    for part in (value or "").lower().split(","):
        name, colon, rest = part.strip().partition(":")
        directive = name.strip()
        if colon and directive not in _WITH_VALUE:
            robot, directive = directive, rest.strip()
        if robot in ("", "*") and directive in ("nofollow", "none"):
            return True
    return False


def _meta_nofollow(tree: LexborHTMLParser) -> bool:
    for node in tree.css("meta[name=robots i]"):
        words = re.split(r"[\s,]+", (node.attrs.get("content") or "").lower())
        if "nofollow" in words or "none" in words:
            return True
    return False
