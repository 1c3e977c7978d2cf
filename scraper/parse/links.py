"""The links of a page, and what the page says about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser

from scraper import urls
from scraper.lazy_pattern import lazy_pattern
from scraper.parse.encoders import output_of, query_escaped
from scraper.parse.lexbor import make_tree

#: Directives of X-Robots-Tag and meta robots that bring a value of their own after a colon.
_WITH_VALUE = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
#: A path, from the root or not, in which a browser would change nothing: no dot segments, nothing to encode.
_PLAIN = lazy_pattern(r"(/)?[\w~-][\w.~-]*(?:/[\w~-][\w.~-]*)*/?(?:\?[\w.~=&+-]*)?", re.ASCII)
_SCHEME = lazy_pattern(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):")
_ENCODED_SCHEMES = frozenset({"http", "https", "ftp", "file"})
#: What the URL parser leaves out: line ends and tabs anywhere, spaces and controls at the ends.
_NO_LINE_ENDS = {ord(character): None for character in "\t\n\r"}
_SPACE = "".join(map(chr, range(0x21)))
#: Links of a site that are kept with what came of them, and sites of which they are kept.
_MOST_PATHS, _MOST_SITES = 4_096, 64
#: Written so that it is looked for by its first character: ignoring case takes three times as long.
_BASE = lazy_pattern(r"<[bB][aA][sS][eE][\s/]")
#: How the name `robots` may stand in a text without being written there: letters have no references but numbers.
_ROBOTS_IN_NUMBERS = lazy_pattern(rb"name\s*=\s*[\"']?[robts]*&#")


class Joiner:
    """Makes the links of one page absolute, each once.

    Args:
        base_url: where relative links start, as `base_of` gives it.
        encoding: the page's encoding, in which queries are escaped.
    """

    __slots__ = ("_encoding", "_folder", "_root", "base_url", "made", "paths")

    def __init__(self, base_url: str, encoding: str = "utf-8") -> None:
        self.base_url = base_url
        self._encoding = output_of(encoding)
        self._root, self._folder = _places(base_url)
        #: What came of links from the root of the site; the same menu is on every page.
        self.paths = _paths_of(self._root)
        #: What was requested, and what came of it.
        self.made: dict[str, str | None] = {}

    def url_of(self, link: str) -> str | None:
        """Return what `web_url` makes of `link` on this page."""
        made = self.made
        if link in made:
            return made[link]
        before = self.paths.get(link)
        if before is not None:
            made[link] = before
            return before
        # Most links are plain paths; putting them together by hand takes a tenth of the time.
        path = link.removeprefix(self._root) if self._root else ""
        plain = _PLAIN.fullmatch(path)
        url: str | None
        if plain is not None and plain[1]:
            url = self._root + path
            if len(self.paths) >= _MOST_PATHS:
                self.paths.clear()
            self.paths[link] = url
        elif plain is not None and self._folder and path == link:
            url = self._folder + path
        else:
            url = web_url(self.escaped(link), self.base_url)
        made[link] = url
        return url

    def escaped(self, link: str) -> str:
        """Return `link` with its query escaped in the page's encoding; the path is the URL parser's, in UTF-8.

        Source: URL Standard, 4.4 "query state": only of http, https and the like, which relative links here are.
        """
        if self._encoding == "utf-8" or link.isascii() or "?" not in link:
            return link
        scheme = _SCHEME.match(link)
        if scheme is not None and scheme[1].lower() not in _ENCODED_SCHEMES:
            return link
        link, hash_, fragment = link.translate(_NO_LINE_ENDS).partition("#")
        path, mark, query = link.partition("?")
        return f"{path}{mark}{query_escaped(query.rstrip(_SPACE), self._encoding)}{hash_}{fragment}"


#: What may ask robots not to follow a link: its page, and the link itself.
NOFOLLOW = frozenset({"page", "link"})


def links(
    page: LexborHTMLParser | str,
    joiner: Joiner,
    *,
    obeyed: frozenset[str] = NOFOLLOW,
    left_out: dict[str, str] | None = None,
    page_says: bool = False,
) -> list[str]:
    """Return the http(s) URLs to which `a` and `area` of a page link, absolute, without fragment, each once, in
    order.

    Left out: `rel=nofollow`, everything when the page's `<meta name=robots>` says `nofollow` or `none`, other
    schemes, and what is not a URL.

    Args:
        page: the page's tree, or its text.
        obeyed: whose nofollow holds.
        left_out: filled with the URLs that are left out for it, and whose it is.
        page_says: the page's header says nofollow.
    """
    tree = make_tree(page) if isinstance(page, str) else page
    found: dict[str, str | None] = {}
    refused: dict[str, str] = {} if left_out is None else left_out
    obeys_link = "link" in obeyed
    page_says = "page" in obeyed and (page_says or meta_nofollow(tree))
    known = joiner.paths.get
    # Elements of one name are found without a selector; hardly any page has an area.
    for node in tree.css("a, area") if tree.tags("area") else tree.tags("a"):
        attributes = node.attributes
        if "href" not in attributes:
            continue
        link = attributes["href"] or ""
        url = known(link) or joiner.url_of(link)
        if url is None:
            continue
        if "rel" in attributes and obeys_link and rel_nofollow(attributes["rel"]):
            refused[url] = "link"
        else:
            found[url] = url
    if page_says:
        refused.update(dict.fromkeys(found, "page"))
        return []
    for url in refused.keys() & found.keys() if refused else ():
        del refused[url]
    # Whoever follows one of them gives it back as it is.
    joiner.made.update(found)
    return list(found)


@lru_cache(maxsize=_MOST_SITES)
def _paths_of(root: str) -> dict[str, str]:
    """Return what came of links from the root of a site, or to it; filled by those who look."""
    return {}


def _places(base_url: str) -> tuple[str, str]:
    """Return what to put before `/x` and before `x`; empty where such a link needs to be joined with care."""
    root = urls.origin_of(base_url)
    if not root.startswith("http") or not base_url.startswith((f"{root}/", f"{root}?")):  # user:password@ before it
        return "", ""
    path = base_url.removeprefix(root).partition("?")[0].partition("#")[0]
    folder = path[: path.rfind("/") + 1]
    return root, root + folder if folder == "/" or _PLAIN.fullmatch(folder) else ""


def web_url(link: str, base_url: str) -> str | None:
    """Return `link` as an absolute http(s) URL without fragment; None where it is not one."""
    url = urls.resolve(link, base_url)
    if url is None or urls.scheme_of(url) not in ("http", "https"):
        return None
    return urls.without_fragment(url)


def may_have_base(text: str) -> bool:
    """Tell whether `text` could hold a `<base>`: False saves a tree to those who only need `base_of`."""
    return _BASE.search(text) is not None


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """Return where the relative links of the page at `url` start.

    Source: HTML Standard, 4.2.3 and 2.4.3: the first `<base>` that has a href, unless that is not a URL or one of
    data: or javascript:.
    """
    base = next((node for node in tree.tags("base") if "href" in node.attrs), None)
    if base is None:
        return url
    target = urls.resolve(base.attrs.get("href") or "", url)
    if target is None or urls.scheme_of(target) in ("data", "javascript"):
        return url
    return target


def header_nofollow(value: str | None) -> bool:
    """Tell whether an X-Robots-Tag header tells every robot not to follow links.

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


def meta_nofollow(tree: LexborHTMLParser) -> bool:
    """Tell whether a page's `<meta name=robots>` says that no link of it is to be followed."""
    return any(
        _says_nofollow(attributes.get("content"))
        for node in tree.tags("meta")
        if "name" in (attributes := node.attributes) and (attributes["name"] or "").lower() == "robots"
    )


def may_say_nofollow(text: str) -> bool:
    """Tell whether `text` could hold what `meta_nofollow` looks for: False saves a tree to who asks only that."""
    lowered = text.encode("utf-8", "replace").lower()
    has_numbers = b"&#" in lowered
    if b"robots" in lowered:
        return has_numbers or b"nofollow" in lowered or b"none" in lowered
    return has_numbers and _ROBOTS_IN_NUMBERS.search(lowered) is not None


def rel_nofollow(rel: str | Iterable[str] | None) -> bool:
    """Tell whether the `rel` of an element, as text or as BeautifulSoup's list, says nofollow."""
    words = (rel or "").lower().split() if isinstance(rel, str) or rel is None else [word.lower() for word in rel]
    return "nofollow" in words


def _says_nofollow(content: str | None) -> bool:
    return not {"nofollow", "none"}.isdisjoint(re.split(r"[\s,]+", (content or "").lower()))
