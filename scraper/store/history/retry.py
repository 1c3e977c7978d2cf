"""Putting a run's failures back into its frontier, so that it goes on."""

from __future__ import annotations

import json
from collections.abc import Collection

from scraper import urls
from scraper.lazy_dataclass import dataclass
from scraper.request import Request
from scraper.store import tables as t
from scraper.store.sql import Connection, delete, select, update


@dataclass(frozen=True, slots=True)
class PutBack:
    """The requests that were put back."""

    count: int
    #: Requests that must not be repeated, whose reason was not named.
    left_alone: int


def put_back(connection: Connection, run: int, reasons: Collection[str]) -> PutBack:
    """Queue the failures of a run again, as if they had never been sent, and open the run for the next crawl.

    A request that must not be repeated, such as a POST, is put back only where its reason is named. What became of
    earlier tries stays in `attempts`, and what an errback yielded stays too. A robots.txt that could not be
    fetched is forgotten for the origins of these requests, so that it is fetched at once. Where nothing is put
    back, nothing changes.

    Args:
        reasons: of which reasons; empty for all.
    """
    failures, frontier = t.failures, t.frontier
    query = (
        select(failures.c.request, frontier.c.request.label("record"))
        .join(frontier, frontier.c.id == failures.c.request)
        .where(failures.c.run == run)
    )
    if reasons:
        query = query.where(failures.c.reason.in_(list(reasons)))
    chosen: list[int] = []
    origins: set[str] = set()
    left_alone = 0
    for row in connection.stream(query):
        request = Request.from_record(json.loads(row.record))
        if not reasons and not request.may_be_repeated:
            left_alone += 1
            continue
        chosen.append(row.request)
        origins.add(urls.origin_of(request.url))
    if chosen:
        _queue(connection, chosen)
        _forget_unreachable(connection, sorted(origins))
        _open(connection, run, len(chosen))
    return PutBack(len(chosen), left_alone)


def _queue(connection: Connection, requests: list[int]) -> None:
    fresh = {"state": t.RequestState.QUEUED.value, "not_before": 0.0, "attempts": 0, "strikes": 0, "sent": 0}
    for some in t.chunks(requests):
        connection.execute(delete(t.failures).where(t.failures.c.request.in_(some)))
        connection.execute(update(t.frontier).where(t.frontier.c.id.in_(some)).values(fresh))


def _forget_unreachable(connection: Connection, origins: list[str]) -> None:
    for some in t.chunks(origins):
        connection.execute(delete(t.origins).where(t.origins.c.origin.in_(some), t.origins.c.state == "unreachable"))


def _open(connection: Connection, run: int, count: int) -> None:
    runs = t.runs
    connection.execute(
        update(runs)
        .where(runs.c.id == run)
        .values(failed=runs.c.failed - count, queued=runs.c.queued + count, ended_at=None, result=None, why="")
    )
