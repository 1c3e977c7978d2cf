"""Rules between the keys of an export, and between exports: one export a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path as FilePath

from scraper.config.formats import OF_STDOUT
from scraper.config.model.exports import STDOUT, ExportConfig, compression_of, scheme_of
from scraper.config.model.site import SiteConfig
from scraper.config.yaml.problems import place
from scraper.config.yaml.tree import Node, Path, find, key_text
from scraper.errors import Problem

#: What to do where items need a key and have none.
NAME_THE_KEY = "name the fields that tell one item from another, as in items: {item: {key: [url]}}"


def check_exports(config: SiteConfig, root: Node, project: FilePath) -> Iterator[Problem]:
    """Return every rule that the exports break, at the places that `root` knows."""
    have_keys = any(item.key for item in config.items.values())
    seen: dict[str, int] = {}
    for number, export in enumerate(config.exports):
        at: Path = ("exports", number)
        first = seen.setdefault(_target(config, export, project), number)
        if first != number:
            taken = key_text(root, ("exports", first))
            yield place(
                root, _path_of(root, at), f"expected a path of its own, got that of {taken}: change one of them"
            )
        for key, text in misfits(export, have_keys):
            yield place(root, (*at, key) if key else _path_of(root, at), text)


def misfits(export: ExportConfig, have_keys: bool) -> Iterator[tuple[str, str]]:
    """By key (nothing for the path), what of one export does not go together, and what to do.

    Args:
        have_keys: whether any type of item has a key.
    """
    yield from _of_targets(export)
    yield from _of_modes(export, have_keys)
    yield from _of_changes(export, have_keys)


def _target(config: SiteConfig, export: ExportConfig, project: FilePath) -> str:
    """Return what two exports may not have in common."""
    path = export.path.replace("{name}", config.name)
    if path == STDOUT or scheme_of(path) is not None:
        return path
    return os.path.normcase(os.path.normpath(project / path))


def _path_of(root: Node, at: Path) -> Path:
    inner = (*at, "path")
    return inner if find(root, inner)[1] == inner else at


def _of_targets(export: ExportConfig) -> Iterator[tuple[str, str]]:
    format, row, is_address = export.format, export.row, scheme_of(export.path) is not None
    if row.schemes and not is_address:
        yield "", f"expected an address for {format}: write {row.schemes[0]}://user@host/database"
    if row.is_tables and not row.schemes and is_address:
        yield "", f"expected a path for {format}, which is not a file to send: export to a path, or to Parquet"
    if not row.is_compressed and compression_of(export.path):
        yield "", f"expected no compression of {format}: leave the last ending out"
    if export.path == STDOUT and not row.to_stdout:
        yield "format", f"expected {OF_STDOUT} for standard output, got {format}: name a file"
    if export.bom and export.format != "csv":
        yield "bom", f"expected no bom, since {export.format} needs none to be read: leave it out"
    if export.max_bytes is not None and (row.is_tables or row.is_single or export.path == STDOUT):
        yield "max_bytes", f"expected no max_bytes, since {_said(export)} has no numbered files: leave it out"
    if export.options and not export.is_remote:
        yield "options", "expected no options, since they are for addresses such as s3://…: leave them out"
    if "{type}" in export.path and (row.is_tables or export.item is not None):
        reason = "there is a table a type" if row.is_tables else "item picks one type"
        yield "", f"expected a path without {{type}}, since {reason}: take it out"


def _of_modes(export: ExportConfig, have_keys: bool) -> Iterator[tuple[str, str]]:
    if export.mode == "upsert":
        if not export.row.is_tables:
            yield "mode", "expected replace or append, since only a database can upsert: export to sqlite or postgres"
        elif not have_keys:
            yield "mode", f"expected items that have a key: {NAME_THE_KEY}"
    if export.mode != "append" or export.row.is_tables:
        return
    if not export.row.can_append:
        yield (
            "mode",
            f"expected replace: {export.format} cannot grow, so write a file a run, with {{run}} in its path",
        )
    elif export.is_remote or export.path == STDOUT or export.max_bytes is not None:
        yield "mode", "expected replace: only one file under a path can grow, so put {run} into the path"
    elif export.row.appends_with_fields and export.fields is None:
        yield "mode", "expected fields, since the header of a CSV that grows stays as it is: add fields: […]"


def _of_changes(export: ExportConfig, have_keys: bool) -> Iterator[tuple[str, str]]:
    """Return what changed can be told of items that have a key, and as JSON Lines."""
    if not export.changes:
        return
    if not have_keys:
        yield "changes", f"expected items that have a key: {NAME_THE_KEY}"
    if not export.row.holds_changes:
        yield "", f"expected jsonl for changes, got {export.format}: end the path in .jsonl"
    if export.fields is not None:
        yield "fields", "expected no fields, since each line is a change: leave them out"
    if export.meta:
        yield "meta", "expected no meta, since each line is a change: leave it out"
    if export.mode == "append":
        yield "mode", "expected replace, since the changes are those of one run: leave it out"


def _said(export: ExportConfig) -> str:
    return "standard output" if export.path == STDOUT else str(export.format)
