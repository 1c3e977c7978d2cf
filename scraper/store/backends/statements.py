"""Statements that SQLAlchemy compiles once, and that run on the driver's cursor with plain tuples.

Its own way of running a statement costs some 40 us a call and 5 us a row, for naming and converting parameters. What
a commit writes is plain already: text, numbers, bytes. Such a statement belongs to the transaction that is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.expression import ClauseElement

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
    """A statement of SQLAlchemy Core for a dialect with positional parameters.

    Args:
        statement: every value of it is a `bindparam`.
        names: its parameters in the order in which tuples give them, which is that of the SQL.
    """

    def __init__(self, statement: ClauseElement, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._texts: dict[str, str] = {}
        #: Of an insert: the same for several rows, by their number.
        self._longer: dict[tuple[str, int], str] = {}
        self._is_insert = isinstance(statement, Insert) and statement.select is None

    def _text(self, connection: Connection) -> str:
        dialect = connection.dialect
        text = self._texts.get(dialect.name)
        if text is None:
            compiled = self._statement.compile(dialect=dialect)
            order = getattr(compiled, "positiontup", None)
            assert order == self._names, f"{compiled} takes {order}, not {self._names}"
            text = self._texts[dialect.name] = str(compiled)
        return text

    def many(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run it for each row; returns how many rows of the table that changed.

        An insert takes many rows at once: at each step of SQLite the driver lets other threads have the interpreter,
        and waits to get it back.
        """
        if not rows:
            return 0
        one, changed = self._text(connection), 0
        with closing(connection.connection.cursor()) as cursor:
            # Of rows that replace each other PostgreSQL takes one a statement.
            if not self._is_insert or " DO UPDATE " in one:
                cursor.executemany(one, rows)
                return cursor.rowcount
            for portion in portions(rows, len(self._names)):
                cursor.execute(self._text_for(connection, len(portion)), tuple(chain.from_iterable(portion)))
                changed += cursor.rowcount
            return changed

    def _text_for(self, connection: Connection, count: int) -> str:
        """Return the insert of so many rows."""
        key = connection.dialect.name, count
        text = self._longer.get(key)
        if text is None:
            one = self._text(connection)
            # `VALUES (?, ?)`, or `(%s, %s)`, with nothing but parameters in it.
            before, values, after = one.partition(" VALUES ")
            row = after[: after.index(")") + 1]
            text = self._longer[key] = before + values + ", ".join([row] * count) + after[len(row) :]
        return text

    def one(self, connection: Connection, *parameters: Any) -> None:
        """Run it once."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(self._text(connection), parameters)

    def rows(self, connection: Connection, *parameters: Any) -> Sequence[Any]:
        """Return all rows that it gives."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(self._text(connection), parameters)
            return cursor.fetchall()


def inserting(table: Table, names: Sequence[str]) -> Insert:
    """Return an insert of these columns, in the order in which the table has them.

    It is PostgreSQL's, which SQLite's dialect compiles as well, `ON CONFLICT` included.
    """
    return insert(table).values({name: bindparam(name) for name in names})
