"""A SQLite file. Its columns have no type, so that every value stays what it is: a dict or list is JSON as text."""

from __future__ import annotations

import contextlib
import errno
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scraper.errors import ExportError
from scraper.exports.base import Export
from scraper.exports.columns import kind_of
from scraper.exports.part_file import described
from scraper.exports.tables import NOTES, Note, TableExport, TableSettings
from scraper.exports.target import Target

_BUSY_SECONDS = 30


def open_sqlite(target: Target) -> Export:
    """Return the export to the tables of a file."""
    return SqliteExport(target.of.resolve(target.path), target.tables())


class SqliteExport(TableExport):
    """The tables of a SQLite file, which may hold others. A new file gets its name when it is complete.

    Args:
        path: the file.
        settings: how items become rows.
    """

    def __init__(self, path: Path, settings: TableSettings) -> None:
        super().__init__(settings)
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._connection: sqlite3.Connection | None = None
        self._is_new = False
        self._columns: dict[str, list[str]] = {}
        self._rows: dict[tuple[str, str, tuple[str, ...]], list[list[Any]]] = {}

    def _begin(self) -> None:
        self._columns, self._rows = {}, {}
        self._is_new = not self._path.exists()
        with described(self._path):
            if self._path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._part.unlink(missing_ok=True)
        with self._explained():
            path = self._part if self._is_new else self._path
            # Another program that writes is waited for.
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._do("BEGIN IMMEDIATE")
            self._do(f"CREATE TABLE IF NOT EXISTS {NOTES} (name TEXT PRIMARY KEY, run, began, commit_number, tables)")

    def _read_note(self, name: str) -> Note | None:
        query = f"SELECT run, began, commit_number, tables FROM {NOTES} WHERE name = ?"
        with self._explained():
            row = self._do(query, name).fetchone()
        return None if row is None else Note(row[0], row[1], row[2], json.loads(row[3]))

    def _write_note(self, name: str, note: Note) -> None:
        with self._explained():
            values = (name, note.run, note.began, note.commit, json.dumps(note.tables))
            self._do(f"INSERT OR REPLACE INTO {NOTES} VALUES (?, ?, ?, ?, ?)", *values)

    def _is_empty(self, table: str) -> bool:
        with self._explained():
            return not self._exists(table) or self._do(f"SELECT 1 FROM {_quoted(table)} LIMIT 1").fetchone() is None

    def _empty(self, table: str) -> None:
        with self._explained():
            if self._exists(table):
                self._do(f"DELETE FROM {_quoted(table)}")

    def _add(self, table: str, type: str, data: dict[str, Any]) -> None:
        if not data:
            return  # there is nothing to say in columns
        # Rows of the same columns go together, but never past one of others: the last of a key holds.
        shape = (table, type, tuple(data))
        if shape not in self._rows:
            self._flush()
        self._rows.setdefault(shape, []).append([_value(value) for value in data.values()])

    def _flush(self) -> None:
        with self._explained():
            for (table, type, names), rows in self._rows.items():
                self._make_ready(table, type, names)
                self._connected.executemany(self._insertion(table, type, names), rows)
        self._rows = {}

    def _merge(self) -> None:
        self._flush()

    def _commit(self) -> str:
        with self._explained():
            self._do("COMMIT")
            self._connected.close()
            self._connection = None
        if self._is_new:
            with described(self._path):
                self._part.replace(self._path)
        return str(self._path)

    def _let_go(self) -> None:
        self._is_open = False
        if self._connection is not None:
            # Closing undoes what was not committed.
            self._connection.close()
            self._connection = None
            if self._is_new:
                with contextlib.suppress(OSError):
                    self._part.unlink(missing_ok=True)

    # Tables ----------------------------------------------------------------------------------------------

    @property
    def _connected(self) -> sqlite3.Connection:
        assert self._connection is not None, "a database that is not open"
        return self._connection

    def _do(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._connected.execute(statement, values)

    def _exists(self, table: str) -> bool:
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = ?"
        return self._do(query, table).fetchone() is not None

    def _folded(self, name: str) -> str:
        return name.casefold()

    def _may_be_table(self, name: str) -> bool:
        return not name.startswith("sqlite_")

    def _columns_of(self, table: str) -> list[str]:
        with self._explained():
            return [row[1] for row in self._do(f"PRAGMA table_info({_quoted(table)})")]

    def _make_ready(self, table: str, type: str, names: tuple[str, ...]) -> None:
        """Make the table, its columns, and for an upsert what makes its keys unique."""
        key = self._settings.keys.get(type, ()) if self._settings.mode_of(type) == "upsert" else ()
        wanted = list(dict.fromkeys((*names, *key)))
        if table not in self._columns:
            self._refuse_twins(wanted)
            self._do(f"CREATE TABLE IF NOT EXISTS {_quoted(table)} ({', '.join(map(_quoted, wanted))})")
            self._columns[table] = self._columns_of(table)
            if key:
                index, columns = _quoted(f"{table}_key"), ", ".join(map(_quoted, key))
                self._add_columns(table, wanted)
                self._do(f"CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {_quoted(table)} ({columns})")
        self._add_columns(table, wanted)

    def _add_columns(self, table: str, wanted: list[str]) -> None:
        known = self._columns[table]
        if new := [name for name in wanted if name not in known]:
            self._refuse_twins([*known, *new])
            for name in new:
                self._do(f"ALTER TABLE {_quoted(table)} ADD COLUMN {_quoted(name)}")
            known += new

    def _refuse_twins(self, names: list[str]) -> None:
        seen: dict[str, str] = {}
        for name in names:
            twin = seen.setdefault(name.casefold(), name)
            if twin != name:
                raise ExportError(
                    f"cannot write {self._path}: the fields {twin} and {name} are one column to SQLite",
                    remedy="pick one of them with `fields`",
                )

    def _insertion(self, table: str, type: str, names: tuple[str, ...]) -> str:
        places = ", ".join("?" * len(names))
        insertion = f"INSERT INTO {_quoted(table)} ({', '.join(map(_quoted, names))}) VALUES ({places})"
        key = self._settings.keys.get(type, ())
        if self._settings.mode_of(type) != "upsert" or any(name not in names for name in key):
            return insertion
        # What this item has no value for is emptied: the item as it is now takes the old one's place.
        emptied = [name for name in self._ours[table] if name in self._columns[table] and name not in key]
        set_ = [f"{_quoted(name)} = excluded.{_quoted(name)}" for name in emptied]
        action = f"DO UPDATE SET {', '.join(set_)}" if set_ else "DO NOTHING"
        return f"{insertion} ON CONFLICT ({', '.join(map(_quoted, key))}) {action}"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise ExportError(f"cannot write {self._path}: {error}", remedy=_remedy(error)) from error


def _remedy(error: Exception) -> str:
    cause = str(error)
    if "locked" in cause:
        return "another program writes to it: close that one, then run the same command again"
    if "full" in cause:
        return "make room on the disk, then run the same command again: it goes on from the store"
    if isinstance(error, sqlite3.IntegrityError):
        return "the table holds several rows of one key, or has rules of its own: mend it, or name another path"
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in cause:
        return "name another path"
    return "the items are safe in the store; mend it, or pick columns with `fields`, and run the same command again"


def _value(value: Any) -> Any:
    """Return what SQLite keeps as it is: text, number or nothing."""
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return int(value) if kind_of(value) != "text" else str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
