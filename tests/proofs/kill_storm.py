"""Crawls killed with SIGKILL at random moments, each resumed by the same command.

    python -m tests.proofs.kill_storm [--crawls 5] [--kills 8] [--processes 1] [--parsers 0] [--domains 3]
        [--seed 1]

Of every crawl: all pages have their item, none has it twice, the store is sound and the export parses whole.
The documentation of PostgreSQL is served by nginx; the demo shop, with its login area, by itself.

With several processes the documentation is crawled on several domains, and what is killed is a shard, the
coordinator, or both; a coordinator whose shard was killed goes on by itself. With parsers those of one process are
killed too, and the crawl goes on by itself.
"""

from __future__ import annotations

import argparse
import contextlib
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
_GIVE_UP_SECONDS = 180
#: A shard whose coordinator was killed is gone within this time; one that just began, once its modules are imported.
_LEAVE_SECONDS = 8.0


class Storm:
    """One crawl, killed a number of times.

    Args:
        command: begins the crawl and resumes it.
        longest: seconds that it is left alone between two kills, at the most.
        workers: what its other processes are, "shard" or "parser"; they are killed too. "" where there are none.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], longest: float, workers: str = "") -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._longest = longest
        self._workers = workers
        self.killed = 0
        #: How often what was killed.
        self.victims = {workers: 0, "coordinator": 0, "both": 0} if workers else {"crawl": 0}

    def run(self, kills: int, chance: random.Random) -> None:
        """Kill it `kills` times, then let it end."""
        process = self._start()
        while self.killed < kills:
            try:
                code = process.wait(chance.uniform(0.3, self._longest))
            except subprocess.TimeoutExpired:
                victim = chance.choice(list(self.victims))
                if self._kill(process, victim, chance):
                    self.killed += 1
                    self.victims[victim] += 1
                if process.returncode is not None:
                    process = self._start()
            else:
                raise AssertionError(f"it ended by itself ({code}) after {self.killed} kills:\n{self._output()}")
        code = process.wait(_GIVE_UP_SECONDS)
        assert code == 0, f"exit {code} after {self.killed} kills:\n{self._output()}"

    def _kill(self, process: subprocess.Popen[bytes], victim: str, chance: random.Random) -> bool:
        """Returns whether there was such a victim: a worker takes a moment to be there."""
        workers = workers_of(process.pid) if self._workers else []
        if victim in (self._workers, "both"):
            if not workers:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
        if victim != self._workers:
            process.kill()
            process.wait()
            assert leave(workers, _LEAVE_SECONDS), f"a {self._workers} outlived its crawl:\n{self._output()}"
        return True

    def _start(self) -> subprocess.Popen[bytes]:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (read when it fails)
        return subprocess.Popen(self._command, env=self._environment, stdout=self._log, stderr=self._log, cwd=ROOT)

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]


def workers_of(crawl: int) -> list[int]:
    """The processes that a crawl started and that are alive, without the one that forks them, where there is one."""
    alive = {each: parent for each, (parent, state) in _all_processes().items() if state != "Z"}
    children = [each for each, parent in alive.items() if parent == crawl]
    if sys.platform == "linux":
        return [each for each, parent in alive.items() if parent in children]
    return children


def leave(processes: list[int], within: float) -> bool:
    """Whether these processes are gone soon."""
    deadline = time.monotonic() + within
    while True:
        living = {each for each, (_, state) in _all_processes().items() if state != "Z"}
        if living.isdisjoint(processes):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def _all_processes() -> dict[int, tuple[int, str]]:
    """By number: the parent, and the state in a letter."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,state="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(row[0]): (int(row[1]), row[2][:1]) for row in rows}


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


def documentation(
    hosts: list[str],
    server: Nginx,
    pages: set[str],
    kills: int,
    chance: random.Random,
    processes: int,
    parsers: int,
) -> Storm:
    """The PostgreSQL manual, on each of these addresses."""
    urls = [server.url.replace("127.0.0.1", host) for host in hosts]
    with tempfile.TemporaryDirectory() as name:
        sets = (
            "politeness.delay=0",
            "politeness.concurrency=8",
            f"start_urls=[{', '.join(f'{url}/index.html' for url in urls)}]",
            f"engine.processes={processes}",
            f"engine.parsers={parsers}",
        )
        workers = "shard" if processes > 1 else "parser" if parsers else ""
        # Workers take a while to be there.
        longest = 1.6 if workers else 0.8
        storm = Storm(command("docs.yaml", Path(name), *sets), {"DOCS_PRIVATE": "true"}, longest, workers)
        storm.run(kills, chance)
        check(Path(name), "url", {f"{url}/{page}" for url in urls for page in pages})
    return storm


def shop_with_login(kills: int, chance: random.Random, parsers: int) -> None:
    """The demo shop: no page behind its login is lost to a forgotten cookie."""
    with tempfile.TemporaryDirectory() as name, Shop() as shop:
        sets = ("politeness.delay=30ms", f"engine.parsers={parsers}")
        workers = "parser" if parsers else ""
        storm = Storm(command("demo.yaml", Path(name), *sets), {"DEMO_URL": shop.url}, 1.6, workers)
        storm.run(kills, chance)
        products = {product.sku for product in (*ALL_PRODUCTS, *MEMBER_PRODUCTS)}
        check(Path(name), "sku", products)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crawls", type=int, default=4, help="crawls of each site")
    parser.add_argument("--kills", type=int, default=5, help="kills in each crawl")
    parser.add_argument("--processes", type=int, default=1, help="of each crawl; with several, shards are killed too")
    parser.add_argument(
        "--parsers", type=int, default=0, help="of each process; those of a single one are killed too"
    )
    parser.add_argument(
        "--domains", type=int, default=3, help="of the documentation, where there are processes for it"
    )
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    total = 0
    # The shop is one domain, which one process crawls.
    for number in range(options.crawls if options.processes == 1 else 0):
        shop_with_login(options.kills, chance, options.parsers)
        total += options.kills
        print(f"shop {number + 1}: {options.kills} kills, every product once", flush=True)
    folder = docs_root("postgresql-doc-15")
    if folder is None or not have_nginx():
        sys.exit("nginx or postgresql-doc-15 is not installed: the documentation was not crawled")
    pages = {path.name for path in folder.glob("*.html")}
    hosts = [f"127.0.0.{number + 1}" for number in range(1 if options.processes == 1 else options.domains)]
    for number in range(options.crawls):
        with tempfile.TemporaryDirectory() as work, Nginx(folder, Path(work), more_hosts=hosts[1:]) as server:
            storm = documentation(hosts, server, pages, options.kills, chance, options.processes, options.parsers)
        total += storm.killed
        killed = ", ".join(f"{victim} {count}" for victim, count in storm.victims.items())
        print(f"documentation {number + 1}: killed {killed}; {len(pages)} pages once on each of {hosts}", flush=True)
    print(f"{total} kills in {time.monotonic() - began:.0f} s: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
