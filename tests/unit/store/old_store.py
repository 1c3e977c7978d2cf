"""Write a small store with something in all that a later version has to take over.

`python -m tests.unit.store.old_store FILE` was run with the version of the store that FILE is named after; the file
was packed by gzip afterwards. It is run again before the store's version grows.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.outcomes import Batch, RetryLater
from scraper.store.values import DomainUpdate, Profile, RobotsRow
from tests.unit.store.conftest import ME
from tests.unit.store.test_explain_and_retry import attempt, failed
from tests.unit.store.test_store import SITE, done, pages, start

#: Of runs, a month before the test runs that reads them.
COOKIES = '[{"name": "session", "value": "1"}]'
PROFILE = Profile("login", '{"https://example.com": [5.0, 2000000000.0]}', 0.125)
ROBOTS = RobotsRow(f"https://{SITE}", SITE, "fetched", "User-agent: *\nDisallow: /private\n", "", 100.0)


def write(path: Path) -> None:
    """Two runs: one that finished, and one that was killed with a page done, one to be sent again and one queued."""
    with Store(path, lock=True) as store:
        store.join(ME)
        epoch = store.claim(ME, [SITE])[0].epoch
        first = store.begin_run("books", "identity", {"name": "books"}).id
        start(store, first, *pages("a", "b"))
        a, b = store.ready(first, SITE, 2)
        seen = DomainUpdate(1_000.0, COOKIES, PROFILE)
        figures = {SITE: ConnectionStats(requests=2, connections=1, reused=1)}
        outcomes = [done(a, {"sku": 1}, {"sku": 2}, attempt=attempt()), failed(b, attempt=attempt(status=500))]
        batch = Batch(outcomes=outcomes, domains={SITE: seen}, robots=[ROBOTS], figures=figures)
        store.commit(first, batch, ME, {SITE: epoch})
        store.save_export_position(first, "out.jsonl", {"commit": 2})
        store.end_run(first, "finished", "everything was crawled", finished=True)
        second = store.begin_run("books", "identity", {"name": "books"}).id
        start(store, second, *pages("a", "b", "c"))
        a, b, _ = store.ready(second, SITE, 3)
        store.commit(second, Batch(outcomes=[done(a, {"sku": 1}), RetryLater(b, 1.0, 1)]), ME, {SITE: epoch})
    # One file, without what is beside it while it is open.
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
