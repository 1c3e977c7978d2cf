"""The fast tree of a page: selectolax, which is the lexbor parser.

An HTML5 parser can be made to work for ages: the time of lexbor grows with the square of how deep elements are
nested (100,000 open `<div>`: 15 s), and formatting elements that are left open are made again in every paragraph
(14 KB of `<b>` and `<p>`: half a gigabyte), and each attribute is compared with all before it in its tag (100,000:
14 s), and each option of a select with all before it (90,000: 20 s). Pages that may do so are first rewritten by
libxml2, which does none of it, with what is nested too deep taken out.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import cast

from selectolax.lexbor import LexborHTMLParser

from scraper.lazy_pattern import lazy_pattern
from scraper.parse.nesting import check_nesting

#: How many elements may lie inside each other on a page that had to be rewritten; Chromium's limit too.
MAX_DEPTH = 512

_MANY_TAGS = 10_000
_MANY_NODES = 500_000
_OPEN_FORMATTING = 24

#: A tag keeps as many attributes, on a page that had to be rewritten.
_MAX_ATTRIBUTES = 500
#: A page keeps as many options, likewise.
_MAX_OPTIONS = 20_000
#: Below this length, in characters, no tag can have attributes enough to matter.
_MANY_CHARACTERS = 50_000

_FORMATTING = lazy_pattern(r"<(/?)(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
#: Elements that an end tag inside does not reach beyond (HTML Standard 13.2.4.3, "markers").
_FORMATTING_OR_MARKER = lazy_pattern(
    r"<(/?)(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
    r"|td|th|caption|object|applet|marquee|template)(?=[\s/>])",
    re.IGNORECASE,
)
_MARKERS = frozenset({"td", "th", "caption", "object", "applet", "marquee", "template"})
#: Elements that have no end tag (HTML Standard 13.1.2), and those that had none in older pages.
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_VOID |= {"frame", "param"}
_RAW = frozenset({"script", "style"})
#: What the rest of the page would drown in.
_LEFT_OUT = frozenset({"plaintext"})
#: None of these can lie in one of its own kind, so that they nest no deeper for it.
_KEPT_AT_ANY_DEPTH = frozenset({"a", "button", "form", "option", "select", "textarea", "title"}) | _VOID | _RAW
_NAME = lazy_pattern(r"[A-Za-z][^\s/<>=\"'\0]*")
_OPENS = lazy_pattern(r"<(?=[A-Za-z])")
#: One attribute as the HTML Standard reads it (13.2.5.32 to 13.2.5.39), and all those of a tag.
_ATTRIBUTE = lazy_pattern(
    r"""[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+"""
    r"""(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >]*+))?+"""
)
ATTRIBUTES = lazy_pattern(rf"(?:{_ATTRIBUTE.pattern})*+")


def make_tree(text: str, encoded: bytes | None = None) -> LexborHTMLParser:
    """Return the tree of `text`, in time and memory that its length bounds.

    Args:
        encoded: the text in UTF-8, where that is at hand.

    Raises:
        TooNested: making it would take minutes.
    """
    if _is_dangerous(text):
        return LexborHTMLParser(_rewritten(text))
    return LexborHTMLParser(text if encoded is None else encoded)


def _is_dangerous(text: str) -> bool:
    tags = text.count("<")
    if tags > _MANY_TAGS or (len(text) > _MANY_CHARACTERS and _has_many_attributes(text)):
        return True
    # Each formatting element could be made again at each tag: only where that could be much is it looked at closely.
    if tags * tags <= 4 * _MANY_NODES or tags * len(_FORMATTING.findall(text)) <= _MANY_NODES:
        return False
    return _most_open_formatting(text) > _OPEN_FORMATTING


def _has_many_attributes(text: str) -> bool:
    """Tell whether a tag has too many attributes, or may have.

    Each `<` is followed by itself, for what stands before it decides whether it opens a tag: a comment, a script, a
    quote. Where that would lead through the same text again and again, the page is honest hardly ever.
    """
    steps = 4 * len(text)
    for opening in _OPENS.finditer(text):
        end = cast(re.Match[str], ATTRIBUTES.match(text, opening.end())).end()
        length = end - opening.end()
        steps -= length
        if steps < 0:
            return True
        # An attribute takes two characters at the least.
        if length > 2 * _MAX_ATTRIBUTES:
            count = sum(1 for _ in islice(_ATTRIBUTE.finditer(text, opening.end(), end), _MAX_ATTRIBUTES + 1))
            if count > _MAX_ATTRIBUTES:
                return True
    return False


def _most_open_formatting(text: str) -> int:
    """Return how many formatting elements are open at once, at most."""
    levels: list[dict[str, int]] = [{}]
    count = most = 0
    for match in _FORMATTING_OR_MARKER.finditer(text):
        name = match[2].lower()
        opened = levels[-1]
        if name in _MARKERS:
            if not match[1]:
                levels.append({})
            elif len(levels) > 1:
                count -= sum(levels.pop().values())
        elif not match[1]:
            opened[name] = opened.get(name, 0) + 1
            count += 1
            most = max(most, count)
        elif opened.get(name):
            opened[name] -= 1
            count -= 1
    return most


def _rewritten(text: str) -> str:
    from lxml import etree  # hardly any page has to be rewritten

    check_nesting(text)
    writer = _Writer()
    parser = etree.HTMLParser(target=writer, huge_tree=True)
    parser.feed(text.replace("\0", "\ufffd"))
    try:
        return str(parser.close())
    except etree.XMLSyntaxError:  # nothing in it at all
        return ""


class _Writer:
    """Writes the elements that libxml2 reports, each closed where it ends."""

    def __init__(self) -> None:
        from html import escape

        self._escape = escape
        self._parts = ["<!DOCTYPE html>"]
        self._depth = 0
        self._raw = 0
        self._options = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._options += tag == "option"
        if self._is_written(tag):
            pairs = "".join(
                f' {name}="{self._escape(value)}"'
                for name, value in islice(attributes.items(), _MAX_ATTRIBUTES)
                if _NAME.fullmatch(name)
            )
            self._parts.append(f"<{tag}{pairs}>")
        self._raw += tag in _RAW

    def end(self, tag: str) -> None:
        if self._is_written(tag) and tag not in _VOID:
            self._parts.append(f"</{tag}>")
        self._depth -= 1
        self._raw -= tag in _RAW

    def data(self, data: str) -> None:
        self._parts.append(data if self._raw else self._escape(data, quote=False))

    def close(self) -> str:
        return "".join(self._parts)

    def _is_written(self, tag: str) -> bool:
        if tag in _LEFT_OUT or not _NAME.fullmatch(tag) or (tag == "option" and self._options > _MAX_OPTIONS):
            return False
        return self._depth <= MAX_DEPTH or tag in _KEPT_AT_ANY_DEPTH
