"""`scraper export`: write the items of a run again, to any format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from pydantic import ValidationError

from scraper.advice import did_you_mean
from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run, newest_finished
from scraper.config import ExportConfig, load
from scraper.config.checks.exports import misfits
from scraper.config.formats import NAMES
from scraper.config.model.exports import STDOUT, format_of
from scraper.errors import UsageError
from scraper.exports.again import write_again
from scraper.health import Health
from scraper.observe.text import plain
from scraper.store import Store

#: The formats of exports, as choices of an option.
Format = StrEnum("Format", {name.upper(): name for name in NAMES})  # type: ignore[misc]  # their names are data


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(export)


def export(
    site: SiteFile,
    run: RunNumber = None,
    target: Annotated[
        str, typer.Option("--output", "-o", metavar="PATH", help="The file to write; - is standard output.")
    ] = STDOUT,
    format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="|".join(NAMES),
            help="The format; by default what the suffix of PATH says.",
            show_default=False,
        ),
    ] = None,
    item: Annotated[
        str | None,
        typer.Option("--item", metavar="TYPE", help="Write the items of this type only.", show_default=False),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option("--fields", metavar="A,B", help="Write these fields, in this order.", show_default=False),
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Write the items of a run again, to any format.

    By default the newest finished run's. The items of a run that is unfinished, or still at work, are written where
    --run names it; a note says so. A file is complete or not there.

    \b
      scraper export config/books.yaml > books.jsonl
      scraper export config/books.yaml --run 3 --output books.csv --fields title,price
      scraper export config/books.yaml --output books.parquet
    """
    config = _export_config(target, format, item, fields)
    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        rows = store.all_runs(loaded.config.name)
        row = (
            chosen_run(rows, run, loaded.config.name)
            if run is not None
            else newest_finished(rows, loaded.config.name)
        )
        _require_names(config, store.health(row.id))
        if not row.is_finished:
            _output.say(f"note: run {row.id} is unfinished; these are the items that it has so far")
        keys = {type: item.key for type, item in loaded.config.items.items() if item.key}
        stdout = _output.binary() if target == STDOUT else None
        paths = write_again(store, loaded.store, row, config, keys=keys, stdout=stdout)
    if target != STDOUT:
        _output.say(f"the items of run {row.id} are in {', '.join(map(plain, paths))}")


def _require_names(config: ExportConfig, health: Health) -> None:
    """Refuse a type or a field that no item of the run has.

    Raises:
        UsageError: there is one.
    """
    if config.item is not None and health and config.item not in health:
        raise UsageError(
            f"--item {config.item}: the run has no items of this type", remedy=did_you_mean(config.item, health)
        )
    kinds = [config.item] if config.item is not None else list(health)
    fields = {name for kind in kinds if kind in health for name in health[kind].fields}
    for name in config.fields or () if fields else ():
        if name not in fields:
            raise UsageError(f"--fields {name}: no item of the run has it", remedy=did_you_mean(name, fields))


def _export_config(target: str, format: Format | None, item: str | None, fields: str | None) -> ExportConfig:
    chosen = format.value if format is not None else format_of(target)
    if chosen is None:
        raise UsageError(f"the end of {target} says no format", remedy=f"add --format, one of {', '.join(NAMES)}")
    names = None if fields is None else tuple(name.strip() for name in fields.split(","))
    if names is not None and not all(names):
        raise UsageError(f"--fields {fields} has an empty name", remedy="write it as --fields title,price")
    try:
        config = ExportConfig(path=target, format=chosen, fields=names, item=item)
    except ValidationError as error:
        raise UsageError(f"--output {target}: {error.errors()[0]['msg']}") from None
    for _, text in misfits(config, have_keys=True):
        raise UsageError(f"--output {target}: {text}")
    return config
