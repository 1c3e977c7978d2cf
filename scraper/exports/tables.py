"""Items in the tables of a database, a table a type of item: what SQLite and PostgreSQL have in common.

All of a run is one transaction, begun when the run ends well, in which the table `_scraper_exports` notes how far
it came: (run, commit number). So it is there as a whole or not at all, and after a kill it is known which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from scraper.errors import ExportError
from scraper.exports.base import ItemRow, Position
from scraper.exports.columns import MOST_COLUMNS, ColumnNames
from scraper.lazy_dataclass import dataclass

#: Where an export notes in its target how far it came.
NOTES = "_scraper_exports"


@dataclass(frozen=True, slots=True)
class TableSettings:
    """How items become rows.

    Attributes:
        name: the crawl's, under which its position is noted.
        run: the run's number, and `began` when it began, in seconds since the epoch: another store has other runs
            of the same number.
        mode: `replace`, `append` or `upsert`; None is `upsert` where a type has a key, else `replace`.
        fields: the columns; None takes every key of the items.
        item: the one item type to write; None writes all.
        keys: the key of each type that has one.
        meta: fields that have a column whatever others there are.
    """

    name: str
    run: int
    began: float
    mode: str | None
    fields: tuple[str, ...] | None
    item: str | None
    keys: Mapping[str, Sequence[str]]
    meta: Sequence[str] = ()

    def mode_of(self, type: str) -> str:
        """Return how the items of a type are written.

        Raises:
            ExportError: it is `upsert`, and they have no key.
        """
        key = self.keys.get(type, ())
        mode = self.mode or ("upsert" if key else "replace")
        if mode == "upsert" and not key:
            raise ExportError(
                f"items of type {type} cannot be upserted: they have no key",
                remedy=f"name the fields that tell one from another: items: {{{type}: {{key: [url]}}}}",
            )
        lacking = [name for name in key if self.fields is not None and name not in self.fields]
        if mode == "upsert" and lacking:
            raise ExportError(
                f"items of type {type} cannot be upserted without their key: {', '.join(lacking)}",
                remedy="add it to the `fields` of the export",
            )
        return mode


@dataclass(slots=True)
class Note:
    """How far an export came, as its target keeps it. `tables` are those it ever wrote, with its columns in them."""

    run: int
    began: float
    commit: int
    tables: dict[str, list[str]]


class TableExport(ABC):
    """The tables of one run. Subclasses speak to the database; each of their methods may raise ExportError."""

    follows = False
    leaves_part = False
    #: How many fields of a type have a column of their own.
    most_columns = MOST_COLUMNS

    def __init__(self, settings: TableSettings) -> None:
        self._settings = settings
        self._note: Note | None = None
        self._last = 0
        #: The tables that are ours, each with the columns that are ours.
        self._ours: dict[str, list[str]] = {}
        self._types: dict[str, str] = {}
        #: By table, which fields have a column of their own.
        self._names: dict[str, ColumnNames] = {}
        self._is_open = False

    # What `Export` says ----------------------------------------------------------------------------------

    @property
    def reached(self) -> int:
        return self._last

    def open(self, position: Position | None, *, restart: bool) -> bool:
        self._let_go()
        self._types, self._names = {}, {}
        self._is_open = True
        self._begin()
        self._note = self._read_note(self._settings.name)
        self._ours = {table: list(columns) for table, columns in self._note.tables.items()} if self._note else {}
        self._last = self._note.commit if self._note is not None and self._goes_on else 0
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        fields = self._settings.fields
        for row in rows:
            self._last = row.commit
            if self._settings.item not in (None, row.type):
                continue
            if row.type not in self._types:
                self._types[row.type] = self._prepare(row.type)
            table = self._types[row.type]
            if fields is None:
                data = self._names[table].fit(row.data)
            else:
                data = {name: row.data.get(name) for name in fields}
            ours = self._ours.setdefault(table, [])
            ours += [name for name in data if name not in ours]
            self._add(table, row.type, data)
        self._flush()
        return True

    def position(self, *, settled: bool = False) -> None:
        return None

    def close(self, *, complete: bool) -> list[str]:
        if not self._is_open:
            return []
        if not complete:
            self._let_go()
            return []
        try:
            self._merge()
            self._empty_what_is_left()
            settings = self._settings
            self._write_note(settings.name, Note(settings.run, settings.began, self._last, self._ours))
            return [self._commit()]
        finally:
            self._let_go()

    # Which tables ----------------------------------------------------------------------------------------

    @property
    def _goes_on(self) -> bool:
        """Tell whether this very run was written before: up to a kill, or before its failures were tried again."""
        note = self._note
        return note is not None and (note.run, note.began) == (self._settings.run, self._settings.began)

    def _prepare(self, type: str) -> str:
        """Make the table of a type ready for the first of its items; returns its name.

        Raises:
            ExportError: it would take the place of rows that are not ours.
        """
        table = type.lower()
        if table == NOTES or not self._may_be_table(table):
            # A page may have named it.
            digest = blake2b(table.encode(), digest_size=8).hexdigest()
            table = f"item_{table.encode()[:30].decode(errors='ignore')}_{digest}"
        if table not in self._names:
            first = [*self._settings.keys.get(type, ()), *self._settings.meta, *self._columns_of(table)]
            self._names[table] = ColumnNames(
                f"the table {table}", first, self.most_columns, self._folded, self._may_be_column
            )
        mode = self._settings.mode_of(type)
        if mode == "replace" and table not in self._types.values() and not self._goes_on:
            if table not in self._ours and not self._is_empty(table):
                raise ExportError(
                    f"the table {table} has rows that this export did not write, and would take the place of",
                    remedy="choose `mode: append` or `mode: upsert`, or another database or type of item",
                )
            self._empty(table)
        return table

    def _empty_what_is_left(self) -> None:
        """Empty the tables that an earlier run filled and of which this one has no items."""
        if self._note is None or self._goes_on:
            return
        types = {type.lower(): type for type in self._settings.keys}
        for table in self._note.tables:
            if table not in self._types.values() and self._settings.mode_of(types.get(table, table)) == "replace":
                self._empty(table)

    # What the database does ------------------------------------------------------------------------------

    def _folded(self, name: str) -> str:
        """Return what names have in common that are one column."""
        return name

    def _may_be_column(self, name: str) -> bool:
        """Tell whether a column can be called so."""
        return bool(name)

    def _may_be_table(self, name: str) -> bool:
        """Tell whether a table of ours can be called so."""
        return True

    @abstractmethod
    def _columns_of(self, table: str) -> Iterable[str]:
        """Return the names of the columns that a table has; none where it is not there."""

    @abstractmethod
    def _begin(self) -> None:
        """Connect, begin a transaction, make the table of notes where it is not there."""

    @abstractmethod
    def _read_note(self, name: str) -> Note | None:
        """Return what an earlier run noted."""

    @abstractmethod
    def _write_note(self, name: str, note: Note) -> None:
        """Note how far this one came."""

    @abstractmethod
    def _is_empty(self, table: str) -> bool:
        """Tell whether a table has no rows, or is not there."""

    @abstractmethod
    def _empty(self, table: str) -> None:
        """Delete all rows of a table, where it is there."""

    @abstractmethod
    def _add(self, table: str, type: str, data: dict[str, Any]) -> None:
        """Take one more item; `_flush` says when to write those that were taken."""

    @abstractmethod
    def _flush(self) -> None:
        """Write what was taken."""

    @abstractmethod
    def _merge(self) -> None:
        """Bring everything into its table."""

    @abstractmethod
    def _commit(self) -> str:
        """End the transaction; returns how the database is called."""

    @abstractmethod
    def _let_go(self) -> None:
        """Disconnect; what was not committed is undone."""
