"""`scraper replay`: run the spider on recorded pages, and show what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._options import Sets
from scraper.config import load
from scraper.errors import UsageError
from scraper.observe.text import counted, plain
from scraper.project import project_root
from scraper.testing import recording

_YAML = (".yaml", ".yml")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(replay)


def replay(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SITE.yaml|FOLDER]...",
            help="Recordings of a site, or in a folder; all of the project without any.",
            show_default=False,
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Take what comes of each page now for what is expected from here on.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Run the spider on recorded pages, and show what differs.

    The pipelines run, too. Nothing is fetched. Of each page that differs: the fields of each item, before and after,
    and the requests that are new or gone. The exit code is 1 where anything differs, unless --update accepts it.
    Fields that differ each time are named in `ignore` in the page's expected.json.

    \b
      scraper replay
      scraper replay config/books.yaml --update
    """
    folders = dict.fromkeys(folder for place in _places(targets) for folder in recording.recordings_in(place))
    if not folders:
        raise UsageError(
            f"there are no recordings in {', '.join(map(str, _places(targets)))}",
            remedy="make some: scraper record SITE.yaml URL",
        )
    differ = 0
    told: set[Path] = set()
    here = project_root(Path("any.yaml"))
    for folder in folders:
        page = recording.read(folder)
        if page.site not in told and not page.site.is_relative_to(here):
            # Before any code of another project runs.
            told.add(page.site)
            _output.say(f"runs the spider of {plain(_output.path_from_here(page.site))}")
        lines = recording.replay(page, sets, update=update)
        if lines:
            differ += 1
            called = plain(page.response.request.callback or "parse")
            _output.write(f"{plain(_output.path_from_here(folder))}: {called} of {plain(page.response.url)}\n")
            _output.write("".join(f"  {plain(line)}\n" for line in lines))
    verb = "updated" if update else "differ" if differ != 1 else "differs"
    _output.write(f"{counted(len(folders), 'page')}, {differ or 'none'} {verb}\n")
    if differ and not update:
        raise typer.Exit(1)


def _places(targets: Sequence[Path] | None) -> list[Path]:
    """Return the folders in which to look: of a YAML those of its name."""
    if not targets:
        return [project_root(Path("any.yaml")) / recording.FOLDER]
    places = []
    for target in targets:
        if target.suffix.lower() in _YAML:
            loaded = load(target)
            places.append(loaded.root / recording.FOLDER / loaded.config.name)
        else:
            places.append(target)
    return places
