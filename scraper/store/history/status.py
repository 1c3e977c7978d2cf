"""What a run does now, or what it came to so far and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from scraper.lazy_dataclass import dataclass
from scraper.store.backends import wait_clock
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.history import runs
from scraper.store.sql import Connection, func, literal_column, select
from scraper.store.state import domains, proxies, sums
from scraper.store.state import frontier as queue
from scraper.store.state.presence import Doing, Role
from scraper.store.tables import RequestState, frontier, workers
from scraper.store.tables import domains as held
from scraper.store.values import Pause, ProxyPause, RunRow

#: Requests that are counted by domain, at the most: more would take longer than somebody waits for a look.
_MOST_COUNTED = 500_000


@dataclass(frozen=True, slots=True)
class Worker:
    """One at work on a run."""

    owner: str
    role: Role
    host: str
    pid: int
    #: Seconds since the epoch.
    since: float
    #: How long ago it renewed its row, in seconds.
    beat_ago: float
    #: How many domains it holds.
    domains: int
    #: None of one that fetches nothing, and before its first heartbeat.
    doing: Doing | None


@dataclass(frozen=True, slots=True)
class Status:
    """A run at one moment."""

    run: RunRow
    #: Those at work on it: who directs first, then the oldest.
    workers: tuple[Worker, ...]
    #: How many URLs failed, by reason.
    failures: Mapping[str, int]
    #: Of bodies, over the wire.
    bytes: int
    #: How many domains have something queued; and how much, for each, where that was counted.
    domains: int
    queues: Mapping[str, int] | None
    #: Domains that are left alone for a while.
    paused: Mapping[str, Pause]
    #: By domain, the newest delay in seconds where that follows the server.
    delays: Mapping[str, float] = field(default_factory=dict)
    #: Proxies that are left alone for a while.
    proxies: Sequence[ProxyPause] = ()

    @property
    def coordinator(self) -> Worker | None:
        """Return who directs the run, or one of those who go on without; None where nobody is at work."""
        return next((each for each in self.workers if each.role is not Role.SHARD), None)


def read(connection: Connection, run: RunRow, *, is_crawled: bool) -> Status:
    """Return how a run stands, as of the transaction that is open.

    Args:
        run: its number counts; its row is read again.
        is_crawled: whether somebody crawls with the store; who did not live to leave is no longer at work.
    """
    row = runs.get(connection, run.id) or run
    figures = sums.read(connection, run.id)
    queued = queues(connection, run.id) if row.counts.queued <= _MOST_COUNTED else None
    return Status(
        run=row,
        workers=tuple(at_work(connection, run.id)) if is_crawled else (),
        failures=runs.failed_by_reason(connection, run.id),
        bytes=sum(each.bytes for each in figures.values()),
        domains=len(queue.domains_with_work(connection, run.id) if queued is None else queued),
        queues=queued,
        paused=domains.paused(connection, wait_clock.now()),
        proxies=proxies.paused(connection, wait_clock.now()),
        delays={name: each.delay for name, each in figures.items() if each.delay is not None},
    )


def at_work(connection: Connection, run: int) -> list[Worker]:
    """Return those that joined a run and have not left it: who directs first, then the oldest."""
    owners = select(held.c.owner, func.count()).where(held.c.owner.is_not(None), held.c.name != domains.START)
    counts = {row[0]: row[1] for row in connection.execute(owners.group_by(held.c.owner))}
    ago = connection.lease_now() + LEASE_SECONDS - workers.c.lease_until
    query = select(workers, ago.label("ago")).where(workers.c.run == run)
    found = [
        Worker(
            owner=row.owner,
            role=Role(row.role),
            host=row.host,
            pid=row.pid,
            since=row.since,
            beat_ago=max(0.0, row.ago),
            domains=counts.get(row.owner, 0),
            doing=Doing.from_json(row.doing) if row.doing is not None else None,
        )
        for row in connection.execute(query)
    ]
    order = (Role.COORDINATOR, Role.LEAD)
    return sorted(found, key=lambda each: (*(each.role is not role for role in order), each.since, each.owner))


def queues(connection: Connection, run: int) -> dict[str, int]:
    """Count what is queued, by domain."""
    query = select(frontier.c.domain, func.count()).where(
        frontier.c.run == run, frontier.c.state == literal_column(str(RequestState.QUEUED.value))
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(frontier.c.domain))}
