"""The note beside the store that names the page being parsed."""

from __future__ import annotations

import contextlib
import glob
import struct
import threading
from pathlib import Path

from scraper.store import Store


def note_of(store: Path, run: int, number: int) -> ParsingNote:
    """The note of the shard with this number."""
    return ParsingNote(store.with_name(f"{store.name}.parsing-{number}"), run)


def strike_noted(store: Store, run: int, number: int | None = None) -> None:
    """Count a crash for the pages that were being parsed when processes died.

    Args:
        number: of the shard that died; None for all that an earlier call of the crawl left.
    """
    wanted = f"{glob.escape(store.path.name)}.parsing-{'*' if number is None else number}"
    for path in store.path.parent.glob(wanted):
        note = ParsingNote(path, run)
        crashed_on = note.noted()
        if crashed_on is not None:
            store.strike(crashed_on)
        note.close()


class ParsingNote:
    """A small file beside the store that names the page being parsed.

    It outlives the process, so a page that brings it down (or eats its memory) is found out after two crashes.
    """

    _FORMAT = struct.Struct("<qq")

    def __init__(self, path: Path, run: int) -> None:
        self._path = path
        self._run = run
        # The parse thread may outlast the shard by a callback that takes long.
        self._lock = threading.Lock()
        self._file = path.open("r+b", buffering=0) if path.exists() else path.open("w+b", buffering=0)

    def noted(self) -> int | None:
        """The request whose page was being parsed when an earlier process of this run died."""
        self._file.seek(0)
        data = self._file.read(self._FORMAT.size) or b""
        if len(data) < self._FORMAT.size:
            return None
        run, request = self._FORMAT.unpack(data)
        return request if run == self._run and request else None

    def write(self, request: int) -> None:
        """This request's page is about to be parsed."""
        with self._lock:
            if not self._file.closed:
                self._file.seek(0)
                self._file.write(self._FORMAT.pack(self._run, request))

    def clear(self) -> None:
        """It was."""
        self.write(0)

    def close(self) -> None:
        """The process ends in order: a page that is still being parsed did not bring it down."""
        self.clear()
        with self._lock:
            self._file.close()
        # Windows keeps it as long as another process has it open; it names no page any more.
        with contextlib.suppress(PermissionError):
            self._path.unlink(missing_ok=True)
