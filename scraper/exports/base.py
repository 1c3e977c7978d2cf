"""What an export is: a class with four methods, driven by `follow.Follower`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as the store keeps it. `commit` is the number of the commit that brought it."""

    commit: int
    type: str
    data: dict[str, Any]


#: What an export needs to go on after a kill, as JSON; kept in the store.
Position = dict[str, Any]


class ItemStore(Protocol):
    """What exports ask of the store."""

    def items_after(self, run: int, commit: int, limit: int) -> list[ItemRow]:
        """The run's items of the commits after `commit`: whole commits in order, `limit` rows or a little more."""

    def export_position(self, run: int, name: str) -> Position | None:
        """What was last saved under `name`."""

    def save_export_position(self, run: int, name: str, position: Position) -> None:
        """Keep `position`, durably."""


class Export(Protocol):
    """A target of items. Every method may raise ExportError."""

    def open(self, position: Position | None) -> bool:
        """Go on at `position`, or begin when it is None.

        Returns False where the target no longer matches the position: it is then opened again with None and
        written anew from the store.
        """

    def write(self, rows: Sequence[ItemRow]) -> bool:
        """Append whole records.

        Returns False, and writes nothing, where these rows need a target of another shape (a CSV whose header
        grew): it is then opened again with None and written anew from the store.
        """

    def position(self) -> Position:
        """Where the target stands, with everything written so far handed to the operating system."""

    def close(self, *, complete: bool) -> str:
        """End. A complete target takes its final name; returns the path that now holds the data.

        All descriptors are closed, also where this raises. The target may be opened again afterwards.
        """
