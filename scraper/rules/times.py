"""Dates and times as pages write them: read whole, or refused. Nothing that stands in the text is left aside.

A text is a date, a time behind or before it, and a zone. Without a zone the time is that of the page. Of zones by
letters those are known that mean one offset; for `CST` and the like in a mail's or HTTP's date see RFC 5322, 4.3.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache

from scraper.rules.refusal import NotOfType, quoted

_NAMES = """
    january jan, february feb, march mar, april apr, may, june jun, july jul, august aug, september sep sept,
    october oct, november nov, december dec
"""
_MONTHS = {name: number for number, names in enumerate(_NAMES.split(","), start=1) for name in names.split()}

# What stands in the text --------------------------------------------------------------------------------

_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s)?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_NUMBER_MONTH = r"(?P<month>\d{1,2})"
#: Eight digits are a date in our times, and anything else before.
_COMPACT = r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
_DATES = (
    rf"{_YEAR}(?P<mark>[-/]){_NUMBER_MONTH}(?P=mark)(?P<day>\d{{1,2}})",
    _COMPACT,
    rf"{_YEAR}\.\s?{_NUMBER_MONTH}\.\s?(?P<day>\d{{1,2}})\.?",
    rf"{_YEAR}\s?[\u5e74\ub144]\s?{_NUMBER_MONTH}\s?[\u6708\uc6d4]\s?(?P<day>\d{{1,2}})\s?[\u65e5\uc77c]",
    rf"(?P<day>\d{{1,2}})\.\s?{_NUMBER_MONTH}\.\s?{_YEAR}",
    rf"{_WEEKDAY}(?:the\s)?{_DAY}\.?(?:\sof)?[\s/-]{_MONTH}(?:,?\s|[,/-]){_YEAR}",
    rf"{_WEEKDAY}{_MONTH}[\s-]{_DAY}(?:,?\s|[,-]){_YEAR}",
    rf"{_YEAR}(?:,?\s|[/-]){_MONTH}[\s/-]{_DAY}",
    # Day and month, in the one order or the other.
    rf"(?P<one>\d{{1,2}})(?P<mark>[-/])(?P<two>\d{{1,2}})(?P=mark){_YEAR}",
)
_CLOCK = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?"
)
_ZONE = r"(?:\s?(?P<zone>Z|(?:(?:UTC|GMT|UT)\s?)?[+\u2212-]\d{1,2}(?::?\d\d)?|[A-Z]{2,5})(?:\s\([^()]*\))?)?"
_BETWEEN = r"(?P<between>,?\s(?:at\s|@\s)?|,?\s[-\u2013\u2014|\u00b7\u2022]\s|,|T)"
_FORMS = (
    *(rf"{one}(?:{_BETWEEN}{_CLOCK}{_ZONE})?" for one in _DATES),
    *(rf"{_CLOCK}{_ZONE}(?:,?\s(?:on\s)?|\s[-\u2013|\u00b7]\s){one}" for one in _DATES),
    rf"{_COMPACT}(?P<between>T)(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?{_ZONE}",
    # As C's asctime and the command `date` write it.
    rf"{_WEEKDAY}{_MONTH}\s(?P<day>\d{{1,2}})\s{_CLOCK}{_ZONE}\s{_YEAR}",
    # A year of two digits, in a mail (RFC 5322, 4.3) or an old header (RFC 9110, 5.6.7).
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[ -]{_MONTH}[ -](?P<short>\d\d)\s(?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d))?\s(?P<zone>GMT|UTC|UT|[+-]\d{4})",
)
_WEEK = re.compile(r"\d{4}-W\d\d-\d", re.ASCII)
_MAIL = re.compile(r"[a-z]{3}, \d{1,2} [a-z]{3} \d{4} \d\d:\d\d(?::\d\d)? [a-z]+", re.IGNORECASE)

_UTC_NAMES = frozenset({"z", "utc", "gmt", "ut"})
#: Zones by letters, in minutes from UTC: those that hardly mean another.
_ZONES = {
    "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MEZ": 60, "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180,
    "SAST": 120, "JST": 540, "KST": 540, "HKT": 480, "SGT": 480, "AWST": 480, "ACST": 570, "ACDT": 630, "AEST": 600,
    "AEDT": 660, "NZST": 720, "NZDT": 780, "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600, "BRT": -180, "WIB": 420,
}  # fmt: skip
#: Those that have one meaning in a mail, and others elsewhere.
_MAIL_ZONES = {"CST": -360}
_MOST_OFFSET = 14 * 60


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    """Return the expressions of all forms: compiling them takes some 20 ms, so that is done for the first date."""
    return tuple(re.compile(form, re.IGNORECASE) for form in _FORMS)


def read_date(text: str) -> str:
    """Return the date that `text` is in figures or in English words; raises like `to_date`."""
    if _WEEK.fullmatch(text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise NotOfType(f"{quoted(text)} is not a day of the calendar") from None
    bare = text.rstrip(" ,;") if text.endswith((",", ";")) else text
    bare = bare[:-1] if bare.endswith(".") and bare[-2:-1].isdecimal() else bare
    for form in _forms():
        match = form.fullmatch(bare)
        if match is not None:
            parts = match.groupdict()
            if parts.get("hour") and not (parts.get("minute") or parts.get("half")):
                break  # a number that may be an hour
            return _made(parts, text)
    raise NotOfType(
        f"{quoted(text)} is not a date that is known as a whole: say what it looks like by `format`, its "
        "`language`, or take the date by `re`"
    )


def _made(parts: dict[str, str | None], text: str) -> str:
    """Return date and time of the parts of a text."""
    day = _day(parts, text)
    if not parts.get("hour"):
        return day.isoformat()
    said = parts.get("zone")
    if said is not None:
        _check_range(said, parts, text)
    zone = None if said is None else zone_of(said, text)
    try:
        clock = time(
            _hour(parts, text),
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            int((parts.get("fraction") or "").ljust(6, "0")[:6]),
            zone,
        )
    except ValueError:
        raise NotOfType(f"{quoted(text)} has no time of day") from None
    return datetime.combine(day, clock).isoformat()


def check_calendar(year: int, text: str, *, has_words: bool = True) -> None:
    """Refuse a year that is hardly ours: 2566 in Thailand, and in figures 1402 or 1445 from Iran to Morocco."""
    if 2400 < year < 2700 or (1300 <= year < 1500 and not has_words):
        raise NotOfType(f"{quoted(text)} may be of another calendar: say what it looks like by `format`")


def _day(parts: dict[str, str | None], text: str) -> date:
    year = int(parts.get("year") or 0)
    check_calendar(year, text, has_words=(parts.get("month") or "").isalpha())
    if short := parts.get("short"):
        year = int(short) + (2000 if int(short) < 50 else 1900)
    if parts.get("one"):
        month, day = _ordered(int(parts["one"] or 0), int(parts["two"] or 0), parts["mark"], text)
    else:
        name = parts["month"] or ""
        month, day = _MONTHS.get(name.lower()) or int(name), int(parts["day"] or 0)
    try:
        return date(year, month, day)
    except ValueError:
        raise NotOfType(f"{quoted(text)} is not a day of the calendar") from None


def _ordered(first: int, second: int, mark: str | None, text: str) -> tuple[int, int]:
    """Return month and day of two numbers.

    Raises:
        NotOfType: either could be the day.
    """
    if first <= 12 and second <= 12 and first != second:
        forms = f"%d{mark}%m{mark}%Y or %m{mark}%d{mark}%Y"
        raise NotOfType(f"{quoted(text)} could be two dates: say which by `format`, {forms}, or by `language`")
    return (second, first) if first > 12 else (first, second)


def _hour(parts: dict[str, str | None], text: str) -> int:
    """Return the hour of 24; midnight is 12 AM, and noon 12 PM."""
    hour, half = int(parts["hour"] or 0), parts.get("half")
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise NotOfType(f"{quoted(text)} has no time of day: {hour} {half.upper()}M")
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _check_range(said: str, parts: dict[str, str | None], text: str) -> None:
    """Refuse `10:00-12:00`, which is a time with its zone in ISO 8601 and else two times."""
    is_short = said[0] in "-\u2212" and (":" in said or len(said) < 5)
    if is_short and not parts.get("second") and (parts.get("between") or "").lower() != "t":
        raise NotOfType(f"{quoted(text)} may be from one time to another: take one by `re`")


def zone_of(said: str, text: str) -> timezone | None:
    """Return a zone by how it is written; None for `-0000`, by which nothing is said (RFC 5322, 3.3).

    Args:
        text: all that it stands in.

    Raises:
        NotOfType: it is not known, or could be several.
    """
    name = said.lower()
    if name in _UTC_NAMES:
        return UTC
    if name == "-0000":
        return None
    match = re.fullmatch(r"(?:utc|gmt|ut)?\s?([+\u2212-])(\d{1,2})(?::?(\d\d))?", name)
    if match is not None:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if int(match[3] or 0) > 59 or minutes > _MOST_OFFSET:
            raise NotOfType(f"{quoted(text)} has no such zone: {said}")
        return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    known = _ZONES.get(said.upper())
    if known is None and _MAIL.fullmatch(text):
        known = _MAIL_ZONES.get(said.upper())
    if known is None:
        raise NotOfType(f"{quoted(text)} has a zone that is not known or could be several, {said}: take it by `re`")
    return timezone(timedelta(minutes=known))
