"""Crawls killed with SIGKILL at random moments, each gone on with by the same command.

    python -m tests.proofs.kill_storm [--crawls 5] [--kills 8] [--seed 1]

Of every crawl: all pages have their item, none has it twice, the store is sound and the export parses whole.
The documentation of PostgreSQL is served by nginx; the demo shop, with its login area, by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.servers.nginx import Nginx, docs_root, have_nginx

ROOT = Path(__file__).parents[2]
_GIVE_UP_SECONDS = 120


class Storm:
    """One crawl, killed a number of times.

    Args:
        command: begins the crawl and goes on with it.
        longest: seconds that it is left alone between two kills, at the most.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], longest: float) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._longest = longest
        self.killed = 0

    def run(self, kills: int, chance: random.Random) -> None:
        """Kill it `kills` times, then let it end."""
        while self.killed < kills:
            process = self._start()
            try:
                code = process.wait(chance.uniform(0.3, self._longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.killed += 1
            else:
                raise AssertionError(f"it ended by itself ({code}) after {self.killed} kills:\n{self._output()}")
        process = self._start()
        code = process.wait(_GIVE_UP_SECONDS)
        assert code == 0, f"exit {code} after {self.killed} kills:\n{self._output()}"

    def _start(self) -> subprocess.Popen[bytes]:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (read when it fails)
        return subprocess.Popen(self._command, env=self._environment, stdout=self._log, stderr=self._log, cwd=ROOT)

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]


def check(folder: Path, field: str, wanted: set[str]) -> None:
    """Every item once in store and export; the store sound."""
    database = sqlite3.connect(folder / "crawl.db")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    # A kill between the end of a run and that of its process is followed by a new run.
    newest = "select data from items where run = (select max(id) from runs) order by id"
    stored = [json.loads(data)[field] for (data,) in database.execute(newest)]
    exported = [json.loads(line)[field] for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    database.close()
    assert len(stored) == len(set(stored)), f"{len(stored) - len(set(stored))} items twice"
    assert set(stored) == wanted, f"lost {sorted(wanted - set(stored))[:5]}, extra {sorted(set(stored) - wanted)[:5]}"
    assert exported == stored
    assert not (folder / "items.jsonl.part").exists()


def command(config: str, folder: Path, *sets: str) -> list[str]:
    """The crawl of a worked example, with its store and export in `folder`."""
    wanted = [f"store={folder / 'crawl.db'}", f"exports=[{folder / 'items.jsonl'}]", *sets]
    flags = [word for text in wanted for word in ("--set", text)]
    return [sys.executable, "-m", "scraper", "crawl", str(ROOT / "config" / config), "--quiet", *flags]


def documentation(server: Nginx, pages: set[str], kills: int, chance: random.Random) -> None:
    """The PostgreSQL manual."""
    with tempfile.TemporaryDirectory() as name:
        sets = ("politeness.delay=0", "politeness.concurrency=8")
        environment = {"DOCS_URL": f"{server.url}/index.html", "DOCS_PRIVATE": "true"}
        storm = Storm(command("docs.yaml", Path(name), *sets), environment, longest=2.0)
        storm.run(kills, chance)
        check(Path(name), "url", {f"{server.url}/{page}" for page in pages})


def shop_with_login(kills: int, chance: random.Random) -> None:
    """The demo shop: no page behind its login is lost to a forgotten cookie."""
    with tempfile.TemporaryDirectory() as name, Shop() as shop:
        storm = Storm(command("demo.yaml", Path(name), "politeness.delay=30ms"), {"DEMO_URL": shop.url}, longest=1.6)
        storm.run(kills, chance)
        products = {product.sku for product in (*ALL_PRODUCTS, *MEMBER_PRODUCTS)}
        check(Path(name), "sku", products)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crawls", type=int, default=4, help="crawls of each site")
    parser.add_argument("--kills", type=int, default=5, help="kills in each crawl")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    total = 0
    for number in range(options.crawls):
        shop_with_login(options.kills, chance)
        total += options.kills
        print(f"shop {number + 1}: {options.kills} kills, every product once", flush=True)
    folder = docs_root("postgresql-doc-15")
    if folder is None or not have_nginx():
        sys.exit("nginx or postgresql-doc-15 is not installed: the documentation was not crawled")
    pages = {path.name for path in folder.glob("*.html")}
    for number in range(options.crawls):
        with tempfile.TemporaryDirectory() as work, Nginx(folder, Path(work)) as server:
            documentation(server, pages, options.kills, chance)
        total += options.kills
        print(f"documentation {number + 1}: {options.kills} kills, {len(pages)} pages once each", flush=True)
    print(f"{total} kills in {time.monotonic() - began:.0f} s: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
