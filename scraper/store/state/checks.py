"""Checks: pages that gave items before, and were not reached, are asked whether they are still there.

A check is a row of the frontier, of a kind of its own: it goes through the same door as a page, and survives a kill.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from scraper.lazy_dataclass import dataclass
from scraper.request import Request
from scraper.store import tables as t
from scraper.store.history import runs
from scraper.store.history.changes import GONE_STATUSES
from scraper.store.sql import Connection, Select, exists, select
from scraper.store.state import frontier
from scraper.store.state.seen import Seen
from scraper.store.values import Found


@dataclass(frozen=True, slots=True)
class Unreached:
    """Pages that a run has not met: the numbers of rows that hold their requests, some more than once."""

    #: In the frontier.
    requests: Sequence[int]
    #: In `lingering`.
    lingering: Sequence[int]

    def __bool__(self) -> bool:
        return bool(self.requests or self.lingering)


def state_of(status: int | None) -> t.RequestState:
    """Return what an answer says of a page; where there was none, nothing."""
    if status is None:
        return t.RequestState.UNPROVEN
    if status in GONE_STATUSES:
        return t.RequestState.GONE
    return t.RequestState.ALIVE if status < 400 else t.RequestState.UNPROVEN


def is_proof(status: int) -> bool:
    """Tell whether an answer says that a page is gone, or that it is there."""
    return state_of(status) is not t.RequestState.UNPROVEN


def unreached(connection: Connection, earlier: int, run: int, admits: Callable[[Request], bool]) -> Unreached:
    """Return the pages of all items that are known since an earlier run, as far as this run has not met them.

    A request that must not be repeated is never sent for the sake of it.

    Args:
        admits: whether a request is within today's scope.
    """
    before, met, lingering = t.frontier, t.frontier.alias("met"), t.lingering
    gave_items = exists().where(t.items.c.page == before.c.id, t.items.c.key.is_not(None))
    own = select(before.c.id, before.c.request).where(
        before.c.run == earlier,
        before.c.kind == t.Kind.PAGE.value,
        ~exists().where(met.c.run == run, met.c.fingerprint == before.c.fingerprint),
        gave_items,
    )
    others = select(lingering.c.id, lingering.c.request).where(
        lingering.c.run == earlier,
        lingering.c.fingerprint.is_not(None),
        ~exists().where(met.c.run == run, met.c.fingerprint == lingering.c.fingerprint),
    )

    def chosen(query: Select) -> list[int]:
        rows = connection.stream(query)
        return [number for number, record in rows if _may_be_asked(record, admits)]

    return Unreached(chosen(own), chosen(others))


def _may_be_asked(record: str, admits: Callable[[Request], bool]) -> bool:
    request = Request.from_record(json.loads(record))
    return request.may_be_repeated and admits(request)


def queue(connection: Connection, run: int, found: Unreached) -> None:
    """Ask these pages in this run."""
    new = 0
    for table, numbers in ((t.frontier, found.requests), (t.lingering, found.lingering)):
        for some in t.chunks(numbers):
            columns = table.c.request, table.c.fingerprint, table.c.domain
            rows = connection.execute(select(*columns).where(table.c.id.in_(some)))
            checks = [
                Found(Request.from_record(json.loads(record)), fingerprint, domain, record=record, kind=t.Kind.CHECK)
                for record, fingerprint, domain in rows
            ]
            new += frontier.add(connection, run, [(check, None) for check in checks], Seen()).new
    runs.add_queued(connection, run, new)
