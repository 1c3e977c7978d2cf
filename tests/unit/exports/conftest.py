"""A store in memory, with the promises that exports rely on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.config.model.exports import ExportConfig
from scraper.exports import Surroundings, open_export
from scraper.exports.base import ItemRow, ItemSource
from scraper.exports.follow import Follower

#: When every run here began: 2026-03-01 12:30:45 UTC.
BEGAN = 1_772_368_245.0


class MemoryStore:
    """Items and positions; positions pass through JSON, as they do in a database."""

    def __init__(self) -> None:
        self.rows: list[ItemRow] = []
        self.positions: dict[tuple[int, str], str] = {}
        self.reads = 0
        #: Raised by the next save, as a kill right before it would have it.
        self.dies_before_save = False

    def commit(self, *items: dict, type: str = "item", source: ItemSource | None = None) -> None:
        number = self.rows[-1].commit + 1 if self.rows else 1
        self.rows += [ItemRow(number, type, item, source) for item in items]

    def items_after(self, run: int, commit: int, limit: int, *, sources: bool = False) -> list[ItemRow]:
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

    def make_durable(self) -> None:
        """It is gone with the process anyway."""


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


@pytest.fixture
def follow(tmp_path: Path) -> Callable[..., Follower]:
    """`follow(store, folder, path, run=1, **keys)` is a follower of an export with these keys."""

    def make(
        store: Any,
        folder: Path,
        path: str,
        *,
        run: int = 1,
        began: float = BEGAN,
        remember: bool = True,
        stdout: Any = None,
        keys: dict[str, list[str]] | None = None,
        **settings: Any,
    ) -> Follower:
        config = ExportConfig(path=path, **settings)
        around = Surroundings(
            resolve=folder.joinpath,
            spool=tmp_path / "spool",
            stdout=stdout or io.BytesIO(),
            name="shop",
            run=run,
            began=began,
            keys=keys or {},
        )
        return Follower(store, run, config, open_export(config, around), remember=remember)

    return make
