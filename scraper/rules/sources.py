"""Where fields find their values: what CSS, XPath, structured data and the page itself give, and as what text.

A source finds matches, in the page or within a match of its own kind, and says what each holds: text, or for
structured data any JSON value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from lxml import etree
from selectolax.lexbor import LexborNode

from scraper.config import FieldConfig, SelectorConfig
from scraper.config.types.selectors import read_css, read_path, read_xpath
from scraper.rules.data import graph_values, values_at
from scraper.rules.page import Page

#: Attributes that hold the address of an element which is read as a URL.
_ADDRESSES = ("href", "src")
_STRING = etree.XPath("string()", smart_strings=False)


class ValueSource(Protocol):
    """Where a field looks."""

    def find(self, page: Page, within: Any) -> list[Any]:
        """Return all matches, in the page or in a match that an outer field found."""

    def first(self, page: Page, within: Any) -> Any:
        """Return the first match, None where there is none: what most fields want, and for less."""

    def raw(self, match: Any, kind: str) -> Any:
        """Return what a match holds, for a field of a type; None where it has nothing of that kind."""


def selector_of(config: FieldConfig | SelectorConfig) -> Css | XPath | None:
    """Return what finds the elements that a selector names, or a field by one; None for a field of another source."""
    if config.css is not None:
        return Css(config.css)
    return XPath(config.xpath) if config.xpath is not None else None


def source_of(config: FieldConfig) -> ValueSource:
    """Return the source that a field names."""
    selector = selector_of(config)
    if selector is not None:
        return selector
    if config.opengraph is not None:
        return OpenGraph(config.opengraph)
    if config.jsonld is not None:
        return Data("jsonld", config.jsonld)
    if config.microdata is not None:
        return Data("microdata", config.microdata)
    return Address()


class Css:
    """A CSS selector, on selectolax's tree."""

    def __init__(self, text: str) -> None:
        self.selector, self._attribute, self._own_text = read_css(text)
        self._is_list = "," in self.selector
        self.takes_attribute = self._attribute is not None

    def find(self, page: Page, within: LexborNode | None) -> list[LexborNode]:
        if within is None:
            return page.response.css(self.selector)
        if not self.selector:
            return [within]
        # lexbor also finds the element itself, and one of a list of selectors once for each.
        own = within.mem_id
        found = [node for node in within.css(self.selector) if node.mem_id != own]
        return list({node.mem_id: node for node in found}.values()) if self._is_list else found

    def first(self, page: Page, within: LexborNode | None) -> LexborNode | None:
        if within is None:
            return page.response.css_first(self.selector)
        if not self.selector:
            return within
        node = within.css_first(self.selector)
        if node is None or node.mem_id != within.mem_id:
            return node
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: LexborNode) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found."""
        found: dict[str, str | None] = match.attributes
        return found

    def raw(self, match: LexborNode, kind: str) -> str | None:
        if self._attribute is not None:
            return match.attrs.get(self._attribute)
        if kind == "html":
            return match.html
        if kind == "url" and not self._own_text:
            for name in _ADDRESSES:
                if (value := match.attrs.get(name)) is not None:
                    return value
        return match.text(deep=not self._own_text)


class XPath:
    """An XPath expression, on lxml's tree; one that counts or compares finds its one result."""

    takes_attribute = False

    def __init__(self, text: str) -> None:
        self.expression = text
        self._compiled = read_xpath(text)

    def find(self, page: Page, within: Any) -> list[Any]:
        found = self._compiled(page.root if within is None else within)
        return found if isinstance(found, list) else [found]

    def first(self, page: Page, within: Any) -> Any:
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found, or of that whose attribute or text was."""
        element = match.getparent() if isinstance(match, str) and hasattr(match, "getparent") else match
        return getattr(element, "attrib", {})

    def raw(self, match: Any, kind: str) -> Any:
        if not isinstance(match, etree._Element):
            return int(match) if isinstance(match, float) and match.is_integer() else match
        if not isinstance(match.tag, str):  # a comment
            return match.text
        if kind == "html":
            return etree.tostring(match, method="html", encoding="unicode", with_tail=False)
        if kind == "url":
            for name in _ADDRESSES:
                if (value := match.get(name)) is not None:
                    return value
        return _STRING(match)


class Data:
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
        if isinstance(match, dict | list) and kind != "json":
            return json.dumps(match, ensure_ascii=False)
        return match


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
