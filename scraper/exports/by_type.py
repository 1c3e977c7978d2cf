"""A file for each type of item: a path with `{type}` in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scraper.exports.base import Export, ItemRow, Position


class ByType:
    """One export a type of item, each made when the first of its items comes.

    Args:
        make: the export of a type.
        follows: as that of what `make` makes.
    """

    leaves_part = True
    reached = 0

    def __init__(self, make: Callable[[str], Export], *, follows: bool) -> None:
        self._make = make
        self.follows = follows
        self._exports: dict[str, Export] = {}
        #: Where each stood when it was opened last, and those that are open.
        self._before: Position = {}
        self._open: set[str] = set()

    def open(self, position: Position | None, *, restart: bool) -> bool:
        self._before = dict(position or {})
        self._open = set()
        for type, before in self._before.items():
            if not self._export(type).open(before, restart=restart):
                return False
            self._open.add(type)
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        by_type: dict[str, list[ItemRow]] = {}
        for row in rows:
            by_type.setdefault(row.type, []).append(row)
        for type, some in by_type.items():
            export = self._export(type)
            if type not in self._open:
                export.open(self._before.get(type), restart=True)
                self._open.add(type)
            if not export.write(some):
                return False
        return True

    def position(self, *, settled: bool = False) -> Position | None:
        found = {type: self._exports[type].position(settled=settled) for type in sorted(self._open)}
        return None if None in found.values() else found

    def close(self, *, complete: bool) -> list[str]:
        paths: list[str] = []
        try:
            while self._open:
                type = min(self._open)
                self._open.remove(type)
                paths += self._exports[type].close(complete=complete)
        finally:
            for type in self._open:
                self._exports[type].close(complete=False)
            self._open = set()
        return paths

    def _export(self, type: str) -> Export:
        if type not in self._exports:
            self._exports[type] = self._make(type)
        return self._exports[type]
