"""Dates as forty countries print them: read back exactly, or refused, with the language of the text and without."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from babel.dates import format_date, format_datetime
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.rules.types import NotOfType, to_date
from tests.unit.rules.test_amounts_printed import LOCALES

MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31)).map(lambda moment: moment.replace(microsecond=0))


def _is_read_back(text: str, wanted: datetime, language: str | None) -> None:
    """Check that what is read of a text is a part of the moment that was printed."""
    try:
        found = to_date(text, language=language)
    except NotOfType:
        return
    day, _, clock = found.partition("T")
    assert day == wanted.date().isoformat(), text
    assert not clock or wanted.strftime("%H:%M") == clock[:5], text
    assert not clock or clock[6:8] in ("00", wanted.strftime("%S")), text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(MOMENTS, st.sampled_from(LOCALES), st.sampled_from(["short", "medium", "long", "full"]), st.booleans())
def test_a_date_is_read_back_or_refused(moment: datetime, locale: str, form: str, has_language: bool) -> None:
    language = locale.replace("_", "-") if has_language else None
    _is_read_back(format_date(moment, form, locale), moment, language)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(MOMENTS, st.sampled_from(LOCALES), st.sampled_from(["short", "medium", "long"]), st.booleans())
def test_a_date_with_its_time_is_read_back_or_refused(
    moment: datetime, locale: str, form: str, has_language: bool
) -> None:
    language = locale[:2] if has_language else None
    _is_read_back(format_datetime(moment, form, locale=locale), moment, language)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    MOMENTS,
    st.integers(-12 * 4, 14 * 4),
    st.sampled_from(
        ["%a, %d %b %Y %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%d %B %Y %I:%M:%S %p %z",
         "%b %d %Y %H:%M GMT%z",
                     "%a %b %d %Y %H:%M:%S GMT%z (CEST)", "%d.%m.%Y %H:%M %z", "%H:%M:%S, %d %B %Y"]
    ),
)  # fmt: skip
def test_a_time_keeps_its_zone(moment: datetime, quarters: int, form: str) -> None:
    zone = timezone(timedelta(minutes=15 * quarters))
    text = moment.replace(tzinfo=zone).strftime(form)
    wanted = moment if "%S" in form else moment.replace(second=0)
    assert to_date(text) == (wanted.replace(tzinfo=zone) if "%z" in form else wanted).isoformat()
