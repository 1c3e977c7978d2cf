"""Durations, sizes and shares, and their way back to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.config.types.units import format_duration, format_size, parse_duration, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5.0),
        ("2m", 120.0),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1d", 86_400.0),
        ("1d2h3m4s5ms", 93_784.005),
        ("1.5h", 5400.0),
        ("0", 0.0),
        ("2.5", 2.5),
        (3, 3.0),
    ],
)
def test_durations(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "5 s", "5S", "-5s", "1:30", "30s1m", "5sec", "1e3", "inf", "nan", "4000d", float("nan"), -1]
)
def test_what_is_no_duration(text: str | float) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10MB", 10_000_000),
        ("512KiB", 524_288),
        ("1GB", 10**9),
        ("1.5kB", 1500),
        ("1KB", 1000),
        ("7B", 7),
        ("7", 7),
        (7, 7),
    ],
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "10M", "10mb", "10 MB", "-1MB", "9" * 30, "5000TB", -1])
def test_what_is_no_size(text: str | int) -> None:
    with pytest.raises(ValueError):
        parse_size(text)


def test_shares() -> None:
    assert [parse_share(text) for text in ("5%", "0.05", 0.05, "100 %", 1, 0)] == [0.05, 0.05, 0.05, 1.0, 1.0, 0.0]
    for text in ("five", "101%", "-1%", 2, "%", float("nan")):
        with pytest.raises(ValueError):
            parse_share(text)


@given(st.integers(0, 3650 * 86_400 * 1000))
def test_a_duration_survives_its_text(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(1, 10**15))
def test_a_size_survives_its_text(size: int) -> None:
    assert parse_size(format_size(size)) == size


def test_texts_are_the_ones_that_a_user_would_write() -> None:
    assert [format_duration(seconds) for seconds in (0.2, 1, 60, 90, 7200, 90_000, 1.5, 0)] == [
        "200ms", "1s", "1m", "1m30s", "2h", "1d1h", "1.5s", "0s",
    ]  # fmt: skip
    assert [format_size(size) for size in (10_000_000, 524_288, 1001, 2**30)] == ["10MB", "512KiB", "1001", "1GiB"]
