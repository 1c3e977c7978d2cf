"""The system's clock set back by an hour, then forward by two: a crawl with retries pending and a schedule go on.

    python -m tests.proofs.clock_steps [--pages 3000]

The whole of a process sees the clock that is set, C libraries too: a small library in C stands before the system's
own, so a C compiler is needed. (Under libfaketime, with a monotonic clock left alone, time.sleep fails.) Every third
page answers 500 at first. Asked are: that the server is never without a request for long, that no page fails, and
that the daemon starts a crawl in the first minute after each step.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.proofs.preloaded import Clock
from tests.servers.keepalive import PageServer

_HOUR = 3_600
_SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""
_DELAY = 0.004
#: Seconds that the server may be without a request: a retry waits for one or two.
_MOST_GAP = 5.0
#: The seconds of the minute that the daemon's clock shows after a step, so that the next slot is near.
_SECOND = 50
_GIVE_UP = 120.0


def _wait(holds: Callable[[], bool], process: subprocess.Popen[Any], what: str) -> float:
    """Wait until it holds; returns for how long, in seconds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > _GIVE_UP or process.poll() is not None:
            process.kill()
            sys.exit(f"{what}: it did not come about within {time.monotonic() - began:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - began


def _is_more(count: Callable[[], int], than: float) -> bool:
    return count() > than


def _environment(clock: Clock) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path.cwd()), **clock.environment}


def _project(folder: Path, url: str, **more: Any) -> None:
    (folder / "spiders").mkdir()
    (folder / "spiders" / "pages.py").write_text(_SPIDER, encoding="utf-8")
    site = {
        "spider": "spiders/pages.py:Pages",
        "start_urls": [f"{url}/"],
        "store": "crawl.db",
        "exports": ["items.jsonl"],
        "network": {"allow_private": True},
        **more,
    }
    (folder / "site.yaml").write_text(json.dumps(site), encoding="utf-8")


def prove_crawl(folder: Path, clock: Clock, pages: int) -> list[str]:
    """Crawl while the clock is set."""
    came: list[float] = []
    asked: set[str] = set()
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(1, pages)).encode()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        came.append(time.monotonic())
        is_first = path not in asked
        asked.add(path)
        if is_first and path != "/" and int(path[1:]) % 3 == 0:
            return 500, {}, b""
        return 200, {"Content-Type": "text/html"}, links if path == "/" else b"x"

    with PageServer(answer) as server:
        politeness = {"robots": "ignore", "delay": _DELAY, "jitter": 0, "concurrency": 4}
        _project(folder, server.url, politeness=politeness)
        command = [sys.executable, "-m", "scraper", "crawl", "site.yaml", "--quiet", "--stats", "stats.json"]
        crawl = subprocess.Popen(command, cwd=folder, env=_environment(clock), stderr=subprocess.DEVNULL)
        try:
            for part, offset in ((0.25, -_HOUR), (0.6, _HOUR)):
                _wait(partial(_is_more, came.__len__, part * pages), crawl, f"{part:.0%} of the pages")
                clock.set(offset)
            code = crawl.wait(_GIVE_UP)
        finally:
            crawl.kill()
    gap = max(later - earlier for earlier, later in pairwise(came))
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    print(
        f"  exit {code}: {stats['pages']:,} pages, {stats['failed']} failed, {stats['retries']:,} retries, in"
        f" {came[-1] - came[0]:.1f} s; the server was without a request for {gap:.2f} s at most",
        flush=True,
    )
    problems = []
    if (code, stats["pages"], stats["failed"]) != (0, pages, 0):
        problems.append(f"the crawl: not all of {pages:,} pages")
    if gap > _MOST_GAP:
        problems.append(f"the crawl: {gap:.1f} s without a request, at most {_MOST_GAP:g}")
    return problems


def prove_schedule(folder: Path, clock: Clock) -> list[str]:
    """Let a daemon work while the clock is set; it is due each minute."""
    with PageServer({"/": "x"}) as server:
        more = {"schedule": {"cron": "* * * * *", "timezone": "UTC"}, "politeness": {"robots": "ignore", "delay": 0}}
        _project(folder, server.url, **more)
        clock.set(0)
        with (folder / "said.txt").open("w", encoding="utf-8") as said:
            command = [sys.executable, "-m", "scraper", "schedule", "run", "."]
            daemon = subprocess.Popen(command, cwd=folder, env=_environment(clock), stdout=said, stderr=said)
        waited = []
        try:
            for offset in (0, -_HOUR, _HOUR):
                if offset:
                    clock.set(round(offset + _SECOND - (time.time() + offset) % 60))
                # Each look at the server's log is a copy of it.
                crawls = partial(_is_more, lambda: len(server.log), len(server.log))
                waited.append(_wait(crawls, daemon, f"a crawl at {offset:+} s"))
        finally:
            daemon.terminate()
            daemon.wait(30)
    print(f"  crawls began {', '.join(f'{seconds:.0f}' for seconds in waited)} s after start and steps", flush=True)
    return [f"the schedule: {seconds:.0f} s without a crawl" for seconds in waited if seconds > 75]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=3_000)
    options = parser.parse_args()
    problems: list[str] = []
    for name, prove in (("a crawl", partial(prove_crawl, pages=options.pages)), ("a schedule", prove_schedule)):
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            clock = Clock(Path(folder))
            if not clock.environment:
                sys.exit("there is no C compiler: the clock cannot be set")
            problems += prove(Path(folder), clock)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
