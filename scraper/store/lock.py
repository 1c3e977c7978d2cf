"""The lock beside a store: an operating system's, so that it ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from scraper.errors import StoreError, StoreLocked


class StoreLock:
    """Holds `STORE.lock`, which names the pid of the crawl that is at work.

    Raises:
        StoreLocked: another process holds it.
        StoreError: the file cannot be made.
    """

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"the lock {path} cannot be made: {error.strerror}", remedy="look at its folder"
            ) from None
        if not _lock(self._file):
            pid = _read_pid(self._file)
            os.close(self._file)
            raise StoreLocked(store, pid)
        # A full disk must not keep a lock from being had: the pid is only for people.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _read_pid(file: int) -> int | None:
    try:
        os.lseek(file, 0, os.SEEK_SET)
        return int(os.read(file, 32))
    except (OSError, ValueError):
        return None


if sys.platform == "win32":
    import msvcrt

    #: Windows locks bytes against reading too, so the byte locked lies far behind the pid.
    _LOCK_OFFSET = 1 << 30

    def _lock(file: int) -> bool:
        os.lseek(file, _LOCK_OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(file, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
