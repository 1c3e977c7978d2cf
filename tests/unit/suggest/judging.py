"""How well rules that were written read pages that were held back: by values, not by selectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from scraper.config import load
from scraper.response import Response
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.suggest.suggestion import Suggestion, suggest
from tests.unit.suggest.sites import Held, Item, Site

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
    fields: dict[str, None] = {}
    for held in site.held:
        items = _items(rules, held)
        for one in items:
            fields.update(dict.fromkeys(one))
        expected = [{key: value for key, value in one.items() if not key.startswith("_")} for one in held.items]
        # Other items than there are make every field wrong.
        made += items if len(items) == len(expected) else [{} for _ in expected]
        truth += expected
    for rule in loaded.config.rules:
        fields.update(dict.fromkeys(rule.fields))
    names = {name for one in truth for name in one}
    right = {field for field in fields if any(_agree(made, field, truth, name) for name in names)}
    found = {name for name in names if any(_agree(made, field, truth, name) for field in fields)}
    return Score(len(right), len(fields), len(found), len(names), sorted(set(fields) - right), sorted(names - found))


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
