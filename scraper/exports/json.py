"""One JSON array, an object a line."""

from __future__ import annotations

from scraper.exports.base import Export, ItemRow
from scraper.exports.jsonl import JsonLines
from scraper.exports.target import Target


def open_json(target: Target) -> Export:
    """Return the export to a file."""
    return target.file_of(JsonArray(target.fields, target.config.item))


class JsonArray(JsonLines):
    """One array, an object a line."""

    can_append = False

    def start(self) -> bytes:
        return b"["

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        return (b"\n" if is_first else b",\n") + self._object(row)

    def end(self, *, is_empty: bool) -> bytes:
        return b"]\n" if is_empty else b"\n]\n"
