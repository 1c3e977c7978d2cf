"""Formats of dates in the words of strptime: what is wrong with one, said before any page is there."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_WORD = re.compile(r"%(.)", re.DOTALL)
#: What tells a day, each with the words that it needs together.
_DAYS = ({"d", "m"}, {"d", "b"}, {"d", "B"}, {"j"}, {"V", "u"}, {"V", "a"}, {"V", "A"})
_TIMES = frozenset("HIMSfpz")


def problem_of_format(form: str) -> str:
    """Return what to mend in a format; empty where it tells a whole date, and of a time all that it reads."""
    words = set(_WORD.findall(form)) - {"%"}
    for word, remedy in (
        ("c", "write its parts, it depends on the machine's language"),
        ("x", "write its parts, it depends on the machine's language"),
        ("X", "write its parts, it depends on the machine's language"),
        ("Z", "write %z, names of zones are read past"),
    ):
        if word in words:
            return f"%{word}: {remedy}"
    if not words & {"Y", "y", "G"}:
        return "add the year, %Y"
    if not any(day <= words for day in _DAYS):
        return "add day and month, such as %d and %m (%M is the minute)"
    if "p" in words and "I" not in words:
        return "write %I for the hour beside %p"
    if "I" in words and "p" not in words:
        return "write %H for an hour of 24, or add %p"
    if words & _TIMES and not words & {"H", "I"}:
        return "add the hour, %H"
    try:
        datetime.strptime(datetime(2001, 2, 3, 14, 5, 6, tzinfo=UTC).strftime(form), form)
    except (ValueError, re.error, IndexError) as error:
        return f"see strptime in Python's documentation, it says: {error}"
    return ""
