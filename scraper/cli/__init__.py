"""The command `scraper`: a thin file a family of verbs; what they do is in the rooms that they call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and end the process with its exit code.

    Args:
        arguments: those behind the command's name; None takes the process's.
    """
    from scraper.cli import _start

    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # Scripts call it, and it needs nothing of the rest.
        sys.exit(_start.show_version())
    with _start.importing():
        from scraper.cli import app
    app.main(words)
