"""PostgreSQL, by psycopg: COPY into a temporary table, then one insertion a type of item.

A column has the type that holds all values it met: boolean, bigint, double precision, text, or jsonb for lists and
dicts. One that exists and is of another type is cast to.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from scraper.errors import ExportError
from scraper.exports.base import Export
from scraper.exports.columns import BOOL, FLOAT, INT, JSON, LIST, TEXT, Columns, as_text, wider
from scraper.exports.tables import NOTES, Note, TableExport, TableSettings
from scraper.exports.target import Target
from scraper.hiding import without_user_info
from scraper.optional_dependencies import package

_CONNECT_SECONDS = 10
_STAGE = "_scraper_stage"
_TYPES = {BOOL: "boolean", INT: "bigint", FLOAT: "double precision", TEXT: "text", JSON: "jsonb"}
_KINDS = {type: kind for kind, type in _TYPES.items()}
_log = logging.getLogger(__name__)
#: Bytes of a name, less those of the index that goes by it.
_NAME, _TABLE = 63, 59
#: Columns that each table has.
_SYSTEM = frozenset(("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"))
#: Bytes of a key that an index takes, less what goes with them.
_KEY = 2_600
#: What a text of PostgreSQL cannot hold, and what stands for it.
_NUL, _INSTEAD = "\0", "\ufffd"


def open_postgres(target: Target) -> Export:
    """Return the export to the tables of a database."""
    return PostgresExport(target.path, target.tables())


class PostgresExport(TableExport):
    """The tables of a PostgreSQL database, in the first schema of its search path.

    Args:
        url: `postgresql://…`, with whatever libpq takes in it; the password may also come from PGPASSWORD or .pgpass.
        settings: how items become rows.

    Raises:
        UsageError: psycopg is not installed.
    """

    #: A row has 8 kB, of which a text that lies elsewhere takes up to 25 bytes.
    most_columns = 300

    def __init__(self, url: str, settings: TableSettings) -> None:
        super().__init__(settings)
        self._psycopg = package("psycopg", "postgres", "an export to PostgreSQL")
        self._sql = package("psycopg.sql", "postgres", "an export to PostgreSQL")
        self._url = url
        self._shown = without_user_info(url)
        self._connection: Any = None
        self._columns: dict[str, Columns] = {}
        self._rows: list[tuple[str, str]] = []

    def _begin(self) -> None:
        self._columns, self._rows = {}, []
        with self._explained():
            self._connection = self._psycopg.connect(self._url, connect_timeout=_CONNECT_SECONDS)
            # Two crawls that begin at once would both make the table.
            self._do("SELECT pg_advisory_xact_lock(hashtext({}))", self._sql.Literal(NOTES))
            self._do(
                "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, run bigint NOT NULL, "
                "began double precision NOT NULL, commit_number bigint NOT NULL, tables text NOT NULL)",
                self._named(NOTES),
            )
            self._do(
                "CREATE TEMPORARY TABLE {} (number bigint GENERATED ALWAYS AS IDENTITY, item text, data json) "
                "ON COMMIT DROP",
                self._named(_STAGE),
            )

    def _read_note(self, name: str) -> Note | None:
        query = "SELECT run, began, commit_number, tables FROM {} WHERE name = %s FOR UPDATE"
        with self._explained():
            row = self._do(query, self._named(NOTES), values=(name,)).fetchone()
        return None if row is None else Note(row[0], row[1], row[2], json.loads(row[3]))

    def _write_note(self, name: str, note: Note) -> None:
        with self._explained():
            self._do(
                "INSERT INTO {} VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET run = excluded.run, "
                "began = excluded.began, commit_number = excluded.commit_number, tables = excluded.tables",
                self._named(NOTES),
                values=(name, note.run, note.began, note.commit, json.dumps(note.tables)),
            )

    def _is_empty(self, table: str) -> bool:
        with self._explained():
            if not self._types_in(table):
                return True
            return self._do("SELECT 1 FROM {} LIMIT 1", self._named(table)).fetchone() is None

    def _empty(self, table: str) -> None:
        with self._explained():
            if self._types_in(table):
                self._do("DELETE FROM {}", self._named(table))

    def _add(self, table: str, type: str, data: dict[str, Any]) -> None:
        if self._is_key_too_long(type, data):
            _log.warning("the table %s: left out is an item whose key is too long for an index: %.200r", table, data)
            return
        if table not in self._columns:
            self._columns[table] = Columns(None)
        # An absent value is NULL, where `null` of JSON is a value.
        present = {name: value for name, value in data.items() if value is not None}
        if any(_NUL in name for name in present) or "\\u0000" in (text := json.dumps(present)):
            present = _without_nul(present)
            text = json.dumps(present)
        self._columns[table].kinds.update(dict.fromkeys(set(data) - set(self._columns[table].kinds)))
        self._columns[table].add(present)
        self._rows.append((table, text))

    def _is_key_too_long(self, type: str, data: dict[str, Any]) -> bool:
        if self._settings.mode_of(type) != "upsert":
            return False
        return sum(len((as_text(data.get(name)) or "").encode()) for name in self._settings.keys[type]) > _KEY

    def _flush(self) -> None:
        with self._explained(), self._connection.cursor() as cursor:
            into = self._sql.SQL("COPY {} (item, data) FROM STDIN").format(self._named(_STAGE))
            with cursor.copy(into) as copy:
                for row in self._rows:
                    copy.write_row(row)
        self._rows = []

    def _merge(self) -> None:
        for type, table in self._types.items():
            columns = self._columns.get(table)
            if columns is not None and columns.kinds:
                if self._settings.mode_of(type) == "upsert":
                    columns.kinds = dict.fromkeys(self._settings.keys[type]) | columns.kinds
                with self._explained(f" (table {table})"):
                    self._make_ready(table, columns.kinds)
                    self._insert(table, type, list(columns.kinds))
                # Two types may share a table.
                columns.kinds = {}

    def _commit(self) -> str:
        with self._explained():
            self._connection.commit()
        return self._shown

    def _let_go(self) -> None:
        self._is_open = False
        if self._connection is not None:
            # Closing undoes what was not committed.
            self._connection.close()
            self._connection = None

    # Tables ----------------------------------------------------------------------------------------------

    def _may_be_column(self, name: str) -> bool:
        return 0 < len(name.encode()) <= _NAME and name not in _SYSTEM

    def _may_be_table(self, name: str) -> bool:
        # The catalogue is in each search path.
        return len(name.encode()) <= _TABLE and not name.startswith("pg_")

    def _columns_of(self, table: str) -> Iterable[str]:
        with self._explained():
            return self._types_in(table)

    def _do(self, statement: str, *parts: Any, values: tuple[Any, ...] | None = None) -> Any:
        return self._connection.execute(self._sql.SQL(statement).format(*parts), values)

    def _named(self, name: str) -> Any:
        return self._sql.Identifier(name)

    def _types_in(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types; nothing where there is no such table."""
        rows = self._do(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass({}) "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            self._sql.Literal(self._named(table).as_string(self._connection)),
        )
        return dict(rows.fetchall())

    def _make_ready(self, table: str, kinds: dict[str, str | None]) -> None:
        """Make the table and its columns, each wide enough for what comes."""
        there = self._types_in(table)
        if not there:
            columns = [
                self._sql.SQL("{} {}").format(self._named(name), _type(self._sql, kinds[name])) for name in kinds
            ]
            self._do("CREATE TABLE {} ({})", self._named(table), self._sql.SQL(", ").join(columns))
            return
        for name, kind in kinds.items():
            if name not in there:
                parts = self._named(table), self._named(name), _type(self._sql, kind)
                self._do("ALTER TABLE {} ADD COLUMN {} {}", *parts)
                continue
            has = _KINDS.get(there[name])
            if kind is None or has is None or (needed := wider(has, _plain(kind))) == has:
                continue  # it takes them, or is a type that somebody chose
            column, type = self._named(name), _type(self._sql, needed)
            alter = "ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}::{}"
            self._do(alter, self._named(table), column, type, column, type)

    def _insert(self, table: str, type: str, names: list[str]) -> None:
        sql, types = self._sql, self._types_in(table)
        columns = sql.SQL(", ").join(map(self._named, names))
        values = sql.SQL(", ").join(
            sql.SQL("(data->>{})::{}").format(sql.Literal(name), sql.SQL(types[name])) for name in names
        )
        rows = sql.SQL("FROM {} WHERE item = {}").format(self._named(_STAGE), sql.Literal(table))
        if self._settings.mode_of(type) != "upsert":
            self._do("INSERT INTO {} ({}) SELECT {} {} ORDER BY number", self._named(table), columns, values, rows)
            return
        key = list(self._settings.keys[type])
        self._do(
            "CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} ({})",
            self._named(f"{table}_key"),
            self._named(table),
            sql.SQL(", ").join(map(self._named, key)),
        )
        keys = sql.SQL(", ").join(sql.SQL("data->>{}").format(sql.Literal(name)) for name in key)
        without = sql.SQL(" OR ").join(sql.SQL("data->>{} IS NULL").format(sql.Literal(name)) for name in key)
        # What has no key is like nothing else; of what is the same, the last holds.
        into = self._named(table), columns, values, rows
        self._do("INSERT INTO {} ({}) SELECT {} {} AND ({}) ORDER BY number", *into, without)
        set_ = [
            sql.SQL("{} = excluded.{}").format(self._named(name), self._named(name))
            for name in self._ours[table]
            if name not in key and name in types
        ]
        action = sql.SQL("DO UPDATE SET {}").format(sql.SQL(", ").join(set_)) if set_ else sql.SQL("DO NOTHING")
        self._do(
            "INSERT INTO {} ({}) SELECT DISTINCT ON ({}) {} {} AND NOT ({}) ORDER BY {}, number DESC "
            "ON CONFLICT ({}) {}",
            self._named(table),
            columns,
            keys,
            values,
            rows,
            without,
            keys,
            sql.SQL(", ").join(map(self._named, key)),
            action,
        )

    @contextlib.contextmanager
    def _explained(self, where: str = "") -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as error:
            cause = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise ExportError(
                f"cannot write {self._shown}{where}: {cause}",
                remedy="the items are safe in the store; mend it and run the same command again: it goes on",
            ) from error


def _plain(kind: str) -> str:
    return JSON if kind.startswith(LIST) else kind


def _type(sql: Any, kind: str | None) -> Any:
    return sql.SQL(_TYPES[_plain(kind or TEXT)])


def _without_nul(value: Any) -> Any:
    """Return a value with another character for each that PostgreSQL cannot hold."""
    if isinstance(value, str):
        return value.replace(_NUL, _INSTEAD)
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    return value
