"""A connection to SQLite, and what comes back from statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scraper.store.sql.statements import Statement


class Row(tuple[Any, ...]):
    """A row: a tuple whose values also have the names of their columns."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


@lru_cache(maxsize=256)
def _row_type(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Row]:
    """Return what makes rows of these columns."""
    values: dict[str, Any] = {name: property(itemgetter(place)) for place, name in enumerate(names)}
    return type("Row", (Row,), {"__slots__": (), **values})


class Result:
    """What a statement came to: its rows, or how many it changed."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.rowcount = cursor.rowcount
        if cursor.description is None:
            cursor.close()
        else:
            self._make = _row_type(tuple(column[0] for column in cursor.description))

    @property
    def inserted_id(self) -> int:
        """Return the number that an inserted row was given."""
        number = self._cursor.lastrowid
        assert number is not None
        return number

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, self._cursor)

    def all(self) -> list[Row]:
        """Return all rows."""
        return list(self)

    def first(self) -> Row | None:
        """Return the first row, and leave the rest."""
        row = self._cursor.fetchone()
        self.close()
        return None if row is None else self._make(row)

    def close(self) -> None:
        """Leave the rest of its rows."""
        self._cursor.close()


class Connection:
    """A connection with one open transaction; statements with rows are read as they are stepped through."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver

    def execute(
        self, statement: Statement, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Result:
        """Run a statement; with a list of parameters, once for each."""
        cursor = self.driver.cursor()
        if isinstance(parameters, Sequence):
            words = statement.taking(parameters[0]).compiled()
            cursor.executemany(words.text, [words.values(each) for each in parameters])
        else:
            words = statement.compiled()
            cursor.execute(words.text, words.values(parameters or {}))
        return Result(cursor)

    def scalar(self, statement: Statement) -> Any:
        """Return the first value of the first row, or None if there are no rows."""
        row = self.execute(statement).first()
        return None if row is None else row[0]

    def scalars(self, statement: Statement) -> Iterator[Any]:
        """Return the first value of each row."""
        return map(itemgetter(0), self.execute(statement))

    def run(self, text: str) -> Result:
        """Run SQL as it is."""
        return Result(self.driver.execute(text))
