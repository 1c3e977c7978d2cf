"""`scraper ui`: the crawls of a folder in a browser."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._signals import EXIT_CODES
from scraper.errors import UsageError
from scraper.observe.text import plain
from scraper.optional_dependencies import package

#: The environment variable with the token that is demanded; letters that it has at the least.
_TOKEN, _SHORTEST = "SCRAPER_UI_TOKEN", 16


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(ui)


def ui(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR|SITE.yaml", help="The folder with the YAML files of crawls.", show_default=False),
    ],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where to listen.")] = 8799,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen; others than loopback demand a token."),
    ] = "127.0.0.1",
    names: Annotated[
        list[str],
        typer.Option(
            "--name",
            metavar="NAME",
            help="A host name by which browsers may ask for it, such as that of a proxy; may be given again.",
            show_default=False,
        ),
    ] = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Show the crawls of a folder in a browser, and what those at work do now.

    It reads their stores, holds up no crawl, and steers nothing but: run now, stop, retry failures, pause and resume
    the schedule, each asked twice. It listens on this machine alone. Elsewhere it demands a token, which it prints,
    or takes from SCRAPER_UI_TOKEN; where that is set, it is demanded on this machine, too. Needs the extra `ui`.

    \b
      scraper ui config/
      scraper ui config/ --port 9000
      scraper ui config/ --host 0.0.0.0 --name crawls.acme.example
    """
    for module in ("starlette", "uvicorn"):
        package(module, "ui", "scraper ui")
    from scraper.ui.server import LOOPBACK, serve

    token = os.environ.get(_TOKEN) or None
    if token is not None and len(token) < _SHORTEST:
        raise UsageError(f"{_TOKEN} is too short", remedy=f"give it {_SHORTEST} letters or more")
    if token is None and host not in LOOPBACK:
        token = secrets.token_urlsafe(24)
        _output.write(f"token: {token}\n")
    # The server takes signals while it runs, and raises them again when it has ended.
    for number in EXIT_CODES:
        signal.signal(number, _leave)
    serve(folder, host, port, names, token, lambda line: _output.say(plain(line)))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_CODES[number])
