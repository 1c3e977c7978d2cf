"""The dates of sitemaps and feeds: what they can mean, and None for what they cannot."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

#: The longest text that is read as a date, in characters.
MAX_DATE = 100
#: No page is older than the Web; a program without a date writes 0001, 1899, 1900 or 1970.
_FIRST_YEAR = 1990
_PERIOD = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_SECOND = timedelta(seconds=1)


def last_modified(text: str, now: datetime) -> datetime | None:
    """Return the latest moment, in UTC, that a date of a sitemap or feed can mean; None where it means none.

    A year, a month or a day is over at its last second: a page that changed on May 3 may have changed after it was
    visited on May 3. What would lie after `now` then is `now`. A date that begins in the future, or before 1990, is
    as good as none.

    Source: the sitemap protocol's lastmod (https://www.sitemaps.org/protocol.html) takes W3C Datetime, YYYY to
    YYYY-MM-DDThh:mm:ss.sTZD (https://www.w3.org/TR/NOTE-datetime), as RFC 4287 section 3.3 does for Atom; RSS 2.0
    takes RFC 822. A time without a zone is taken for UTC.

    Args:
        text: the date as written.
        now: an aware datetime.
    """
    text = text.strip()
    if not text or len(text) > MAX_DATE:
        return None
    period = _period(text)
    if period is None or period[0] > now:
        return None
    return min(period[1], now)


@lru_cache(maxsize=1024)
def _period(text: str) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment that `text` can mean."""
    try:
        short = _PERIOD.fullmatch(text)
        if short is not None:
            first, last = _calendar(*[int(part) for part in short.groups() if part is not None])
        else:
            first = last = _moment(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # the standard library's ways to say no
        return None
    return (first, last) if first.year >= _FIRST_YEAR else None


def _calendar(year: int, month: int | None = None, day: int | None = None) -> tuple[datetime, datetime]:
    """Return the first and last second of a year, of a month, of a day; a part that is not given is None."""
    first = datetime(year, 1 if month is None else month, 1 if day is None else day, tzinfo=UTC)
    if day is not None:
        following = first + timedelta(days=1)
    elif month is not None:
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    else:
        following = datetime(year + 1, 1, 1, tzinfo=UTC)
    return first, following - _SECOND


def _moment(text: str) -> datetime:
    if text[:4].isdecimal():
        moment = datetime.fromisoformat(text.upper())
    else:
        moment = email.utils.parsedate_to_datetime(text)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
