"""A run that several workers have joined: what each reads of it, the domains it may claim, its places for pages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from scraper.lazy_dataclass import dataclass
from scraper.stats import ConnectionStats
from scraper.store.backends.statements import inserting
from scraper.store.history import runs
from scraper.store.sql import Connection, bindparam, delete, exists, func, select, update
from scraper.store.state.frontier import IS_QUEUED
from scraper.store.state.presence import Doing, Role, is_living
from scraper.store.tables import budgets, chunks, domains, figures, frontier, workers
from scraper.store.tables import runs as runs_table
from scraper.store.values import RunRow

#: Pages that one is given at once, at the most.
_MOST_PLACES = 1_000
#: Those who crawl.
CRAWLING = (Role.SHARD, Role.WORKER)
#: Free domains that are looked at for each worker, so that two who look at one moment want different ones.
_CHOICE = 100

#: Domains that one look passes, at the most: where all have an owner it is begun where the last one ended.
_PASSED = 2_000

# One step into the index a domain, however many requests there are.
_FREE = """
WITH RECURSIVE names(name, place) AS (
    SELECT min(domain), 1 FROM frontier WHERE run = ? AND state = 0 AND domain > ?
    UNION ALL
    SELECT (SELECT min(domain) FROM frontier WHERE run = ? AND state = 0 AND domain > names.name), place + 1
    FROM names WHERE names.name IS NOT NULL AND place < ?
)
SELECT name, place, owner FROM (
    SELECT names.name AS name, place, (SELECT owner FROM domains WHERE domains.name = names.name) AS owner
    FROM names WHERE names.name IS NOT NULL
) AS passed WHERE place = ? OR owner IS NULL OR owner NOT IN ({owners}) LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Free:
    """Domains that have something queued and that nobody holds: one worker's part of those that were looked at."""

    names: tuple[str, ...]
    #: Where the next look begins: behind this one; empty for the first of all.
    after: str


@dataclass(frozen=True, slots=True)
class Peer:
    """One of those who crawl a run."""

    owner: str
    #: At its last heartbeat; None before the first.
    doing: Doing | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a worker has to know of its run."""

    run: RunRow
    peers: tuple[Peer, ...]


def look(connection: Connection, run: int) -> Look:
    """Return how a run stands, and who crawls it."""
    row = runs.get(connection, run)
    assert row is not None
    query = select(workers.c.owner, workers.c.doing).where(
        workers.c.run == run, workers.c.role.in_(CRAWLING), is_living(connection)
    )
    peers = tuple(
        Peer(found.owner, None if found.doing is None else Doing.from_json(found.doing))
        for found in connection.execute(query.order_by(workers.c.owner))
    )
    return Look(row, peers)


def free_domains(connection: Connection, run: int, after: str) -> Free:
    """Return domains with something queued that no living worker holds, the first of those behind `after`."""
    connection.find_by_keys()
    living = list(connection.scalars(select(workers.c.owner).where(is_living(connection))))
    count = _crawling(connection, run)
    wanted = _CHOICE * count
    owners = ", ".join("?" * len(living)) or "''"
    parameters = (run, after, run, _PASSED, _PASSED, *living, wanted)
    with closing(connection.driver.cursor()) as cursor:
        cursor.execute(_FREE.format(owners=owners), parameters)
        rows = cursor.fetchall()
    found = [name for name, _, owner in rows if owner not in living]
    has_more = len(rows) >= wanted or any(place == _PASSED for _, place, _ in rows)
    some = random.sample(found, min(_CHOICE, -(-len(found) // count)))
    return Free(tuple(sorted(some)), max(row[0] for row in rows) if has_more else "")


def _crawling(connection: Connection, run: int) -> int:
    """Count those who crawl a run."""
    these = workers.c.run == run, workers.c.role.in_(CRAWLING), is_living(connection)
    return max(1, connection.scalar(select(func.count()).where(*these)) or 0)


def with_work(connection: Connection, run: int, names: Sequence[str]) -> list[str]:
    """Return those of the domains named that have something queued."""
    something = exists(
        select(frontier.c.id).where(
            frontier.c.run == run, frontier.c.domain == domains.c.name, frontier.c.state == IS_QUEUED
        )
    )
    found: list[str] = []
    for some in chunks(names):
        found += connection.scalars(select(domains.c.name).where(domains.c.name.in_(some), something))
    return found


def figures_of(connection: Connection, run: int) -> ConnectionStats:
    """Return the ledger's sums of a run, over all of its domains, without the reasons."""
    names = ("requests", "connections", "unused", "reused", "stale", "retries", "bytes")
    columns = (func.coalesce(func.sum(figures.c[name]), 0) for name in names)
    row = connection.execute(select(*columns).where(figures.c.run == run)).first()
    assert row is not None
    sums: dict[str, Any] = {name: int(value) for name, value in zip(names, row, strict=True)}
    return ConnectionStats(**sums)


# Places for pages ------------------------------------------------------------------------------------------


_ADD_BUDGET = inserting(budgets, ("owner", "run", "pages"))
_GIVE = _ADD_BUDGET.on_conflict_do_update(
    index_elements=["owner"], set_={"pages": budgets.c.pages + bindparam("more"), "run": _ADD_BUDGET.excluded.run}
)


def places(connection: Connection, run: int, owner: str, limit: int, *, back: int, wanted: bool) -> int:
    """Settle the places that a worker used or gives back; return how many more it is given, if it wants some.

    They never pass what `limits.pages` leaves: the row of the run stays locked until this is committed, and
    a commit that uses them is counted before they are settled.
    """
    pages = connection.scalar(select(runs_table.c.pages).where(runs_table.c.id == run).locking("NO KEY UPDATE"))
    if back:
        mine = update(budgets).where(budgets.c.owner == owner)
        connection.execute(mine.values(pages=budgets.c.pages - back))
    if not wanted:
        return 0
    # Whoever left, or was taken off, commits no more.
    gone = exists(select(workers.c.owner).where(workers.c.owner == budgets.c.owner))
    connection.execute(delete(budgets).where(~gone))
    given = connection.scalar(select(func.sum(budgets.c.pages)).where(budgets.c.run == run)) or 0
    left = limit - (pages or 0) - int(given)
    count = _crawling(connection, run)
    portion = min(left, max(1, min(_MOST_PLACES, left // (2 * count))) if count > 1 else left)
    if portion <= 0:
        return 0
    values: dict[str, Any] = {"owner": owner, "run": run, "pages": portion, "more": portion}
    connection.execute(_GIVE, values)
    return portion


def expired(connection: Connection, run: int) -> list[str]:
    """Return those of a run's workers who did not renew their leases in time."""
    query = select(workers.c.owner).where(workers.c.run == run, ~is_living(connection))
    return list(connection.scalars(query))


def are_crawling(connection: Connection, run: int) -> bool:
    """Tell whether somebody who crawls a run has not left, nor been taken off."""
    query = select(workers.c.owner).where(workers.c.run == run, workers.c.role.in_(CRAWLING))
    return connection.scalar(query.limit(1)) is not None
