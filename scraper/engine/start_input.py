"""Start URLs from standard input: written beside the store first, so that a crawl that was killed can resume."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from scraper.config import Loaded
from scraper.config.model.start import SPOOLED, STDIN, StartFile
from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError, UsageError
from scraper.start_rows import StartRows

_CHUNK = 1024 * 1024
_NAME = "standard input"
_REMEDY = "write scraper crawl SITE.yaml < urls.csv, or name a file as start_urls.file"


class StartInput:
    """What a crawl does about `start_urls: {file: "-"}`; nothing, where the configuration says otherwise.

    Args:
        store: where the store is, beside which the rows are kept until the run has ended.
        was_stopped: tells whether the crawl is to stop meanwhile.

    Attributes:
        loaded: the configuration, with the file in the place of standard input.
    """

    def __init__(self, loaded: Loaded, store: StoreLocation, was_stopped: Callable[[], bool]) -> None:
        file = loaded.config.start_file
        self._asked: StartFile | None = file if file is not None and file.file == STDIN else None
        self._kept = store.beside(SPOOLED)
        self._was_stopped = was_stopped
        self.loaded = loaded
        if self._asked is not None:
            kept = self._asked.model_copy(update={"file": str(self._kept)})
            self.loaded = replace(loaded, config=loaded.config.model_copy(update={"start_urls": kept}))

    def read(self) -> None:
        """Take standard input to its end, for a new run.

        Raises:
            UsageError: the file is missing, or it lacks a column.
            StoreError: it cannot be written.
        """
        if self._asked is None:
            return
        source = getattr(sys.stdin, "buffer", None)
        if source is None or sys.stdin.isatty():
            raise UsageError("start_urls.file is -, and nothing is piped into standard input", remedy=_REMEDY)
        part = self._kept.with_name(f"{self._kept.name}.part")
        try:
            self._write(source, part)
            part.replace(self._kept)
        except OSError as error:
            raise StoreError(
                f"{part} cannot be written: {error.strerror}", remedy="make room beside the store"
            ) from error
        wrong = StartRows(self._kept, self._asked.column, _NAME).why_unreadable(self._asked.fields)
        if wrong is not None:
            self.discard()
            raise UsageError(f"{wrong[0]}: {wrong[1]}")

    def _write(self, source: BinaryIO, part: Path) -> None:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while not self._was_stopped() and (data := source.read1(_CHUNK)):  # type: ignore[attr-defined]
                file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def resume(self, *, has_begun: bool) -> None:
        """Go on with what was kept.

        Args:
            has_begun: whether rows of it were taken already.

        Raises:
            UsageError: it is gone.
        """
        if self._asked is None or self._kept.is_file():
            return
        if has_begun:
            raise UsageError(
                f"{self._kept} is gone, which held the rest of standard input", remedy="--fresh begins a new run"
            )
        self.read()

    def discard(self) -> None:
        """Remove what was kept, at the end of a run."""
        if self._asked is not None:
            self._kept.unlink(missing_ok=True)
