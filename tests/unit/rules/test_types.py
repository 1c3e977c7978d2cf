"""Text to values: what each type reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scraper.config.types.date_formats import problem_of_format
from scraper.rules.types import NotOfType, to_bool, to_date, to_float, to_int, to_json, to_price

READ: list[tuple[Callable[[str], Any], str, Any]] = [
    (to_price, "£51.77", 51.77),
    (to_price, "1.234,56 €", 1234.56),
    (to_price, "1,234.56", 1234.56),
    (to_price, "£1,234,567.89 each", 1234567.89),
    (to_price, "EUR 1.234.567,89", 1234567.89),
    (to_price, "1234,50", 1234.5),
    (to_price, "$1,234", 1234.0),
    (to_price, "1.234 €", 1234.0),
    (to_price, "0.123", 0.123),
    (to_price, "1'234.50", 1234.5),
    (to_price, "1\u00a0234,50 zł", 1234.5),
    (to_price, "12,-", 12.0),
    (to_price, "CHF 12.-", 12.0),
    (to_price, "USD1,234.5", 1234.5),
    (to_price, "Rs. 1,000", 1000.0),
    (to_price, "1.234.567", 1234567.0),
    (to_price, "1,23,456", 123456.0),
    (to_price, "-£5", -5.0),
    (to_price, "\u22125,00", -5.0),
    (to_price, "Price: 12", 12.0),
    (to_price, "12.50 / month", 12.5),
    (to_price, "from $49+", 49.0),
    (to_price, "1 G$", 1.0),
    (to_price, "C$ 5", 5.0),
    (to_price, "~ 5,20 €", 5.2),
    (to_price, "$1.299,00", 1299.0),
    (to_price, "$ 5.000 CLP", 5000.0),
    (to_price, "AR$ 5.000", 5000.0),
    (to_int, "5 >", 5),
    (to_price, "£12 each", 12.0),
    (to_int, "22", 22),
    (to_int, "22 left", 22),
    (to_int, "1,234 reviews", 1234),
    (to_int, "1.234", 1234),
    (to_int, "-3", -3),
    (to_float, "4.5 stars", 4.5),
    (to_float, "4,5", 4.5),
    (to_float, "1.234", 1.234),
    (to_float, "1,234.5", 1234.5),
    (to_float, "1e3", 1000.0),
    (to_date, "2026-11-21", "2026-11-21"),
    (to_date, "2026-11-21T08:00:00Z", "2026-11-21T08:00:00+00:00"),
    (to_date, "2026-11-21 08:00", "2026-11-21T08:00:00"),
    (to_date, "Sat, 21 Nov 2026 08:00:00 GMT", "2026-11-21T08:00:00+00:00"),
    (to_date, "Saturday, November 21st, 2026", "2026-11-21"),
    (to_date, "21. November 2026", "2026-11-21"),
    (to_date, "Nov 21, 2026", "2026-11-21"),
    (to_date, "21.11.2026", "2026-11-21"),
    (to_date, "2026/11/21", "2026-11-21"),
    (to_date, "11/21/2026", "2026-11-21"),
    (to_date, "21/11/2026", "2026-11-21"),
    (to_date, "05/05/2026", "2026-05-05"),
    (to_date, "5 June 1402", "1402-06-05"),
    (to_bool, "Yes", True),
    (to_bool, "0", False),
    (to_json, '{"a": [1]}', {"a": [1]}),
]
REFUSED: list[tuple[Callable[[str], Any], str, str]] = [
    (to_price, "free", "no number"),
    (to_price, "2 for £5", "several numbers"),
    (to_price, "1,23,45", "separators"),
    (to_price, "1.2,3.4", "separators"),
    (to_price, "9" * 400, "too large"),
    (to_price, "99¢", "hundredths"),
    (to_price, "99 cents", "hundredths"),
    (to_price, "50 p", "hundredths"),
    (to_price, "$5 off", "discount"),
    (to_price, "5 € Rabatt", "discount"),
    (to_price, "iPhone 15", "no currency"),
    (to_price, "July, 2004", "no currency"),
    (to_price, "5 kg", "no currency"),
    (to_price, "16.00 ft", "no currency"),
    (to_price, "10.000 km", "no currency"),
    (to_price, "In stock (22 left)", "no currency"),
    (to_price, "$..75", "point before"),
    (to_price, "- $44.99", "minus"),
    (to_price, "--5", "minus"),
    (to_price, "$3.459", "two numbers"),
    (to_price, "1.299 $", "two numbers"),
    (to_price, "USD 12.999", "two numbers"),
    (to_int, "£1.299", "two numbers"),
    (to_price, "< 5 €", "a bound"),
    (to_price, "> $5", "a bound"),
    (to_price, "$<5", "a bound"),
    (to_int, "≥ 3", "a bound"),
    (to_float, "<= 5", "a bound"),
    (to_float, "±5", "a bound"),
    (to_price, "5,½", "fraction"),
    (to_int, "5 mil", "multiplies"),
    (to_float, "- 5", "minus"),
    (to_int, "4.5", "not a whole number"),
    (to_int, "3 of 5", "several numbers"),
    (to_int, "9" * 5_000, "300 digits"),
    (to_float, "many", "no number"),
    (to_date, "02/03/2026", "two dates"),
    (to_date, "31.02.2026", "not a day of the calendar"),
    (to_date, "soon", "format"),
    (to_date, "1402/03/15", "another calendar"),
    (to_date, "5 June 2566", "another calendar"),
    (to_date, "5", "format"),
    (to_bool, "maybe", "neither true nor false"),
    (to_json, "{", "no JSON"),
    (to_json, "NaN", "no JSON"),
    (to_json, "[" * 100_000, "no JSON"),
]


@pytest.mark.parametrize(("read", "text", "value"), READ)
def test_what_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    found = read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("read", "text", "words"), REFUSED, ids=[f"{case[0].__name__}-{case[1][:20]}" for case in REFUSED]
)
def test_what_is_refused_says_why(read: Callable[[str], Any], text: str, words: str) -> None:
    with pytest.raises(NotOfType, match=words) as caught:
        read(text)
    assert len(str(caught.value)) < 200


def test_a_format_decides_what_a_date_is() -> None:
    assert to_date("02/03/2026", "%d/%m/%Y") == "2026-03-02"
    assert to_date("02/03/2026 14:30", "%m/%d/%Y %H:%M") == "2026-02-03T14:30:00"
    with pytest.raises(NotOfType, match="%d/%m/%Y"):
        to_date("2026-03-02", "%d/%m/%Y")


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("%Y-%m-%dT%H:%M:%S%z", "2026-03-02T14:30:00+0530", "2026-03-02T14:30:00+05:30"),
        ("%d %B %Y %I:%M %p %z", "2 March 2026 2:30 PM +01:00", "2026-03-02T14:30:00+01:00"),
        ("%d/%m/%y", "02/03/26", "2026-03-02"),
        ("%j/%Y", "061/2026", "2026-03-02"),
        ("%G-W%V-%u", "2026-W10-1", "2026-03-02"),
        ("%Y%m%d%H%M", "202603021430", "2026-03-02T14:30:00"),
        ("100%% %d.%m.%Y", "100% 02.03.2026", "2026-03-02"),
    ],
)
def test_a_format_that_is_taken_reads_all_that_it_names(form: str, text: str, value: str) -> None:
    assert problem_of_format(form) == ""
    assert to_date(text, form) == value
