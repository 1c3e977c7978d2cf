"""The lock beside a store: an operating system's, so that it ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path

from scraper.errors import StoreError, StoreLocked

#: How long the processes of a crawl whose coordinator was killed are waited for, in seconds: they leave at once, but
#: one that was just started first imports its modules.
_LEAVING_SECONDS = 10.0


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
            # It is emptied below: no symbolic link is followed that a store from elsewhere may have in its place.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise StoreError(
                f"the lock {path} cannot be made: {error.strerror}", remedy="look at its folder"
            ) from None
        if not self._had():
            pid = _read_pid(self._file)
            os.close(self._file)
            # A crawl that was killed is not running, even where one of its processes cannot leave.
            raise StoreLocked(store, pid if pid is not None and is_alive(pid) else None)
        # A full disk must not keep a lock from being had: the pid is only for people.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def _had(self) -> bool:
        """Tell whether the lock is had; the processes of a crawl that was killed get some time to leave."""
        until = time.monotonic() + _LEAVING_SECONDS
        while not _lock(self._file):
            pid = _read_pid(self._file)
            if pid is None or is_alive(pid) or time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    @property
    def files(self) -> tuple[int, ...]:
        """Return the file descriptors that hold it: it lasts until the last process that has one is gone."""
        return () if sys.platform == "win32" else (self._file,)

    def require(self) -> None:
        """Do nothing: it ends with this process alone."""

    def release(self) -> None:
        """Let go of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def is_held(store: Path) -> bool:
    """Tell whether a crawl is at work with a store."""
    try:
        file = os.open(store.with_name(f"{store.name}.lock"), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        return _is_locked(file)
    finally:
        os.close(file)


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

    def is_alive(pid: int) -> bool:
        """Tell whether a process of this machine lives."""
        return True  # it alone holds the lock: only who holds it can be named

    def _is_locked(file: int) -> bool:
        pid = _read_pid(file)
        return pid is not None and is_alive(pid)

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

    def is_alive(pid: int) -> bool:
        """Tell whether a process of this machine lives."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True

    def _is_locked(file: int) -> bool:
        """Tell whether somebody has the lock: without asking for it, which would keep a crawl from having it."""
        try:
            locks = Path("/proc/locks").read_text()
        except OSError:
            pid = _read_pid(file)
            return pid is not None and is_alive(pid)
        return re.search(rf":{os.fstat(file).st_ino} ", locks) is not None

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
