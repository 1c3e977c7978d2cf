"""The console that log, progress and report share, so that their lines do not tear each other."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

Console: TypeAlias = "RichConsole | PlainConsole"


class PlainConsole:
    """A file or a pipe, on which lines are written as they are. rich is imported for terminals alone."""

    is_terminal = False
    is_dumb_terminal = False

    def __init__(self, file: TextIO) -> None:
        self.file = file


def console_for(stream: TextIO) -> Console:
    """Return a console on `stream` that writes text as it is given, with colours on a terminal only.

    NO_COLOR and TERM=dumb are respected. What the stream's encoding cannot say is written as an escape.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    if not stream.isatty():
        return PlainConsole(stream)
    from rich.console import Console

    return Console(file=stream, force_terminal=True, force_jupyter=False, markup=False, emoji=False, highlight=False)


def is_live(console: Console) -> bool:
    """Tell whether a display may redraw itself there."""
    return console.is_terminal and not console.is_dumb_terminal


def print_line(console: Console, line: str, style: str = "") -> None:
    """Print a line, of a style of rich where there are colours."""
    if isinstance(console, PlainConsole):
        console.file.write(f"{line}\n")
        console.file.flush()
        return
    from rich.text import Text

    console.print(Text(line, style=style), soft_wrap=True)
