"""The spider of a crawl that has rules: it carries them out, after the callbacks of the user's own spider if any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from scraper.config import RuleConfig
from scraper.errors import DropItem, NotReadable, PageSkipped
from scraper.request import Request
from scraper.response import Response
from scraper.rules.page import Page
from scraper.rules.rule import PageRule, RuleItem
from scraper.spider import Spider, given_by, resolve


class RulesSpider(Spider):
    """Does with each page what the rules that match it say, in their order: first its links, then its items.

    Args:
        rules: the rules of the configuration.
        inner: the user's own spider, whose callbacks see each page first; or None.
        start_urls: where to begin, where there is no spider of the user's own.
    """

    name = "rules"

    def __init__(
        self, rules: Sequence[RuleConfig], inner: Spider | None, start_urls: Iterable[str | Request] = ()
    ) -> None:
        super().__init__()
        self.rules = [PageRule(config, number) for number, config in enumerate(rules)]
        self.inner = inner
        self.start_urls = start_urls
        #: Which rules were for a page, and which of them since this was emptied last.
        self._matched: set[int] = set()
        self.matched: list[int] = []
        #: For each page whose JSON-LD could not be read an empty text, for the first an example too; as `matched`.
        self.unread: list[str] = []
        self._has_example = False
        self._told: set[tuple[int, str]] = set()

    def start(self) -> Iterable[Any]:
        """Return the first requests of the user's own spider, else one for each of `start_urls`."""
        return super().start() if self.inner is None else self.inner.start()

    def parse(self, response: Response) -> Iterator[Any]:
        """Yield the results of the user's own `parse`, where there is one, then those of the rules."""
        if self.inner is not None and type(self.inner).parse is not Spider.parse:
            yield from given_by(self.inner.parse(response))
        yield from self._by_rules(response)

    def __getattr__(self, name: str) -> Callable[[Any], Iterator[Any]]:
        """Return a callback of the user's own spider, followed by the rules where it gets a page."""
        if name.startswith("__"):
            raise AttributeError(name)
        inner: Spider | None = vars(self).get("inner")
        if inner is None:
            raise AttributeError(name)
        callback = resolve(inner, name)

        def call(argument: Any) -> Iterator[Any]:
            yield from given_by(callback(argument))
            if isinstance(argument, Response):
                yield from self._by_rules(argument)

        return call

    def _by_rules(self, response: Response) -> Iterator[Any]:
        pages: dict[str | None, Page] = {}
        skipped_as = ""
        for rule in self.rules:
            encoding = rule.config.pages.encoding
            page = pages.get(encoding) or pages.setdefault(encoding, Page(response.in_encoding(encoding)))
            if not rule.matches(page):
                continue
            if rule.number not in self._matched:
                self._matched.add(rule.number)
                self.matched.append(rule.number)
            yield from rule.links(page)
            try:
                for item in rule.items(page):
                    self._tell(item, response)
                    yield item
            except NotReadable as error:
                skipped_as = skipped_as or error.skipped_as
                self._tell_of_skipped(rule, error)
        if problem := next((page.json_ld_problem for page in pages.values() if page.json_ld_problem), ""):
            self._note_unread(problem, response)
        if skipped_as:
            raise PageSkipped(skipped_as)

    def _note_unread(self, problem: str, response: Response) -> None:
        self.unread.append("")
        if not self._has_example:
            self._has_example = True
            self.unread.append(f"on {response.url} ({problem})")

    def _tell_of_skipped(self, rule: PageRule, error: NotReadable) -> None:
        """Say of each rule once that it matches what it cannot read."""
        if (rule.number, "") not in self._told:
            self._told.add((rule.number, ""))
            self.log.warning(
                "rules[%d] skips pages of another kind: %s; match fewer pages, or exclude them by scope.exclude",
                rule.number,
                error.message,
            )

    def _tell(self, item: RuleItem, response: Response) -> None:
        """Warn on the first page on which a field failed; for the others the item tells."""
        for name, (_, _, problem) in item.readings.items():
            if problem and (item.rule, name) not in self._told:
                self._told.add((item.rule, name))
                self.log.warning("rules[%d].fields.%s: %s, on %s", item.rule, name, problem, response.url)


def drop_incomplete(item: Any) -> Any:
    """Return the pipeline that comes first: an item that lacks what its rule requires is dropped.

    Raises:
        DropItem: it does.
    """
    if isinstance(item, RuleItem) and item.missing:
        raise DropItem(f"{item.item_type} without {', '.join(item.missing)}")
    return item
