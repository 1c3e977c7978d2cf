"""`scraper diff`: what changed from one run of a crawl to another."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._options import Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.errors import UsageError
from scraper.observe.report import changes_text
from scraper.observe.text import plain, plain_json
from scraper.runs.change_lines import change_lines
from scraper.store import Store
from scraper.store.history.changes import CHANGE_KINDS
from scraper.store.values import RunRow


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(diff)


def diff(
    site: SiteFile,
    earlier: Annotated[
        int | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="The run to compare with; by default the newest before the other that was inside its gate.",
            show_default=False,
        ),
    ] = None,
    later: Annotated[
        int | None,
        typer.Option(
            "--to", metavar="RUN", help="The run to look at; by default the newest that ended.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: one change a line.")] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Tell what changed from one run to another.

    Items are new, changed, gone or unlinked. They are told apart by the key that `items` in the YAML gives their
    type; those without one are not compared. An item is gone only where its page was visited again, or answered that
    it is gone; unlinked, where its page is still there and nothing leads to it any more. Only the store is read, so
    any two runs that it keeps will do.

    \b
      scraper diff config/books.yaml
      scraper diff config/books.yaml --from 3 --to 7 --json > changes.jsonl
    """
    loaded = load(site, sets=sets)
    name = loaded.config.name
    with Store.open_existing(loaded.store) as store:
        rows = store.all_runs(name)
        to = _later(rows, later, name)
        since = _earlier(store, rows, earlier, to)
        if not any(item.key for item in loaded.config.items.values()):
            _output.say("note: no type of item has a key in the YAML: items: {item: {key: [url]}}")
        if not to.is_finished:
            _output.say(f"note: run {to.id} is unfinished; what it has not visited proves nothing")
        if as_json:
            for change in store.changes(since, to):
                _output.write(
                    plain_json(json.dumps(change.record(), ensure_ascii=False, separators=(",", ":"))) + "\n"
                )
            return
        counts = Counter(change.kind for change in store.changes(since, to))
        sums = changes_text({kind: counts[kind] for kind in CHANGE_KINDS})
        _output.write(f"{plain(name)}, from run {since.id} to run {to.id}: {sums}\n")
        for line in change_lines(store.changes(since, to)):
            _output.write(f"{line}\n")


def _later(rows: list[RunRow], number: int | None, name: str) -> RunRow:
    if number is not None:
        return chosen_run(rows, number, name)
    ended = (row for row in rows if row.is_finished and row.result != "abandoned")
    return next(ended, None) or chosen_run(rows, None, name)


def _earlier(store: Store, rows: list[RunRow], number: int | None, to: RunRow) -> RunRow:
    if number == to.id:
        raise UsageError(f"--from and --to are both run {number}", remedy="name two runs")
    if number is not None:
        return chosen_run(rows, number, to.name)
    before = store.run_before(to)
    if before is None:
        raise UsageError(
            f"no run of {to.name} before run {to.id} ended inside its gate",
            remedy="name another with --from, or crawl again first",
        )
    return before
