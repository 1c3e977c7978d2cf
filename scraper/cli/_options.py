"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SiteFile = Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The crawl's YAML file.", show_default=False)]

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
