"""Excel workbooks, by XlsxWriter. Such a file cannot be cut back, so it is written as a whole when the run ends.

Text stays text, also where it begins like a formula, an address or a number; numbers and truth values are cells of
that kind, None is an empty cell, and whatever else has an inside is compact JSON. Rows wait on disk, not in memory. A
sheet has 1,048,576 rows, and what is more comes into further sheets.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from scraper.errors import ExportError
from scraper.exports.base import Export, ItemRow, Position
from scraper.exports.columns import ColumnNames, OneType, as_text
from scraper.exports.destinations import Destination
from scraper.exports.part_file import described
from scraper.exports.target import Target
from scraper.lazy_pattern import lazy_pattern
from scraper.optional_dependencies import package

_log = logging.getLogger(__name__)

#: What Excel holds (Microsoft, "Excel specifications and limits"): rows and columns of a sheet, characters of a cell
#: as UTF-16, and digits of a number.
_ROWS = 1_048_576
_COLUMNS = 16_384
_CHARACTERS = 32_767
_LARGEST = 10**15
#: What no XML holds.
_NOT_XML = lazy_pattern("[\ufffe\uffff]")


def open_xlsx(target: Target) -> Export:
    """Return the export to a file."""
    place = target.places()(1)
    return XlsxExport(place, name=target.name, fields=target.fields, item=target.config.item, meta=target.meta)


class XlsxExport:
    """A workbook of one item type.

    Args:
        place: where it comes to be.
        name: the file's, for errors.
        fields: the columns; None takes every key of the items, in the order of first sight.
        item: the item type to write; None expects items of one type only.
        meta: fields that have a column whatever others there are.

    Raises:
        UsageError: XlsxWriter is not installed.
    """

    follows = False
    leaves_part = True
    reached = 0

    def __init__(
        self,
        place: Destination,
        *,
        name: str,
        fields: Sequence[str] | None,
        item: str | None,
        meta: Sequence[str] = (),
    ) -> None:
        self._package = package("xlsxwriter", "excel", "an Excel file")
        self._place = place
        self._name = name
        self._type = OneType(name, "an Excel file", item)
        self._columns = dict.fromkeys(fields or ())
        self._names = ColumnNames(name, meta) if fields is None else None
        self._is_open = False
        self._file: BinaryIO | None = None
        self._book: Any = None
        self._sheet: Any = None
        self._row = 0
        self._is_told = False

    def open(self, position: Position | None, *, restart: bool) -> bool:
        self._let_go()
        self._type.seen = None
        self._is_open = True
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        rows = self._type.chosen(rows)
        if self._names is not None:
            rows = self._names.fit_rows(rows)
            new = dict.fromkeys(name for row in rows for name in row.data if name not in self._columns)
            self._columns |= new
            if new and self._book is not None:  # its first line is written
                return False
        with self._told():
            for row in rows:
                self._add([row.data.get(name) for name in self._columns])
        return True

    def position(self, *, settled: bool = False) -> None:
        return None

    def close(self, *, complete: bool) -> list[str]:
        if not self._is_open:
            return []
        try:
            with self._told():
                self._begin()
                self._book.close()
                assert self._file is not None
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._let_go()
        if not complete:
            return [str(self._place.part)]
        self._place.deliver()
        return [self._place.shown]

    # Cells -----------------------------------------------------------------------------------------------

    def _add(self, values: Sequence[Any]) -> None:
        self._begin()
        if self._row == _ROWS:
            self._begin_sheet()
        for column, value in enumerate(values):
            if isinstance(value, bool):
                self._sheet.write_boolean(self._row, column, value)
            elif isinstance(value, int | float) and abs(value) < _LARGEST:
                self._sheet.write_number(self._row, column, value)
            elif value is not None:
                self._sheet.write_string(self._row, column, self._fitting(as_text(value) or ""))
        self._row += 1

    def _fitting(self, text: str) -> str:
        """Return text as a cell takes it; a lone surrogate, which UTF-8 cannot say, as its escape."""
        text = _NOT_XML.sub("\ufffd", text.encode("utf-8", "backslashreplace").decode())
        if len(text) <= _CHARACTERS // 2:
            return text
        units = text.encode("utf-16-le")
        if len(units) <= 2 * _CHARACTERS:
            return text
        if not self._is_told:
            self._is_told = True
            _log.warning("%s: a cell holds 32,767 characters, and longer texts end there, with …", self._name)
        return units[: 2 * _CHARACTERS - 2].decode("utf-16-le", "ignore") + "…"

    # Files -----------------------------------------------------------------------------------------------

    @property
    def _folder(self) -> Path:
        """Return where rows wait; a kill leaves it, and the next run removes it."""
        return self._place.part.with_name(f"{self._place.part.name}.rows")

    def _begin(self) -> None:
        """Begin the workbook, with its first line, unless that was done."""
        if self._book is not None:
            return
        place = self._place
        if len(self._columns) > _COLUMNS:
            raise ExportError(
                f"cannot write {place.shown}: a sheet has {_COLUMNS:,} columns, and these are {len(self._columns):,}",
                remedy="name fewer `fields`",
            )
        if place.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        place.part.parent.mkdir(parents=True, exist_ok=True)
        place.part.unlink(missing_ok=True)  # a link would lead anywhere
        _remove(self._folder)
        self._folder.mkdir(mode=0o700)
        self._file = place.part.open("xb")
        self._book = self._package.Workbook(self._file, {"constant_memory": True, "tmpdir": str(self._folder)})
        self._book.use_zip64()
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        number = len(self._book.worksheets()) + 1
        self._sheet = self._book.add_worksheet("items" if number == 1 else f"items {number}")
        self._sheet.freeze_panes(1, 0)
        for column, name in enumerate(self._columns):
            self._sheet.write_string(0, column, self._fitting(name))
        self._row = 1

    def _let_go(self) -> None:
        self._is_open = False
        # What could not be written is written again from the store; the error that tells why is on its way.
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        if self._book is not None:
            self._book.fileclosed = True
            for sheet in self._book.worksheets():
                with contextlib.suppress(OSError, ValueError):
                    sheet.row_data_fh.close()
            _remove(self._folder)
        self._file = self._book = self._sheet = None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        shown = self._place.shown
        try:
            with described(shown):
                try:
                    yield
                except self._package.exceptions.FileCreateError as error:
                    # Its argument is what the operating system said.
                    if error.args and isinstance(error.args[0], OSError):
                        raise error.args[0] from error
                    raise
        except self._package.exceptions.XlsxWriterException as error:
            raise ExportError(f"cannot write {shown}: {error}", remedy="write JSON Lines besides") from error


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)
