"""The target that a format opens an export with: its configuration, its path, and how files or tables are made
of these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from scraper.config.model.exports import STDOUT, ExportConfig, compression_of
from scraper.exports.codecs import codec_of
from scraper.exports.destinations import Destination, LocalDestination, RemoteDestination, file_system
from scraper.exports.file_export import FileExport, Places
from scraper.exports.paths import numbered
from scraper.exports.records import Records
from scraper.exports.tables import TableSettings
from scraper.hiding import without_user_info
from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Say what an export has to know of its run.

    Attributes:
        resolve: makes a path absolute.
        spool: the folder in which grows what is sent elsewhere when it is complete.
        stdout: what `-` writes to.
        name: the crawl's.
        run: its number, and `began` when it began, in seconds since the epoch.
        keys: the key of each type of item that has one.
    """

    resolve: Callable[[str], Path]
    spool: Path
    stdout: BinaryIO
    name: str = ""
    run: int = 0
    began: float = field(default_factory=time.time)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One export that is to be opened. `path` is that of the configuration, with its placeholders filled in."""

    config: ExportConfig
    of: Surroundings
    path: str

    @property
    def is_stdout(self) -> bool:
        """Tell whether standard output is meant."""
        return self.path == STDOUT

    @property
    def name(self) -> str:
        """Return what errors call it."""
        return without_user_info(self.path)

    @property
    def fields(self) -> tuple[str, ...] | None:
        """Return the fields that are written: those named, and those of `meta`; None for all."""
        fields = self.config.fields
        return None if fields is None else (*fields, *self.meta)

    @property
    def meta(self) -> tuple[str, ...]:
        """Return the fields that `meta` adds."""
        return tuple(f"_{name}" for name in self.config.meta)

    def places(self) -> Places:
        """Return the place of each file by its number.

        Raises:
            UsageError: the file system of its address is not installed, or not known.
        """
        place = self._place_of()
        return lambda number: place(self.path if self.config.max_bytes is None else numbered(self.path, number))

    def file_of(self, records: Records) -> FileExport:
        """Return the export that writes records into files.

        Raises:
            UsageError: a package that its compression or address needs is not installed.
        """
        return FileExport(
            self.places(),
            records,
            codec=codec_of(compression_of(self.path)),
            max_bytes=self.config.max_bytes,
            appends=self.config.mode == "append",
        )

    def tables(self) -> TableSettings:
        """Return how items become rows of a database."""
        return TableSettings(
            name=self.of.name,
            run=self.of.run,
            began=self.of.began,
            mode=self.config.mode,
            fields=self.fields,
            item=self.config.item,
            keys=self.of.keys,
            meta=self.meta,
        )

    def _place_of(self) -> Callable[[str], Destination]:
        config, of = self.config, self.of
        if not config.is_remote:
            return lambda path: LocalDestination(of.resolve(path))
        return partial(_remote_place, config, of, file_system(config.path, config.options)[0])


def _remote_place(config: ExportConfig, of: Surroundings, system: object, address: str) -> Destination:
    path = file_system(address, config.options)[1]
    return RemoteDestination(system, path, without_user_info(address), of.spool)
