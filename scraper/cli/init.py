"""`scraper init`: make a project that works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.demo import scaffold


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Of its first crawl; by default the folder's.", show_default=False
        ),
    ] = None,
) -> None:
    """Make a project that works.

    It has a spider, its YAML, a README and a test. The spider crawls the demo shop until you give it another
    address. Nothing is overwritten.

    \b
      scraper init my-shop
    """
    files = scaffold.create(folder, name=name)
    for file in files:
        _output.write(f"{folder / file.relative_to(folder.absolute())}\n")
    site = next(file for file in files if file.suffix == ".yaml").relative_to(folder.absolute()).as_posix()
    _output.say(
        f"\nNext:\n  cd {folder}\n  scraper demo --serve          (in another terminal: a shop to crawl)\n"
        f"  scraper check {site}\n  scraper crawl {site}"
    )
