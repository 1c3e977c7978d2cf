"""`scraper schema`: the JSON Schema of the YAML, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.config import json_schema
from scraper.errors import ScraperError


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(schema)


def schema(
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file.", show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema of the YAML, for editors.

    By it an editor completes keys, shows what they mean, and marks what is wrong.

    \b
      scraper schema --output .scraper/schema.json
    and as the first line of the YAML, relative to it:
      # yaml-language-server: $schema=../.scraper/schema.json
    """
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if file is None:
        _output.write(text)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ScraperError(
            f"cannot write the schema {file}: {cause}", remedy="name a file that may be written"
        ) from error
