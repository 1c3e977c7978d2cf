"""A store in PostgreSQL with ten million queued URLs over ten thousand domains: claims, and the first request.

python -m tests.proofs.fleet_scale [--urls 10000000] [--domains 10000] [--seconds 20] [--claim 30] [--first 3]
    [--memory 250]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from scraper import Crawl
from scraper.config import load
from scraper.config.store_location import location_of
from scraper.store import Store
from scraper.store.outcomes import Batch, Done, Outcome
from scraper.store.state.presence import Role, new_owner
from scraper.store.values import StoredItem, Yielded
from tests.proofs.scale import NAME, _crawl, settings
from tests.servers.postgres import Postgres

#: Pages of a commit.
_BATCH = 20

_FILL = """
INSERT INTO frontier
    (run, fingerprint, copy, kind, domain, state, not_before, rank, attempts, strikes, sent, request)
SELECT 1, decode(md5(site || '/' || number), 'hex'), 0, 0, site, 0, 0, 0, 0, 0, 0,
    '{"url": "http://' || site || '/products/' || number || '/a-name-that-says-something.html", '
    '"callback": "parse_product", "depth": 3}'
FROM (SELECT 'site' || lpad((n % %(domains)s)::text, 5, '0') || '.example' AS site, n / %(domains)s AS number
      FROM generate_series(0, %(urls)s - 1) AS n) AS queue
"""


def build(url: str, urls: int, domains: int) -> None:
    """Make a store whose run was stopped with so many requests queued."""
    crawl = Crawl(load(settings(f"{url}&schema={NAME}", 9)))
    crawl.stop(0)
    crawl.run()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {NAME}")
        made = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'frontier' AND schemaname = %s "
            "AND indexname NOT LIKE '%%_pkey'",
            [NAME],
        ).fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")  # type: ignore[arg-type]
        filling = _FILL.replace("%(domains)s", str(domains)).replace("%(urls)s", str(urls))
        connection.execute(filling)  # type: ignore[arg-type]
        for _, statement in made:
            connection.execute(statement)
        connection.execute(
            "UPDATE runs SET queued = %s, start_done = 1, commits = 1, result = 'stopped', clean = 1",
            [urls],
        )
        connection.execute("VACUUM ANALYZE")


def claims(url: str) -> list[float]:
    """Claim domains as a worker does until there are none that are free; return what each claim took, in seconds."""
    took = []
    with Store(location_of(f"{url}&schema={NAME}", NAME, Path())) as store:
        owner, had, after = new_owner(), 0, ""
        store.join(owner, 1, Role.WORKER)
        while True:
            store.renew_leases(owner)
            began = time.perf_counter()
            found = store.free_domains(1, after)
            leases = store.claim(owner, list(found.names)) if found.names else []
            took.append(time.perf_counter() - began)
            had, after = had + len(leases), found.after
            if not after:
                break
        store.void_leases_of(owner)
    print(f"{had:,} domains claimed")
    return took


def _write(url: str, seconds: float, counts: Any) -> None:
    """Commit batches of 20 pages, each with an item, for so long."""
    commits = 0
    with Store(location_of(f"{url}&schema={NAME}", NAME, Path())) as store:
        owner = new_owner()
        store.join(owner, 1, Role.WORKER)
        after, until = "", time.monotonic() + seconds
        while time.monotonic() < until:
            store.renew_leases(owner)
            found = store.free_domains(1, after)
            after = found.after
            for lease in store.claim(owner, list(found.names)) if found.names else []:
                outcomes: list[Outcome] = []
                for queued in store.ready(1, lease.domain, _BATCH):
                    page = queued.request.url
                    items = [StoredItem("item", page, json.dumps({"url": page}))]
                    outcomes.append(Done(queued, Yielded(items=items), page, 200, 1.0, None, 1, None, None, b""))
                store.commit(1, Batch(outcomes=outcomes), owner, {lease.domain: lease.epoch})
                commits += 1
                if time.monotonic() > until:
                    break
        store.void_leases_of(owner)
    counts.put(commits)


def commits(url: str, writers: int, seconds: float) -> float:
    """Return how many commits a second so many processes come to."""
    context = multiprocessing.get_context("spawn")
    counts = context.SimpleQueue()
    processes = [context.Process(target=_write, args=(url, seconds, counts)) for _ in range(writers)]
    for process in processes:
        process.start()
    found = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    return float(found) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=10_000_000)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it crawls")
    parser.add_argument("--claim", type=float, default=30.0, help="milliseconds of a claim, the median")
    parser.add_argument("--first", type=float, default=3.0, help="seconds until the first request")
    parser.add_argument("--memory", type=float, default=250.0, help="MB of a worker at its peak")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    with Postgres() as database:
        began = time.perf_counter()
        build(database.url, options.urls, options.domains)
        print(f"built {options.urls:,} URLs over {options.domains:,} domains in {time.perf_counter() - began:.0f} s")
        took = sorted(1000 * seconds for seconds in claims(database.url))
        median, late = statistics.median(took), took[int(len(took) * 0.95)]
        print(f"{len(took)} claims of up to 100 domains: median {median:.1f} ms, 95 % within {late:.1f} ms")
        for writers in (1, 2, 4, 8):
            pace = commits(database.url, writers, options.seconds / 2)
            print(f"{writers} writers: {pace:.0f} commits a second, {pace * _BATCH:,.0f} pages")
        seen = _crawl(f"{database.url}&schema={NAME}", options.seconds)
    print(
        f"first request after {seen['first']:.2f} s; {seen['pages']:,} pages in {seen['took']:.0f} s;"
        f" peak {seen['peak']:.0f} MB"
    )
    limits = (("claim", median, options.claim), ("first", seen["first"], options.first))
    limits += (("memory", seen["peak"], options.memory),)  # type: ignore[assignment]
    missed = [f"{name} {value:.2f} is over {most}" for name, value, most in limits if value > most]
    if missed:
        sys.exit("; ".join(missed))


if __name__ == "__main__":
    main()
