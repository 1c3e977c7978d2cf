"""Readers of the types of fields. Each takes text that is not blank and returns a value, or raises.

Prices are floats, not decimals as text: JSON, CSV readers, Parquet and databases then have a number to compare and
sum without being told, and 15 digits are exact, which no price in a shop exceeds. Whoever needs the digits as they
stand takes `type: text`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from scraper.config.field_types import FIELD_TYPES

#: Spaces, apostrophes and the like that stand between the thousands.
_GROUP = "[ '\u2019\u00a0\u2009\u202f]"
_GAP = re.compile(_GROUP)
#: A run of digits with whatever may stand in a number.
_NUMBER = re.compile(
    rf"(?<![\d.,])(?P<sign>[-\u2212+]?)(?P<currency>[^\w\s.,()%/-]{{0,3}}\s?)"
    rf"(?P<digits>\d{{1,3}}(?:{_GROUP}\d{{3}})+(?:[.,]\d+)?(?!\d)|\d[\d.,]*|[.,]\d+)"
)
#: The amounts of most shops, for which nothing has to be weighed: 1234.50, 1,234.50, 1.234,50.
_USUAL_AMOUNT = re.compile(
    r"[^\d.,+\-\u2212]*(?:(\d+\.\d\d)|(\d{1,3}(?:,\d{3})+\.\d\d)|((?:\d{1,3}(?:\.\d{3})+|\d+),\d\d))[^\d.,]*"
)
_EXPONENT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
_SHOWN = 60
_MOST_DIGITS = 300

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?\s+([A-Za-z]+)\.?,?\s+(\d{4})")
_MONTH_DAY_YEAR = re.compile(r"([A-Za-z]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+", re.IGNORECASE)
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class NotOfType(ValueError):
    """Text that is not of a field's type. The message says why."""


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


# Numbers ---------------------------------------------------------------------------------------------


def _only_number(text: str, kind: str) -> tuple[str, str]:
    """Sign and digits of the one number in `text`, with the separators as they stand."""
    found = _NUMBER.search(text)
    if found is None or _NUMBER.search(text, found.end()) is not None:
        many = "no number" if found is None else "several numbers, take one by `re`"
        raise NotOfType(f"{_quoted(text)} is not a {kind}: it holds {many}")
    sign = "-" if found["sign"] in ("-", "\u2212") else ""
    return sign, _GAP.sub("", found["digits"]).rstrip(".,")


def to_int(text: str) -> int:
    """Return the one whole number in `text`, thousands separated or not: `22 left`, `1,234 reviews`.

    Raises:
        NotOfType: there is none, there are several, or it has decimals.
    """
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    sign, digits = _only_number(text, "whole number")
    if not re.fullmatch(r"\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+", digits):
        raise NotOfType(f"{_quoted(text)} is not a whole number")
    plain = re.sub("[.,]", "", digits)
    if len(plain) > _MOST_DIGITS:
        raise NotOfType(f"a number of more than {_MOST_DIGITS} digits")
    return int(sign + plain)


def to_float(text: str) -> float:
    """Return the one number in `text`. A point begins the decimals, as does a single comma: `4.5 stars`, `4,5`,
    `1,234.5`.

    Raises:
        NotOfType: there is none, or there are several.
    """
    if _EXPONENT.fullmatch(text):
        return _finite(text, text)
    sign, digits = _only_number(text, "number")
    if "." in digits and "," not in digits and digits.count(".") == 1:
        return _finite(sign + digits, text)
    if digits.count(",") == 1 and "." not in digits:
        return _finite(sign + digits.replace(",", "."), text)
    return _finite(sign + _point_only(digits, text, "number"), text)


def to_price(text: str) -> float:
    """Return the one amount in `text`, whatever its currency: `£51.77`, `1.234,56 €`, `1'234.50`, `12,-`.

    Of two kinds of separators the last begins the decimals. One kind that stands there more than once separates
    thousands, as does a single one before three digits (`1.234 €`, `1,234`), unless a lone 0 stands before it.

    Raises:
        NotOfType: there is none, or there are several.
    """
    if match := _USUAL_AMOUNT.fullmatch(text):
        plain, english, other = match.groups()
        return float(plain or (english.replace(",", "") if english else other.replace(".", "").replace(",", ".")))
    sign, digits = _only_number(text, "price")
    return _finite(sign + _point_only(digits, text, "price"), text)


def _point_only(digits: str, text: str, kind: str) -> str:
    """`digits` without separators of thousands and with a point before the decimals."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits
    mark = digits[last]
    whole, decimals = digits[:last], digits[last + 1 :]
    other = "," if mark == "." else "."
    if mark in whole and other in whole:
        raise NotOfType(f"{_quoted(text)} is not a {kind}: its separators make no sense")
    alone = other not in whole
    if mark in whole or (alone and len(decimals) == 3 and whole not in ("", "0") and len(whole) <= 3):
        groups = [*re.split("[.,]", whole), decimals]
        if any(len(group) != 3 for group in groups[1:]):
            raise NotOfType(f"{_quoted(text)} is not a {kind}: its separators make no sense")
        return "".join(groups)
    if not alone and any(len(group) != 3 for group in whole.split(other)[1:]):
        raise NotOfType(f"{_quoted(text)} is not a {kind}: its separators make no sense")
    return f"{whole.replace(other, '')}.{decimals}"


def _finite(number: str, text: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise NotOfType(f"{_quoted(text)} is too large for a number")
    return value


# Dates -----------------------------------------------------------------------------------------------


def to_date(text: str, form: str | None = None) -> str:
    """Return a date, or date and time, as ISO 8601 text; with the offset from UTC where `text` has one.

    Read are ISO 8601, the form of mail and HTTP (RFC 5322 section 3.3), `21 November 2026`, `Nov 21, 2026`,
    `21.11.2026`, `2026/11/21`, and `21/11/2026` where only one order is possible.

    Args:
        form: what the text looks like, in the words of strptime; then nothing else is read.

    Raises:
        NotOfType: it is not one, or could be two.
    """
    if form is not None:
        try:
            return _iso(datetime.strptime(text, form), dated_only="%H" not in form and "%I" not in form)
        except ValueError as error:
            raise NotOfType(f"{_quoted(text)} is not a date of the form {form}") from error
    for read in (_iso_date, _named_month, _numbers_only, _mail_date):
        if (found := read(text)) is not None:
            return found
    raise NotOfType(f"{_quoted(text)} is not a date that is known: say what it looks like by `format`")


def _iso(moment: datetime, *, dated_only: bool) -> str:
    return moment.date().isoformat() if dated_only else moment.isoformat()


def _iso_date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _named_month(text: str) -> str | None:
    text = _WEEKDAY.sub("", text, count=1)
    if match := _DAY_MONTH_YEAR.fullmatch(text):
        day, name, year = match.groups()
    elif match := _MONTH_DAY_YEAR.fullmatch(text):
        name, day, year = match.groups()
    else:
        return None
    month = _MONTHS.get(name.lower())
    return _day(year, month, day, text) if month is not None else None


def _numbers_only(text: str) -> str | None:
    if match := _DOTTED.fullmatch(text):
        return _day(match[3], match[2], match[1], text)
    if match := _YEAR_FIRST.fullmatch(text):
        return _day(match[1], match[2], match[3], text)
    if match := _SLASHED.fullmatch(text):
        first, second = int(match[1]), int(match[2])
        if first <= 12 and second <= 12 and first != second:
            raise NotOfType(f"{_quoted(text)} could be two dates: say which by `format`, %d/%m/%Y or %m/%d/%Y")
        day, month = (first, second) if first > 12 else (second, first)
        return _day(match[3], month, day, text)
    return None


def _day(year: str, month: str | int, day: str | int, text: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise NotOfType(f"{_quoted(text)} is not a day of the calendar") from None


def _mail_date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# The rest --------------------------------------------------------------------------------------------


def to_bool(text: str) -> bool:
    """true, yes, y, 1, on; false, no, n, 0, off; in any case.

    Raises:
        NotOfType: it is not one of them.
    """
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise NotOfType(f"{_quoted(text)} is neither true nor false")


def to_json(text: str) -> Any:
    """Return what `text` says as JSON (RFC 8259: NaN and Infinity are none).

    Raises:
        NotOfType: it is not one.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotOfType(f"{_quoted(text)} is no JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


#: By type, what makes a value of text; `url` needs the page, and `html` and `text` are as they were found.
READERS: dict[str, Callable[[str], Any]] = {
    row.name: globals()[row.reads] for row in FIELD_TYPES.values() if row.reads
}
