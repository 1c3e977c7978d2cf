"""`scraper runs` and `scraper export`: what the store knows of the runs of a crawl."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.config import ExportConfig, load
from scraper.config.checks.exports import misfits
from scraper.config.model.exports import NAMES, STDOUT, format_of
from scraper.crawler import stats_of
from scraper.errors import UsageError
from scraper.exports import Surroundings, open_export
from scraper.exports.follow import Follower
from scraper.observe.report import print_report
from scraper.observe.text import block, counted, plain, size
from scraper.store import Store
from scraper.store.values import FailureRow, RunRow


class Format(StrEnum):
    """The formats of exports."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    SQLITE = "sqlite"
    POSTGRES = "postgres"


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command()(runs)
    app.command()(export)


def runs(
    site: SiteFile,
    run: RunNumber = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="List the URLs that failed in the newest run, or in --run N.")
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="R", help="Of the failures, those of this reason, such as http-404."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --failures: show where the spider raised.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the figures, or the failures.")] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """List the runs of a crawl; show one, or what failed in it.

    The newest comes first. The store keeps as many as the YAML's key `keep_runs` says.

    \b
      scraper runs config/books.yaml
      scraper runs config/books.yaml --run 3
      scraper runs config/books.yaml --failures --reason timeout
    """
    if reason is not None and not failures:
        raise UsageError("--reason is about failures", remedy="add --failures")
    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        rows = store.all_runs(loaded.config.name)
        if failures:
            _list_failures(store, chosen_run(rows, run, loaded.config.name), reason, verbose=verbose, as_json=as_json)
            return
        chosen = rows if run is None else [chosen_run(rows, run, loaded.config.name)]
        all_stats = [stats_of(store, row) for row in chosen]
    if as_json:
        _write_json(all_stats)
    elif run is not None:
        print_report(_output.out_console(), all_stats[0])
    else:
        _output.write(_runs_table(all_stats))


def chosen_run(rows: list[RunRow], number: int | None, name: str) -> RunRow:
    """The run with that number, by default the newest."""
    if not rows:
        raise UsageError(f"{name} has no runs", remedy="run scraper crawl first")
    if number is None:
        return rows[0]
    for row in rows:
        if row.id == number:
            return row
    known = ", ".join(str(row.id) for row in reversed(rows[:20]))
    raise UsageError(f"{name} has no run {number}", remedy=f"it has {known}")


#: The columns of figures, and how each is written.
_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "pages": lambda stats: f"{stats['pages']:,}",
    "304": lambda stats: f"{stats['not_modified']:,}",
    "items": lambda stats: f"{stats['items']:,}",
    "new": lambda stats: _change(stats, "new"),
    "changed": lambda stats: _change(stats, "changed"),
    "gone": lambda stats: _change(stats, "gone"),
    "failed": lambda stats: f"{stats['failed']:,}",
    "refused": lambda stats: f"{stats['refused']:,}",
    "requests": lambda stats: f"{stats['requests']:,}",
    "reused": lambda stats: f"{stats['reuse_rate']:.1%}",
    "bytes": lambda stats: size(stats["bytes"]),
}


def _runs_table(all_stats: list[dict[str, Any]]) -> str:
    rows = [
        (
            str(stats["run"]),
            datetime.fromisoformat(stats["started_at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            stats["result"],
            *(write(stats) for write in _COLUMNS.values()),
            f"{stats['seconds']:,.1f}",
        )
        for stats in all_stats
    ]
    return _output.table(("run", "started", "result", *_COLUMNS, "seconds"), rows, left=3)


def _change(stats: Mapping[str, Any], name: str) -> str:
    """How many items are new, changed or gone; nothing where there was nothing to compare with."""
    changes = stats["changes"]
    return "" if changes is None or changes["since"] is None else f"{changes[name]:,}"


def _list_failures(store: Store, row: RunRow, reason: str | None, *, verbose: bool, as_json: bool) -> None:
    found = store.failures(row.id, reason)
    if as_json:
        _write_json([_as_json(failure) for failure in found])
        return
    for failure in found:
        _output.write(f"{failure.reason}  {plain(failure.url)}  {plain(failure.message)}\n")
        if verbose and failure.traceback:
            _output.write(block(failure.traceback) + "\n")
    _output.say(f"run {row.id} of {row.name}: {counted(len(found), 'failure')}")


def _as_json(failure: FailureRow) -> dict[str, Any]:
    return {
        "url": failure.url,
        "reason": failure.reason,
        "message": failure.message,
        "status": failure.status,
        "attempts": failure.attempts,
        "traceback": failure.traceback,
    }


def _write_json(value: object) -> None:
    _output.write(json.dumps(value, indent=2) + "\n")


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
            else _newest_finished(rows, loaded.config.name)
        )
        if not row.is_finished:
            _output.say(f"note: run {row.id} is unfinished; these are the items that it has so far")
        stdout = _output.binary() if target == STDOUT else io.BytesIO()
        around = Surroundings(
            resolve=lambda path: Path.cwd() / path,
            spool=loaded.store.with_name(f"{loaded.store.name}-exports"),
            stdout=stdout,
            name=loaded.config.name,
            run=row.id,
            began=row.started_at,
            keys={type: item.key for type, item in loaded.config.items.items() if item.key},
        )
        paths = Follower(store, row.id, config, open_export(config, around), remember=False).finish(complete=True)
    if target != STDOUT:
        _output.say(f"the items of run {row.id} are in {', '.join(map(plain, paths))}")


def _newest_finished(rows: list[RunRow], name: str) -> RunRow:
    for row in rows:
        if row.is_finished and row.result != "abandoned":
            return row
    newest = chosen_run(rows, None, name)
    raise UsageError(
        f"{name} has no finished run", remedy=f"--run {newest.id} writes what the unfinished one has so far"
    )


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
