"""`scraper explain`: every decision about one URL, read from the store."""

from __future__ import annotations

from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._one_shot import request_of
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.runs.explanation import Explanation
from scraper.store import Store


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(explain)


def explain(
    site: SiteFile,
    url: Annotated[str, typer.Argument(metavar="URL", help="The URL to explain, whole.", show_default=False)],
    run: RunNumber = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Tell every decision about a URL in a run.

    The run is the newest, or --run N. It tells on which page it was found first, whether it was admitted or refused
    and by which key of the YAML, the line of robots.txt that decides, what is known of its server, each time it was
    sent with connection, answer and wait, its redirects, its end and its items. A URL that the run never saw is
    judged by today's YAML. Only the store is read: nothing is fetched, and it works while a crawl is running.

    \b
      scraper explain config/books.yaml https://books.toscrape.com/catalogue/page-2.html
      scraper explain config/books.yaml https://books.toscrape.com/ --run 3
    """
    loaded = load(site, sets=sets)
    request = request_of(url)
    with Store.open_existing(loaded.store) as store:
        row = chosen_run(store.all_runs(loaded.config.name), run, loaded.config.name)
        for line in Explanation(loaded, store, row).of(request):
            _output.write(f"{line}\n")
