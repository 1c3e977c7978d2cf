"""How well rules that were written read pages that were held back: by values, not by selectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scraper.config import load
from scraper.response import Response
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.suggest.levels import Known, levels_of
from scraper.suggest.suggestion import MOST_LOOKED_AT, Suggestion, of_levels, suggest
from tests.unit.suggest.sites import Held, Item, Site
from tests.unit.suggest.storeys import Storeys

#: A field is right where so many of its values are.
NEARLY_ALL = 0.95


class Score(NamedTuple):
    """Fields of a site: how many are proposed and right, proposed in all, and there to be found."""

    right: int
    proposed: int
    found: int
    there: int
    wrong: list[str]
    missing: list[str]


def page_of(url: str, markup: str) -> Page:
    return Page(Response(url, headers={"Content-Type": "text/html; charset=utf-8"}, body=markup.encode()))


def suggested(site: Site) -> Suggestion:
    return suggest([page_of(url, markup) for url, markup in site.shown])


def judge(site: Site) -> Score:
    """Write rules of what is shown, and read with them what is held back."""
    written = suggested(site).written()
    loaded = load({"name": "site", "network": {"allow_private": True}, **written})
    rules = [PageRule(config, number) for number, config in enumerate(loaded.config.rules)]
    made: list[Item] = []
    truth: list[Item] = []
    fields = dict.fromkeys(field for rule in loaded.config.rules for field in rule.fields)
    for held in site.held:
        items = _items(rules, held)
        expected = [{key: value for key, value in one.items() if not key.startswith("_")} for one in held.items]
        # Other items than there are make every field wrong.
        made += items if len(items) == len(expected) else [{} for _ in expected]
        truth += expected
    return _score(made, truth, fields)


def _score(made: Sequence[Item], truth: Sequence[Item], fields: Iterable[str]) -> Score:
    names = {name for one in truth for name in one}
    right = {field for field in fields if any(_agree(made, field, truth, name) for name in names)}
    found = {name for name in names if any(_agree(made, field, truth, name) for field in fields)}
    wrong = sorted(set(fields) - right)
    return Score(len(right), len(set(fields)), len(found), len(names), wrong, sorted(names - found))


def looked_at(site: Storeys) -> Suggestion:
    """Rules of a site of which the home page is named, and more is looked at as `scraper suggest` does."""
    known, tried = Known(), {site.start}
    pages = [page_of(site.start, site.pages[site.start])]
    while wanted := [url for url in levels_of(pages, 1, tried, known).more if url not in tried]:
        for url in wanted[: MOST_LOOKED_AT - len(pages)]:
            if url in site.pages:
                pages.append(page_of(url, site.pages[url]))
        tried.update(wanted)
    return of_levels(levels_of(pages, 1, tried, known))


def judge_crawl(site: Storeys) -> Score:
    """Write rules from a site's home page on, and crawl the site with them."""
    suggestion = looked_at(site)
    loaded = load({"name": "site", "network": {"allow_private": True}, **suggestion.written()})
    rules = [PageRule(config, number) for number, config in enumerate(loaded.config.rules)]
    found: dict[str, Item] = {}
    pending, seen = list(suggestion.start), set(suggestion.start)
    while pending:
        url = pending.pop()
        if url not in site.pages:
            continue
        page = page_of(url, site.pages[url])
        for rule in (rule for rule in rules if rule.matches(page)):
            for item in rule.items(page):
                found.setdefault(str(item.get("url")), dict(item))
            links = [request.url for request in rule.links(page) if request.url not in seen]
            seen.update(links)
            pending += links
    truth = sorted(site.items, key=lambda one: str(one["url"]))
    made = [found.pop(one["url"], {}) for one in truth]
    # What is no thing of the site spoils as many.
    made = [{} if number < len(found) else one for number, one in enumerate(made)]
    return _score(made, truth, dict.fromkeys(field for rule in loaded.config.rules for field in rule.fields))


def _items(rules: Sequence[PageRule], held: Held) -> list[Item]:
    page = page_of(held.url, held.markup)
    return [dict(item) for rule in rules if rule.matches(page) for item in rule.items(page) if not item.missing]


def _agree(made: Sequence[Item], field: str, truth: Sequence[Item], name: str) -> bool:
    equal = sum(plain(one.get(field)) == plain(other.get(name)) for one, other in zip(made, truth, strict=True))
    return any(plain(one.get(field)) is not None for one in made) and equal >= NEARLY_ALL * len(truth)


def plain(value: Any) -> Any:
    """What means the same is equal: 12 and "12", a date with and without its hour, an amount with its currency."""
    if isinstance(value, dict):
        value = value.get("amount")
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        text = " ".join(str(value).split())
        return text[:10] if len(text) > 10 and text[4:5] == "-" and text[10:11] == "T" else text
