"""Where the command writes: data to standard output, all that is said to people to standard error.

Either may be missing (`pythonw`, a closed descriptor), unable to say a letter, or a pipe that nobody reads.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from scraper.errors import ExportError, ScraperError
from scraper.hiding import hide
from scraper.observe.terminal import Console, console_for
from scraper.observe.text import harmless, plain

#: Says one line.
Tell = Callable[[str], object]


def prepare() -> None:
    """Let both streams write an escape for what their encoding cannot say."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, *, control: str = "") -> None:
    """Text to standard output; on a terminal with escapes for what would do something to that.

    Args:
        control: what does something to it all the same, before the text.

    Raises:
        ScraperError: it cannot be written, since nobody reads it any more or the disk behind it is full.
    """
    if sys.stdout is not None:
        with told():
            sys.stdout.write(control + harmless(text) if is_terminal() else text)
            sys.stdout.flush()


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output as they are, to a terminal as `write` does. Raises what that does."""
    if is_terminal():
        write(data.decode("utf-8", "backslashreplace"))
    elif sys.stdout is not None:
        with told():
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def is_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


class _OnTerminal(io.RawIOBase):
    """Standard output for bytes where it is a terminal, which pages' data are to do nothing to."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        write(self._decoder.decode(bytes(data)))
        return len(data)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Raise a ScraperError where standard output cannot be written."""
    try:
        yield
    except OSError as error:
        raise ScraperError(
            f"cannot write standard output: {error.strerror}", remedy="look at where it is redirected to"
        ) from error


def binary() -> BinaryIO:
    """Standard output for bytes.

    Raises:
        ExportError: there is no standard output.
    """
    if sys.stdout is None:
        raise ExportError("there is no standard output to write to", remedy="name a file instead of -")
    return cast(BinaryIO, _OnTerminal()) if is_terminal() else sys.stdout.buffer


def say(line: str) -> None:
    """Write a line to standard error; where that is closed, to nobody."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{harmless(hide(line))}\n")
            sys.stderr.flush()


def out_console() -> Console:
    """Standard output, with colours where it is a terminal."""
    return console_for(sys.stdout if sys.stdout is not None else io.StringIO())


def error_console() -> Console:
    """Standard error, with colours where it is a terminal."""
    return console_for(sys.stderr if sys.stderr is not None else io.StringIO())


def reader_is_gone(error: BaseException) -> bool:
    """Tell whether an error says that what read standard output has ended, as `head` does."""
    cause = error.__cause__
    return isinstance(error, ScraperError) and isinstance(cause, OSError) and cause.errno == errno.EPIPE


def finish() -> bool:
    """Flush both streams; False where that fails. What nobody reads is not tried again at the interpreter's exit."""
    fine = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            fine = False
            nowhere = os.open(os.devnull, os.O_WRONLY)
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    return fine


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Columns as wide as their widest cell, for a terminal; the first `left` of them flush left, the rest right."""
    lines = [list(heads), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    text = ""
    for line in lines:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text += "  ".join(cells).rstrip() + "\n"
    return text


def path_from_here(folder: Path) -> str:
    """Return a path relative to the current folder where it lies below it, else the whole path."""
    try:
        return folder.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(folder)
