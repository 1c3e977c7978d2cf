"""`scraper report`: one run as a page to look at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.observe.text import plain
from scraper.store import Store

_STDOUT = "-"


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(report)


def report(
    site: SiteFile,
    run: RunNumber = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write; - is standard output. By default what the YAML's key report says, else "
            "out/NAME-RUN.html in the project.",
            show_default=False,
        ),
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Write a page about a run: how it went, what changed, what failed, which field died.

    By default the newest run's, also while it is at work. It is one HTML file with plots and tables that opens from
    disk in any browser and loads nothing from anywhere. With the key `report: out/{name}-{run}.html` in the YAML each
    crawl writes it when it ends.

    \b
      scraper report config/books.yaml
      scraper report config/books.yaml --run 3 --output third.html
      scraper report config/books.yaml -o - > today.html
    """
    from scraper.report.writing import html_of, path_of, write_html

    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        row = chosen_run(store.all_runs(loaded.config.name), run, loaded.config.name)
        html = html_of(store, row, loaded, shlex.quote(str(site)))
    if output == _STDOUT:
        _output.write(html)
        return
    path = path_of(row, loaded) if output is None else Path(output)
    write_html(path, html)
    _output.say(f"the report of run {row.id} is in {plain(str(path))}")
