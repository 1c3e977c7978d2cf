"""JSON Lines, to files and to standard output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

from scraper.exports.base import Export, ItemRow, Position
from scraper.exports.part_file import described, write_all
from scraper.exports.target import Target

# Made once: json.dumps makes one a call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def open_jsonl(target: Target) -> Export:
    """Return the export to a file, or to standard output."""
    if target.is_stdout:
        return JsonlStream(target.of.stdout, target.fields, target.config.item)
    return target.file_of(JsonLines(target.fields, target.config.item))


class JsonLines:
    """One compact object a line.

    Args:
        fields: the keys of each object, in order, null where an item has none; None writes items as they are.
        item: the one item type to write; None writes all.
    """

    can_append = True

    def __init__(self, fields: Sequence[str] | None, item: str | None) -> None:
        self._fields = fields
        self._item = item

    def forget(self) -> None:
        pass

    def restore(self, shape: Any) -> None:
        pass

    def shape(self) -> Any:
        return None

    def chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow]:
        return [row for row in rows if self._item is None or row.type == self._item]

    def start(self) -> bytes:
        return b""

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        return self._object(row) + b"\n"

    def end(self, *, is_empty: bool) -> bytes:
        return b""

    def _object(self, row: ItemRow) -> bytes:
        """Return a lone surrogate, which UTF-8 cannot say, is written as its JSON escape."""
        data = row.data if self._fields is None else {name: row.data.get(name) for name in self._fields}
        return _encode(data).encode("utf-8", "backslashreplace")


class JsonlStream:
    """JSON Lines to standard output. After a kill an item may come again: what was read cannot be cut back."""

    follows = True
    leaves_part = True
    reached = 0

    def __init__(self, stream: BinaryIO, fields: Sequence[str] | None, item: str | None) -> None:
        self._stream = stream
        self._records = JsonLines(fields, item)

    def open(self, position: Position | None, *, restart: bool) -> bool:
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        lines = [self._records.record(row, is_first=False) for row in self._records.chosen(rows)]
        with described("standard output"):
            write_all(self._stream, b"".join(lines))
            self._stream.flush()
        return True

    def position(self, *, settled: bool = False) -> Position:
        return {}

    def close(self, *, complete: bool) -> list[str]:
        return ["-"]
