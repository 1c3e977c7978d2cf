"""A crawl and three workers on a store in PostgreSQL, killed and stopped at random, and the database with them.

    python -m tests.proofs.fleet_storm [--kills 55] [--domains 8] [--delay 0.2] [--workers 3] [--seed 1] [--shop]
        [--processes 1]

PostgreSQL's documentation behind nginx on eight domains with a delay. Workers, the crawl, both, and the database's
server are killed with SIGKILL; workers and the crawl are stopped for longer than their leases last, and let go on. By
nginx's log no two processes have a domain at once, and none is sent to before its delay is over by the kernel's clock
(to see packets takes root); all pages have their
item, once, and the export is that of a crawl that nothing befell. Who decides limits and end is followed by another
one within 30 seconds. With --shop it is the demo shop with its login instead.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from scraper.demo import example
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.proofs.fleet_processes import (
    SCHEMA,
    Processes,
    check_owners,
    check_store,
    docs_sets,
    documentation_project,
    smallest_gap,
    undisturbed,
)
from tests.servers.arrivals import Arrivals, can_listen
from tests.servers.nginx import Nginx, docs_root, have_nginx
from tests.servers.postgres import Postgres

#: A lease lasts 12 seconds.
_STOPPED_SECONDS = 14.0

#: Begins the processes of a crawl: `(site, sets)`.
Begin = Callable[[str, Iterable[str]], Processes]


class Storm:
    """What befalls the processes of a crawl, and the database."""

    def __init__(self, processes: Processes, database: Postgres, chance: random.Random) -> None:
        self._processes, self._database, self._chance = processes, database, chance
        self.befell: Counter[str] = Counter()

    def run(self, kills: int) -> None:
        """Let so much befall them, then let the run end."""
        next_at = time.monotonic() + 3.0
        try:
            while sum(self.befell.values()) < kills:
                self._processes.tend()
                if time.monotonic() > next_at:
                    assert self._processes.result() is None, f"it ended before {kills} mishaps: take a longer delay"
                    self._befall()
                    next_at = time.monotonic() + self._chance.uniform(0.5, 3.0)
                time.sleep(0.1)
            self._processes.wait_for_end()
        finally:
            self._processes.end()

    def _befall(self) -> None:
        chance = self._chance
        what = chance.choices(["worker", "crawl", "both", "database", "stop"], [50, 20, 8, 10, 12])[0]
        if what == "database":
            self._database.kill()
            time.sleep(chance.uniform(0.1, 3.0))
            self._database.start()
            self.befell[what] += 1
            return
        alive = self._processes.alive()
        workers = [name for name in alive if name != "crawl"]
        if what == "stop" and alive:
            self._processes.stop(chance.choice(alive), _STOPPED_SECONDS)
            self.befell[what] += 1
        victims = [chance.choice(workers)] if what in ("worker", "both") and workers else []
        victims += ["crawl"] if what in ("crawl", "both") and "crawl" in alive else []
        for name in victims:
            self._processes.kill(name, again_in=chance.uniform(0.0, 3.0))
            self.befell[name.partition(" ")[0]] += 1


StormOf = Callable[[Processes], Storm]


def documentation(begin: Begin, storm_of: StormOf, options: argparse.Namespace, url: str) -> None:
    pages = docs_root("postgresql-doc-15")
    if pages is None or not have_nginx() or not can_listen():
        sys.exit("the documentation was not crawled: that takes nginx, postgresql-doc-15, and the rights of root")
    hosts = [f"127.0.0.{number + 1}" for number in range(options.domains)]
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as work,
        Nginx(pages, Path(work), more_hosts=hosts[1:]) as web,
    ):
        urls = [web.url.replace("127.0.0.1", host) for host in hosts]
        site = documentation_project(Path(folder))
        as_wanted = undisturbed(site, urls)
        before = len(web.log())
        out = Path(folder) / "docs.jsonl"
        more = f"politeness.delay={options.delay}", f"engine.processes={options.processes}"
        processes = begin(str(site), docs_sets(urls, url, out, *more))
        storm = storm_of(processes)
        with Arrivals(web.port) as arrivals:
            storm.run(options.kills)
        check_store(processes, out, "url", {f"{url}/{page.name}" for url in urls for page in pages.glob("*.html")})
        assert sorted(out.read_text("utf-8").splitlines()) == as_wanted, "the export is not that of a calm crawl"
        log = web.log()[before:]
        check_owners(log)
        smallest = smallest_gap(arrivals.log(), options.delay)
        assert len(arrivals.log()) >= len(log) > len(as_wanted)
    print(f"{len(as_wanted):,} pages of {len(hosts)} domains once, as undisturbed; {len(log):,} requests, one owner")
    print(f"smallest gap {smallest * 1000:.1f} ms, delay {options.delay * 1000:.0f} ms")
    print(f"longest without one who decides {processes.longest_without_role:.1f} s; befell: {dict(storm.befell)}")


def shop(begin: Begin, storm_of: StormOf, options: argparse.Namespace, url: str) -> None:
    with tempfile.TemporaryDirectory() as name, Shop() as web:
        os.environ["DEMO_URL"] = web.url
        site, out = example.write(Path(name)), Path(name) / "site.jsonl"
        sets = [f"store={url}", f"exports=[{out}]", f"politeness.delay={options.delay}", "pipelines=[]"]
        processes = begin(str(site), sets)
        storm = storm_of(processes)
        storm.run(options.kills)
        check_store(processes, out, "sku", {product.sku for product in (*ALL_PRODUCTS, *MEMBER_PRODUCTS)})
    print(f"every product of the shop once, behind its login too; befell: {dict(storm.befell)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=55, help="and stops")
    parser.add_argument("--domains", type=int, default=8)
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1, help="of each worker, and of the crawl")
    parser.add_argument("--shop", action="store_true")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    names = ["crawl", *(f"worker {number}" for number in range(options.workers))]
    with Postgres() as database, tempfile.TemporaryDirectory() as folder:

        def begin(site: str, sets: Iterable[str]) -> Processes:
            return Processes(Path(folder), site, sets, database, dict.fromkeys(names, ()))

        def storm_of(processes: Processes) -> Storm:
            return Storm(processes, database, random.Random(seed))

        (shop if options.shop else documentation)(begin, storm_of, options, f"{database.url}&schema={SCHEMA}")
    print(f"{options.kills} mishaps in {time.monotonic() - began:.0f} s: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
