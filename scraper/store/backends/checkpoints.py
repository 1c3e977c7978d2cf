"""Bring the write-ahead log into the database: seldom, and in a thread of its own, for a disk may take long to sync.

Commits themselves do not wait for the disk, and with checkpoints here they do none of its work. Most of a checkpoint
holds up nobody; the log begins again only where nobody writes meanwhile, which is the short rest of it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

#: Bytes of the log from which it is brought into the database.
LOG_BYTES = 32_000_000
#: Seconds between looks at its size.
_LOOK_SECONDS = 0.25
#: Seconds that the end of a checkpoint waits for those who read and write; they wait for it as long.
_BUSY_SECONDS = 2.0
#: By how much the log grows before that is tried again where somebody went on reading.
_GROWTH = 1.5
#: Bytes of the log from which those who write give way to that end, and for how many seconds: between two processes
#: that commit without a pause it does not come about.
_TOO_LONG_BYTES = 3 * LOG_BYTES
_GIVE_WAY_SECONDS = 2.0
_GIVE_WAY_LOOK_SECONDS = 0.01


def log_of(path: Path) -> Path:
    """Return the write-ahead log of a database."""
    return path.with_name(f"{path.name}-wal")


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


class Checkpoints:
    """Checkpoints of one database, for all processes that write to it.

    Args:
        path: the SQLite file, in WAL mode.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = log_of(path)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, and bring in what is left of the log."""
        self._is_ending.set()
        self._thread.join()
        if _size(self._log):
            self._checkpoint()

    def _run(self) -> None:
        most = LOG_BYTES
        while not self._is_ending.wait(_LOOK_SECONDS):
            if _size(self._log) >= most:
                self._checkpoint()
                size = _size(self._log)
                most = max(LOG_BYTES, int(size * _GROWTH))
                if size < _TOO_LONG_BYTES:
                    most = min(most, _TOO_LONG_BYTES)

    def _checkpoint(self) -> None:
        # Where the disk is full or broken, the next commit says so.
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as own,
        ):
            own.execute("PRAGMA synchronous=NORMAL")
            # What there is by now, beside those who write; then the little that came since, before them.
            for mode in ("PASSIVE", "TRUNCATE"):
                own.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()


class GivingWay:
    """Those who write, in one process: where the log has become too long they wait a moment, so that it begins again.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._log = log_of(path)
        self._most = _TOO_LONG_BYTES

    def wait(self) -> None:
        """Wait while the log is too long; where that was in vain, not again until it has grown by half."""
        size = _size(self._log)
        if size < self._most:
            return
        until = time.monotonic() + _GIVE_WAY_SECONDS
        while time.monotonic() < until:
            time.sleep(_GIVE_WAY_LOOK_SECONDS)
            if _size(self._log) < _TOO_LONG_BYTES:
                self._most = _TOO_LONG_BYTES
                return
        self._most = int(size * _GROWTH)
