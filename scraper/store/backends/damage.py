"""What is wrong with the values of a store that was damaged, or made by something else."""

from __future__ import annotations

import json
import time
from typing import Any

from scraper.errors import StoreError
from scraper.store import tables
from scraper.store.sql import BigInteger, Connection, Float, Integer, LargeBinary, Row, Table, Text, select

#: What values of a wrong type, and text that is not JSON, make Python raise.
SIGNS = (TypeError, ValueError, KeyError, AttributeError, OverflowError)
_REMEDY = "put a copy of it in its place, or begin a new one with another path for the key store"
#: What the values of a column of each type are.
_TYPES: dict[str, tuple[type, ...]] = {
    Integer: (int,),
    BigInteger: (int,),
    Float: (int, float),
    Text: (str,),
    LargeBinary: (bytes, memoryview),
}
#: Columns of texts that are lists or objects of JSON.
_JSON = frozenset(
    {
        *("config", "hosts", "changes", "reasons", "idle_limits", "data", "problems", "filled", "empty", "failed"),
        *("record", "request", "doing", "item_keys"),
    }
)
#: How long a store is looked through, in seconds: whoever meets an error of another cause waits for it, too.
_LONGEST = 20.0


def damaged(place: str, store: str = "the store", cause: BaseException | None = None) -> StoreError:
    """Return an error that names a value which does not belong in a store."""
    why = "" if cause is None else f" ({type(cause).__name__}: {cause})"
    return StoreError(f"{store} is damaged: {place}{why}", remedy=_REMEDY)


def first_wrong(connection: Connection) -> str | None:
    """Return which column holds a value that it cannot have, and of what type that is; None where none was found."""
    until = time.monotonic() + _LONGEST
    for table in tables.metadata.tables.values():
        for row in connection.stream(select(table)):
            if (place := wrong_in(table, row)) is not None:
                return place
            if time.monotonic() > until:
                return None
    return None


def wrong_in(table: Table, row: Row) -> str | None:
    """Return which value of a row cannot be what its column holds, in words."""
    for column, value in zip(table.c, row, strict=True):
        is_json = column.name in _JSON and column.type == Text
        is_right = isinstance(value, _TYPES[column.type]) and (not is_json or _has_inside(value))
        if value is not None and not is_right:
            return f"{table.name}.{column.name} holds a value of {type(value).__name__} that does not belong there"
    return None


def _has_inside(text: Any) -> bool:
    """Tell whether a text is a list or an object of JSON."""
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False
