"""`scraper runs`: list the runs of a crawl, show one, or what failed in it."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer

from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.errors import UsageError
from scraper.exports.csv import neutralised
from scraper.hiding import hide_in
from scraper.observe.report import print_report
from scraper.observe.text import block, counted, plain, size
from scraper.runs.summary import stats_of
from scraper.store import Store
from scraper.store.history.status import Worker
from scraper.store.values import FailureRow, RunRow


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(runs)


def runs(
    site: SiteFile,
    run: RunNumber = None,
    failures: Annotated[
        bool,
        typer.Option(
            "--failures", help="List what failed in the newest run, or in --run N, and on which page it was found."
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="R", help="Of the failures, those of this reason, such as http-404."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --failures: show where the spider raised.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="With --failures: print CSV, each URL with the page on which it was found.")
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
      scraper runs config/books.yaml --failures --reason http-404 --csv > broken-links.csv
    """
    if reason is not None and not failures:
        raise UsageError("--reason is about failures", remedy="add --failures")
    if as_csv and (as_json or not failures):
        raise UsageError("--csv is about failures", remedy="write --failures --csv, without --json")
    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        rows = [_as_it_stands(store, row) for row in store.all_runs(loaded.config.name)]
        if failures:
            chosen = chosen_run(rows, run, loaded.config.name)
            if as_csv:
                _output.write(_as_csv(store.failures(chosen.id, reason)))
            else:
                _list_failures(store, chosen, reason, verbose=verbose, as_json=as_json)
            return
        shown = rows if run is None else [chosen_run(rows, run, loaded.config.name)]
        all_stats = [stats_of(store, row, details=as_json) for row in shown]
        directs = {row.id: store.workers(row.id)[:1] for row in shown if not row.is_finished}
    _mark_at_work(all_stats, directs)
    if as_json:
        _write_json(all_stats)
    elif run is not None:
        with _output.told():
            told = {**all_stats[0], "result": _state(all_stats[0])}
            print_report(_output.out_console(), told, shlex.quote(str(site)))
    else:
        _output.write(_runs_table(all_stats))


def _as_it_stands(store: Store, row: RunRow) -> RunRow:
    """Count the interruption of a run that was killed, and that nobody has resumed yet."""
    was_killed = not (row.is_finished or row.clean or store.is_crawled)
    return replace(row, interrupted=row.interrupted + 1) if was_killed else row


def _mark_at_work(all_stats: list[dict[str, Any]], directs: Mapping[int, Sequence[Worker]]) -> None:
    """Note of each run whether somebody crawls it, and in which process."""
    for stats in all_stats:
        found = directs.get(stats["run"])
        stats["at_work"], stats["pid"] = bool(found), found[0].pid if found else None


def _state(stats: Mapping[str, Any]) -> str:
    """Return the result of a run, or that it is at work and in which process."""
    return f"at work, pid {stats['pid']}" if stats["at_work"] else str(stats["result"])


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
            _state(stats),
            *(write(stats) for write in _COLUMNS.values()),
            f"{stats['seconds']:,.1f}",
        )
        for stats in all_stats
    ]
    return _output.table(("run", "started", "result", *_COLUMNS, "seconds"), rows, left=3)


def _change(stats: Mapping[str, Any], name: str) -> str:
    """Return how many items are new, changed or gone; nothing where there was nothing to compare with."""
    changes = stats["changes"]
    return "" if changes is None or changes["since"] is None else f"{changes[name]:,}"


def _list_failures(store: Store, row: RunRow, reason: str | None, *, verbose: bool, as_json: bool) -> None:
    found = store.failures(row.id, reason)
    if as_json:
        _write_json([_as_json(failure) for failure in found])
        return
    for failure in found:
        found_on = f"  (on {plain(failure.found_on)})" if failure.found_on else ""
        _output.write(f"{plain(failure.reason)}  {plain(failure.url)}  {plain(failure.message)}{found_on}\n")
        if verbose and failure.traceback:
            _output.write(block(failure.traceback) + "\n")
    _output.say(f"run {row.id} of {plain(row.name)}: {counted(len(found), 'failure')}")


def _as_json(failure: FailureRow) -> dict[str, Any]:
    return {
        "url": failure.url,
        "reason": failure.reason,
        "message": failure.message,
        "status": failure.status,
        "attempts": failure.attempts,
        "found_on": failure.found_on,
        "traceback": failure.traceback,
    }


def _as_csv(failures: Sequence[FailureRow]) -> str:
    """Return a report of broken links for a spreadsheet: no cell is taken for a formula."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = ("url", "reason", "status", "message", "found_on")
    rows.writerow(names)
    for failure in failures:
        values = hide_in([getattr(failure, name) for name in names])
        rows.writerow(neutralised(value) if isinstance(value, str) else value for value in values)
    return text.getvalue()


def _write_json(value: object) -> None:
    _output.write(json.dumps(hide_in(value), indent=2) + "\n")
