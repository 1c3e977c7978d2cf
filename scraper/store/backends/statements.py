"""Statements that are compiled once, and run on the driver's cursor with plain tuples: many rows in few steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, TypeVar

from scraper.store.sql import Connection, Insert, Statement, Table, bindparam, insert

V = TypeVar("V")

#: So many rows go into one statement: a few sizes, each of which the driver has compiled before.
_SIZES = (64, 16, 4, 1)
#: Parameters that a statement may have in every build of SQLite (SQLITE_MAX_VARIABLE_NUMBER before 3.32).
_MOST_PARAMETERS = 999


def portions(values: Sequence[V], width: int = 1) -> Iterator[Sequence[V]]:
    """`values` in portions of few sizes, none with too many parameters where each value is `width` of them."""
    start = 0
    for size in _SIZES:
        while len(values) - start >= size and (size * width <= _MOST_PARAMETERS or size == 1):
            yield values[start : start + size]
            start += size


class Prepared:
    """A statement whose parameters are given in their order.

    Args:
        statement: every value of it is a `bindparam`.
        names: its parameters in the order in which tuples give them, which is that of the SQL.
    """

    def __init__(self, statement: Statement, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._text: str | None = None
        #: Of an insert: the same for several rows, by their number.
        self._longer: dict[int, str] = {}
        self._is_insert = isinstance(statement, Insert) and statement.is_of_values

    @property
    def text(self) -> str:
        """Return its SQL, which is made on first access."""
        if self._text is None:
            self._text, parameters = self._statement.compiled()
            order = [parameter.name for parameter in parameters]
            assert order == self._names, f"{self._text} takes {order}, not {self._names}"
        return self._text

    def many(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run it for each row; returns how many rows of the table that changed.

        An insert takes many rows at once: at each step of SQLite the driver lets other threads have the interpreter,
        and waits to get it back.
        """
        if not rows:
            return 0
        changed = 0
        with closing(connection.driver.cursor()) as cursor:
            # Of rows that replace each other PostgreSQL takes one a statement.
            if not self._is_insert or " DO UPDATE " in self.text:
                cursor.executemany(self.text, rows)
                return int(cursor.rowcount)
            for portion in portions(rows, len(self._names)):
                cursor.execute(self._text_for(len(portion)), tuple(chain.from_iterable(portion)))
                changed += cursor.rowcount
            return changed

    def _text_for(self, count: int) -> str:
        """Return the insert of so many rows."""
        text = self._longer.get(count)
        if text is None:
            # `VALUES (?, ?)`, with nothing but parameters in it.
            before, values, after = self.text.partition(" VALUES ")
            row = after[: after.index(")") + 1]
            text = self._longer[count] = before + values + ", ".join([row] * count) + after[len(row) :]
        return text

    def one(self, connection: Connection, *parameters: Any) -> None:
        """Run it once."""
        with closing(connection.driver.cursor()) as cursor:
            cursor.execute(self.text, parameters)

    def rows(self, connection: Connection, *parameters: Any) -> Sequence[Any]:
        """Return all rows that it gives."""
        with closing(connection.driver.cursor()) as cursor:
            cursor.execute(self.text, parameters)
            found: Sequence[Any] = cursor.fetchall()
            return found


def inserting(table: Table, names: Sequence[str]) -> Insert:
    """Return an insert of these columns, in the order in which the table has them."""
    return insert(table).values({name: bindparam(name) for name in names})
