"""JSON Lines: one compact object a line, UTF-8."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from scraper.exports.base import ItemRow, Position
from scraper.exports.part import PartFile, told, write_all


class JsonlRecords:
    """How items become lines.

    Args:
        fields: the keys of each line, in order, null where an item has none; None writes items as they are.
        item: the one item type to write; None writes all.
    """

    def __init__(self, fields: Sequence[str] | None, item: str | None) -> None:
        self._fields = fields
        self._item = item

    def encode(self, rows: Sequence[ItemRow]) -> bytes:
        """The lines of `rows`. A lone surrogate, which UTF-8 cannot say, is written as its JSON escape."""
        lines = [self._line(row) for row in rows if self._item is None or row.type == self._item]
        return "".join(lines).encode("utf-8", "backslashreplace")

    def _line(self, row: ItemRow) -> str:
        data = row.data if self._fields is None else {name: row.data.get(name) for name in self._fields}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


class JsonlFile:
    """A JSON Lines file. The arguments are those of JsonlRecords, and the path."""

    def __init__(self, path: Path, fields: Sequence[str] | None, item: str | None) -> None:
        self._file = PartFile(path)
        self._records = JsonlRecords(fields, item)

    def open(self, position: Position | None) -> bool:
        if position is not None:
            return self._file.go_on(position["bytes"], position["crc"])
        self._file.begin()
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        self._file.append(self._records.encode(rows))
        return True

    def position(self) -> Position:
        return {"bytes": self._file.length, "crc": self._file.crc}

    def close(self, *, complete: bool) -> str:
        return str(self._file.close(complete=complete))


class JsonlStream:
    """JSON Lines to standard output. After a kill an item may come again: what was read cannot be cut back."""

    def __init__(self, stream: BinaryIO, fields: Sequence[str] | None, item: str | None) -> None:
        self._stream = stream
        self._records = JsonlRecords(fields, item)

    def open(self, position: Position | None) -> bool:
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        with told("standard output"):
            write_all(self._stream, self._records.encode(rows))
            self._stream.flush()
        return True

    def position(self) -> Position:
        return {}

    def close(self, *, complete: bool) -> str:
        return "-"
