"""The dates of sitemaps and feeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.sitemap.dates import last_modified

NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025", datetime(2025, 12, 31, 23, 59, 59)),
        ("2025-02", datetime(2025, 2, 28, 23, 59, 59)),
        ("2025-12", datetime(2025, 12, 31, 23, 59, 59)),
        ("2024-02-29", datetime(2024, 2, 29, 23, 59, 59)),
        ("2025-3-1", datetime(2025, 3, 1, 23, 59, 59)),
        ("2025-03-01T10:20Z", datetime(2025, 3, 1, 10, 20)),
        ("2025-03-01T10:20:30Z", datetime(2025, 3, 1, 10, 20, 30)),
        ("2025-03-01t10:20:30z", datetime(2025, 3, 1, 10, 20, 30)),
        ("2025-03-01T10:20:30+02:00", datetime(2025, 3, 1, 8, 20, 30)),
        ("2025-03-01T10:20:30-0530", datetime(2025, 3, 1, 15, 50, 30)),
        ("2025-03-01T10:20:30.25+00:00", datetime(2025, 3, 1, 10, 20, 30, 250_000)),
        ("2025-03-01T10:20:30.1234567Z", datetime(2025, 3, 1, 10, 20, 30, 123_456)),
        ("2025-03-01T10:20:30", datetime(2025, 3, 1, 10, 20, 30)),
        ("2025-03-01 10:20:30", datetime(2025, 3, 1, 10, 20, 30)),
        ("  2025-03-01T10:20:30Z\n", datetime(2025, 3, 1, 10, 20, 30)),
        ("Sat, 01 Mar 2025 10:20:30 GMT", datetime(2025, 3, 1, 10, 20, 30)),
        ("Sat, 01 Mar 2025 10:20:30 +0200", datetime(2025, 3, 1, 8, 20, 30)),
        ("01 Mar 25 10:20 EST", datetime(2025, 3, 1, 15, 20)),
        ("Sat, 01 Mar 2025 10:20:30 -0000", datetime(2025, 3, 1, 10, 20, 30)),
        # What has begun and is not over ends now.
        ("2026-06-15", NOW.replace(tzinfo=None)),
        ("2026-06", NOW.replace(tzinfo=None)),
        ("2026", NOW.replace(tzinfo=None)),
    ],
)
def test_a_date_is_the_latest_moment_that_it_can_mean(text: str, expected: datetime) -> None:
    assert last_modified(text, NOW) == expected.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "yesterday",
        "daily",
        "2025-13",
        "2025-02-30",
        "2025-00-00",
        "0000-00-00",
        "0001-01-01T00:00:00",
        "1970-01-01",
        "1899-12-30",
        "9999-12-31T23:59:59-12:00",
        "2025-03-01T25:00:00Z",
        "15/03/2025",
        "Sat, 99 Mar 2025 10:20:30 GMT",
        "2026-06-15T12:00:01Z",
        "2026-06-16",
        "2026-07",
        "2027",
        "Tue, 16 Jun 2026 10:20:30 GMT",
        "2025-03-01" + " " * 200 + "x",
    ],
)
def test_a_date_that_is_none_or_in_the_future(text: str) -> None:
    assert last_modified(text, NOW) is None


@given(st.text(max_size=40) | st.datetimes().map(str) | st.from_regex(r"[0-9]{1,4}[-/ :T0-9Z+.]{0,20}"))
def test_any_text_is_a_moment_before_now_or_none(text: str) -> None:
    found = last_modified(text, NOW)
    assert found is None or (found <= NOW and found.utcoffset() == timedelta(0))
