"""The type `date` of a field: a text read whole, by its form, by a language or as it stands, or refused."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from scraper.parse.text import BREAK, EDGE, RAISED
from scraper.rules.languages import date_in
from scraper.rules.refusal import NotOfType, check_length, quoted
from scraper.rules.times import read_date

_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def to_date(text: str, form: str | None = None, language: str | None = None) -> str:
    """Return a date, or date and time, as ISO 8601 text; with the offset from UTC where `text` has one.

    Read are ISO 8601, the forms of mail and HTTP (RFC 5322, 3.3), `21 November 2026`, `Nov 21, 2026, 3:30 PM CET`,
    `21.11.2026`, `2026/11/21`, and `21/11/2026` where only one order is possible.

    Args:
        form: what the text looks like, in the words of strptime; then nothing else is read.
        language: the language of its words, `fr` or `en-GB`.

    Raises:
        NotOfType: it is not one, could be two, or something of it would be left aside.
    """
    shown = re.sub(f"[{EDGE}{RAISED}]", "", text).replace(BREAK, " ").strip()
    if re.search(rf"\d[{EDGE}{RAISED}]+\d", text):
        raise NotOfType(f"{quoted(shown)} is not a date: its digits stand in several elements, take it by `re`")
    plain = " ".join(_UNSEEN.sub("", shown).split())
    check_length(plain, "date")
    if form is not None:
        return _by_form(plain, form)
    if not plain.isascii():
        plain = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in plain)
    if language is not None:
        return date_in(plain, language)
    return read_date(plain)


def _by_form(text: str, form: str) -> str:
    try:
        moment = datetime.strptime(text, form)
    except ValueError as error:
        raise NotOfType(f"{quoted(text)} is not a date of the form {form}") from error
    return moment.isoformat() if _has_time(form) else moment.date().isoformat()


def _has_time(form: str) -> bool:
    return re.search("%[HI]", form.replace("%%", "")) is not None
