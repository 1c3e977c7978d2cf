"""The protocol of an export: a class with four methods, driven by `follow.Follower`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scraper.items import ItemRow, ItemSource, Position

__all__ = ["Export", "ItemRow", "ItemSource", "ItemStore", "Position"]


class ItemStore(Protocol):
    """The parts of the store that exports use."""

    def items_after(self, run: int, commit: int, limit: int, *, sources: bool = False) -> list[ItemRow]:
        """Return the run's items of the commits after `commit`: whole commits in order, `limit` rows or a little
        more.

        Args:
            sources: whether to tell where each came from.
        """

    def export_position(self, run: int, name: str) -> Position | None:
        """Return what was last saved under `name`."""

    def make_durable(self) -> None:
        """Return once what was committed so far outlasts a power cut."""

    def save_export_position(self, run: int, name: str, position: Position) -> None:
        """Keep `position`, durably."""


class Export(Protocol):
    """A target of items. Every method may raise ExportError."""

    #: Whether it is written while the run goes on. What cannot be cut back, and what is one transaction, is
    #: written as a whole when the run ends.
    follows: bool
    #: Whether a run that did not end well leaves what it wrote, as a part.
    leaves_part: bool

    @property
    def reached(self) -> int:
        """Asked after `open(…, restart=True)`: the items of the commits up to this one are in the target already."""

    def open(self, position: Position | None, *, restart: bool) -> bool:
        """Go on at `position`, or begin again; then `position` only tells what was there before the run.

        Returns False where the target no longer matches the position: it is then opened again and written again
        from the store. Never False with `restart`.
        """

    def write(self, rows: Sequence[ItemRow]) -> bool:
        """Append whole records.

        Returns False where these rows need a target of another shape (a CSV whose header grew): it is then
        opened again and written again from the store.
        """

    def position(self, *, settled: bool = False) -> Position | None:
        """Return where the target stands, with everything written so far handed to the operating system.

        None where it cannot be continued from here, as within a compressed block: the last position holds.

        Args:
            settled: end that block first, so that there is a position.
        """

    def close(self, *, complete: bool) -> list[str]:
        """End. A complete target takes its final name; returns the paths that now hold the data.

        Everything is let go of, also where this raises. The target may be opened again afterwards.
        """
