"""A crawl and three workers on a store in PostgreSQL, killed and stopped at random, and the database with them.

    python -m tests.proofs.fleet_storm [--kills 55] [--pages 350] [--delay 0.2] [--workers 3] [--seed 1] [--shop]
        [--processes 1]

Eight domains with a delay, each a server of its own. Workers, the crawl, both, and the database's server are killed
with SIGKILL; workers and the crawl are stopped for longer than their leases last, and let go on. By the servers' logs
no two processes have a domain at once, and none is sent to before its delay is over; all pages have their item, once,
and the export is that of a crawl that nothing befell. With --shop it is the demo shop with its login instead.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from scraper.demo import example
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.crawl.commands import made_project, site_of
from tests.servers.keepalive import PageServer
from tests.servers.postgres import Postgres

HOSTS = [f"127.0.0.{number}" for number in range(1, 9)]
#: A lease lasts 12 seconds.
_STOPPED_SECONDS = 14.0
_GIVE_UP_SECONDS = 300.0
#: A server notes a request when it gets the interpreter, which all servers of this process share.
_LATE_SECONDS = 0.03
MORE = """
store: "{url}"
exports: [out/site.jsonl]
items: {{item: {{key: [{key}]}}}}
retry: {{attempts: 6, backoff: 100ms}}
revisit: {{conditional: false}}
"""


class Storm:
    """The processes of one crawl, and what befalls them.

    Args:
        site: the YAML in a project's folder.
        sets: options --set.
    """

    def __init__(self, folder: Path, site: str, sets: list[str], database: Postgres, workers: int) -> None:
        self._folder, self._site, self._database = folder, site, database
        self._sets = [word for text in sets for word in ("--set", text)]
        self._names = ["crawl", *(f"worker {number}" for number in range(workers))]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._begins: dict[str, float] = {}
        self._goes_on: dict[str, float] = {}
        self.befell: Counter[str] = Counter()

    def run(self, kills: int, chance: random.Random) -> None:
        """Let so much befall it, then let it end."""
        self._begins = dict.fromkeys(self._names, 0.0)
        next_at = time.monotonic() + 3.0
        until = None
        while True:
            self._look_after()
            if self._result() is not None:
                break
            if sum(self.befell.values()) >= kills:
                until = until or time.monotonic() + _GIVE_UP_SECONDS
                assert time.monotonic() < until, f"it does not end:\n{self._said()}"
            elif time.monotonic() > next_at:
                self._befall(chance)
                next_at = time.monotonic() + chance.uniform(0.5, 3.0)
            time.sleep(0.1)
        assert sum(self.befell.values()) >= kills, f"it ended before {kills} mishaps: take more pages"
        self._end()

    def _look_after(self) -> None:
        """Start what was killed, let go on what was stopped."""
        now = time.monotonic()
        for name, at in list(self._goes_on.items()):
            if now > at:
                del self._goes_on[name]
                if name in self._running:
                    self._running[name].send_signal(signal.SIGCONT)
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                del self._running[name]
                # The end of the run is looked for before.
                self._begins[name] = now + 1.0
                if process.returncode not in (0, -signal.SIGKILL):
                    lines = (self._folder / f"{name}.log").read_text("utf-8", "replace").splitlines()
                    print(f"{name} ended with {process.returncode}: {lines[-1] if lines else ''}", flush=True)
        for name, at in list(self._begins.items()):
            if now > at and (name != "crawl" or self._result() is None):
                del self._begins[name]
                verb = ["crawl", self._site] if name == "crawl" else ["worker", self._site, "--forever"]
                with (self._folder / f"{name}.log").open("ab") as log:
                    self._running[name] = subprocess.Popen(
                        [sys.executable, "-m", "scraper", *verb, *self._sets, "--log-format", "json"],
                        cwd=self._folder,
                        stdout=log,
                        stderr=log,
                        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                    )

    def _befall(self, chance: random.Random) -> None:
        what = chance.choices(["worker", "crawl", "both", "database", "stop"], [50, 20, 8, 10, 12])[0]
        if what == "database":
            self._database.kill()
            time.sleep(chance.uniform(0.1, 3.0))
            self._database.start()
            self.befell[what] += 1
            return
        alive = [name for name in self._running if name not in self._goes_on]
        workers = [name for name in alive if name != "crawl"]
        if what == "stop" and alive:
            name = chance.choice(alive)
            self._running[name].send_signal(signal.SIGSTOP)
            self._goes_on[name] = time.monotonic() + _STOPPED_SECONDS
            self.befell[what] += 1
        victims = [chance.choice(workers)] if what in ("worker", "both") and workers else []
        victims += ["crawl"] if what in ("crawl", "both") and "crawl" in alive else []
        for name in victims:
            process = self._running.pop(name)
            process.kill()
            process.wait()
            self._begins[name] = time.monotonic() + chance.uniform(0.0, 3.0)
            self.befell[name.partition(" ")[0]] += 1

    def _result(self) -> str | None:
        """Return the result of the run, once it has ended."""
        with contextlib.suppress(psycopg.Error):
            rows = self.rows("select result from runs where id = 1 and ended_at is not null")
            return rows[0][0] if rows else None
        return None

    def rows(self, query: str) -> list[Any]:
        """Return what the store has."""
        with psycopg.connect(self._database.url) as connection:
            connection.execute("SET search_path TO storm")
            return connection.execute(query).fetchall()

    def _end(self) -> None:
        crawl = self._running.pop("crawl", None)
        for name, process in self._running.items():
            if name in self._goes_on:
                process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        if crawl is not None:
            crawl.send_signal(signal.SIGCONT)
            code = crawl.wait(_GIVE_UP_SECONDS)
            assert code in (0, 1), f"exit {code}:\n{self._said()}"
        for process in self._running.values():
            process.wait(60)

    def _said(self) -> str:
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text('utf-8', 'replace')[-3000:]}" for log in logs)


def check_store(storm: Storm, folder: Path, field: str, wanted: set[str]) -> None:
    """Every item once in store and export, and the counts are those of the rows."""
    stored = [json.loads(data)[field] for (data,) in storm.rows("select data from items where run = 1 order by id")]
    assert len(stored) == len(set(stored)), f"{len(stored) - len(set(stored))} items twice"
    assert set(stored) == wanted, f"lost {sorted(wanted - set(stored))[:5]}, extra {sorted(set(stored) - wanted)[:5]}"
    exported = [json.loads(line)[field] for line in (folder / "out/site.jsonl").read_text("utf-8").splitlines()]
    assert sorted(exported) == sorted(stored), f"{len(exported)} exported, {len(stored)} stored"
    ((pages, failed, queued),) = storm.rows("select pages, failed, queued from runs where id = 1")
    states = Counter(state for (state,) in storm.rows("select state from frontier where run = 1"))
    assert (pages, failed, queued) == (states[1], states[2], states[0]) and queued == 0
    assert storm.rows("select count(*) from domains where owner is not null and name <> '*start*'") == [(0,)]


def check_manners(web: list[PageServer], delay: float) -> float:
    """Return the smallest gap between two requests to a domain, after looking that it had one owner at a time."""
    gaps = []
    for server in web:
        log = sorted(server.log, key=lambda record: record.time)
        seen: list[int] = []
        for record in log:
            if not seen or seen[-1] != record.connection:
                assert record.connection not in seen, f"{server.url}: two that send at once, {record.connection}"
                seen.append(record.connection)
        gaps += [after.time - before.time for before, after in itertools.pairwise(log)]
    smallest = min(gaps)
    assert smallest >= delay - _LATE_SECONDS, f"a gap of {smallest * 1000:.1f} ms"
    return smallest


@contextlib.contextmanager
def pages_on(hosts: list[str], pages: int) -> Iterator[list[PageServer]]:
    """Serve pages on each of these addresses."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(PageServer(site_of(pages), host)) for host in hosts]


def many_domains(storm_of: Any, options: argparse.Namespace, chance: random.Random, folder: Path, url: str) -> None:
    with pages_on(HOSTS, options.pages) as web:
        made_project(folder, web[0].url, more=MORE.format(url=url, key="url"))
        site = folder / "site.yaml"
        text = site.read_text("utf-8").replace("delay: 0, concurrency: 2", f"delay: {options.delay}, robots: ignore")
        starts = ", ".join(f"{server.url}/" for server in web)
        site.write_text(text.replace(f"start_urls: [{web[0].url}/]", f"start_urls: [{starts}]"), "utf-8")
        storm = storm_of("site.yaml", [f"engine.processes={options.processes}"])
        storm.run(options.kills, chance)
        wanted = {f"{server.url}/{path}" for server in web for path in ("", *map(str, range(options.pages)))}
        check_store(storm, folder, "url", wanted)
        smallest = check_manners(web, options.delay)
        sent = sum(len(server.log) for server in web)
    print(f"{len(wanted):,} pages of {len(HOSTS)} domains once, {sent:,} requests, one owner at a time")
    print(f"smallest gap {smallest * 1000:.1f} ms, delay {options.delay * 1000:.0f} ms")
    print(f"befell: {dict(storm.befell)}")


def shop(storm_of: Any, options: argparse.Namespace, chance: random.Random, folder: Path, url: str) -> None:
    with Shop() as web:
        os.environ["DEMO_URL"] = web.url
        site = example.write(folder)
        sets = [f"store={url}", "exports=[out/site.jsonl]", f"politeness.delay={options.delay}", "pipelines=[]"]
        storm = storm_of(str(site), sets)
        storm.run(options.kills, chance)
        check_store(storm, folder, "sku", {product.sku for product in (*ALL_PRODUCTS, *MEMBER_PRODUCTS)})
    print(f"every product of the shop once, behind its login too; befell: {dict(storm.befell)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=55, help="and stops")
    parser.add_argument("--pages", type=int, default=350, help="of each domain")
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1, help="of each worker, and of the crawl")
    parser.add_argument("--shop", action="store_true")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    with Postgres() as database, tempfile.TemporaryDirectory() as name:
        folder, url = Path(name), f"{database.url}&schema=storm"

        def storm_of(site: str, sets: list[str]) -> Storm:
            return Storm(folder, site, sets, database, options.workers)

        (shop if options.shop else many_domains)(storm_of, options, random.Random(seed), folder, url)
    print(f"{options.kills} mishaps in {time.monotonic() - began:.0f} s: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
