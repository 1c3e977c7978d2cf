"""What is wrong with the values of a store that was damaged, or made by something else."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from scraper.errors import StoreError
from scraper.store import tables
from scraper.store.sql import BigInteger, Float, Integer, LargeBinary, Text

#: What values of a wrong type, and text that is not JSON, make Python raise.
SIGNS = (TypeError, ValueError, KeyError, AttributeError, OverflowError)
REMEDY = "put a copy of it in its place, or begin a new one with another path for the key store"
#: What SQLite calls the values of a column of each type.
_KINDS = {
    Integer: ("integer",),
    BigInteger: ("integer",),
    Float: ("real", "integer"),
    Text: ("text",),
    LargeBinary: ("blob",),
}
#: Columns of texts that are lists or objects of JSON.
_JSON = frozenset(
    {
        *("config", "hosts", "changes", "reasons", "idle_limits", "data", "problems", "filled", "empty", "failed"),
        *("record", "request", "doing", "item_keys"),
    }
)


def explain(error: Exception, path: Path) -> None:
    """Say that a store is damaged, where that is what an error came of.

    Raises:
        StoreError: a value of it is wrong.
    """
    place = None
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
        place = _first_wrong(connection)
    if place is not None:
        raise StoreError(
            f"the store {path} is damaged: {place} ({type(error).__name__}: {error})",
            remedy=REMEDY,
        ) from error


def _first_wrong(connection: sqlite3.Connection) -> str | None:
    """Return which column holds a value that it cannot have, and of what type that is."""
    for name, table in tables.metadata.tables.items():
        for column in table.c:
            value, kinds = f'"{column.name}"', ", ".join(f"'{kind}'" for kind in (*_KINDS[column.type], "null"))
            wrong = f"typeof({value}) NOT IN ({kinds})"
            if column.name in _JSON and column.type == Text:
                # json_type raises where it is not JSON.
                is_json = f"CASE WHEN json_valid({value}) THEN json_type({value}) END"
                wrong += f" OR ({value} IS NOT NULL AND coalesce({is_json}, '') NOT IN ('array', 'object'))"
            found = connection.execute(f"SELECT typeof({value}) FROM {name} WHERE {wrong} LIMIT 1").fetchone()
            if found is not None:
                return f"{name}.{column.name} holds a value of {found[0]} that does not belong there"
    return None
