"""The note beside the store that names the page being parsed."""

from __future__ import annotations

import contextlib
import glob
import math
import mmap
import os
import struct
import threading
import time
from pathlib import Path

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError
from scraper.private_files import open_file
from scraper.store import Store


def marker_of(store: StoreLocation, run: int, number: int) -> CrashMarker:
    """Return the marker of the shard with this number."""
    return CrashMarker(store.beside(f".parsing-{number}"), run)


def marker_of_parser(store: StoreLocation, shard: int, number: int) -> Path:
    """Return where a parser of a shard has its marker."""
    return store.beside(f".parsing-{shard}-{number}")


def strike_marked(
    store: Store, run: int, number: int | None = None, *, limit: float = math.inf, beside: Path | None = None
) -> bool:
    """Count a crash for the pages that were being parsed when processes died.

    Args:
        number: of the shard that died; None for all that an earlier call of the crawl left.
        limit: `limits.parse`, in seconds.
        beside: what their markers lie beside; the store's path where it is None.

    Returns:
        Whether one of them may have hung: it was begun longer ago than the limit.
    """
    may_have_hung = False
    beside = beside or store.location.path
    wanted = f"{glob.escape(beside.name)}.parsing-{'*' if number is None else number}"
    for path in beside.parent.glob(wanted):
        note = CrashMarker(path, run)
        crashed_on = note.noted()
        if crashed_on is not None:
            store.strike(crashed_on)
            may_have_hung = may_have_hung or note.age() > limit
        note.close()
    # Parsers end with their shard, of which their pages are not to blame.
    for path in beside.parent.glob(f"{wanted}-*"):
        CrashMarker(path, run).close()
    return may_have_hung


class CrashMarker:
    """A small file beside the store that names the page being parsed, and when that was begun.

    It outlives the process, so a page that brings it down (or eats its memory) is found out after two crashes.
    """

    _FORMAT = struct.Struct("<qqd")

    def __init__(self, path: Path, run: int) -> None:
        self._path = path
        self._run = run
        # The parse thread may outlast the shard by a callback that takes long.
        self._lock = threading.Lock()
        # As memory, which the system writes to the file whatever becomes of this process. With a call of the system a
        # page a fetch thread would take the interpreter, and getting that back can take longer than the page itself.
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._place = _mapped(path, self._FORMAT.size)
        except OSError as error:
            raise StoreError(
                f"{path}, which names the page being parsed, cannot be written: {error.strerror}",
                remedy="make room on the disk and run the same command again: it goes on",
            ) from error

    def noted(self) -> int | None:
        """Return the request whose page was being parsed when an earlier process of this run died."""
        run, request, _ = self._FORMAT.unpack_from(self._place)
        return request if run == self._run and request else None

    def age(self) -> float:
        """Return how long ago the page was begun that is noted, in seconds."""
        return time.time() - float(self._FORMAT.unpack_from(self._place)[2])

    def write(self, request: int) -> None:
        """Note that the page of this request is about to be parsed."""
        with self._lock:
            if not self._place.closed:
                self._FORMAT.pack_into(self._place, 0, self._run, request, time.time() if request else 0.0)

    def clear(self) -> None:
        """It was."""
        self.write(0)

    def close(self) -> None:
        """Remove the marker: the process ends in order, so a page that is still being parsed did not bring it
        down.
        """
        self.clear()
        with self._lock:
            self._place.close()
        # Windows keeps it as long as another process has it open; it names no page any more.
        with contextlib.suppress(PermissionError):
            self._path.unlink(missing_ok=True)


def _mapped(path: Path, size: int) -> mmap.mmap:
    """Return a file of that many bytes as memory; made if it is missing."""
    # No symbolic link is followed: a store from elsewhere may have one in its place.
    with open_file(path, os.O_RDWR | os.O_CREAT) as file:
        # Written, not only set: on a full disk this fails, where a touch of the memory would end the process.
        file.write(bytes(max(0, size - file.seek(0, os.SEEK_END))))
        file.flush()
        return mmap.mmap(file.fileno(), size)
