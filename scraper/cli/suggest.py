"""`scraper suggest`: rules written from a few pages of a site."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._looking import look_at
from scraper.cli._one_shot import settings_of
from scraper.cli._options import Sets
from scraper.errors import ScraperError, UsageError
from scraper.fetch.transport.guard import may_be_private

if TYPE_CHECKING:
    from scraper.rules.page import Page

_KEYS = ("session", "politeness", "user_agent", "limits", "network", "origins", "domains", "pages")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(suggest)


def suggest(
    pages: Annotated[
        list[str],
        typer.Argument(metavar="URL…", help="One to five pages of one site, a list first.", show_default=False),
    ],
    only: Annotated[
        bool, typer.Option("--only", help="Look at these pages alone, and at none that they lead to.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Write rules from one to five pages of a site.

    Printed is the YAML of a crawl: which links lead from page to page and to the things of a list, and what fields
    those have, by JSON-LD, microdata, OpenGraph, labels, tables and places that differ from page to page. Behind each
    line stands what it found. Selectors use no names that a build generated, and were tried on all pages.

    Of an API one answer is enough: its records, their fields, and what leads to the next answer.

    Where fewer than five pages are named, some that they lead to are looked at as well, up to seven in all: things of
    a list, its next page, and where a home page has a menu of lists, two of those. What robots.txt closes is not
    fetched, and politeness.delay or the Crawl-delay lies between two requests. A private address that is typed here
    is allowed. The exit code is 1 where nothing was found. Keys for --set are those of the YAML under session,
    politeness, limits, network, pages and origins, and user_agent.

    \b
      scraper suggest https://shop.example/lamps > config/lamps.yaml
      scraper suggest --only https://shop.example/lamps https://shop.example/lamp/1 https://shop.example/lamp/2
    """
    from scraper.suggest.levels import Known, levels_of
    from scraper.suggest.records import suggest_records
    from scraper.suggest.suggestion import MOST_LOOKED_AT, MOST_PAGES, Suggestion, of_levels
    from scraper.suggest.writing import written

    if len(pages) > MOST_PAGES:
        raise UsageError(f"{len(pages)} pages, and at most {MOST_PAGES} are looked at", remedy="name fewer")
    config = settings_of("suggest", sets, _KEYS)
    known = Known()
    named = len(dict.fromkeys(pages))

    def more(seen: Sequence[Page], tried: Collection[str]) -> Sequence[str]:
        if only or named == MOST_PAGES or not seen[0].response.is_html:
            return []
        return levels_of([page for page in seen if page.response.is_html], named, tried, known).more

    found = look_at(config, pages, _output.say, more, MOST_LOOKED_AT)
    suggestion = suggest_records(found[0])
    if suggestion is None:
        found = [page for page in found if page.response.is_html]
        suggestion = of_levels(levels_of(found, named, (), known)) if found else Suggestion([], [], [])
    if not suggestion.rules:
        raise ScraperError(
            f"{pages[0]} has no list, table or fields in its markup",
            remedy="name a page of a list, or of one thing; scraper fetch --body shows what the server sends "
            "where a script fills the page",
        )
    _output.write(
        written(
            suggestion,
            [page.response.url for page in found],
            is_private=may_be_private(urls.host_of(pages[0])),
        )
    )
