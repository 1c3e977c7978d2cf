"""Where fields find their values: what CSS, XPath, structured data and the page itself give, and as what text.

A source finds matches, in the page or within a match of its own kind, and says what each holds: text, or for
structured data any JSON value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from lxml import etree
from selectolax.lexbor import LexborNode

from scraper.config.types.pseudo_classes import right_for_lexbor
from scraper.config.types.selectors import read_css, read_path, read_xpath
from scraper.parse.link_header import linked_as
from scraper.parse.srcset import largest_of
from scraper.parse.text import BREAK, marked_text_of, own_text_of, text_of
from scraper.rules.data import PageText, graph_values, values_at
from scraper.rules.json_text import OddNumber, refuse_odd
from scraper.rules.page import Page
from scraper.rules.refusal import NotOfType

#: Attributes that hold the address of an element which is read as a URL.
_ADDRESSES = ("href", "src", "srcset")
#: Types that are read of marked text, in which digits of two elements do not meet.
#: Whole numbers beyond are not all doubles.
_EXACT = 2.0**53
MARKED = frozenset({"int", "float", "price", "money", "date"})
#: Types that are made of markup.
MARKUP = frozenset({"html", "markdown", "article"})


#: An expression that asks for the text of what it finds first.
_TEXT_OF = re.compile(r"\s*(?:normalize-space|string)\s*\((.*)\)\s*", re.DOTALL)


class ValueSource(Protocol):
    """Where a field looks."""

    def find(self, page: Page, within: Any) -> list[Any]:
        """Return all matches, in the page or in a match that an outer field found."""

    def first(self, page: Page, within: Any) -> Any:
        """Return the first match or None: what most fields want, and for less."""

    def raw(self, match: Any, kind: str) -> Any:
        """Return what a match holds, for a field of a type; None where it has nothing of that kind."""


class Selector(ValueSource, Protocol):
    """What also finds links, and what fields look inside of."""

    #: Whatever it finds may be a link, and not only elements that have an address.
    takes_attribute: bool

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found, or to which what was found belongs."""


class Css:
    """A CSS selector, on selectolax's tree."""

    def __init__(self, text: str) -> None:
        self.selector, self._attribute, self._text = read_css(text)
        self._within = right_for_lexbor(self.selector)
        self._is_list = "," in self.selector
        self.takes_attribute = self._attribute is not None

    def find(self, page: Page, within: LexborNode | None) -> list[LexborNode]:
        if within is None:
            return page.response.css(self.selector)
        if not self.selector:
            return [within]
        # lexbor also finds the element itself, and one of a list of selectors once for each.
        own = within.mem_id
        found = [node for node in within.css(self._within) if node.mem_id != own]
        return list({node.mem_id: node for node in found}.values()) if self._is_list else found

    def first(self, page: Page, within: LexborNode | None) -> LexborNode | None:
        if within is None:
            return page.response.css_first(self.selector)
        if not self.selector:
            return within
        node = within.css_first(self._within)
        if node is None or node.mem_id != within.mem_id:
            return node
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: LexborNode) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found."""
        found: dict[str, str | None] = match.attributes
        return found

    def raw(self, match: LexborNode, kind: str) -> str | None:
        if self._attribute is not None:
            return _address(self._attribute, match.attrs.get(self._attribute), kind)
        if kind in MARKUP:
            return match.html
        if kind == "url" and self._text is None:
            for name in _ADDRESSES:
                if (value := match.attrs.get(name)) is not None:
                    return _address(name, value, kind)
        is_marked = kind in MARKED
        if self._text == "own":
            return own_text_of(match, BREAK if is_marked else " ")
        return marked_text_of(match) if is_marked else text_of(match)


class XPath:
    """An XPath expression, on lxml's tree; one that counts or compares finds its one result."""

    takes_attribute = False

    def __init__(self, text: str) -> None:
        self.expression = text
        # XPath's own string() glues what a person sees apart.
        match = _TEXT_OF.fullmatch(text)
        self._is_first = match is not None and _is_one_call(match[1])
        self._compiled = read_xpath((match[1].strip() or ".") if match and self._is_first else text)

    def find(self, page: Page, within: Any) -> list[Any]:
        found = self._compiled(page.root if within is None else within)
        if not isinstance(found, list):
            return [found]
        return found[:1] if self._is_first else found

    def first(self, page: Page, within: Any) -> Any:
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found, or of that whose attribute or text was."""
        element = match.getparent() if isinstance(match, str) and hasattr(match, "getparent") else match
        return getattr(element, "attrib", {})

    def raw(self, match: Any, kind: str) -> Any:
        if isinstance(match, str):
            return _address(getattr(match, "attrname", None), match, kind)
        if not isinstance(match, etree._Element):
            return exact(match) if isinstance(match, float) else match
        if not isinstance(match.tag, str):  # a comment
            return match.text
        if kind in MARKUP:
            return etree.tostring(match, method="html", encoding="unicode", with_tail=False)
        if kind == "url":
            for name in _ADDRESSES:
                if (value := match.get(name)) is not None:
                    return _address(name, value, kind)
        return marked_text_of(match) if kind in MARKED else text_of(match)


def exact(number: float) -> int | float:
    """Return a number of XPath; those are doubles, so that large ones are not what the page says.

    Raises:
        NotOfType: it is not a number, or too large for one.
    """
    if not abs(number) < _EXACT:
        raise NotOfType("what was found is no number" if number != number else "the number is too large for XPath")
    return int(number) if number.is_integer() else number


class Relation:
    """The links of a page that are said to have a relation to it, in its elements or its Link headers (RFC 8288)."""

    takes_attribute = False

    def __init__(self, relation: str) -> None:
        self.relation = relation
        self._elements = Css(f'a[rel~="{relation}" i], area[rel~="{relation}" i], link[rel~="{relation}" i]')

    def find(self, page: Page, within: None) -> list[Any]:
        by_header = linked_as(self.relation, page.response.headers.get("Link") or "")
        return [*by_header, *(self._elements.find(page, None) if page.response.is_html else ())]

    def first(self, page: Page, within: None) -> Any:
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found; a header has none."""
        return {} if isinstance(match, str) else self._elements.attributes(match)

    def raw(self, match: Any, kind: str) -> str | None:
        return match if isinstance(match, str) else self._elements.raw(match, kind)


def _is_one_call(inside: str) -> bool:
    """Tell whether what stands between the first bracket of an expression and its last is the inside of one call."""
    depth = 0
    for one in re.sub(r"\"[^\"]*\"|'[^']*'", "", inside):
        depth += (one == "(") - (one == ")")
        if depth < 0:
            return False
    return True


class Structured:
    """A source whose values are those of JSON, and stay what they are where a field has no type."""


def as_structured(match: Any, kind: str) -> Any:
    """Return a value of JSON as a field of a type gets it.

    Raises:
        NotOfType: it is an object or a list, and no such type is made of those.
    """
    if isinstance(match, dict | list) and kind not in ("json", "text"):
        raise NotOfType(f"an object of the page's data is not a {kind}: name a property of it in the path")
    if isinstance(match, dict | list):
        return _without_marks(match) if kind == "json" else json.dumps(match, ensure_ascii=False)
    return match


class Data(Structured):
    """A path in JSON-LD or microdata; within a match, from that on."""

    def __init__(self, kind: str, path: str) -> None:
        self._is_json_ld = kind == "jsonld"
        self.path = read_path(path)

    def find(self, page: Page, within: Any) -> list[Any]:
        return values_at(self.data(page) if within is None else within, self.path)

    def data(self, page: Page) -> list[Any]:
        """Return all that the page has of the kind."""
        return page.json_ld if self._is_json_ld else page.microdata

    def first(self, page: Page, within: Any) -> Any:
        return next(iter(self.find(page, within)), None)

    def raw(self, match: Any, kind: str) -> Any:
        if type(match) is PageText:
            return match.marked if kind in MARKED else str(match)
        if isinstance(match, dict) and "@value" in match and kind != "json":
            match = match["@value"]
        if not isinstance(match, str) or type(match) is OddNumber:
            refuse_odd(match)
        return as_structured(match, kind)


def _without_marks(value: Any) -> Any:
    """Return data as plain values of JSON."""
    if isinstance(value, dict):
        return {name: _without_marks(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_marks(one) for one in value]
    return str(value) if type(value) is PageText else value


def _address(name: str | None, value: str | None, kind: str) -> str | None:
    """Return the value of an attribute, and where an address is wanted of a srcset, that of its largest image."""
    return largest_of(value) if kind == "url" and value and name is not None and name.endswith("srcset") else value


class OpenGraph:
    """A property of the page's OpenGraph data."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find(self, page: Page, within: Any) -> list[str]:
        return graph_values(page.open_graph, self.name)

    def first(self, page: Page, within: Any) -> str | None:
        return next(iter(self.find(page, within)), None)

    def raw(self, match: str, kind: str) -> str:
        return match


class Address:
    """The address of the page, after redirects."""

    def find(self, page: Page, within: Any) -> list[str]:
        return [page.response.url]

    def first(self, page: Page, within: Any) -> str:
        return page.response.url

    def raw(self, match: str, kind: str) -> str:
        return match
