"""Data that pages carry beside their text: JSON-LD, microdata, OpenGraph; and the paths that lead to a value in it.

JSON-LD and microdata come as the same thing, objects by the names of their properties, with their types under
`@type`, so that one path finds a value in either: `Product.offers.price`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from selectolax.lexbor import LexborNode

from scraper.parse.text import marked_text_of, text_of
from scraper.rules.json_text import read_script

#: How deep objects may lie in each other; deeper ones are left out.
MAX_DEPTH = 64
#: How many elements are looked at for a page's microdata, counting again what several items refer to.
MAX_VISITS = 200_000
#: By element, the attribute that holds the value of a microdata property (HTML Standard, 5.2.4).
_VALUE_IN = {
    "meta": "content",
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "source": "src",
    "track": "src",
    "video": "src",
    "a": "href",
    "area": "href",
    "link": "href",
    "object": "data",
    "data": "value",
    "meter": "value",
}


# Reading -------------------------------------------------------------------------------------------------


class PageText(str):
    """The text of an element as a value of microdata: written for people, where an attribute is for machines.

    Attributes:
        marked: the same as readers of numbers need it.
    """

    __slots__ = ("marked",)

    marked: str


def json_ld(scripts: Iterable[LexborNode]) -> tuple[list[Any], list[str]]:
    """Return the values of a page's `<script type="application/ld+json">`, and why scripts could not be read.

    Args:
        scripts: all whose type has `ld+json` in it; parameters of the type make no difference.
    """
    found: list[Any] = []
    problems = []
    for script in scripts:
        if (script.attributes.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            continue
        values, problem = read_script(script.text())
        found += values
        if problem:
            problems.append(problem)
    return found, problems


def open_graph(metas: Iterable[LexborNode]) -> dict[str, list[str]]:
    """Return the contents of `<meta property=… content=…>` by property, in the page's order (https://ogp.me)."""
    found: dict[str, list[str]] = {}
    for meta in metas:
        attributes = meta.attrs
        name = attributes.get("property") or attributes.get("name")
        if name:
            found.setdefault(name.strip().lower(), []).append(attributes.get("content") or "")
    return found


def graph_values(graph: dict[str, list[str]], name: str) -> list[str]:
    """Return what OpenGraph says of `title` or `og:title`; other vocabularies by their own names,
    `article:author`.
    """
    name = name.lower()
    return graph.get(f"og:{name}") or graph.get(name) or []


def microdata(find: Callable[[str], list[LexborNode]], join: Callable[[str], str]) -> list[Any]:
    """Return the items of a page's microdata that are in no other, as objects like those of JSON-LD.

    Source: HTML Standard, 5.2 (https://html.spec.whatwg.org/multipage/microdata.html), `itemref` included.

    Args:
        find: what finds elements of the page by a CSS selector.
        join: what makes an address of the page absolute.
    """
    tops = [node for node in find("[itemscope]") if "itemprop" not in node.attributes]
    by_id: dict[str, LexborNode] = {}
    if find("[itemref]"):
        for node in find("[id]"):
            by_id.setdefault(node.attributes.get("id") or "", node)
    items = _Items(by_id, join)
    return [items.item(node, ()) for node in tops]


class _Items:
    """Makes objects of items. What items share by `itemref` is made again for each, up to a bound."""

    def __init__(self, by_id: dict[str, LexborNode], join: Callable[[str], str]) -> None:
        self._by_id = by_id
        self._join = join
        self._visits = MAX_VISITS

    def item(self, node: LexborNode, above: tuple[int, ...]) -> dict[str, Any]:
        """Return one item with its properties; one that refers to itself ends there."""
        attributes = node.attributes
        found: dict[str, Any] = {"@type": [_short_type(name) for name in (attributes.get("itemtype") or "").split()]}
        if attributes.get("itemid"):
            found["@id"] = self._join(attributes["itemid"] or "")
        above = (*above, node.mem_id)
        referred = [self._by_id[name] for name in (attributes.get("itemref") or "").split() if name in self._by_id]
        for element in self._properties(node, referred):
            held = element.attributes
            if "itemscope" not in held:
                value: Any = self._value(element)
            elif element.mem_id in above or len(above) >= MAX_DEPTH:
                continue
            else:
                value = self.item(element, above)
            for name in (held.get("itemprop") or "").split():
                found.setdefault(_short_type(name), []).append(value)
        return found

    def _value(self, element: LexborNode) -> str:
        """Return what an element says of its property (HTML Standard, 5.2.4): addresses are absolute."""
        tag, attributes = element.tag or "", element.attributes
        if tag == "time" and attributes.get("datetime"):
            return attributes["datetime"] or ""
        # `content` on any element is not of the standard, but is what pages write and search engines read.
        name = _VALUE_IN.get(tag, "content")
        value = attributes.get(name)
        if value is not None:
            return self._join(value) if value and name in ("src", "href", "data") else value
        text = PageText(text_of(element))
        text.marked = marked_text_of(element)
        return text

    def _properties(self, node: LexborNode, referred: list[LexborNode]) -> Iterator[LexborNode]:
        """Return the elements that are an item's own properties, in order; what lies in another item is that
        one's.
        """
        pending = [*_children(node), *referred][::-1]
        seen = set()
        while pending and self._visits > 0:
            self._visits -= 1
            element = pending.pop()
            if element.mem_id in seen:
                continue
            seen.add(element.mem_id)
            attributes = element.attributes
            if "itemprop" in attributes:
                yield element
            if "itemscope" not in attributes:
                pending += _children(element)[::-1]


def _children(node: LexborNode) -> list[LexborNode]:
    return list(node.iter(include_text=False))


def _short_type(name: str) -> str:
    """`Product` of `https://schema.org/Product` and `schema:Product`."""
    return re.split(r"[/#:]", name.rstrip("/"))[-1]


# Paths ---------------------------------------------------------------------------------------------------


def is_type(name: str) -> bool:
    """Tell whether a name on a path is that of a type: types begin with a capital, properties do not."""
    return name[:1].isupper()


def values_at(data: Any, path: tuple[str, ...]) -> list[Any]:
    """Return all values to which a path leads, in the data's order; lists on the way are gone through.

    A type at the path's beginning is looked for at any depth; further on it picks, of the objects there, those of
    that type. A property that comes first is looked for in the objects at the top (and in a `@graph`).
    """
    objects = list(_tops(data))
    by_id = {one["@id"]: one for one in objects if isinstance(one.get("@id"), str) and len(one) > 1}
    current: list[Any] = objects
    for place, name in enumerate(path):
        if is_type(name) and place == 0:
            current = [one for one in _all_objects(objects) if name in types_of(one)]
        else:
            current = [value for one in current for value in _step(one, name, by_id)]
    return [value for value in current if value is not None]


def types_of(one: dict[str, Any]) -> list[str]:
    """Return the names of an object's types, without the vocabulary's address."""
    names = one.get("@type")
    return [_short_type(name) for name in (names if isinstance(names, list) else [names]) if isinstance(name, str)]


def _step(one: Any, name: str, by_id: dict[str, Any]) -> list[Any]:
    if not isinstance(one, dict):
        return []
    if set(one) == {"@id"}:
        # A reference to an object that stands elsewhere in the graph.
        one = by_id.get(one["@id"], one) if isinstance(one["@id"], str) else one
    if name in one:
        value = one[name]
        return list(_flat(value))
    return [one] if is_type(name) and name in types_of(one) else []


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from inner if isinstance(inner, list) else [inner]
    else:
        yield value


def _tops(data: Any) -> Iterator[dict[str, Any]]:
    """Return the objects at the top of scripts, of lists there, and of graphs."""
    pending = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value[::-1]
        elif isinstance(value, dict):
            graph = value.get("@graph")
            if isinstance(graph, list | dict) and "@type" not in value:
                pending.append(graph)
            else:
                yield value


def _all_objects(tops: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Return every object, those inside of others after them."""
    pending = list(tops)[::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value[::-1]
        elif isinstance(value, dict):
            yield value
            pending += list(value.values())[::-1]
