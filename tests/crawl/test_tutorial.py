"""The tutorial, step by step as it is written: its files, its commands, and what they print."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
PORT = "8765"
#: A file that is named above a block, or a block by itself.
_STEP = re.compile(
    r"(?:^`(?P<file>[\w/.-]+)`(?P<more> \(more\))?:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Command:
    """A command line with what the page says it prints."""

    line: str
    printed: str


def commands(block: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        line, _, printed = part.partition("\n")
        yield Command(line, printed)


def pattern(printed: str) -> str:
    """What is printed, with `…` for the rest of a line, and on a line of its own for lines of any number."""
    lines = [
        r"(?:.*\n)*" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in printed.splitlines()
    ]
    return "".join(lines)


class Terminals:
    """Two terminals: one has the shop, the other runs the rest."""

    def __init__(self, folder: Path) -> None:
        binaries = folder / "bin"
        binaries.mkdir()
        command = binaries / "scraper"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scraper "$@"\n')
        command.chmod(0o755)
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SHOP_", "DEMO_"))},
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "COLUMNS": "80",
            "PYTHONPATH": str(PAGE.parents[1]),
        }
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])
        self._shop: subprocess.Popen[str] | None = None

    def write(self, file: str, text: str, *, more: bool) -> None:
        with (self._folder / file).open("a" if more else "w", encoding="utf-8") as written:
            written.write(text.replace(PORT, self._port))

    def run(self, line: str) -> str:
        """Return what a command prints, errors and all."""
        if line.startswith("cd "):
            self._folder /= line.removeprefix("cd ")
            return ""
        if line.startswith("export "):
            self._environment.update([line.removeprefix("export ").split("=")])
            return ""
        if line.startswith("scraper demo --serve"):
            return self._open_shop(line)
        done = subprocess.run(
            ["sh", "-c", line.replace(PORT, self._port)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.stdout.replace(self._port, PORT)

    def _open_shop(self, line: str) -> str:
        self.close()
        self._shop = subprocess.Popen(
            [*line.split(), "--port", self._port],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self._shop.stdout is not None
        return self._shop.stdout.readline().replace(self._port, PORT)

    def close(self) -> None:
        if self._shop is not None:
            self._shop.send_signal(signal.SIGINT)
            self._shop.communicate(timeout=10)


@pytest.mark.skipif(os.name == "nt" or not shutil.which("sh"), reason="its commands are for a POSIX shell")
def test_every_step_prints_what_the_page_says(tmp_path: Path) -> None:
    terminals, ran = Terminals(tmp_path), 0
    try:
        for step in _STEP.finditer(PAGE.read_text(encoding="utf-8")):
            if step["file"]:
                terminals.write(step["file"], step["text"], more=bool(step["more"]))
            elif step["kind"] == "console":
                for command in commands(step["text"]):
                    printed = terminals.run(command.line)
                    assert re.fullmatch(pattern(command.printed), printed), f"$ {command.line}\n{printed}"
                    ran += 1
    finally:
        terminals.close()
    assert ran > 20
