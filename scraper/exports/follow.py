"""How an export follows the items of the store, and goes on after a kill."""

from __future__ import annotations

from scraper.config.values import ExportConfig
from scraper.exports.base import Export, ItemStore, Position

#: Rows asked of the store at once.
_BATCH = 250


class Follower:
    """Keeps one export level with one run's items.

    What it saved in the store says: every item up to this commit is in the target, which then stood there.
    It is saved after the target was written, so a crash in between leaves the target longer than said, never
    shorter, and it is cut back.

    Args:
        store: where the items are.
        run: the run whose items to write.
        config: how; a position that was saved under another path, format, fields or item is not gone on with.
        export: the target.
        name: under which the position is kept.
        remember: False neither reads nor saves a position: the whole run is written from its first item.
    """

    def __init__(
        self, store: ItemStore, run: int, config: ExportConfig, export: Export, name: str, *, remember: bool = True
    ) -> None:
        self._store = store
        self._run = run
        self._made_by = config.model_dump(mode="json")
        self._export = export
        self._name = name
        self._remember = remember
        self._is_open = False
        self._commit = 0

    def catch_up(self, limit_rows: int | None = None) -> int:
        """Write what the store has beyond our position: all, or `limit_rows` and a little more.

        Returns the number of items read. Where it raises, the target is closed, and the next call begins at
        the position saved last.

        Raises:
            ExportError: the target cannot be written.
        """
        try:
            if not self._is_open:
                self._open()
            return self._follow(limit_rows)
        except BaseException:
            self.close()
            raise

    def finish(self, complete: bool) -> str:
        """Catch up and end; a complete target takes its final name.

        Args:
            complete: whether the run ended well; else the target stays a part.

        Returns the path that holds the data, `-` for standard output.

        Raises:
            ExportError: the target cannot be written or named.
        """
        self.catch_up()
        self._is_open = False
        return self._export.close(complete=complete)

    def close(self) -> None:
        """Let go of the target as it is; `catch_up` may go on with it later."""
        self._is_open = False
        self._export.close(complete=False)

    def _open(self) -> None:
        saved = self._store.export_position(self._run, self._name) if self._remember else None
        if saved is not None and saved["made_by"] == self._made_by:
            self._is_open = self._export.open(saved["target"])
            self._commit = saved["commit"]
        if not self._is_open:
            self._begin()

    def _begin(self) -> None:
        self._is_open = self._export.open(None)
        self._commit = 0

    def _follow(self, limit_rows: int | None) -> int:
        done = 0
        while limit_rows is None or done < limit_rows:
            wanted = _BATCH if limit_rows is None else min(_BATCH, limit_rows - done)
            rows = self._store.items_after(self._run, self._commit, wanted)
            if not rows:
                break
            done += len(rows)
            if not self._export.write(rows):
                self._begin()
                continue
            self._commit = rows[-1].commit
            self._save()
        return done

    def _save(self) -> None:
        if self._remember:
            position: Position = {
                "commit": self._commit,
                "made_by": self._made_by,
                "target": self._export.position(),
            }
            self._store.save_export_position(self._run, self._name, position)
