"""A terminal of so many columns and lines, with the command in it: what is on its screen, and what scrolled away."""

from __future__ import annotations

import os
import re
import select
import struct
import sys
import time
from pathlib import Path

from tests.crawl.commands import GIVE_UP, environment

_TOKEN = re.compile(r"\x1b\[(?P<values>[0-9;?]*)(?P<what>[A-Za-z])|\x1b[=>]|\r|\n|[^\x1b\r\n]+")


class Screen:
    """The lines of a terminal, as the control sequences that rich writes leave them."""

    def __init__(self, columns: int = 80, height: int = 24) -> None:
        self.columns = columns
        self.height = height
        self.lines = [""] * height
        #: Lines that left the screen at its top, and when (seconds).
        self.scrolled: list[tuple[float, str]] = []
        #: All lines that were there at some time.
        self.seen: set[str] = set()
        self._row = self._column = 0
        self._rest = ""

    def write(self, text: str, at: float = 0.0) -> None:
        text = self._rest + text
        # A sequence that has not come whole.
        cut = text.rfind("\x1b", len(text) - 12 if len(text) > 12 else 0)
        whole = cut < 0 or _TOKEN.match(text, cut) is not None
        text, self._rest = (text, "") if whole else (text[:cut], text[cut:])
        for token in _TOKEN.finditer(text):
            if token["what"] in ("A", "K"):
                # What is about to be drawn again.
                self.seen.update(line.rstrip() for line in self.lines)
            self._take(token, at)

    def _take(self, token: re.Match[str], at: float) -> None:
        said, what = token.group(), token["what"]
        count = int(token["values"]) if token["values"] and token["values"].isdigit() else 1
        if said == "\r":
            self._column = 0
        elif said == "\n":
            self._down(at)
        elif what == "A":
            self._row = max(0, self._row - count)
        elif what == "K":
            self.lines[self._row] = "" if token["values"] == "2" else self.lines[self._row][: self._column]
        elif not said.startswith("\x1b"):
            self._print(said, at)

    def _print(self, text: str, at: float) -> None:
        for letter in text:
            if self._column == self.columns:
                self._column = 0
                self._down(at)
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + letter + line[self._column + 1 :]
            self._column += 1

    def _down(self, at: float) -> None:
        if self._row == self.height - 1:
            self.scrolled.append((at, self.lines.pop(0)))
            self.lines.append("")
        else:
            self._row += 1

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def all_text(self) -> str:
        return "\n".join([*(line.rstrip() for _, line in self.scrolled), self.text])


def run_in_terminal(*arguments: str | Path, cwd: Path, **more: str) -> tuple[int, Screen]:
    """Run `python -m scraper` in a terminal of 80 x 24; returns its exit code and what is on the screen."""
    import fcntl
    import pty
    import termios

    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            kept = {**environment(**more), "TERM": "xterm-256color", "NO_COLOR": "1"}
            os.execve(sys.executable, [sys.executable, "-m", "scraper", *map(str, arguments)], kept)
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    screen, began = Screen(), time.monotonic()
    try:
        while time.monotonic() - began < GIVE_UP:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            try:
                read = os.read(terminal, 65536)
            except OSError:  # the command has ended
                break
            if not read:
                break
            screen.write(read.decode("utf-8", "replace"), time.monotonic() - began)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen
