"""Records that a text format makes of items, so that a file can end after any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from scraper.exports.base import ItemRow


class Records(Protocol):
    """The records that a format makes of items, so that a file can end after any of them."""

    #: Whether records may be added to a file that is complete.
    can_append: bool

    def forget(self) -> None:
        """Begin the file again; what was learned of its shape is kept."""

    def restore(self, shape: Any) -> None:
        """Go on as `shape` told."""

    def shape(self) -> Any:
        """Return what `restore` needs, as JSON."""

    def chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow] | None:
        """Return the rows to write; None where they need a file of another shape, which is known from now on.

        Raises:
            ExportError: the format cannot hold them.
        """

    def start(self) -> bytes:
        """Return what a file begins with."""

    def record(self, row: ItemRow, *, is_first: bool) -> bytes:
        """Return one record, with what lies between it and the one before."""

    def end(self, *, is_empty: bool) -> bytes:
        """Return what a file ends with."""
