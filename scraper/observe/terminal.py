"""The console that log, progress and report share, so that their lines do not tear each other."""

from __future__ import annotations

import io
from typing import TextIO

from rich.console import Console


def console_for(stream: TextIO) -> Console:
    """Return a console on `stream` that writes text as it is given, with colours on a terminal only.

    NO_COLOR and TERM=dumb are respected. What the stream's encoding cannot say is written as an escape.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return Console(
        file=stream,
        force_terminal=stream.isatty(),
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def is_live(console: Console) -> bool:
    """Tell whether a display may redraw itself there."""
    return console.is_terminal and not console.is_dumb_terminal
