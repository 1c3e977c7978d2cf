"""A crawl on a disk that takes a second to sync, against the same on this machine's own.

    python -m tests.proofs.slow_disk [--pages 20000] [--sync 1.0] [--share 0.3] [--log 64]

A library made by the C compiler stands before fsync and fdatasync and lets them wait. Asked are: every page once in
the store and the export, the share of the speed that is left, and the largest size of the write-ahead log, in MB.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.proofs.memory import write_site
from tests.proofs.preloaded import slow_syncs
from tests.servers.nginx import Nginx, have_nginx

_CRAWL = """
import json, sys
import scraper

class Shelf(scraper.Spider):
    def parse(self, response):
        yield {"url": response.url, "title": response.css_first("h1").text()}
        for link in response.links():
            yield response.follow(link)

start, folder = sys.argv[1:]
run = scraper.crawl(
    Shelf, start_urls=[start], store=folder + "/s.db", exports=[folder + "/o.jsonl"],
    politeness={"delay": 0, "concurrency": 8}, network={"allow_private": True},
)
print(json.dumps({"pages": run.stats["pages"], "seconds": run.stats["seconds"]}))
"""


@dataclass(frozen=True)
class Crawled:
    """What came of a crawl: pages, pages a second of the whole run, and the largest size of the log in bytes."""

    pages: int
    speed: float
    log: int


def crawl(url: str, folder: Path, environment: Mapping[str, str]) -> Crawled:
    """Crawl from `url`, with this added to the environment; asks that each page is had once."""
    folder.mkdir()
    command = [sys.executable, "-c", _CRAWL, url, str(folder)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    largest = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not ended.wait(0.02):
            try:
                largest = max(largest, (folder / "s.db-wal").stat().st_size)
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    out, _ = process.communicate()
    seconds = time.monotonic() - began
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"the crawl ended with {process.returncode}")
    pages = json.loads(out)["pages"]
    with closing(sqlite3.connect(folder / "s.db")) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        stored = [json.loads(data)["url"] for (data,) in database.execute("select data from items order by id")]
    exported = [json.loads(line)["url"] for line in (folder / "o.jsonl").read_text("utf-8").splitlines()]
    assert len(set(stored)) == len(stored) == pages
    assert exported == stored
    assert not (folder / "s.db-wal").exists()
    return Crawled(pages, pages / seconds, largest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--sync", type=float, default=1.0, help="seconds that a sync takes")
    parser.add_argument(
        "--share", type=float, default=0.3, help="of the speed on a quick disk, asked for on a slow one"
    )
    parser.add_argument("--log", type=float, default=64.0, help="MB that the write-ahead log may take")
    options = parser.parse_args()
    if not have_nginx():
        sys.exit("nginx is not installed")
    with tempfile.TemporaryDirectory() as name:
        site, work = Path(name) / "site", Path(name) / "work"
        site.mkdir()
        work.mkdir()
        Path(name).chmod(0o755)
        environment = slow_syncs(Path(name), options.sync)
        if not environment:
            sys.exit("there is no C compiler, or this is not Linux: syncs cannot be slowed down")
        write_site(site, options.pages, 5)
        with Nginx(site, work) as server:
            quick = crawl(f"{server.url}/0.html", Path(name) / "quick", {})
            slow = crawl(f"{server.url}/0.html", Path(name) / "slow", environment)
    for title, done in (("as it is", quick), (f"a sync takes {options.sync:g} s", slow)):
        print(f"{title}: {done.pages:,} pages once, {done.speed:.0f} pages/s, log {done.log / 1e6:.0f} MB at most")
    if slow.speed < options.share * quick.speed:
        sys.exit(f"less than {options.share:.0%} of the speed is left")
    if slow.log > options.log * 1e6:
        sys.exit(f"the log grew beyond {options.log:g} MB")


if __name__ == "__main__":
    main()
