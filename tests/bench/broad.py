"""Broad crawls: many domains that answer after a second, each asked for one page at a time."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.board import Reading, Verdict
from tests.bench.broad_server import hosts, site
from tests.bench.serving import Asked
from tests.bench.sides import Job, Side
from tests.bench.site import digest
from tests.proofs import manners

_ROOT = Path(__file__).parents[2]
LATENCY = 1.0
#: Files a process needs beside its connections.
_OTHER_FILES = 100


@dataclass(frozen=True, slots=True)
class Crawl:
    """One of the broad crawls; each domain may be asked once a second at the most, by its latency or its delay.

    Attributes:
        pages: products of each domain; its index comes on top.
        sides: who does it.
    """

    title: str
    domains: int
    pages: int
    in_all: int
    delay: float
    sides: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Pages a second that the domains could give."""
        return self.domains / max(LATENCY, self.delay)


CRAWLS = (
    Crawl("200 domains, 1 s latency", 200, 30, 256, 0.0, ("css", "aiohttp-broad", "tuned", "crawlee-parsel")),
    Crawl("1,000 domains, 1 s latency", 1_000, 20, 1_000, 0.0, ("css", "aiohttp-broad", "tuned")),
    Crawl("200 domains, 1 s latency, 1 s delay", 200, 30, 256, 1.0, ("css", "tuned")),
)
#: A page took so long (CPU seconds) with nobody here.
_PATIENCE = 0.02
_Took = dict[tuple[str, str], list[Reading]]


def measure(sides: dict[str, Side], rounds: int) -> tuple[list[Verdict], str]:
    """The rows of the board, and a table of the sides as Markdown."""
    took: _Took = defaultdict(list)
    for crawl in CRAWLS:
        names = [name for name in crawl.sides if name in sides]
        if not _may_open(2 * crawl.domains + _OTHER_FILES):
            print(f"{crawl.title}: `ulimit -n` is too low for it, and may not be raised", flush=True)
            continue
        with _serving(crawl) as server:
            for number in range(rounds):
                for name in names:
                    reading = _crawl(sides[name], crawl, server)
                    took[crawl.title, name].append(reading)
                    print(
                        f"round {number + 1}  {crawl.title:<36} {sides[name].title:<44} {reading.served:>5,.0f} "
                        f"pages/s by the log  {reading.measured.cpu:>6.2f} s CPU  {reading.peak:>4.0f} MB",
                        flush=True,
                    )
    return [*_verdicts(took), _gaps()], _table(took, sides)


def _verdicts(took: _Took) -> list[Verdict]:
    def rate(crawl: Crawl) -> float | None:
        readings = took.get((crawl.title, "css"))
        return median(one.served for one in readings) if readings else None

    first, large, paced = CRAWLS
    peaks = [one.peak for one in took.get((large.title, "css"), ())]
    found = []
    for crawl, against, target in ((first, first.rate, 0.93), (large, 500.0, 1.0), (paced, paced.rate, 0.9)):
        pages = rate(crawl)
        ratio = None if pages is None else pages / against
        note = "" if pages is None else f"{pages:,.0f} pages/s"
        found.append(Verdict(f"css, {crawl.title}", f"{against:.0f} pages/s", ratio, target, note=note))
    peak = median(peaks) if peaks else None
    ratio, note = (None, "") if peak is None else (peak / 250, f"{peak:.0f} MB")
    found.append(Verdict(f"peak memory, css, {large.title}", "250 MB", ratio, 1.0, at_most=True, note=note))
    return found


def _gaps() -> Verdict:
    options = manners.options_of([])
    smallest, _, share = manners.measure(options)
    kept = "never less" if smallest >= options.delay else "**less than the delay**"
    return Verdict(
        f"{options.domains} domains, {options.delay * 1000:.0f} ms delay",
        "ideal / span",
        share if smallest >= options.delay else 0.0,
        0.99,
        note=f"{smallest * 1000:.2f} ms before each send at the least: {kept}",
    )


def _table(took: _Took, sides: dict[str, Side]) -> str:
    lines = [
        "| crawl | side | pages/s by the log | of what they could give | CPU, ms/page | peak, MB | connections |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for crawl in CRAWLS:
        for name in crawl.sides:
            if not (readings := took.get((crawl.title, name))):
                continue
            rate = median(one.served for one in readings)
            cells = [
                f"{rate:,.0f}",
                f"{rate / crawl.rate:.2f}",
                f"{median(one.measured.cpu * 1000 / one.pages for one in readings):.2f}",
                f"{median(one.peak for one in readings):.0f}",
                f"{median(one.asked.connections for one in readings):.0f}",
            ]
            lines.append(f"| {crawl.title} | {sides[name].title} | {' | '.join(cells)} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Server:
    process: subprocess.Popen[str]
    starts: Sequence[str]

    def asked(self) -> dict[str, float]:
        """What it was asked since this was called last."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said: dict[str, float] = json.loads(self.process.stdout.readline())
        return said


@contextlib.contextmanager
def _serving(crawl: Crawl) -> Iterator[_Server]:
    command = [sys.executable, "-m", "tests.bench.broad_server", str(crawl.domains), str(crawl.pages), str(LATENCY)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            if not port:
                sys.exit("the server of many domains does not start")
            start = site(crawl.pages).start
            yield _Server(process, [f"http://{host}:{port}{start}" for host in hosts(crawl.domains)])
        finally:
            process.stdin.close()
            process.terminate()


def _crawl(side: Side, crawl: Crawl, server: _Server) -> Reading:
    shop, pages = site(crawl.pages), crawl.domains * (crawl.pages + 1)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(server.starts, Path(folder), a_domain=1, in_all=crawl.in_all, delay=crawl.delay)
        measured = side.crawl(job, 60 + 10 * crawl.pages + _PATIENCE * pages)
        asked = server.asked()
        if measured.code != 0:
            sys.exit(f"{side.title} ended with code {measured.code}:\n{job.said()}")
        items = job.items()
        if digest(items) != digest([*shop.items()] * crawl.domains) or asked["pages"] != pages:
            sys.exit(
                f"{side.title} asked for {asked['pages']} pages of {pages} and brought home {len(items)} items, "
                f"and not those that there are:\n{job.said()}"
            )
    return Reading(pages, measured, Asked(int(asked["requests"]), int(asked["connections"]), asked["seconds"]))


def _may_open(files: int) -> bool:
    """Tell whether processes begun from here may have so many files open; they may from now on, if that can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        if hard != resource.RLIM_INFINITY and hard < files:
            return False
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return True
