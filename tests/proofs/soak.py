"""A long crawl of many small domains with delays, killed, stopped, cut off and with its clock put back meanwhile.

    python -m tests.proofs.soak [--minutes 20] [--domains 2000] [--files 512] [--plot soak.svg]

100 pages of each domain in 20 minutes, fewer in less. The crawl may open `--files` files. Within the first eighth it
is killed twice and stopped once, each time resumed by the same command; the server is away for some seconds; where
there is a C compiler, the clock of the crawl is set back by an hour, and later right again.

Asked are: every page once in the export, and by the server's log again only where one of these lies between; no slope
of memory and of open files over the second half, without its last minutes: then one domain after the other ends, and
what it took is given back.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression

from tests.bench.broad_server import hosts
from tests.proofs.preloaded import Clock
from tests.proofs.soak_plot import Curve, picture
from tests.proofs.soak_server import RECORD

#: Seconds, and the share by which each is longer at random, so that the domains do not go in step.
_DELAY, _JITTER = 10.5, 0.3
_PAGE_SECONDS = _DELAY * (1 + _JITTER / 2)
_SAMPLE_SECONDS = 2.0
_AWAY_SECONDS = 3.0
_GIVE_UP = 4
#: The part of all pages that is fetched while no domain has come to its end.
_ALL_AT_WORK = 0.9
#: How much the line through the second half may rise in ten minutes: MB of memory, open files.
_MEMORY_SLOPE, _FILES_SLOPE = 1.0, 5.0
_SPIDER = """
from scraper import Spider

class Soak(Spider):
    def parse(self, response):
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""


@dataclass(frozen=True)
class Sample:
    """The crawl at a moment, in seconds since its begin: memory and log in MB."""

    at: float
    memory: float
    files: int
    log: float
    pages: int


class Soak:
    """A server, a crawl of it, and what happens to them.

    Args:
        folder: an empty one.
        domains: so many, each with `pages` pages.
        files: how many files the crawl may open.
    """

    def __init__(self, folder: Path, domains: int, pages: int, files: int) -> None:
        self.folder = folder
        self.domains = domains
        self.pages = pages
        self.samples: list[Sample] = []
        #: What was done: the moment on the clock (seconds since the epoch), and its name.
        self.marks: list[tuple[float, str]] = []
        self._files = files
        self._served = folder / "served.log"
        self._clock = Clock(folder)
        if not self._clock.environment:
            print("there is no C compiler: the clock is left alone", flush=True)
        self._port = 0
        self._server = self._start_server()
        self._write_site()
        self.began = time.time()
        self._crawl = self._start_crawl()

    def _write_site(self) -> None:
        (self.folder / "spiders").mkdir()
        (self.folder / "spiders" / "soak.py").write_text(_SPIDER, encoding="utf-8")
        site = {
            "name": "soak",
            "spider": "spiders/soak.py:Soak",
            "start_urls": [f"http://{host}:{self._port}/0" for host in hosts(self.domains)],
            "store": "soak.db",
            "exports": ["soak.jsonl"],
            "politeness": {"delay": _DELAY, "jitter": _JITTER},
            "network": {"allow_private": True},
        }
        (self.folder / "soak.yaml").write_text(json.dumps(site), encoding="utf-8")

    def _start_server(self) -> subprocess.Popen[str]:
        words = [str(self.domains), str(self.pages), str(self._port), str(self._served)]
        command = [sys.executable, "-m", "tests.proofs.soak_server", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self._port = int(process.stdout.readline())
        return process

    def _start_crawl(self) -> subprocess.Popen[bytes]:
        with (self.folder / "crawl.out").open("ab") as output:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "scraper",
                    "--traceback",
                    "crawl",
                    "soak.yaml",
                    "--quiet",
                    "--log-file",
                    "soak.log",
                ],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(Path.cwd()), **self._clock.environment},
                stdout=output,
                stderr=output,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (self._files, self._files)),
            )

    def run(self, expected: float) -> None:
        """Let it run to its end, which is to be expected after so many seconds; raises SystemExit where it fails."""
        events: list[tuple[float, Callable[[], None]]] = [
            (0.03, self.kill),
            (0.05, self.stop),
            (0.07, self.restart_server),
            (0.085, self.set_clock_back),
            (0.10, self.kill),
            (0.12, self.set_clock_right),
        ]
        while (code := self._crawl.poll()) is None:
            time.sleep(_SAMPLE_SECONDS)
            now = time.time() - self.began
            if now > _GIVE_UP * expected:
                sys.exit(f"it stands still: {self._pages_served():,} pages were served")
            with contextlib.suppress(OSError, StopIteration):  # it ended just now
                self.samples.append(self._sample(now))
            if events and now >= events[0][0] * expected:
                events.pop(0)[1]()
        if code:
            sys.exit(f"the crawl ended with {code}:\n{self._output()}")

    def close(self) -> None:
        """End what is still at work."""
        self._crawl.kill()
        self._server.terminate()
        self._crawl.wait()
        self._server.wait()

    def _mark(self, name: str) -> None:
        self.marks.append((time.time(), name))
        print(f"{time.time() - self.began:6.0f} s: {name}, {self._pages_served():,} pages served", flush=True)

    def kill(self) -> None:
        """End the crawl with SIGKILL, and resume it."""
        self._mark("SIGKILL")
        self._crawl.kill()
        self._crawl.wait()
        self._crawl = self._start_crawl()

    def stop(self) -> None:
        """End the crawl with SIGTERM, and resume it."""
        self._mark("SIGTERM")
        self._crawl.terminate()
        code = self._crawl.wait(15)
        if code != 128 + signal.SIGTERM:
            sys.exit(f"exit {code} after SIGTERM:\n{self._output()}")
        self._crawl = self._start_crawl()

    def restart_server(self) -> None:
        """Let the server be away for some seconds."""
        self._mark("server")
        self._server.terminate()
        self._server.wait()
        time.sleep(_AWAY_SECONDS)
        self._server = self._start_server()

    def set_clock_back(self) -> None:
        """Set the clock of the crawl back by an hour."""
        self._mark("clock -1 h")
        self._clock.set(-3600)

    def set_clock_right(self) -> None:
        """Set the clock of the crawl right."""
        self._mark("clock +1 h")
        self._clock.set(0)

    def _sample(self, now: float) -> Sample:
        process = Path("/proc") / str(self._crawl.pid)
        lines = (process / "status").read_text(encoding="utf-8").splitlines()
        memory = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
        files = len(list((process / "fd").iterdir()))
        log = self.folder / "soak.db-wal"
        size = log.stat().st_size / 1e6 if log.exists() else 0.0
        return Sample(now, memory, files, size, self._pages_served())

    def _output(self) -> str:
        return (self.folder / "crawl.out").read_text(encoding="utf-8")[-4000:]

    def _pages_served(self) -> int:
        return self._served.stat().st_size // RECORD

    # Verdicts --------------------------------------------------------------------------------------------

    def check_pages(self) -> int:
        """Every page once in the export; returns how many the server was asked for more than once."""
        wanted = {
            f"http://{host}:{self._port}/{number}" for host in hosts(self.domains) for number in range(self.pages)
        }
        exported = [json.loads(line)["url"] for line in (self.folder / "soak.jsonl").read_text("utf-8").splitlines()]
        lost = wanted - set(exported)
        assert not lost, f"{len(lost)} pages lost, as {sorted(lost)[:5]}"
        assert len(exported) == len(wanted), f"{len(exported) - len(wanted)} items twice or of no page"
        served = defaultdict(list)
        for line in self._served.read_text(encoding="ascii").splitlines():
            at, page = line.split(" ", 1)
            served[page].append(float(at))
        assert len(served) == len(wanted), f"the server was asked for {len(served)} pages"
        again = {page: times for page, times in served.items() if len(times) > 1}
        for page, times in again.items():
            for first, second in pairwise(times):
                between = any(first <= at + _AWAY_SECONDS and at <= second for at, _ in self.marks)
                assert between, f"page {page} was asked for at {first} and {second}, and nothing lies between"
        return len(again)

    def second_half(self) -> list[Sample]:
        """The samples of it, as long as all domains are at work."""
        half, ends = self.samples[-1].at / 2, self.samples[-1].pages * _ALL_AT_WORK
        return [sample for sample in self.samples if sample.at >= half and sample.pages <= ends]

    def plot(self) -> str:
        """Return memory, log, files and speed over time as an SVG."""
        window = 15  # samples over which the speed is averaged
        speeds = [
            (later.at, (later.pages - earlier.pages) / (later.at - earlier.at))
            for earlier, later in zip(self.samples, self.samples[window:], strict=False)
        ]
        curves = [
            Curve("memory, MB", [(one.at, one.memory) for one in self.samples], "#c2410c"),
            Curve("write-ahead log, MB", [(one.at, one.log) for one in self.samples], "#0f766e"),
            Curve("open files", [(one.at, one.files) for one in self.samples], "#7c3aed"),
            Curve("pages a second", speeds, "#1d4ed8"),
        ]
        return picture(curves, [(at - self.began, name) for at, name in self.marks])


def slope(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """By how much a line through these rises in ten minutes (least squares)."""
    line = linear_regression([sample.at for sample in samples], [figure(sample) for sample in samples])
    return line.slope * 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--domains", type=int, default=2_000)
    parser.add_argument("--files", type=int, default=512, help="how many files the crawl may open (`ulimit -n`)")
    parser.add_argument("--plot", type=Path, default=None, help="where the picture goes")
    options = parser.parse_args()
    pages = max(2, round(options.minutes * 60 / _PAGE_SECONDS))
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), options.domains, pages, options.files)
        try:
            soak.run(pages * _PAGE_SECONDS)
            again = soak.check_pages()
        finally:
            soak.close()
            if options.plot is not None:
                options.plot.write_text(soak.plot(), encoding="utf-8")
    half = soak.second_half()
    memory, files = slope(half, lambda one: one.memory), slope(half, lambda one: one.files)
    print(
        f"{options.domains * pages:,} pages of {options.domains:,} domains in {soak.samples[-1].at / 60:.1f} minutes,"
        f" each once in the export; {again:,} were asked for again after a kill, a stop or the server's restart"
    )
    print(
        f"memory {max(one.memory for one in soak.samples):.0f} MB at most, {memory:+.2f} MB in ten minutes over the"
        f" second half; open files {max(one.files for one in soak.samples)} at most, {files:+.1f}; write-ahead log"
        f" {max(one.log for one in soak.samples):.0f} MB at most;"
        f" {(half[-1].pages - half[0].pages) / (half[-1].at - half[0].at):.0f} pages/s in the second half"
    )
    if memory >= _MEMORY_SLOPE or files >= _FILES_SLOPE:
        sys.exit("it grows")


if __name__ == "__main__":
    main()
