"""A server that restarts for some seconds in the middle of a crawl, or is down at its start, costs no page.

    python -m tests.proofs.outages [--pages 3000] [--seconds 6]

With one process and with two, of which each has a domain. Asked are: every page in the export once; no page failed,
and none used up an attempt (by the store); and that the server was asked for no page more often than once, but for
those that were on their way when it went (by the server's log).
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from tests.bench.broad_server import hosts
from tests.proofs.soak_server import RECORD

_SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""
#: So that the crawl is in its middle for some seconds.
_DELAY, _CONCURRENCY = 0.003, 8
_GIVE_UP = 180.0


class Shop:
    """Domains on one port, in a process of its own that can be away.

    Args:
        pages: of each domain.
    """

    def __init__(self, folder: Path, domains: int, pages: int) -> None:
        self.domains, self.pages = domains, pages
        self.log = folder / "served.log"
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Serve, on the same port as before."""
        words = [str(self.domains), str(self.pages), str(self.port), str(self.log)]
        command = [sys.executable, "-m", "tests.proofs.soak_server", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Serve no more; what is in its log is written."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @property
    def urls(self) -> set[str]:
        """Every page."""
        return {f"http://{host}:{self.port}/{each}" for host in hosts(self.domains) for each in range(self.pages)}

    def served(self) -> int:
        """How many pages it served, as far as its log is written."""
        return self.log.stat().st_size // RECORD

    def asked(self) -> Counter[str]:
        """How often it was asked for each page: domain and number, as its log has them."""
        return Counter(line.split(" ", 1)[1] for line in self.log.read_text(encoding="ascii").splitlines())


def _project(folder: Path, shop: Shop, processes: int) -> None:
    (folder / "spiders").mkdir()
    (folder / "spiders" / "pages.py").write_text(_SPIDER, encoding="utf-8")
    site = {
        "spider": "spiders/pages.py:Pages",
        "start_urls": [f"http://{host}:{shop.port}/0" for host in hosts(shop.domains)],
        "store": "crawl.db",
        "exports": ["items.jsonl"],
        "politeness": {"delay": _DELAY, "jitter": 0, "concurrency": _CONCURRENCY},
        "network": {"allow_private": True},
        "engine": {"processes": processes},
    }
    (folder / "site.yaml").write_text(json.dumps(site), encoding="utf-8")


def prove(processes: int, pages: int, seconds: float, *, at_start: bool) -> list[str]:
    """Crawl with an outage; return what it cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = Shop(folder, processes, pages // processes)
        _project(folder, shop, processes)
        if at_start:
            shop.stop()
        command = [sys.executable, "-m", "scraper", "crawl", "site.yaml", "--quiet", "--stats", "stats.json"]
        began = time.monotonic()
        crawl = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, stderr=subprocess.DEVNULL
        )
        try:
            while not at_start and shop.served() < pages // 3 and crawl.poll() is None:
                time.sleep(0.05)
            shop.stop()
            served = shop.served()
            time.sleep(seconds)
            if crawl.poll() is not None:
                return [f"the crawl ended within the outage, with {crawl.returncode}"]
            shop.start()
            code = crawl.wait(_GIVE_UP)
        finally:
            crawl.kill()
            shop.stop()
        took = time.monotonic() - began
        return _judge(folder, shop, f"exit {code}, {took:.1f} s, {served:,} served before")


def _judge(folder: Path, shop: Shop, how: str) -> list[str]:
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    exported = [json.loads(line)["url"] for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    with closing(sqlite3.connect(folder / "crawl.db")) as store:
        ((used,),) = store.execute("select count(*) from frontier where attempts > 0")
    asked = shop.asked()
    again = sum(count - 1 for count in asked.values())
    print(
        f"  {how}: {stats['pages']:,} pages, {stats['failed']} failed, {used} used an attempt; the server was asked"
        f" for {len(asked):,} pages, for {again} of them once more",
        flush=True,
    )
    problems = {
        "pages failed": stats["failed"],
        "pages used an attempt": used,
        "pages are not in the export, or twice": len(shop.urls ^ set(exported)) + len(exported) - len(set(exported)),
        "pages were asked for again without need": max(0, again - _CONCURRENCY * shop.domains),
    }
    return [f"{count} {what}" for what, count in problems.items() if count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=3_000)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long the server is away")
    options = parser.parse_args()
    problems = []
    for processes in (1, 2):
        for at_start in (False, True):
            name = f"{processes} at work, the server away {'from the start' if at_start else 'in the middle'}"
            print(name, flush=True)
            found = prove(processes, options.pages, options.seconds, at_start=at_start)
            problems += [f"{name}: {problem}" for problem in found]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
