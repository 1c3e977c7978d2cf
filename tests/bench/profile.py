"""Where a page's microseconds go, by thread and by part, for the css and the soup spider.

python -m tests.bench.profile [--pages 1000] [--only css,soup] [--rate 400]

CPU time is the kernel's, a thread at a time (/proc/PID/task/TID/schedstat, so Linux alone). What of it ran Python is
divided by py-spy's samples of whoever held the interpreter's lock; the rest of a thread's CPU time ran without the
lock: system calls, SQLite, decompression, lxml's parser. Sampling slows the crawl a little, and all parts alike.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.serving import serving
from tests.bench.sides import Job, Side, sides
from tests.bench.site import Site

_LOOK_SECONDS = 0.02

#: The part of the work to which a frame belongs, by thread; the innermost frame of a stack that matches decides.
_PARTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "fetch": (
        (r"(ledger|exchange|domain_connections|deadline|politeness|guard)\.py", "ledger, deadline, connections"),
        (r"engine/frontier/", "frontier: take and give back"),
        (r"scraper/observe/", "events"),
        (
            r"begin \(|getresponse|parse_headers|transport/(response_reader|head_parser)\.py.*(begin|head|fields)",
            "read the head",
        ),
        (r"_Body\.read|_read \(scraper/fetch/http", "read the body"),
        (r"_prepared|prepare|cookies\.py|structures\.py", "prepare"),
        (r"HTTPConnection\.|connectionpool\.py|adapters?\.py|transport/connection\.py|requests/sessions\.py", "send"),
        (r"fetch/(http|domain_session)\.py", "fetch: the rest"),
        (r"engine/", "worker: the rest"),
    ),
    "parse": (
        (r"parse/encoding\.py", "decode"),
        (r"parse/lexbor\.py", "tree"),
        (r"soupsieve/|parse/soup/select(ors)?\.py|\.select(_one)? \(", "select"),
        (r"bs4/|parse/soup/", "soup"),
        (r"parse/links\.py|follow|_target|_base_url", "links"),
        (r"engine/frontier/admission\.py", "admission"),
        (r"scraper/request/", "requests made of links"),
        (r"scraper/(items\.py|pipelines/)|_item \(", "items"),
        (r"scraper/observe/", "events"),
        (r"ours\.py|scraper/response/", "spider"),
        (r"engine/", "parser: the rest"),
    ),
    "main": (
        (r"scraper/exports/", "exports"),
        (r"scraper/store/", "commit: statements"),
        (r"scraper/observe/", "events and progress"),
        (r"scraper/engine/", "loop"),
        (r"scraper/(crawler\.py|runs/)", "crawl: the rest"),
    ),
}
_COMPILED = {
    thread: tuple((re.compile(pattern), part) for pattern, part in rules) for thread, rules in _PARTS.items()
}
_WITHOUT_LOCK = "without the interpreter's lock"
_THREAD = re.compile(r"thread \((\d+)\)(?:: (.*))?")


@dataclass(frozen=True, slots=True)
class Sample:
    """A stack that was seen while it held the interpreter's lock, and how often."""

    thread: int
    name: str
    frames: Sequence[str]
    count: int


def samples_of(lines: Iterable[str]) -> list[Sample]:
    """What py-spy wrote: `thread (7): parse;outer (a.py:1);inner (b.py:2) 12`."""
    found = []
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if not count.isdigit():
            # A stack that was read while it was being exchanged for another.
            continue
        first, *frames = stack.split(";")
        if match := _THREAD.fullmatch(first):
            found.append(Sample(int(match[1]), match[2] or "", frames, int(count)))
    return found


def group_of(sample: Sample) -> str:
    """The kind of work: `fetch`, `parse`, `main` or `others`; `start` for the main thread outside of its crawl."""
    if sample.name.startswith("fetch"):
        return "fetch"
    if sample.name in ("", "MainThread"):
        # A thread has no name until `threading` is imported: that is the main one, at its start.
        return "main" if any("Shard.run" in frame or "Crawl.run" in frame for frame in sample.frames) else "start"
    return sample.name if sample.name in _PARTS else "others"


def part_of(group: str, frames: Sequence[str]) -> str:
    """The part of a thread's work that a stack was in."""
    for frame in reversed(frames):
        for pattern, part in _COMPILED.get(group, ()):
            if pattern.search(frame):
                return part
    return "the rest"


def divide(samples: Iterable[Sample], cpu: Mapping[int, float], rate: float) -> dict[str, Counter[str]]:
    """Seconds of CPU by group and part.

    Args:
        cpu: seconds of each thread, by its number.
        rate: samples a second.
    """
    found: dict[str, Counter[str]] = {group: Counter() for group in ("fetch", "parse", "main", "start", "others")}
    left = Counter(cpu)
    homes: dict[int, str] = {}
    for sample in samples:
        group = group_of(sample)
        seconds = sample.count / rate
        found[group][part_of(group, sample.frames)] += seconds  # type: ignore[assignment]
        left[sample.thread] -= seconds  # type: ignore[assignment]
        if homes.get(sample.thread) != "main":
            homes[sample.thread] = sample.name if sample.name in _PARTS else group
    for thread, seconds in left.items():
        # A sample stands for a whole period: a thread that did little may seem to have had more than it had.
        found[homes.get(thread, "others")][_WITHOUT_LOCK] += max(0.0, seconds)  # type: ignore[assignment]
    return found


def table(found: Mapping[str, Mapping[str, float]], pages: int) -> str:
    """The division in microseconds a page; what is spent once, whatever the pages, is apart."""
    begun = sum(found["start"].values())
    at_work = {group: parts for group, parts in found.items() if group != "start"}
    whole = sum(sum(parts.values()) for parts in at_work.values())
    lines = []
    for group, parts in at_work.items():
        total = sum(parts.values())
        lines.append(f"{group:<42}{total / pages * 1e6:>10,.0f}{total / whole:>8.1%}")
        lines += [
            f"    {part:<38}{seconds / pages * 1e6:>10,.0f}{seconds / whole:>8.1%}"
            for part, seconds in sorted(parts.items(), key=lambda entry: -entry[1])
        ]
    lines.append(f"{'all':<42}{whole / pages * 1e6:>10,.0f}")
    lines.append(f"and once, to start and to end: {begun:.2f} s")
    return "\n".join(lines)


class _Clocks:
    """The CPU time of each thread of the one child of a process."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self.seconds: dict[int, float] = {}
        self.stop = threading.Event()

    def watch(self) -> None:
        while not self.stop.wait(_LOOK_SECONDS):
            for children in Path("/proc").glob(f"{self._parent}/task/*/children"):
                for child in _text(children).split():
                    self._look(Path("/proc") / child / "task")

    def _look(self, tasks: Path) -> None:
        for clock in tasks.glob("*/schedstat"):
            if text := _text(clock):
                self.seconds[int(clock.parent.name)] = int(text.split()[0]) / 1e9


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        # What it told of has ended.
        return ""


def profile(side: Side, starts: Sequence[str], rate: int) -> dict[str, Counter[str]]:
    """Crawl once under py-spy."""
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        sys.exit("py-spy is not installed; make profile installs it")
    with tempfile.TemporaryDirectory() as name:
        job = Job(starts, Path(name))
        raw = job.folder / "samples.txt"
        options = ["--format", "raw", "--threads", "--gil", "--rate", str(rate), "-o", str(raw)]
        command = [spy, "record", *options, "--", *side.command(job)]
        with subprocess.Popen(
            command, cwd=job.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            clocks = _Clocks(process.pid)
            watcher = threading.Thread(target=clocks.watch, daemon=True)
            watcher.start()
            said, _ = process.communicate()
            clocks.stop.set()
            watcher.join()
        if process.returncode or not raw.exists():
            sys.exit(f"py-spy ended with code {process.returncode}:\n{said.decode(errors='replace')[-2_000:]}")
        return divide(samples_of(raw.read_text(encoding="utf-8").splitlines()), clocks.seconds, rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--only", default="css,soup", help="sides, as make bench names them")
    parser.add_argument("--rate", type=int, default=400, help="samples a second")
    options = parser.parse_args()
    if not Path("/proc/self/task").is_dir():
        sys.exit("this reads the clocks of threads from /proc, which Linux alone has")
    site = Site("one", options.pages)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        work.chmod(0o755)
        (work / "root").mkdir()
        (work / "nginx").mkdir()
        site.write(work / "root")
        everybody = sides(work)
        with serving(work / "root", work / "nginx") as shops:
            for one in options.only.split(","):
                found = profile(everybody[one], shops.urls([site]), options.rate)
                print(f"\n{everybody[one].title}, {options.pages:,} pages: microseconds of CPU a page\n")
                print(table(found, options.pages), flush=True)


if __name__ == "__main__":
    main()
