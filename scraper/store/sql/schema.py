"""Tables and their indexes, as SQLite is told to make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scraper.store.sql.expressions import Column, Columns, Source, Writing

#: The types of columns, as SQLite is told them.
Integer, BigInteger, Float, Text, LargeBinary = "INTEGER", "BIGINT", "FLOAT", "TEXT", "BLOB"


class MetaData:
    """The tables of a database, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def create_statements(self) -> Iterator[str]:
        """Return what makes the tables and indexes that are not there."""
        for table in self.tables.values():
            yield from table.create_statements()


class PrimaryKeyConstraint:
    """The columns that are a table's key, where they are several."""

    def __init__(self, *names: str) -> None:
        self.names = names


class Index:
    """An index of a table.

    Args:
        where: SQL, for a partial one.
    """

    def __init__(self, name: str, *columns: str, unique: bool = False, where: str = "") -> None:
        self._name, self._columns, self._unique, self._where = name, columns, unique, where

    def create_statement(self, table: str) -> str:
        """Return what makes it where it is not there."""
        kind = "UNIQUE INDEX" if self._unique else "INDEX"
        words = f"CREATE {kind} IF NOT EXISTS {self._name} ON {table} ({quoted(self._columns)})"
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

    def create_statements(self) -> Iterator[str]:
        """Return what makes it and its indexes where they are not there."""
        parts = [_declared(column, column.name in self._key) for column in self.c]
        parts.append(f"PRIMARY KEY ({quoted(self._key)})")
        words = f"CREATE TABLE IF NOT EXISTS {self._own_name} ({', '.join(parts)})"
        yield words if self._with_rowid else f"{words} WITHOUT ROWID"
        for index in self._indexes:
            yield index.create_statement(self._own_name)


def quoted(names: Iterable[str]) -> str:
    """Return names between commas."""
    return ", ".join(f'"{name}"' for name in names)


def _declared(column: Column, is_key: bool) -> str:
    words = f'"{column.name}" {column.type}'
    if column.server_default is not None:
        words += f" DEFAULT '{column.server_default}'"
    return words if column.nullable and not is_key else f"{words} NOT NULL"
