"""The validators of an answer: what a later visit may ask with."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from scraper.fetch.conditional import contradicts, validators_of

NOON = "Sun, 06 Nov 1994 12:00:00 GMT"


def of(**headers: str) -> tuple[str | None, str | None]:
    return validators_of(CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize(
    "modified",
    [
        NOON,
        "Sunday, 06-Nov-94 12:00:00 GMT",  # RFC 850
        "Sun, 6 Nov 1994 14:00:00 +0200",
    ],
)
def test_a_date_in_any_form_counts_as_it_is_written(modified: str) -> None:
    assert of(Last_Modified=modified) == (None, modified)
    assert of(Last_Modified=modified, Date="Sun, 06 Nov 1994 12:00:01 GMT") == (None, modified)
    assert of(Last_Modified=modified, Date=NOON) == (None, None), "it may change again in that second"


@pytest.mark.parametrize(
    "modified", ["", "yesterday", "Sun, 31 Feb 1994 12:00:00 GMT", "Sun, 06 Nov 1994 25:00:00 GMT"]
)
def test_what_is_no_date_is_left_out(modified: str) -> None:
    assert of(Last_Modified=modified, ETag='"a"') == ('"a"', None)


def test_an_etag_needs_no_distance_from_the_date() -> None:
    assert of(Last_Modified=NOON, Date=NOON, ETag='"a"') == ('"a"', NOON)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Vary", "*"), ("Vary", "Accept, Cookie"), ("Vary", "authorization"), ("Cache-Control", "private, No-Store")],
)
def test_none_where_more_than_the_url_decides(name: str, value: str) -> None:
    assert of(ETag='"a"', **{name: value}) == (None, None)
    assert of(ETag='"a"', Vary="Accept-Encoding", Cache_Control="no-cache") == ('"a"', None)


def test_a_304_that_is_younger_than_what_we_have_contradicts_itself() -> None:
    later = "Sun, 06 Nov 1994 12:00:01 GMT"
    assert contradicts({"Last-Modified": later}, None, NOON)
    assert not contradicts({"Last-Modified": NOON}, None, NOON)
