"""Rules at work: which pages one is for, the links that it follows, and the items that its fields make.

All rules that match a page apply, in the order of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate

from scraper.config import MatchConfig, RuleConfig
from scraper.config.types.selectors import read_regex
from scraper.errors import NotHtml, NotReadable, ScraperError
from scraper.items import NamedItem
from scraper.patterns import REGEX_SECONDS, Allowance, search
from scraper.request import Request
from scraper.rules.choosing import links_of, selector_of
from scraper.rules.fields import FieldState, Reading, fields_of
from scraper.rules.page import Page
from scraper.rules.refusal import NotOfType
from scraper.rules.sources import Selector


class RuleItem(NamedItem):
    """An item that a rule made: a dict of the rule's item type.

    Attributes:
        readings: what each field read; fields within fields count with the outer one.
        missing: the required fields that were not found or failed; such an item is dropped.
        rule: the number of its rule, from 0.
    """

    __slots__ = ("missing", "readings", "rule")

    def __init__(self, kind: str, readings: dict[str, Reading], missing: Sequence[str], rule: int) -> None:
        super().__init__(kind, {name: reading[0] for name, reading in readings.items()})
        self.readings = readings
        self.missing = tuple(missing)
        self.rule = rule

    @property
    def outcomes(self) -> dict[str, FieldState]:
        """By field, whether it was found, empty or failed."""
        return {name: reading.outcome for name, reading in self.readings.items()}

    @property
    def problems(self) -> dict[str, str]:
        """By field that failed, why."""
        return {name: reading.problem for name, reading in self.readings.items() if reading.problem}


class PageRule:
    """One rule.

    Args:
        config: a rule that `scraper.config` has checked.
        number: its place in the configuration, from 0.
    """

    def __init__(self, config: RuleConfig, number: int) -> None:
        self.config = config
        self.number = number
        self.fields = fields_of(config.fields, config.namespaces)
        self.each = selector_of(config.each, config.namespaces) if config.each is not None else None
        self.follow = [links_of(link, config.namespaces, config.each) for link in config.follow]
        self._required = [name for name, field in self.fields.items() if field.required]
        # Those that say whether an element holds an item at all: each page has an address.
        self._own = [name for name, field in config.fields.items() if field.page is None]
        self._matcher = _Matcher(config.match)

    def matches(self, page: Page) -> bool:
        """Tell whether the rule is for a page.

        Raises:
            ScraperError: its regular expression took too long.
        """
        return self._matcher.matches(page)

    def links(self, page: Page) -> Iterator[Request]:
        """Return requests for the links that `follow` finds, each once, without those that are nofollow.

        What is left out for that is noted in the response's `left_out`.
        """
        found: dict[str, Request] = {}
        for source in self.follow:
            try:
                found |= links_by(source, page)
            except NotReadable:
                # A page of another kind has no links but those of its headers, as with `response.links()`.
                continue
            except NotOfType as error:
                raise self._failed("follow", error, page) from None
        yield from found.values()

    def items(self, page: Page) -> Iterator[RuleItem]:
        """Return the item of a page, or one for each element that `each` finds.

        Raises:
            NotReadable: the page is of another kind than the fields.
            BadDocument: it says to be of that kind, and is broken.
        """
        if not self.fields:
            return
        try:
            elements = [None] if self.each is None else self.each.find(page, None)
        except NotOfType as error:
            raise self._failed("each", error, page) from None
        for within in elements:
            readings = {name: field.read(page, within) for name, field in self.fields.items()}
            is_broken = getattr(within, "problem", "")  # a line of CSV
            lacking = [name for name in self._required if readings[name].outcome is not FieldState.FOUND]
            lacking = list(self.fields) if is_broken else lacking
            if (
                self.each is None
                or lacking
                or any(readings[name].outcome is not FieldState.EMPTY for name in self._own)
            ):
                yield RuleItem(self.config.item, readings, lacking, self.number)

    def _failed(self, key: str, error: NotOfType, page: Page) -> ScraperError:
        return ScraperError(
            f"rules[{self.number}].{key}: {error}, on {page.response.url}",
            remedy="try it by scraper rules test SITE.yaml URL",
            request=page.response.request,
        )


def links_by(source: Selector, page: Page) -> dict[str, Request]:
    """Return requests for the links that one selector finds, by URL and body; those that are nofollow are noted
    instead.

    Raises:
        NotReadable: the page is of another kind.
        NotOfType: an expression cannot be followed on it.
    """
    found: dict[str, Request] = {}
    if (make := getattr(source, "request", None)) is not None:
        request = make(page)
        if request is not None and page.response.may_follow(request.url, None):
            found[f"{request.url} {request.body!r}"] = request
        return found
    for target, rel in _targets_of(source, page):
        for request in page.response.follow_all([target]):
            if request.url not in found and page.response.may_follow(request.url, rel):
                found[request.url] = request
    return found


def _targets_of(source: Selector, page: Page) -> Iterator[tuple[str, str | None]]:
    """Return the address of each thing that a selector finds, as it is written, and its `rel`."""
    for match in source.find(page, None):
        attributes = source.attributes(match)
        if isinstance(match, str) or source.takes_attribute or "href" in attributes or "src" in attributes:
            target = source.raw(match, "url")
            if isinstance(target, str):
                yield str(target), attributes.get("rel")


class _Matcher:
    """Which pages a rule is for."""

    def __init__(self, config: MatchConfig) -> None:
        self._glob = re.compile(translate(config.glob)).match if config.glob is not None else None
        self._regex = read_regex(config.regex) if config.regex is not None else None
        self._selector = config.selector
        self._allowance = Allowance()

    def matches(self, page: Page) -> bool:
        url = page.response.url
        if self._glob is not None:
            return self._glob(page.path) is not None
        if self._regex is not None:
            try:
                return search(self._regex, url, self._allowance.left()) is not None
            except TimeoutError:
                self._allowance.spend()
                raise ScraperError(
                    f"the expression {self._regex.pattern} took more than {REGEX_SECONDS:g} s on {url[:200]}",
                    remedy="write it so that no two parts of it can match the same text",
                ) from None
        assert self._selector is not None
        try:
            return page.response.css_first(self._selector) is not None
        except NotHtml:
            return False
