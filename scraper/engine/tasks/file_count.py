"""How many files a run may still store, by `limits.files`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from scraper.errors import FetchError

#: Why a file beyond `limits.files` is not stored.
FILE_LIMIT = "file-limit"
#: How often (seconds) it is asked what other processes stored.
_ASK_SECONDS = 1.0


class FileCount:
    """How many files a run has stored, against `limits.files`. Used by all threads of a process.

    A process counts what it stores at once, and what others have committed every second or so.

    Args:
        most: `limits.files`; None for any number.
        committed: asks the store how many it has of the run.
        is_shared: other processes work on the run.
    """

    def __init__(self, most: int | None, committed: Callable[[], int], *, is_shared: bool = False) -> None:
        self._most = most
        self._committed = committed
        self._is_shared = is_shared
        self._lock = threading.Lock()
        self._stored = 0 if most is None else committed()
        self._others_known = 0
        self._ask_at = time.monotonic() + _ASK_SECONDS

    def why_full(self) -> str:
        """Return why no more files are stored; nothing where more may be."""
        count = max(self._stored, self._others_known)
        return f"limits.files: {self._most} are stored" if self._most is not None and count >= self._most else ""

    def add(self) -> None:
        """Count one that is about to be stored.

        Raises:
            FetchError: it is one too many.
        """
        if self._most is None:
            return
        with self._lock:
            if self._is_shared and time.monotonic() >= self._ask_at:
                began = time.monotonic()
                self._others_known = self._committed()
                now = time.monotonic()
                self._ask_at = now + max(_ASK_SECONDS, 20 * (now - began))
            full = self.why_full()
            if full:
                raise FetchError(full, reason=FILE_LIMIT, remedy="raise limits.files if more are wanted")
            self._stored += 1
