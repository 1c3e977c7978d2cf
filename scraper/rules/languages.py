"""Dates in the words of a language, by dateparser: strictly, only whole dates, and nothing relative to today.

dateparser is an extra, `scraper[dates]`, and imported when a field names a language.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from scraper.errors import UsageError
from scraper.optional_dependencies import install
from scraper.rules.refusal import NotOfType, quoted
from scraper.rules.times import check_calendar, read_date, zone_of

_SETTINGS = {
    "STRICT_PARSING": True,
    "REQUIRE_PARTS": ["day", "month", "year"],
    "PARSERS": ["absolute-time"],
    "RETURN_AS_TIMEZONE_AWARE": False,
}
_TRAILING_ZONE = re.compile(
    r"\s(?P<zone>(?:(?:UTC|GMT)\s?)?[+\u2212-]\d{1,2}(?::?\d\d)?|[A-Z]{3,5})\Z|(?<=\d)(?P<z>Z)\Z"
)


def date_in(text: str, language: str) -> str:
    """Return the date that `text` is in a language, as `to_date` does.

    What figures and English words say by themselves is read as ever; of two orders of day and month that of the
    language counts, where it has one.

    Args:
        language: a code such as `fr`, or of a region, `en-GB`.

    Raises:
        NotOfType: dateparser does not read it, or something of it would be left aside.
        UsageError: as `parser_of`.
    """
    try:
        return read_date(text)
    except NotOfType as error:
        if language == "en":  # day and month come in either order
            raise
        refusal = error
    zone = _TRAILING_ZONE.search(text)
    bare = text[: zone.start()] if zone else text
    found = parser_of(language).get_date_data(bare).date_obj
    has_time = found is not None and _accounted_for(bare, found)
    if found is None or has_time is None or found.tzinfo is not None or (zone and not has_time):
        if "two dates" in str(refusal):
            raise refusal
        raise NotOfType(
            f"{quoted(text)} is not a date that is known as a whole in {language}: say what it looks like by `format`"
        )
    check_calendar(found.year, text)
    if not has_time:
        return str(found.date().isoformat())
    return str(found.replace(tzinfo=zone_of(zone["zone"] or zone["z"], text) if zone else None).isoformat())


@lru_cache(16)
def parser_of(language: str) -> Any:
    """Return what reads dates in a language.

    Raises:
        UsageError: dateparser is not installed, or knows no such language.
    """
    try:
        from dateparser.data.languages_info import language_locale_dict, language_order
        from dateparser.date import DateDataParser
    except ImportError:
        raise UsageError(f"dates in {language} need dateparser", remedy=install("dates")) from None
    if language in language_order:
        return DateDataParser(languages=[language], settings=_SETTINGS)
    base = language.partition("-")[0]
    if base not in language_order:
        raise UsageError(f"dateparser knows no language {language}", remedy="name one as fr, de or en-GB")
    if language in language_locale_dict.get(base, ()):
        return DateDataParser(locales=[language], settings=_SETTINGS)
    return DateDataParser(languages=[base], settings=_SETTINGS)


def _accounted_for(text: str, found: datetime) -> bool | None:
    """Tell whether a text of a date has a time; None where a number of it is not in what was found."""
    numbers = [(int(one), len(one)) for one in re.findall(r"\d+", text)]
    plain = [number for number, _ in numbers]
    for wanted in (found.year, found.day):
        if wanted not in plain:
            return None
        plain.remove(wanted)
    if not re.search(r"\d+\D*[^\W\d]{2,}|[^\W\d]{2,}\D*\d+", text) or (
        len(plain) in (1, 3, 4) and plain[0] == found.month
    ):
        if found.month not in plain:
            return None
        plain.remove(found.month)
    if not plain:
        return None if (found.hour or found.minute or found.second) else False
    if len(plain) not in (2, 3) or plain[0] not in (found.hour, (found.hour + 11) % 12 + 1):
        return None
    return True if plain[1:] == [found.minute, found.second][: len(plain) - 1] else None
