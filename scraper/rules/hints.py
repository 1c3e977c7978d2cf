"""Suggestions for a selector that finds nothing: what it finds with a part left out, or with a similar name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree
from selectolax.lexbor import SelectolaxError

from scraper.config.types.selectors import BadSelector
from scraper.rules.data import types_of, values_at
from scraper.rules.page import Page
from scraper.rules.sources import Css, Data, OpenGraph, ValueSource, XPath

#: How many suggestions a selector gets.
MOST = 4
_STRING = r"\"[^\"]*\"|'[^']*'"
#: The parts of a selector: what may be left out by itself, and what stands between elements.
_TOKEN = re.compile(
    rf"(?P<combinator>\s*[>+~]\s*|\s+)"
    rf"|(?P<part>[.#][\w-]+|\[(?:{_STRING}|[^\]\"'])*\]|::?[\w-]+(?:\((?:{_STRING}|[^()\"']|\([^()]*\))*\))?)"
    rf"|(?P<name>[\w|-]+|\*)"
)
_PREDICATE = re.compile(rf"\[(?:{_STRING}|[^\[\]\"'])*\]")


class Hint(NamedTuple):
    """A selector that does find something, and how much."""

    selector: str
    found: int


def nearest(source: ValueSource, page: Page) -> list[Hint]:
    """Return the nearest things to what a source asks for that the page has; those that change least come first."""
    if isinstance(source, Css):
        return _css(source.selector, page)
    if isinstance(source, Data):
        return _data(source, page)
    if isinstance(source, OpenGraph):
        close = difflib.get_close_matches(source.name, page.open_graph, n=MOST, cutoff=0.5)
        return [Hint(name, len(page.open_graph[name])) for name in close]
    if isinstance(source, XPath):
        return _xpath(source.expression, page)
    # What is read of other pages than HTML knows what is near to it.
    near = getattr(source, "nearest", None)
    return [Hint(expression, found) for expression, found in near(page)][:MOST] if near is not None else []


# CSS -------------------------------------------------------------------------------------------------


def _css(selector: str, page: Page) -> list[Hint]:
    found: dict[str, int] = {}
    for variant in _variants(selector, page):
        if variant == selector or variant in found:
            continue
        try:
            count = len(page.response.css(variant))
        except SelectolaxError:
            continue
        if count:
            found[variant] = count
        if len(found) == MOST:
            break
    return [Hint(variant, count) for variant, count in found.items()]


def _variants(selector: str, page: Page) -> Iterator[str]:
    """Selectors that are ever less like the one given."""
    compounds = _compounds(selector)
    if compounds is None:
        return
    yield from _renamed(compounds, page)
    for place, compound in enumerate(compounds):
        if len(compound) > 2:  # a combinator, and several parts
            for part in range(1, len(compound)):
                yield _text(compounds, place, compound[:part] + compound[part + 1 :])
    for first in range(1, len(compounds)):
        yield _text([["", *compounds[first][1:]], *compounds[first + 1 :]])
    for last in range(len(compounds) - 1, 0, -1):
        yield _text(compounds[:last])
    yield from (part for compound in compounds[::-1] for part in compound[1:] if part != "*")


def _compounds(selector: str) -> list[list[str]] | None:
    """For each element of a selector what combines it with the one before, and its parts; None for what is a list."""
    compounds = [[""]]
    position = 0
    while position < len(selector):
        token = _TOKEN.match(selector, position)
        if token is None:
            return None
        if token["combinator"]:
            compounds.append([token[0]])
        else:
            compounds[-1].append(token[0])
        position = token.end()
    return compounds


def _renamed(compounds: list[list[str]], page: Page) -> Iterator[str]:
    """Return the selector with a class or id that the page lacks replaced by the most similar ones that it has."""
    for place, compound in enumerate(compounds):
        for number, part in enumerate(compound):
            if part[:1] not in (".", "#") or page.response.css_first(part) is not None:
                continue
            for name in difflib.get_close_matches(part[1:], _names(page, part[0]), n=2, cutoff=0.5):
                if re.fullmatch(r"[A-Za-z_][\w-]*", name):
                    yield _text(compounds, place, [*compound[:number], part[0] + name, *compound[number + 1 :]])


def _names(page: Page, mark: str) -> list[str]:
    """Return the classes or ids of the page."""
    key = "class" if mark == "." else "id"
    names: dict[str, None] = {}
    for node in page.response.css(f"[{key}]"):
        names.update(dict.fromkeys((node.attrs.get(key) or "").split()))
    return list(names)


def _text(compounds: list[list[str]], place: int = -1, other: list[str] | None = None) -> str:
    """Compounds as a selector, one of them replaced by another."""
    parts = [
        other if other is not None and number == place else compound for number, compound in enumerate(compounds)
    ]
    return "".join("".join(compound) for compound in parts)


# Structured data -------------------------------------------------------------------------------------


def _data(source: Data, page: Page) -> list[Hint]:
    """Return the part of the path that leads somewhere, and the most similar names from there on."""
    data = source.data(page)
    for length in range(len(source.path) - 1, -1, -1):
        reached = values_at(data, source.path[:length])
        if not reached:
            continue
        wanted = source.path[length]
        names: dict[str, None] = {}
        for one in reached:
            if isinstance(one, dict):
                names.update(dict.fromkeys([*(types_of(one) if length == 0 else []), *one]))
        close = difflib.get_close_matches(wanted, names, n=MOST, cutoff=0.4) or list(names)[:MOST]
        ways = [(*source.path[:length], name) for name in close if not name.startswith("@")]
        rest = source.path[length + 1 :]
        paths = [(*way, *rest) if values_at(data, (*way, *rest)) else way for way in ways]
        hints = [Hint(".".join(path), len(values_at(data, path))) for path in paths]
        return [hint for hint in hints if hint.found]
    return []


def _xpath(expression: str, page: Page) -> list[Hint]:
    """Return an XPath expression with one condition left out, or without its last steps."""
    variants = [expression[: match.start()] + expression[match.end() :] for match in _PREDICATE.finditer(expression)]
    steps = [match.start() for match in re.finditer(r"//?", _PREDICATE.sub(lambda m: "x" * len(m[0]), expression))]
    variants += [expression[:end] for end in steps[:0:-1] if expression[:end].strip("./")]
    found = {}
    for variant in variants:
        try:
            count = len(XPath(variant).find(page, None))
        except (BadSelector, etree.XPathError):
            continue
        if count:
            found[variant] = count
    return [Hint(variant, count) for variant, count in found.items()][:MOST]
