"""How items become the records of a text format: JSON Lines, or one JSON array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from scraper.exports.base import ItemRow


class Records(Protocol):
    """What a format makes of items, record by record, so that a file can end after any of them."""

    #: Whether records may be added to a file that is complete.
    can_append: bool

    def forget(self) -> None:
        """The file begins anew; what was learned of its shape is kept."""

    def restore(self, shape: Any) -> None:
        """Go on as `shape` told."""

    def shape(self) -> Any:
        """What `restore` needs, as JSON."""

    def chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow] | None:
        """The rows to write; None where they need a file of another shape, which is known from now on.

        Raises:
            ExportError: the format cannot hold them.
        """

    def start(self) -> bytes:
        """What a file begins with."""

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        """One record, with what lies between it and the one before."""

    def end(self, *, is_empty: bool) -> bytes:
        """What a file ends with."""


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
        """A lone surrogate, which UTF-8 cannot say, is written as its JSON escape."""
        data = row.data if self._fields is None else {name: row.data.get(name) for name in self._fields}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


class JsonArray(JsonLines):
    """One array, an object a line."""

    can_append = False

    def start(self) -> bytes:
        return b"["

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        return (b"\n" if is_first else b",\n") + self._object(row)

    def end(self, *, is_empty: bool) -> bytes:
        return b"]\n" if is_empty else b"\n]\n"
