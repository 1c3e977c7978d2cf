"""Exports follow the items of the store into files, objects and tables; `follow.Follower` drives them."""

from __future__ import annotations

import importlib
from typing import cast

from scraper.config.formats import OF_STDOUT
from scraper.config.model.exports import STDOUT, ExportConfig
from scraper.errors import UsageError
from scraper.exports.base import Export
from scraper.exports.by_type import ByType
from scraper.exports.file_export import Places
from scraper.exports.paths import filled, of_type, values_of_run
from scraper.exports.target import Surroundings, Target


def open_export(config: ExportConfig, of: Surroundings) -> Export:
    """Return the export that `config` names; nothing is written yet.

    Raises:
        UsageError: standard output cannot take that format, or a package that it needs is not installed.
    """
    if config.path == STDOUT and not config.row.to_stdout:
        remedy = "name a file, or leave out `format`"
        raise UsageError(f"standard output takes {OF_STDOUT}, not {config.format}", remedy=remedy)
    path = filled(config.path, values_of_run(of.name, of.run, of.began))
    if "{type}" in path and not config.row.is_tables:
        # What is missing is said now, not when the first item comes.
        follows = _open(Target(config, of, of_type(path, "item"))).follows
        return ByType(lambda type: _open(Target(config, of, of_type(path, type))), follows=follows)
    return _open(Target(config, of, path))


def _open(target: Target) -> Export:
    """Open a target by its format, whose module is imported now."""
    module, _, name = target.config.row.opens.partition(":")
    return cast(Export, getattr(importlib.import_module(module), name)(target))


__all__ = ["Places", "Surroundings", "open_export"]
