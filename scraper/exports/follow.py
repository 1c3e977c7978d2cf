"""How an export follows the items of the store, and goes on after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scraper.config.model.exports import ExportConfig
from scraper.exports.base import Export, ItemRow, ItemSource, ItemStore, Position
from scraper.hiding import without_user_info

#: Rows asked of the store at once.
_BATCH = 250
#: What the key `meta` can name; the field has an underscore before it.
_META: dict[str, Callable[[int, ItemSource], Any]] = {
    "url": lambda _, source: source.url,
    "run": lambda run, _: run,
    "fetched_at": lambda _, source: _iso(source.fetched_at),
    "connection": lambda _, source: source.connection,
}


class Follower:
    """Keeps one export level with one run's items.

    What it saved in the store says: every item up to this commit is in the target, which then stood there.
    It is saved after the target was written, so a crash in between leaves the target longer than said, never
    shorter, and it is cut back.

    Args:
        store: where the items are.
        run: the run whose items to write.
        config: how; a position that was saved under another path, format, fields or item is not continued.
        export: the target.
        remember: False neither reads nor saves a position: the whole run is written from its first item.
    """

    def __init__(
        self, store: ItemStore, run: int, config: ExportConfig, export: Export, *, remember: bool = True
    ) -> None:
        self._store = store
        self._run = run
        self._meta = config.meta
        self._name = without_user_info(config.path)
        # What the store keeps may be read by more people than the environment.
        self._made_by = config.settings() | {"path": self._name}
        self._export = export
        self._remember = remember
        self._is_open = False
        self._commit = 0

    def catch_up(self, limit_rows: int | None = None) -> int:
        """Write what the store has beyond our position: all, or `limit_rows` and a little more.

        Returns the number of items read; none where the target is written at the end only. Where it raises, the
        target is closed, and the next call begins at the position saved last.

        Raises:
            ExportError: the target cannot be written.
        """
        return self._catch_up(limit_rows) if self._export.follows else 0

    def finish(self, complete: bool) -> list[str]:
        """Catch up and end; a complete target takes its final name.

        Args:
            complete: whether the run ended well; else the target stays a part.

        Returns the paths that hold the data, `-` for standard output; none where nothing is left of the run.

        Raises:
            ExportError: the target cannot be written or named.
        """
        if complete or self._export.leaves_part:
            self._catch_up(None)
        if complete:
            # Else a power cut could take back items that the target says it has, and they would come again.
            self._store.make_durable()
        if complete and self._is_open:
            # Right after the target took its name, it is still known what of it is this run's.
            self._save(settled=True)
        self._is_open = False
        return self._export.close(complete=complete)

    def close(self) -> None:
        """Let go of the target as it is; `catch_up` may continue it later."""
        self._is_open = False
        self._export.close(complete=False)

    def _catch_up(self, limit_rows: int | None) -> int:
        try:
            if not self._is_open:
                self._open()
            return self._follow(limit_rows)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        saved = self._store.export_position(self._run, self._name) if self._remember else None
        position = saved["target"] if saved is not None else None
        if saved is not None and saved["made_by"] == self._made_by:
            self._is_open = self._export.open(position, restart=False)
            self._commit = saved["commit"]
        if not self._is_open:
            self._begin(position)

    def _begin(self, position: Position | None) -> None:
        self._is_open = self._export.open(position, restart=True)
        self._commit = self._export.reached
        # What was there before the run is known before anything takes its place.
        self._save()

    def _follow(self, limit_rows: int | None) -> int:
        done = 0
        while limit_rows is None or done < limit_rows:
            wanted = _BATCH if limit_rows is None else min(_BATCH, limit_rows - done)
            rows = self._store.items_after(self._run, self._commit, wanted, sources=bool(self._meta))
            if not rows:
                break
            done += len(rows)
            if not self._export.write([self._with_meta(row) for row in rows] if self._meta else rows):
                self._begin(self._export.position())
                continue
            self._commit = rows[-1].commit
            self._save()
        return done

    def _with_meta(self, row: ItemRow) -> ItemRow:
        source = row.source or ItemSource(None, None, None)
        found = {f"_{name}": _META[name](self._run, source) for name in self._meta}
        return replace(row, data=row.data | found)

    def _save(self, *, settled: bool = False) -> None:
        target = self._export.position(settled=settled) if self._remember else None
        if target is not None:
            position: Position = {"commit": self._commit, "made_by": self._made_by, "target": target}
            self._store.save_export_position(self._run, self._name, position)


def _iso(seconds: float | None) -> str | None:
    """Return an instant as ISO 8601 has it, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
