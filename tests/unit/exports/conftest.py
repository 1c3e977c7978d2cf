"""A store in memory, with the promises that exports rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scraper.exports.base import ItemRow


class MemoryStore:
    """Items and positions; positions pass through JSON, as they do in a database."""

    def __init__(self) -> None:
        self.rows: list[ItemRow] = []
        self.positions: dict[tuple[int, str], str] = {}
        self.reads = 0
        #: Raised by the next save, as a kill right before it would have it.
        self.dies_before_save = False

    def commit(self, *items: dict, type: str = "item") -> None:
        number = self.rows[-1].commit + 1 if self.rows else 1
        self.rows += [ItemRow(number, type, item) for item in items]

    def items_after(self, run: int, commit: int, limit: int) -> list[ItemRow]:
        self.reads += 1
        rows = [row for row in self.rows if row.commit > commit]
        end = min(limit, len(rows))
        while 0 < end < len(rows) and rows[end].commit == rows[end - 1].commit:
            end += 1
        return rows[:end]

    def export_position(self, run: int, name: str) -> dict | None:
        saved = self.positions.get((run, name))
        return json.loads(saved) if saved else None

    def save_export_position(self, run: int, name: str, position: dict) -> None:
        if self.dies_before_save:
            raise KeyboardInterrupt
        self.positions[run, name] = json.dumps(position)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def books(store: MemoryStore) -> MemoryStore:
    """Forty commits of up to three books."""
    for number in range(40):
        store.commit(*({"title": f"Bücher {number}.{part}", "price": number} for part in range(number % 4)))
    return store


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder"
