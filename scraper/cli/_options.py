"""Arguments and options that several verbs share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from scraper.errors import UsageError


def _yaml(path: Path) -> Path:
    """Return a path as it is; what newcomers give instead of a YAML file is answered with what to do."""
    said = str(path)
    if re.match(r"https?:/", said, re.IGNORECASE):
        url = re.sub(r":/+", "://", said, count=1)
        raise UsageError(
            f"{url} is an address, and this takes the YAML file of a crawl",
            remedy=f"write start_urls: [{url}] into one (scraper init NAME makes a project); "
            f"scraper shell {url} shows the page",
        )
    if path.suffix == ".py":
        raise UsageError(
            f"{said} is Python, and this takes the YAML file that names a spider",
            remedy=f"write a file such as {path.stem}.yaml with the lines `spider: {said}:CLASS` "
            "and `start_urls: [URL]`",
        )
    return path


SiteFile = Annotated[
    Path,
    typer.Argument(metavar="SITE.yaml", help="The crawl's YAML file.", show_default=False, callback=_yaml),
]

Sets = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the YAML, such as politeness.delay=0; may be given again.",
        show_default=False,
    ),
]

RunNumber = Annotated[
    int | None, typer.Option("--run", metavar="N", help="The run with this number.", show_default=False)
]
