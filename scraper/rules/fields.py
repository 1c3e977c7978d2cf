"""Fields as rules declare them: from a page to a value, and whether it was found, was missing, or made no sense."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from lxml import etree

from scraper.config import FieldConfig
from scraper.config.types.pseudo_classes import right_for_lexbor
from scraper.config.types.selectors import read_css, read_regex
from scraper.errors import BadRequest
from scraper.parse.text import folded, text_of, without_edges
from scraper.patterns import REGEX_SECONDS, Allowance, search
from scraper.rules.choosing import NO_NAMESPACES, source_of
from scraper.rules.data import PageText
from scraper.rules.page import Page
from scraper.rules.sources import MARKED, MARKUP, Structured
from scraper.rules.types import READERS, NotOfType, to_date

_QUICK_STEPS = 1_000_000
_MOST_REPEATED = 2
#: A character, or a class of characters.
_ATOM = r"(?:[^\\^$.|?*+()\[\]{}]|\\[dDwWsS]|\\[^\w\s]|\.|\[\^?(?:[^\[\]\\^]|\\[dws])+\])"
_PART = re.compile(rf"{_ATOM}([*+]\??)?")
#: Atoms, some of them repeated, and groups of them, which are not.
_FLAT = re.compile(rf"\^?(?:{_ATOM}(?:[*+]\??)?|\((?!\?)|\)(?![*+?{{])){{0,200}}\$?", re.ASCII)
#: What stands in the place of an address: code, or the thing itself.
_NO_ADDRESSES = ("javascript:", "vbscript:", "data:", "about:", "blob:")
_NUMBERS = frozenset({"int", "float", "price", "money"})
_PLAIN_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)


class FieldState(StrEnum):
    """The state of a field on one page."""

    FOUND = "found"
    EMPTY = "empty"
    FAILED = "failed"


# Asking an enumeration for its member costs more than all else that is done with it.
_FOUND, _EMPTY, _FAILED = FieldState.FOUND, FieldState.EMPTY, FieldState.FAILED


class TookTooLong(NotOfType):
    """The regular expression of a field did not end in time."""


class Reading(NamedTuple):
    """A field's value.

    Attributes:
        value: what the item gets: the default where nothing was found, None where what was found made no sense.
        outcome: which of these it is.
        problem: why it failed, in words; empty otherwise.
    """

    value: Any
    outcome: FieldState
    problem: str = ""


class Field:
    """A field, ready to read pages.

    Args:
        config: a field that `scraper.config` has checked.
        namespaces: those of its rule, by prefix.
    """

    def __init__(self, config: FieldConfig, namespaces: Mapping[str, str] = NO_NAMESPACES) -> None:
        self.config = config
        self.source = source_of(config, namespaces)
        self.required = config.required
        self.inner = fields_of(config.fields, namespaces)
        is_data = isinstance(self.source, Structured)
        self._kind = config.type or ("json" if is_data else "text")
        # A value of structured data stays what it is there; type: json means text that holds JSON.
        self._as_it_is = is_data and config.type is None
        self._is_data = is_data
        self._many = config.many
        self._regex = read_regex(config.re) if config.re is not None else None
        self._allowance = Allowance()
        self._quick_length = quick_length(config.re) if config.re is not None else 0
        is_plain = config.css is not None and self._kind == "text" and not (config.many or config.re or self.inner)
        query = read_css(config.css) if config.css is not None and is_plain else None
        self._text_of = (
            right_for_lexbor(query.selector) or None
            if query and not query.attribute and query.text != "own"
            else None
        )
        self._nothing = Reading([] if config.many else config.default, _EMPTY)

    def read(self, page: Page, within: Any = None) -> Reading:
        """Return the value of the field on a page, or in the match of an outer field.

        Raises:
            NotHtml: the page is not HTML.
        """
        if self._text_of is not None:  # most fields, and nothing of what follows can happen to them
            node = (page.response if within is None else within).css_first(self._text_of)
            if node is None or within is None or node.mem_id != within.mem_id:
                text = text_of(node) if node is not None else ""
                return Reading(text, _FOUND) if text else self._nothing
        try:
            if self._many:
                return self._read_several(page, self.source.find(page, within))
            match = self.source.first(page, within)
            value = None if match is None else self._take(page, match, REGEX_SECONDS)
            if (
                value is None
                and match is not None
                and self._regex is not None  # which may fit a later match
                and (later := self.source.find(page, within)[1:])
            ):
                return self._read_several(page, later)
        except etree.XPathError as error:
            return Reading(None, _FAILED, f"the XPath could not be followed: {error}")
        except NotOfType as error:
            return Reading(None, _FAILED, str(error))
        return self._nothing_on(page) if value is None else Reading(value, _FOUND)

    def _nothing_on(self, page: Page) -> Reading:
        """Return what comes of nothing found: a failure where what was looked into could not all be read."""
        if self.config.jsonld is None or not (unreadable := page.unreadable_json_ld):
            return self._nothing
        scripts = "a script" if len(unreadable) == 1 else f"{len(unreadable)} scripts"
        return Reading(
            [] if self._many else None,
            _FAILED,
            f"nothing found, and {scripts} of JSON-LD cannot be read: {unreadable[0]}",
        )

    def _read_several(self, page: Page, matches: Iterable[Any]) -> Reading:
        """Return the values of all matches, or that of the first match which the regular expression fits."""
        values = []
        problem = ""
        end = time.monotonic() + REGEX_SECONDS
        for match in matches:
            try:
                value = self._take(page, match, end - time.monotonic() if self._regex is not None else 0.0)
            except NotOfType as error:
                problem = problem or str(error)
                if isinstance(error, TookTooLong) or not self._many:
                    break
                continue
            if value is not None:
                values.append(value)
                if not self._many:
                    break
        if problem:
            return Reading(values if self._many else None, _FAILED, problem)
        if not values:
            return self._nothing_on(page)
        return Reading(values if self._many else values[0], _FOUND)

    def matches(self, page: Page, within: Any = None) -> list[Any]:
        """Return all that the field's selector finds, whatever it holds."""
        return self.source.find(page, within)

    def _take(self, page: Page, match: Any, seconds: float) -> Any:
        """Return the value of one match; None where it holds nothing.

        Args:
            seconds: how long the regular expression may work on it.

        Raises:
            NotOfType: what it holds is not of the field's type, or (TookTooLong) the expression took too long.
        """
        return self._nested(page, match) if self.inner else self._value(page, match, seconds)

    def _value(self, page: Page, match: Any, seconds: float) -> Any:
        kind = self._kind
        raw = self.source.raw(match, kind)
        if not isinstance(raw, str):
            if raw is None or (self._regex is None and (self._as_it_is or kind == "json")):
                return raw
            if kind in _NUMBERS and isinstance(raw, int | float) and not isinstance(raw, bool):
                return _number(raw, kind)
            if kind == "bool" and isinstance(raw, bool):
                return raw
            raw = str(raw).lower() if isinstance(raw, bool) else str(raw)
        if kind in MARKED:
            return self._marked(raw, seconds, is_for_machines=self._is_data and type(match) is not PageText)
        text = raw.strip() if kind in MARKUP or kind == "json" else " ".join(raw.split())
        if self._regex is not None:
            start, end = self._part(text, seconds)
            text = text[start:end]
        if not text:
            return None
        if kind == "text" or kind == "html" or self._as_it_is:
            return text
        if kind == "url":
            return _absolute(page, text)
        if kind in MARKUP:
            from scraper.rules import prose  # few fields are such, and what they need is an extra

            return prose.to_markdown(text, page) if kind == "markdown" else prose.to_article(text, page)
        return READERS[kind](text)

    def _marked(self, text: str, seconds: float, *, is_for_machines: bool) -> Any:
        """Return the number or date in `text`, in which marks keep apart what is of several elements.

        Args:
            is_for_machines: whether `1.234` is certainly no thousand.
        """
        if self._regex is not None:
            text = without_edges(text)
            start, end = self._part(folded(text), seconds)
            text = text[start:end]
        if not text.strip():
            return None
        kind = self._kind
        if kind == "date":
            return to_date(text, self.config.format, self.config.language)
        if is_for_machines and kind in _NUMBERS and _PLAIN_NUMBER.fullmatch(text.strip()):
            return _number(float(text), kind)
        return READERS[kind](text)

    def _part(self, text: str, seconds: float) -> tuple[int, int]:
        """Return what the regular expression takes of `text`, by beginning and end; 0 and 0 for nothing."""
        assert self._regex is not None
        try:
            if len(text) <= self._quick_length:
                match = self._regex.search(text, concurrent=False)
            else:
                match = search(self._regex, text, min(seconds, self._allowance.left()))
        except TimeoutError:
            self._allowance.spend()
            raise TookTooLong(f"the expression {self.config.re} took more than {REGEX_SECONDS:g} s") from None
        if match is None:
            return 0, 0
        start, end = match.span(1 if match.re.groups else 0)
        return (start, end) if start >= 0 else (0, 0)

    def _nested(self, page: Page, match: Any) -> dict[str, Any] | None:
        """Return the fields within a match; None where none of them is found, or a required one is not.

        Raises:
            NotOfType: one of them failed.
        """
        if isinstance(match, list):
            raise NotOfType("a list has no fields: write many: true, or name one of it such as [0]")
        values = {}
        is_found = False
        for name, field in self.inner.items():
            reading = None
            if field._text_of is not None:  # as `read` does it, for less: most fields within others are such
                node = match.css_first(field._text_of)
                if node is None:
                    reading = field._nothing
                elif node.mem_id != match.mem_id and (text := text_of(node)):
                    values[name] = text
                    is_found = True
                    continue
            value, outcome, problem = reading or field.read(page, match)
            if outcome is _FAILED:
                raise NotOfType(f"{name}: {problem}")
            if outcome is _FOUND:
                is_found = True
            elif field.required:
                return None
            values[name] = value
        return values if is_found else None


def quick_length(expression: str) -> int:
    """Return the longest text on which a search is over at once, whatever it finds; 0 where that cannot be told.

    Most expressions of fields repeat a part or two, and none within another, so that a search takes no more than
    length ** (repeated parts + 1) steps. For these no clock is needed: asking it takes longer than the search.
    """
    if not _FLAT.fullmatch(expression):
        return 0
    repeated = sum(bool(part[1]) for part in _PART.finditer(expression))
    return int(_QUICK_STEPS ** (1 / (repeated + 1)) + 0.5) if repeated <= _MOST_REPEATED else 0


def fields_of(configs: Mapping[str, FieldConfig], namespaces: Mapping[str, str] = NO_NAMESPACES) -> dict[str, Field]:
    """Fields by name, ready to read pages."""
    return {name: Field(config, namespaces) for name, config in configs.items()}


def _number(number: float, kind: str) -> Any:
    """Return a number that is written for machines as a value of a type."""
    if kind == "money":
        return {"amount": float(number), "currency": None}
    if kind != "int":
        return float(number)
    if number != int(number):
        raise NotOfType(f"{number} is not a whole number")
    return int(number)


def _absolute(page: Page, text: str) -> str:
    try:
        url = page.response.urljoin(text)
    except BadRequest:
        url = ""
    if not url or url.startswith(_NO_ADDRESSES):
        raise NotOfType(f"{text[:60]!r} is not a URL of a page or file")
    return url
