"""Tables and their indexes, as databases are told to make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from scraper.store.sql.expressions import Column, Columns, Source, Writing

#: The types of columns, as SQLite is told them.
Integer, BigInteger, Float, Text, LargeBinary = "INTEGER", "BIGINT", "FLOAT", "TEXT", "BLOB"


class Dialect(NamedTuple):
    """What a database is told otherwise than SQLite.

    Attributes:
        types: its names for those of SQLite.
        number: declares a key that the database counts by itself.
        knows_rowid: a table may be told to do without the number that each row has.
        hash_index: how an index begins that holds digests, so that what is in it may be of any length; empty where
            every index does.
    """

    types: Mapping[str, str]
    number: str
    knows_rowid: bool
    hash_index: str = ""


SQLITE = Dialect({}, Integer, knows_rowid=True)


class MetaData:
    """The tables of a database, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def create_statements(self, dialect: Dialect = SQLITE) -> Iterator[str]:
        """Return what makes the tables and indexes that are not there."""
        for table in self.tables.values():
            yield from table.create_statements(dialect)


class PrimaryKeyConstraint:
    """The columns that are a table's key, where they are several."""

    def __init__(self, *names: str) -> None:
        self.names = names


class Index:
    """An index of a table.

    Args:
        where: SQL, for a partial one.
        long: the column of it that may hold more than fits into an index of some databases: there it is alone in it.
    """

    def __init__(self, name: str, *columns: str, unique: bool = False, where: str = "", long: str = "") -> None:
        self._name, self._columns, self._unique, self._where, self._long = name, columns, unique, where, long

    def create_statement(self, table: str, dialect: Dialect = SQLITE) -> str:
        """Return what makes it where it is not there."""
        is_hashed = bool(self._long and dialect.hash_index)
        kind = "UNIQUE INDEX" if self._unique and not is_hashed else "INDEX"
        on = f"{table} {dialect.hash_index}" if is_hashed else table
        columns = (self._long,) if is_hashed else self._columns
        words = f"CREATE {kind} IF NOT EXISTS {self._name} ON {on} ({quoted(columns)})"
        return f"{words} WHERE {self._where}" if self._where else words


class Table:
    """A table, or the same under another name in a query."""

    def __init__(
        self, name: str, metadata: MetaData, *parts: Column | Index | PrimaryKeyConstraint, with_rowid: bool = True
    ) -> None:
        self.name = self._own_name = name
        self._with_rowid = with_rowid
        columns = [part for part in parts if isinstance(part, Column)]
        for column in columns:
            column.table = self
        self.c = Columns(columns)
        self._indexes = [part for part in parts if isinstance(part, Index)]
        keys = [part.names for part in parts if isinstance(part, PrimaryKeyConstraint)]
        self._key = keys[0] if keys else tuple(column.name for column in columns if column.primary_key)
        metadata.tables[name] = self

    def alias(self, name: str) -> Table:
        """Return it under another name."""
        other = Table.__new__(Table)
        vars(other).update(vars(self), name=name)
        other.c = Columns(column.of(other) for column in self.c)
        return other

    def from_sql(self, writing: Writing) -> str:
        """Return it as FROM has it."""
        return self.name if self.name == self._own_name else f"{self._own_name} AS {self.name}"

    def sources(self) -> Iterable[Source]:
        """Return itself."""
        return (self,)

    def create_statements(self, dialect: Dialect = SQLITE) -> Iterator[str]:
        """Return what makes it and its indexes where they are not there."""
        parts = [_declared(column, column.name in self._key, dialect) for column in self.c]
        parts.append(f"PRIMARY KEY ({quoted(self._key)})")
        words = f"CREATE TABLE IF NOT EXISTS {self._own_name} ({', '.join(parts)})"
        yield words if self._with_rowid or not dialect.knows_rowid else f"{words} WITHOUT ROWID"
        for index in self._indexes:
            yield index.create_statement(self._own_name, dialect)


def quoted(names: Iterable[str]) -> str:
    """Return names between commas."""
    return ", ".join(f'"{name}"' for name in names)


def _declared(column: Column, is_key: bool, dialect: Dialect) -> str:
    type_ = dialect.types.get(column.type, column.type)
    # A key of this name and type is a number that nobody gives.
    if is_key and column.name == "id" and column.type == Integer:
        type_ = dialect.number
    words = f'"{column.name}" {type_}'
    if column.server_default is not None:
        words += f" DEFAULT '{column.server_default}'"
    return words if column.nullable and not is_key else f"{words} NOT NULL"
