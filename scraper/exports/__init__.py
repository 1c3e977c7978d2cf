"""What follows the items of the store: files, objects and tables; `follow.Follower` drives them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from scraper.config.model.exports import POSTGRES, STDOUT, ExportConfig, compression_of
from scraper.config.secrets import without_user_info
from scraper.errors import UsageError
from scraper.exports.base import Export
from scraper.exports.by_type import ByType
from scraper.exports.codecs import codec_of
from scraper.exports.csv import CsvRecords
from scraper.exports.destinations import Destination, LocalDestination, RemoteDestination, file_system
from scraper.exports.file_export import FileExport, Places
from scraper.exports.jsonl import JsonlStream
from scraper.exports.parquet import ParquetExport
from scraper.exports.paths import filled, numbered, of_type, values_of_run
from scraper.exports.postgres import PostgresExport
from scraper.exports.records import JsonArray, JsonLines, Records
from scraper.exports.sqlite import SqliteExport
from scraper.exports.tables import TableSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an export has to know of its run.

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


def open_export(config: ExportConfig, of: Surroundings) -> Export:
    """The target that `config` names; nothing is opened yet.

    Raises:
        UsageError: standard output cannot take that format, or a package that it needs is not installed.
    """
    if config.path == STDOUT:
        if config.format != "jsonl":
            remedy = "name a file, or leave out `format`"
            raise UsageError(f"standard output takes jsonl, not {config.format}", remedy=remedy)
        return JsonlStream(of.stdout, with_meta(config), config.item)
    path = filled(config.path, values_of_run(of.name, of.run, of.began))
    if config.format in ("sqlite", POSTGRES):
        settings = TableSettings(
            name=of.name,
            run=of.run,
            began=of.began,
            mode=config.mode,
            fields=with_meta(config),
            item=config.item,
            keys=of.keys,
        )
        return (
            PostgresExport(path, settings) if config.format == POSTGRES else SqliteExport(of.resolve(path), settings)
        )
    if "{type}" in path:
        # What is missing is told now, not when the first item comes.
        follows = _open_file(config, of, of_type(path, "item")).follows
        return ByType(lambda type: _open_file(config, of, of_type(path, type)), follows=follows)
    return _open_file(config, of, path)


def with_meta(config: ExportConfig) -> tuple[str, ...] | None:
    """The fields that are written: those named, and what was asked for besides; None for all."""
    return None if config.fields is None else (*config.fields, *(f"_{name}" for name in config.meta))


def _open_file(config: ExportConfig, of: Surroundings, path: str) -> Export:
    fields, name = with_meta(config), without_user_info(path)
    place = _places(config, of)

    def places(number: int) -> Destination:
        return place(path if config.max_bytes is None else numbered(path, number))

    if config.format == "parquet":
        return ParquetExport(places, name=name, fields=fields, item=config.item, max_bytes=config.max_bytes)
    records: Records
    if config.format == "csv":
        records = CsvRecords(name, fields, config.item, keep_formulas=config.formulas == "keep")
    else:
        records = (JsonArray if config.format == "json" else JsonLines)(fields, config.item)
    return FileExport(
        places,
        records,
        codec=codec_of(compression_of(path)),
        max_bytes=config.max_bytes,
        appends=config.mode == "append",
    )


def _places(config: ExportConfig, of: Surroundings) -> Callable[[str], Destination]:
    """What makes the place of a path."""
    if not config.is_remote:
        return lambda path: LocalDestination(of.resolve(path))
    return partial(_remote_place, config, of, file_system(config.path, config.options)[0])


def _remote_place(config: ExportConfig, of: Surroundings, system: object, address: str) -> Destination:
    path = file_system(address, config.options)[1]
    return RemoteDestination(system, path, without_user_info(address), of.spool)


__all__ = ["Places", "Surroundings", "open_export", "with_meta"]
