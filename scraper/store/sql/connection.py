"""A connection to the database, and what comes back from statements."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from scraper.store.backends import lease_clock
from scraper.store.sql.expressions import Expression, literal

if TYPE_CHECKING:
    from scraper.store.sql.statements import Statement


class Cursor(Protocol):
    """What runs statements, as `sqlite3` has it; a question mark stands for a parameter."""

    @property
    def rowcount(self) -> int: ...

    @property
    def description(self) -> Any: ...

    def execute(self, text: str, parameters: Sequence[Any] = ..., /) -> Any: ...

    def executemany(self, text: str, rows: Sequence[Sequence[Any]], /) -> Any: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None: ...


class Driver(Protocol):
    """A connection of the database's own kind."""

    def cursor(self) -> Any: ...


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

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.rowcount = cursor.rowcount
        if cursor.description is None:
            cursor.close()
        else:
            self._make = _row_type(tuple(column[0] for column in cursor.description))

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

    #: Others may write meanwhile, to rows that this one has not locked.
    has_company = False

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def lease_now(self) -> Expression:
        """Return what the clock of leases shows."""
        return literal(lease_clock.now())

    def lease_boot(self) -> str:
        """Return since when of what that clock counts; those of another are void."""
        return lease_clock.boot()

    def find_by_keys(self) -> None:
        """Have indexes used until the transaction ends, also where a database takes a table for small."""

    def insert(self, statement: Statement) -> int:
        """Insert one row; return the number that it was given."""
        cursor = self.driver.cursor()
        words = statement.compiled()
        cursor.execute(words.text, words.values({}))
        number: int = cursor.lastrowid
        cursor.close()
        return number

    def stream(self, statement: Statement) -> Generator[Row]:
        """Yield the rows of a long reading, never more than a portion in memory."""
        found = self.execute(statement)
        try:
            yield from found
        finally:
            found.close()

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
        cursor = self.driver.cursor()
        cursor.execute(text)
        return Result(cursor)
