"""Files that follow the items of the store: one module a format, `follow.Follower` drives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from scraper.config.forms import STDOUT
from scraper.config.values import ExportConfig
from scraper.errors import UsageError
from scraper.exports.base import Export
from scraper.exports.csv import CsvFile
from scraper.exports.jsonl import JsonlFile, JsonlStream


def _csv(path: Path, config: ExportConfig) -> Export:
    return CsvFile(path, config.fields, config.item, keep_formulas=config.formulas == "keep")


def _jsonl(path: Path, config: ExportConfig) -> Export:
    return JsonlFile(path, config.fields, config.item)


#: What makes the file of each format, at a path.
FILES: dict[str, Callable[[Path, ExportConfig], Export]] = {"jsonl": _jsonl, "csv": _csv}


def open_export(config: ExportConfig, resolve: Callable[[str], Path], stdout: BinaryIO) -> Export:
    """The target that `config` names; nothing is opened yet.

    Args:
        config: the export; its format is known.
        resolve: makes its path absolute.
        stdout: what `-` writes to.

    Raises:
        UsageError: standard output cannot take that format.
    """
    kind = config.format or "jsonl"
    if config.path != STDOUT:
        return FILES[kind](resolve(config.path), config)
    if kind != "jsonl":
        raise UsageError(f"standard output takes jsonl, not {kind}", remedy="name a file, or leave out `format`")
    return JsonlStream(stdout, config.fields, config.item)
