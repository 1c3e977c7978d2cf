"""All exports of one run: those that follow its items, and those of what changed, which are written at its end."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO, Protocol

from scraper.config import Loaded
from scraper.config.model.exports import STDOUT
from scraper.config.store_location import StoreLocation
from scraper.errors import ExportError
from scraper.exports import Surroundings, open_export
from scraper.exports.base import Export, ItemRow, ItemStore
from scraper.exports.follow import Follower
from scraper.exports.warc import SpoolStore, open_archive

#: How often exports follow, in seconds, so that small commits do not each rewrite their position.
_FOLLOW_SECONDS = 0.5
#: Changes that are written at once.
_BATCH = 250


class RunStore(ItemStore, SpoolStore, Protocol):
    """The parts of the store that the exports of a run use."""

    @property
    def location(self) -> StoreLocation:
        """Return where it is."""


class RunExports:
    """The exports that a configuration names, and its archive.

    Args:
        run: its number, and `began` when it began, in seconds since the epoch.
        stdout: what `-` writes to, where there is one.

    Raises:
        ExportError: `-` is named, and there is no standard output.
        UsageError: a package that an export needs is not installed.
    """

    def __init__(self, store: RunStore, run: int, loaded: Loaded, stdout: BinaryIO | None, *, began: float) -> None:
        self._store = store
        self._followers: list[Follower] = []
        self._changes: list[Export] = []
        #: Those of them that are being written.
        self._open: list[Export] = []
        self._followed_at = 0.0
        self._archive = open_archive(store, run, loaded)
        around = Surroundings(
            resolve=loaded.resolve,
            spool=store.location.beside("-exports"),
            stdout=stdout or io.BytesIO(),
            name=loaded.config.name,
            run=run,
            began=began,
            keys={type: item.key for type, item in loaded.config.items.items() if item.key},
        )
        for config in loaded.config.exports:
            if stdout is None and config.path == STDOUT:
                raise ExportError("there is no standard output to write to", remedy="export to a file instead of -")
            target = open_export(config, around)
            if config.changes:
                self._changes.append(target)
            else:
                self._followers.append(Follower(store, run, config, target))

    def follow(self) -> None:
        """Write what was committed since, unless that was done just now."""
        now = time.monotonic()
        if now - self._followed_at >= _FOLLOW_SECONDS:
            for follower in self._followers:
                follower.catch_up()
            if self._archive is not None:
                self._archive.follow()
            self._followed_at = time.monotonic()

    def write_changes(self, changes: Iterable[ItemRow]) -> None:
        """Write all that changed, from the beginning, whether or not there is an export for it.

        Raises:
            ExportError: a target cannot be written.
        """
        for target in self._changes:
            target.open(None, restart=True)
            self._open.append(target)
        rest = iter(changes)
        while batch := list(islice(rest, _BATCH)):
            for target in self._open:
                target.write(batch)

    def finish(self, *, complete: bool) -> list[str]:
        """Catch up and end; complete files take their names. Returns the paths that hold the data."""
        if complete and self._open:
            self._store.make_durable()
        paths = [path for follower in self._followers for path in follower.finish(complete)]
        while self._open:
            paths += self._open.pop(0).close(complete=complete)
        if self._archive is not None:
            paths.append(self._archive.finish(complete=complete))
        return paths

    def close(self) -> None:
        """Let go of the files as they are."""
        for follower in self._followers:
            follower.close()
        while self._open:
            self._open.pop().close(complete=False)
        if self._archive is not None:
            self._archive.close()
