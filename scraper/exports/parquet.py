"""Parquet, by pyarrow. Such a file cannot be cut back, so it is written as a whole when the run ends.

A column has the type that holds all of its values: boolean, 64-bit integer, double, text, or a list of one of
them. What has an inside, such as a dict, is JSON as text; so is what is not text in a column of several types.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from scraper.errors import ExportError
from scraper.exports.base import Export, ItemRow, Position
from scraper.exports.columns import BOOL, FLOAT, INT, JSON, LIST, TEXT, ColumnNames, Columns, OneType, as_text
from scraper.exports.file_export import Places
from scraper.exports.part_file import described
from scraper.exports.target import Target
from scraper.optional_dependencies import package

#: How much is held in memory until it is written: a row group.
_ROWS, _BYTES = 20_000, 32_000_000


def open_parquet(target: Target) -> Export:
    """Return the export to a file."""
    config = target.config
    return ParquetExport(
        target.places(),
        name=target.name,
        fields=target.fields,
        item=config.item,
        max_bytes=config.max_bytes,
        meta=target.meta,
    )


class ParquetExport:
    """Parquet files of one item type.

    Args:
        places: where they come to be; without `max_bytes` there is only the first.
        name: the file's, for errors.
        fields: the columns; None takes every key of the items, in the order of first sight.
        item: the item type to write; None expects items of one type only.
        max_bytes: a file ends with the row group with which it gets as large as this.
        meta: fields that have a column whatever others there are.

    Raises:
        UsageError: pyarrow is not installed.
    """

    follows = False
    leaves_part = True
    reached = 0

    def __init__(
        self,
        places: Places,
        *,
        name: str,
        fields: Sequence[str] | None,
        item: str | None,
        max_bytes: int | None,
        meta: Sequence[str] = (),
    ) -> None:
        self._arrow = package("pyarrow", "parquet", "a Parquet file")
        self._parquet = package("pyarrow.parquet", "parquet", "a Parquet file")
        self._places = places
        self._type = OneType(name, "a Parquet file", item)
        self._columns = Columns(fields)
        self._names = ColumnNames(name, meta) if fields is None else None
        self._max_bytes = max_bytes
        self._group_bytes = min(_BYTES, max_bytes // 4 if max_bytes else _BYTES)
        self._is_open = False
        #: Of the file that was begun last; 0 for none.
        self._number = 0
        self._file: BinaryIO | None = None
        self._writer: Any = None
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def open(self, position: Position | None, *, restart: bool) -> bool:
        self._let_go()
        self._type.seen = None
        self._number = 0
        self._is_open = True
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        rows = self._type.chosen(rows)
        rows = rows if self._names is None else self._names.fit_rows(rows)
        for row in rows:
            # Once there is a row group, the columns stay as they are in it.
            if self._columns.add(row.data) and self._number:
                for later in rows:
                    self._columns.add(later.data)
                return False
            self._rows.append(row.data)
            self._bytes += sum(len(value) if isinstance(value, str) else 16 for value in row.data.values())
            if len(self._rows) >= _ROWS or self._bytes >= self._group_bytes:
                self._write_group()
        return True

    def position(self, *, settled: bool = False) -> None:
        return None

    def close(self, *, complete: bool) -> list[str]:
        if not self._is_open:
            return []
        try:
            if self._rows or not self._number:
                self._write_group()
            if self._file is not None:
                self._end_file(self._file)
        finally:
            self._let_go()
        places = [self._places(number) for number in range(1, self._number + 1)]
        if not complete:
            return [str(place.part) for place in places]
        for place in places:
            place.deliver()
        number = self._number
        while self._max_bytes is not None and self._places(number + 1).remove():
            number += 1
        return [place.shown for place in places]

    # Row groups ------------------------------------------------------------------------------------------

    def _write_group(self) -> None:
        """Write what is in memory; a file that is large enough ends with it."""
        file = self._file or self._next_file()
        with self._told():
            if self._writer is None:
                self._writer = self._parquet.ParquetWriter(file, self._schema(), compression="zstd")
            if self._rows:
                self._writer.write_table(self._table())
        self._rows, self._bytes = [], 0
        if self._max_bytes is not None and file.tell() >= self._max_bytes:
            self._end_file(file)

    def _schema(self) -> Any:
        return self._arrow.schema([(name, self._type_of(kind)) for name, kind in self._columns.kinds.items()])

    def _type_of(self, kind: str | None) -> Any:
        if kind is not None and kind.startswith(LIST):
            return self._arrow.list_(self._type_of(kind.removeprefix(LIST) or None))
        scalars = {BOOL: self._arrow.bool_, INT: self._arrow.int64, FLOAT: self._arrow.float64}
        return scalars.get(kind or TEXT, self._arrow.string)()

    def _table(self) -> Any:
        schema, arrays = self._schema(), []
        for field, (name, kind) in zip(schema, self._columns.kinds.items(), strict=True):
            values: list[Any] = [row.get(name) for row in self._rows]
            if kind in (TEXT, JSON, None):
                values = [as_text(value) for value in values]
            elif kind == FLOAT:
                values = [None if value is None else float(value) for value in values]
            arrays.append(self._arrow.array(values, type=field.type))
        return self._arrow.Table.from_arrays(arrays, schema=schema)

    # Files -----------------------------------------------------------------------------------------------

    def _next_file(self) -> BinaryIO:
        place = self._places(self._number + 1)
        with described(place.path):
            if place.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            place.part.parent.mkdir(parents=True, exist_ok=True)
            place.part.unlink(missing_ok=True)  # a link would lead anywhere
            self._file = place.part.open("xb")
        self._number += 1
        return self._file

    def _end_file(self, file: BinaryIO) -> None:
        with self._told():
            self._writer.close()
            self._writer = None
            file.flush()
            os.fsync(file.fileno())
            file.close()
        self._file = None

    def _let_go(self) -> None:
        self._is_open = False
        # What could not be written is written again from the store; the error that tells why is on its way.
        with contextlib.suppress(OSError, self._arrow.ArrowException):
            if self._writer is not None:
                self._writer.close()
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._writer = self._file = None
        self._rows, self._bytes = [], 0

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        shown = self._places(self._number).shown
        try:
            with described(shown):
                yield
        except self._arrow.ArrowException as error:
            raise ExportError(f"cannot write {shown}: {error}", remedy="write JSON Lines besides") from error
