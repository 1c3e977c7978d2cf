"""What a process costs to start: a crawl of one page, and `scraper --version`, against a bare `import requests`.

python -m tests.proofs.start_cost [--rounds 15] [--crawl 3.0] [--version 1.2]

CPU time, user and system, of whole processes with their children, as the kernel counts it. The server is a process of
its own. Processes take turns, and the median of the ratios of each round counts, since a machine that is slow for a
moment is slow for all of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.servers.keepalive import PageServer

# Bytecode is kept, as it is where something is installed.
_ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_PAGE = "<!DOCTYPE html><title>A book</title><h1>A book</h1><p class=price>£10</p><a href=/other.html>Another</a>"
_SPIDER = '''
from scraper import Spider


class Books(Spider):
    """The one book."""

    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url}
'''
_SITE = """\
name: one
spider: books.py:Books
start_urls: [{server}/]
network: {{allow_private: true}}
exports: [one.jsonl]
"""


def seconds_of(command: list[str], folder: Path) -> float:
    """Return the CPU time of a command and its children; it must succeed."""
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=_ENVIRON, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"FAILED: {' '.join(command)}\n{(folder / 'output.txt').read_text()}")
    return used.ru_utime + used.ru_stime


def crawl(folder: Path) -> float:
    """Return the CPU time of a crawl of the one page, after looking at what it wrote."""
    seconds = seconds_of([sys.executable, "-m", "scraper", "crawl", "site.yaml", "--fresh"], folder)
    written = (folder / "one.jsonl").read_text().splitlines()
    if len(written) != 1 or "A book" not in written[0]:
        sys.exit(f"FAILED: the export holds {written}")
    return seconds


def serve(told: Any) -> None:
    """Serve the page until told to end."""
    with PageServer({"/": _PAGE}) as server:
        told.send(server.url)
        told.recv()


def measure(rounds: int, folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Return the CPU time of `import requests`, of the version and of the crawl, round by round."""
    bare, version, crawls = [], [], []
    for number in range(rounds + 1):
        times = (
            seconds_of([sys.executable, "-c", "import requests"], folder),
            seconds_of([sys.executable, "-m", "scraper", "--version"], folder),
            crawl(folder),
        )
        if number:  # the first round compiles what has no bytecode yet
            for kept, seconds in zip((bare, version, crawls), times, strict=True):
                kept.append(seconds)
    return bare, version, crawls


def compare(name: str, ours: list[float], bare: list[float], most: float) -> bool:
    """Print a ratio, and tell whether it is small enough."""
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    passed = ratio <= most
    print(
        f"{name}: {statistics.median(ours) * 1000:.0f} ms of CPU, {ratio:.2f} times `import requests`"
        f" ({statistics.median(bare) * 1000:.0f} ms); asked for: at most {most:g} times, "
        f"{'met' if passed else 'MISSED'}",
        flush=True,
    )
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--crawl", type=float, default=3.0)
    parser.add_argument("--version", type=float, default=1.2)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "books.py").write_text(_SPIDER)
            (folder / "site.yaml").write_text(_SITE.format(server=ours.recv()))
            bare, version, crawls = measure(options.rounds, folder)
        ours.send(None)
        process.join(10)
    finally:
        process.terminate()
    passed = [
        compare("scraper --version", version, bare, options.version),
        compare("a crawl of one page", crawls, bare, options.crawl),
    ]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
