"""Readers of the types of fields. Each takes text that is not blank and returns a value, or raises.

Prices are floats, not decimals as text: JSON, CSV readers, Parquet and databases then have a number to compare and
sum without being told, and 15 digits are exact, which no price in a shop exceeds. Whoever needs the digits as they
stand takes `type: text`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scraper.config.field_types import FIELD_TYPES
from scraper.rules.amounts import to_float, to_int, to_money, to_price
from scraper.rules.dates import to_date
from scraper.rules.json_text import to_json
from scraper.rules.refusal import NotOfType, quoted

__all__ = ["READERS", "NotOfType", "to_bool", "to_date", "to_float", "to_int", "to_json", "to_money", "to_price"]

_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})


def to_bool(text: str) -> bool:
    """true, yes, y, 1, on; false, no, n, 0, off; in any case.

    Raises:
        NotOfType: it is not one of them.
    """
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise NotOfType(f"{quoted(text)} is neither true nor false")


#: By type, what makes a value of text; `url` needs the page, and `html` and `text` are as they were found.
READERS: dict[str, Callable[[str], Any]] = {
    row.name: globals()[row.reads] for row in FIELD_TYPES.values() if row.reads
}
