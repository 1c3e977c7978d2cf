"""What texts look like: prices, dates, numbers, and what stands before a value as its label."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from scraper.rules.refusal import NotOfType
from scraper.rules.types import to_date, to_float, to_int, to_money

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,\u00a0\u202f' ]\d+)*")
_LABEL = re.compile(r"(?P<label>[^\W\d_][^:：]{0,38}?)\s?[:：]\s+(?=\S)")
_NUMERIC_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")


def _read(reader: Callable[[str], Any], text: str) -> Any:
    try:
        return reader(text)
    except NotOfType:
        return None


def currencies(values: Sequence[str]) -> set[str]:
    """Return the currencies of texts that are all amounts of money; empty where one is not."""
    found = set()
    for value in values:
        money = _read(to_money, value) if len(value) <= 60 else None
        if money is None or money["currency"] is None:
            return set()
        found.add(money["currency"])
    return found


def is_price(values: Sequence[str]) -> bool:
    """Tell whether texts are amounts of money."""
    return bool(values) and bool(currencies(values))


def is_date(values: Sequence[str]) -> bool:
    """Tell whether texts are dates that can be read in one way."""
    return bool(values) and all(len(value) <= 50 and _read(to_date, value) is not None for value in values)


def date_format(values: Sequence[str]) -> str | None:
    """Return how dates such as 27/03/2026 are written, where one of them shows which number is the day."""
    matches = [_NUMERIC_DATE.fullmatch(value) for value in values]
    if not values or not all(matches):
        return None
    found = [match for match in matches if match]
    mark = found[0][2]
    if any(match[2] != mark for match in found):
        return None
    first, second = (max(int(match[place]) for match in found) for place in (1, 3))
    if first > 12 >= second:
        return f"%d{mark}%m{mark}%Y"
    return f"%m{mark}%d{mark}%Y" if second > 12 >= first else None


def number_type(values: Sequence[str]) -> str | None:
    """Return `int` or `float` where all texts are numbers and nothing else, none with a zero before it."""
    if not values or not all(_NUMBER.fullmatch(value) for value in values):
        return None
    if any((value[0] == "0" and value[1:2].isdigit()) or len(value) > 12 for value in values):
        return None
    if all(_read(to_int, value) is not None for value in values):
        return "int"
    return "float" if all(_read(to_float, value) is not None for value in values) else None


def label_of(values: Sequence[str]) -> str:
    """Return the label with which all texts begin, as `Author` in `Author: Jane`; empty where there is none."""
    labels = set()
    for value in values:
        match = _LABEL.match(value)
        if match is None or len(match["label"].split()) > 4:
            return ""
        labels.add(match["label"])
    return labels.pop() if len(labels) == 1 else ""


def without_label(value: str) -> str:
    """Return a text without the label before it."""
    return _LABEL.sub("", value, count=1)
