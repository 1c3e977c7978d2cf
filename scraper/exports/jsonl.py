"""JSON Lines to standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from scraper.exports.base import ItemRow, Position
from scraper.exports.part_file import described, write_all
from scraper.exports.records import JsonLines


class JsonlStream:
    """After a kill an item may come again: what was read cannot be cut back."""

    follows = True
    leaves_part = True
    reached = 0

    def __init__(self, stream: BinaryIO, fields: Sequence[str] | None, item: str | None) -> None:
        self._stream = stream
        self._records = JsonLines(fields, item)

    def open(self, position: Position | None, *, anew: bool) -> bool:
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
