"""CSV as RFC 4180 has it: a header, comma, quotes where needed, CRLF; UTF-8.

Text stands as it is, None is empty, anything else is compact JSON. But what a spreadsheet would run as a formula,
and no number is, gets an apostrophe before it, which makes it text there; `formulas: keep` leaves it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from scraper.exports.base import Export, ItemRow
from scraper.exports.columns import ColumnNames, OneType, as_text
from scraper.exports.target import Target

#: How a formula begins, also in the wide and small forms of East Asia.
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212")
#: What spreadsheets may skip before one: controls, blanks, and what has no width.
_SKIPPED = "".join(map(chr, [*range(0x21), *range(0x7F, 0xA1), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x1680, 0x180E]))
_SKIPPED += "".join(map(chr, [*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x3000]))
_SKIPPED += "\u3164\ufeff\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def open_csv(target: Target) -> Export:
    """Return the export to a file."""
    config = target.config
    records = CsvRecords(
        target.name,
        target.fields,
        config.item,
        meta=target.meta,
        keep_formulas=config.formulas == "keep",
        bom=config.bom,
    )
    return target.file_of(records)


class CsvRecords:
    """The lines of a CSV file of one item type.

    Args:
        name: the file's, for errors.
        fields: the columns; None takes every key of the items, in the order of first sight. A key seen later
            widens the header, for which the file is written again; of a thousand, the others share one column.
        item: the item type to write; None expects items of one type only.
        meta: fields that have a column whatever others there are.
        keep_formulas: write what a spreadsheet would run as it is.
        bom: begin each file with a byte order mark.
    """

    def __init__(
        self,
        name: str,
        fields: Sequence[str] | None,
        item: str | None,
        *,
        meta: Sequence[str] = (),
        keep_formulas: bool = False,
        bom: bool = False,
    ) -> None:
        self.can_append = fields is not None
        self._begins = b"\xef\xbb\xbf" if bom else b""
        self._safe = str if keep_formulas else neutralised
        self._fields: list[str] | None = list(fields) if fields is not None else None
        self._name, self._meta = name, meta
        self._names = ColumnNames(name, meta)
        self._type = OneType(name, "a CSV", item)

    def forget(self) -> None:
        self._type.seen = None

    def restore(self, shape: Any) -> None:
        self._fields, self._type.seen = shape
        self._names = ColumnNames(self._name, [*self._meta, *(self._fields or ())])

    def shape(self) -> Any:
        return [self._fields, self._type.seen]

    def chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow] | None:
        chosen = self._type.chosen(rows)
        if chosen and not self.can_append:
            chosen = self._names.fit_rows(chosen)
            known = dict.fromkeys(self._fields or ())
            new = list(dict.fromkeys(name for row in chosen for name in row.data if name not in known))
            is_wider = bool(new) and self._fields is not None
            self._fields = [*known, *new]
            return None if is_wider else chosen
        return chosen

    def start(self) -> bytes:
        return b"" if self._fields is None else self._begins + self._line(self._fields)

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        return self._line([as_text(row.data.get(name)) or "" for name in self._fields or ()])

    def end(self, *, is_empty: bool) -> bytes:
        return b""

    def _line(self, cells: Sequence[str]) -> bytes:
        """Return a line of the file. A lone surrogate, which UTF-8 cannot say, is written as its escape."""
        text = io.StringIO(newline="")
        csv.writer(text).writerow([self._safe(cell) for cell in cells])
        return text.getvalue().encode("utf-8", "backslashreplace")


def neutralised(cell: str) -> str:
    """`cell` as text to a spreadsheet, where it would otherwise be a formula."""
    return f"'{cell}" if _may_run(cell) and not _NUMBER.fullmatch(cell) else cell


def _may_run(cell: str) -> bool:
    if cell[:1] in "\t\r":
        return cell != ""
    found = cell.lstrip(_SKIPPED)
    skipped = cell[: len(cell) - len(found)]
    # Behind spaces alone it is text to all of them.
    return found[:1] in _FORMULA and (not skipped or skipped.strip(" ") != "")
