"""The archive of a run: a WARC file that takes over, exactly once, what was committed with each outcome."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from scraper.config import Loaded
from scraper.errors import ExportError
from scraper.exports.base import Position
from scraper.exports.part_file import PartFile, described

_log = logging.getLogger(__name__)

#: The name under which its position is kept.
_NAME = "archive"
#: Bytes that are written at once, or one row where that is larger.
_PORTION = 4 * 1024 * 1024


class SpoolStore(Protocol):
    """The parts of the store that an archive uses."""

    def spooled(self, run: int, most_bytes: int) -> list[tuple[int, bytes]]: ...

    def unspool(self, run: int, name: str, position: Position, numbers: Collection[int]) -> None: ...

    def export_position(self, run: int, name: str) -> Position | None: ...


class ArchiveFile:
    """The file of one run, which one process writes, however many crawl.

    Its records come from the store, and leave it in the transaction that keeps how long the file is: first they are
    on the disk, then they are gone from there. What a kill in between leaves in the file beyond that is cut off.

    Args:
        path: where it is complete; until then it grows in `PATH.part`.
    """

    def __init__(self, store: SpoolStore, run: int, loaded: Loaded, path: Path) -> None:
        self._store = store
        self._run = run
        self._config = loaded.config
        self._path = path
        self._file = PartFile(path, private=True)
        self._is_open = False

    def follow(self) -> None:
        """Take over all that the store has.

        Raises:
            ExportError: the file cannot be written, or is no longer what was written before.
        """
        try:
            if not self._is_open:
                self._open()
            while rows := self._store.spooled(self._run, _PORTION):
                self._file.append(b"".join(data for _, data in rows))
                # What leaves the store is nowhere else.
                self._file.sync()
                self._store.unspool(self._run, _NAME, self._position(), [number for number, _ in rows])
        except BaseException:
            self.close()
            raise

    def finish(self, *, complete: bool) -> str:
        """Take over the rest, and end; a complete file takes its name. Returns the path that holds the records."""
        self.follow()
        self._is_open = False
        return str(self._file.close(complete=complete))

    def close(self) -> None:
        """Let go of the file as it is."""
        if self._is_open:
            self._is_open = False
            self._file.close(complete=False)

    def _position(self) -> Position:
        return {"path": str(self._path), "bytes": self._file.length, "crc": self._file.crc}

    def _open(self) -> None:
        saved = self._store.export_position(self._run, _NAME)
        if saved is None or saved["path"] != str(self._path) or not self._goes_on(saved):
            self._file.begin()
            from scraper.fetch.archive import info_record

            self._file.append(info_record(self._path.name, self._config, self._run))
        self._is_open = True

    def _goes_on(self, saved: Position) -> bool:
        """Go on with the file that was written before; False where it is gone."""
        part, length, crc = self._file.part, saved["bytes"], saved["crc"]
        with described(self._path):
            was_named = not part.exists() and self._path.exists() and self._path.stat().st_size == length
            if was_named:
                # A kill right after it was complete; the run was not yet noted as ended.
                self._path.replace(part)
        if self._file.go_on(length, crc):
            return True
        if was_named:
            part.replace(self._path)  # an earlier run's, of the same length
        elif part.exists():
            raise ExportError(
                f"{part} is not what was written to it before, and cannot be written again",
                remedy="put the file back as it was; or move it away, and the archive goes on without what was in it",
            )
        _log.warning("%s is gone: the archive goes on without what was in it", part)
        return False


def open_archive(store: SpoolStore, run: int, loaded: Loaded) -> ArchiveFile | None:
    """Return the archive that a configuration names, with `{name}` and `{run}` of its path filled in; None
    without one.
    """
    path = loaded.config.archive
    if path is None or loaded.is_cached:
        return None
    filled = path.replace("{name}", loaded.config.name).replace("{run}", str(run))
    return ArchiveFile(store, run, loaded, loaded.resolve(filled))
