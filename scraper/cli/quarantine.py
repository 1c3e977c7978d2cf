"""`scraper quarantine`: the items that their model refused, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.hiding import hide_in
from scraper.observe.text import counted, plain, plain_json
from scraper.pipelines.models import FieldProblem
from scraper.store import Store
from scraper.store.history.quarantine import QuarantineRow

#: A value is cut after so many characters.
_LONGEST_VALUE = 100


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(quarantine)


def quarantine(
    site: SiteFile,
    run: RunNumber = None,
    field: Annotated[
        str | None,
        typer.Option(
            "--field", metavar="F", help="Only items in which something is wrong with this field.", show_default=False
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: one item a line, with all of its data.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """List items that were put aside, and what is wrong with each.

    They are those of the newest run, or of --run N, each with its page. An item is put aside where the model that
    `items` in the YAML names for its type refuses it, or a field that is required there is empty. It is in no
    export, and it is kept as long as its run is.

    \b
      scraper quarantine config/books.yaml
      scraper quarantine config/books.yaml --run 3 --field price --json > refused.jsonl
    """
    loaded = load(site, sets=sets)
    name = loaded.config.name
    with Store.open_existing(loaded.store) as store:
        row = chosen_run(store.all_runs(name), run, name)
        count = 0
        for item in _about(store.quarantine(row.id), field):
            count += 1
            _output.write(f"{_json(item)}\n" if as_json else _text(item))
    _output.say(f"run {row.id} of {name}: {counted(count, 'item')} in quarantine")


def _about(items: Iterator[QuarantineRow], field: str | None) -> Iterator[QuarantineRow]:
    for item in items:
        if field is None or any(field in (path, FieldProblem(path, "").name) for path, _ in item.problems):
            yield item


def _json(item: QuarantineRow) -> str:
    record = {
        "url": item.url,
        "type": item.type,
        "problems": [{"field": path, "message": message} for path, message in item.problems],
        "data": item.data,
        "at": datetime.fromtimestamp(item.at, UTC).isoformat(timespec="milliseconds"),
    }
    return plain_json(json.dumps(hide_in(record), ensure_ascii=False, separators=(",", ":")))


def _text(item: QuarantineRow) -> str:
    """Return the page, and a line for each thing that is wrong."""
    lines = [f"{plain(item.type)}  {plain(item.url) or '(of start)'}\n"]
    for path, message in item.problems:
        lines.append(
            f"  {plain(path) or '(item)'}: {plain(message)}{_value(item.data, FieldProblem(path, '').name)}\n"
        )
    return "".join(lines)


def _value(data: Mapping[str, Any], name: str) -> str:
    if name not in data:
        return ""
    text = plain(json.dumps(data[name], ensure_ascii=False))
    return f", got {text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '...'}"
