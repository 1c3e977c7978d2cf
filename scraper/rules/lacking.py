"""What the rules of a crawl miss on a page: by that a page is known that a browser may have to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scraper.config import RuleConfig
from scraper.errors import NotHtml, ScraperError
from scraper.response import Response
from scraper.rules.fields import FieldState
from scraper.rules.page import Page
from scraper.rules.rule import PageRule


def lacking_of(rules: Sequence[RuleConfig]) -> Callable[[Response], str]:
    """Return what tells, of a page, what rules miss on it, in words; empty where that is nothing."""
    made = [PageRule(rule, number) for number, rule in enumerate(rules)]

    def lacking(response: Response) -> str:
        page, found, missed, is_for_any = Page(response), False, "", False
        for rule in made:
            try:
                if not rule.matches(page):
                    continue
                is_for_any = True
                its_find, its_miss = _of_rule(rule, page)
            except (ScraperError, NotHtml):
                continue
            found, missed = found or its_find, missed or its_miss
        if not missed and is_for_any and not found:
            return "rules find nothing"
        return missed

    return lacking


def _of_rule(rule: PageRule, page: Page) -> tuple[bool, str]:
    """Return whether a rule finds anything, and what it misses."""
    found = any(True for _ in rule.links(page))
    if not rule.fields:
        return found, ""
    items, missed = 0, ""
    for item in rule.items(page):
        items += 1
        if item.missing:
            missed = missed or f"{item.missing[0]} is missing"
        elif all(state is FieldState.EMPTY for state in item.outcomes.values()):
            missed = missed or f"no field of rules[{rule.number}] is there"
        else:
            found = True
    if not items and rule.each is not None:
        missed = f"rules[{rule.number}].each finds nothing"
    return found, missed
