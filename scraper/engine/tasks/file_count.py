"""Which files a run may still store, by `limits.files` and `limits.per_domain.files`."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import IO

from scraper.config import Limits
from scraper.config.store_location import StoreLocation
from scraper.errors import FetchError, StoreError
from scraper.private_files import open_file
from scraper.store import Store

#: Why a file beyond `limits.files` is not stored.
FILE_LIMIT = "file-limit"
#: A file in the log: its fingerprint, and a digest of its domain.
_FINGERPRINT, _DOMAIN = 16, 8
_ROW = _FINGERPRINT + _DOMAIN
#: How often it is looked what other machines have stored, in seconds.
_LOOK_SECONDS = 1.0


class FileCount:
    """The places of files that a run stores, each taken before its file gets its name. Used by all threads.

    Where several processes work on the run they share a log, to which each appends the file that it is about to
    store. All read it in the order in which it was written and give the places by the same rule, so that none is
    given twice, and nobody waits for anybody.

    Args:
        stored: fingerprint and domain of each file that the run has stored.
        log: of the run, made by `begin_log`; None where no other process of this machine works on it.
        elsewhere: tells what the run has stored by now; None where no other machine works on it. It is asked every
            second, so that the limits are passed by what the others store meanwhile, at the most.
    """

    def __init__(
        self,
        limits: Limits,
        stored: Iterable[tuple[bytes, str]],
        log: Path | None = None,
        elsewhere: Callable[[], Iterable[tuple[bytes, str]]] | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._look_at = float("-inf")
        self._most, self._most_of_domain = limits.files, limits.per_domain.files
        self._lock = threading.Lock()
        self._has_place: set[bytes] = set()
        self._of_domain: Counter[bytes] = Counter()
        self._log: IO[bytes] | None = None
        self._read = 0
        if self._most is None and self._most_of_domain is None:
            return
        if log is not None:
            self._log = open_file(log, os.O_RDWR | os.O_APPEND)
        else:
            for row in _rows(stored):
                self._take(row)

    def why_full(self, domain: str) -> str:
        """Return why no more files of a domain are stored; nothing where more may be."""
        if self._most is None and self._most_of_domain is None:
            return ""
        with self._lock:
            self._read_on()
            return self._full(_digest(domain), domain)

    def add(self, fingerprint: bytes, domain: str) -> None:
        """Take a place for a file that is about to be stored, unless it has one.

        Raises:
            FetchError: it is one too many.
        """
        if self._most is None and self._most_of_domain is None:
            return
        with self._lock:
            self._read_on()
            if fingerprint in self._has_place:
                return
            full = self._full(_digest(domain), domain)
            if not full:
                self._ask_for(fingerprint + _digest(domain))
                if fingerprint not in self._has_place:
                    # Another process was before.
                    full = self._full(_digest(domain), domain)
        if full:
            raise FetchError(full, reason=FILE_LIMIT, remedy="raise limits.files if more are wanted")

    def _ask_for(self, row: bytes) -> None:
        if self._log is None:
            self._take(row)
        else:
            self._log.write(row)
            self._read_on()

    def _full(self, digest: bytes, domain: str) -> str:
        if self._most is not None and len(self._has_place) >= self._most:
            return f"limits.files: {self._most} are stored"
        if self._most_of_domain is not None and self._of_domain[digest] >= self._most_of_domain:
            return f"limits.per_domain.files: {self._most_of_domain} of {domain} are stored"
        return ""

    def _read_on(self) -> None:
        if self._elsewhere is not None and time.monotonic() >= self._look_at:
            began = time.monotonic()
            for row in _rows(self._elsewhere()):
                self._take(row)
            ended = time.monotonic()
            # However long it takes, it takes a small part of the time.
            self._look_at = ended + max(_LOOK_SECONDS, (ended - began) * 50)
        if self._log is None:
            return
        # To write moves the place, too.
        self._log.seek(self._read)
        new = self._log.read()
        self._read += len(new)
        for start in range(0, len(new), _ROW):
            self._take(new[start : start + _ROW])

    def _take(self, row: bytes) -> None:
        """Give a file a place, if there is one."""
        fingerprint, digest = row[:_FINGERPRINT], row[_FINGERPRINT:]
        if fingerprint not in self._has_place and not self._full(digest, ""):
            self._has_place.add(fingerprint)
            self._of_domain[digest] += 1


def log_of(store: StoreLocation) -> Path:
    """Return where the processes of a crawl have their log of files."""
    return store.beside(".files")


def begin_log(store: Store, run: int, limits: Limits) -> None:
    """Begin the log of a run with the files that it has stored, where a limit needs one.

    Raises:
        StoreError: it cannot be written.
    """
    path = log_of(store.location)
    if limits.files is None and limits.per_domain.files is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            file.write(b"".join(_rows(store.files_stored(run))))
    except OSError as error:
        raise StoreError(
            f"the log of files {path} cannot be written: {error.strerror or error}",
            remedy="make room on the disk and run the same command again: it goes on",
        ) from error


def _rows(stored: Iterable[tuple[bytes, str]]) -> Iterable[bytes]:
    return (fingerprint[:_FINGERPRINT].ljust(_FINGERPRINT, b"\0") + _digest(domain) for fingerprint, domain in stored)


def _digest(domain: str) -> bytes:
    return blake2b(domain.encode(errors="surrogatepass"), digest_size=_DOMAIN).digest()
