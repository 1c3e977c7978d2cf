"""CSV as RFC 4180 has it: a header, comma, quotes where needed, CRLF; UTF-8.

Text stands as it is, None is empty, anything else is compact JSON. But what a spreadsheet would run as a formula,
and no number is, gets an apostrophe before it, which makes it text there; `formulas: keep` leaves it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scraper.errors import ExportError
from scraper.exports.base import ItemRow, Position
from scraper.exports.part import PartFile

#: How spreadsheets know a formula; tab and carriage return are skipped before one.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class CsvFile:
    """A CSV file of one item type.

    Args:
        path: the final name.
        fields: the columns; None takes every key of the items, in the order of first sight. A key seen later
            widens the header, for which the file is written anew.
        item: the item type to write; None expects items of one type only.
        keep_formulas: write what a spreadsheet would run as it is.
    """

    def __init__(
        self, path: Path, fields: Sequence[str] | None, item: str | None, *, keep_formulas: bool = False
    ) -> None:
        self._file = PartFile(path)
        self._fixed = fields is not None
        self._item = item
        self._safe = str if keep_formulas else _neutralised
        self._fields: list[str] | None = list(fields) if fields is not None else None
        self._type: str | None = None

    def open(self, position: Position | None) -> bool:
        if position is not None:
            if not self._file.go_on(position["bytes"], position["crc"]):
                return False
            self._fields = position["fields"]
            self._type = position["type"]
            return True
        self._file.begin()
        self._type = None
        if self._fields is not None:
            self._file.append(self._lines([self._fields]))
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        chosen = self._chosen(rows)
        if not chosen:
            return True
        header = b""
        if not self._fixed:
            known = self._fields or []
            new = list(dict.fromkeys(name for row in chosen for name in row.data if name not in known))
            if new and self._fields is not None:
                self._fields = known + new
                return False
            if self._fields is None:
                self._fields = new
                header = self._lines([new])
        columns = self._fields or []
        records = [[_cell(row.data.get(name)) for name in columns] for row in chosen]
        self._file.append(header + self._lines(records))
        return True

    def position(self) -> Position:
        return {"bytes": self._file.length, "crc": self._file.crc, "fields": self._fields, "type": self._type}

    def close(self, *, complete: bool) -> str:
        return str(self._file.close(complete=complete))

    def _lines(self, records: Sequence[Sequence[str]]) -> bytes:
        """The lines of `records`. A lone surrogate, which UTF-8 cannot say, is written as its escape."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([self._safe(cell) for cell in record] for record in records)
        return text.getvalue().encode("utf-8", "backslashreplace")

    def _chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow]:
        """The rows to write.

        Raises:
            ExportError: they are of several types, and none was picked.
        """
        if self._item is not None:
            return [row for row in rows if row.type == self._item]
        types = list(dict.fromkeys([*([self._type] if self._type else []), *(row.type for row in rows)]))
        if len(types) > 1:
            raise ExportError(
                f"cannot write {self._file.path}: a CSV holds one type of item, and these are {', '.join(types)}",
                remedy=f"pick one with `item: NAME`, as in {{path: {self._file.path.name}, item: {types[0]}}}",
            )
        self._type = types[0] if types else None
        return rows


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _neutralised(cell: str) -> str:
    """`cell` as text to a spreadsheet, where it would otherwise be a formula."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
