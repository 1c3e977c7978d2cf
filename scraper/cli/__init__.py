"""The command `scraper`: a thin file a family of verbs; what they do is in the rooms that they call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from scraper.cli._importing import importing

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and end the process with its exit code.

    Args:
        arguments: those behind the command's name; None takes the process's.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # Scripts call it, and it needs nothing of the rest.
        from scraper.cli._start import show_version

        sys.exit(show_version())
    with importing():
        from scraper.cli import app
    app.main(words)
