"""Asking whether a page changed since an earlier visit. Pure: RFC 9110 sections 8.8 and 13, as values."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from scraper.lazy_pattern import lazy_pattern

#: Headers of a request that ask for something on a condition; a spider that sets one of them keeps it.
CONDITIONS = ("If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range")

#: What an answer may depend on beside its URL and our settings.
_DEPENDS = frozenset({"*", "cookie", "authorization"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: A date as nearly all servers write it (RFC 9110 section 5.6.7, IMF-fixdate).
_USUAL = lazy_pattern(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
#: What a header can say, and the longest validator that is sent back, in characters.
_FIELD_VALUE = lazy_pattern(r"[\t\x20-\x7e\x80-\xff]+")
_MAX_VALIDATOR = 1_024


def validators_of(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the ETag and Last-Modified of an answer by which it may be requested again.

    None of them where the answer depends on more than its URL and our settings (`Vary: *` or `Vary: Cookie`, RFC
    9110 section 12.5.5), or says that it is not to be kept (RFC 9111 section 5.2.2.5). A Last-Modified within a
    second of the Date is left out: the page may have changed again in that second (RFC 9110 section 8.8.2.2).
    """
    vary, cache = headers.get("Vary"), headers.get("Cache-Control")
    if vary and not _DEPENDS.isdisjoint(name.strip().lower() for name in vary.split(",")):
        return None, None
    if cache and "no-store" in _directives(cache):
        return None, None
    etag = sendable(headers.get("ETag"))
    modified = sendable(headers.get("Last-Modified"))
    when = _date(modified)
    if when is None:
        modified = None
    elif etag is None:
        date = _date(headers.get("Date"))
        if date is not None and (date - when).total_seconds() < 1:
            modified = None
    return etag, modified


def conditions_of(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """Return the headers that ask for a page only if it changed since (RFC 9110 sections 13.1.2 and 13.1.3)."""
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: found for name, value in conditions.items() if (found := sendable(value)) is not None}


def contradicts(headers: Mapping[str, str], etag: str | None, last_modified: str | None) -> bool:
    """Tell whether a 304 says itself that the page is another one than that with our validators.

    It carries the validators that a 200 would have carried (RFC 9110 section 15.4.5): an ETag that is not ours,
    or a later Last-Modified, means that the page did change.
    """
    today = headers.get("ETag")
    if today and etag is not None:
        return _opaque(today) != _opaque(etag)
    now, then = _date(headers.get("Last-Modified")), _date(last_modified)
    return now is not None and then is not None and now > then


def sendable(value: str | None) -> str | None:
    """Return a validator that may be sent back as it is: without control characters (RFC 9110 section 5.5), and short
    enough that servers take it; None for any other.
    """
    return value if value and len(value) <= _MAX_VALIDATOR and _FIELD_VALUE.fullmatch(value) else None


def _opaque(etag: str) -> str:
    """For comparing weakly, as If-None-Match does (RFC 9110 section 8.8.3.2)."""
    return etag.strip().removeprefix("W/")


def _directives(value: str) -> set[str]:
    return {part.strip().lower().partition("=")[0] for part in value.split(",")}


def _date(value: str | None) -> datetime | None:
    if not value:
        return None
    usual = _USUAL.fullmatch(value)
    try:
        if usual is not None:
            day, month, year, hour, minute, second = usual.groups()
            return datetime(
                int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
            )
        found = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else None
