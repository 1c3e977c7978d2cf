"""Pruning: runs that are no longer kept, deleted in portions, so that nobody waits long for the write lock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from scraper.store import tables as t
from scraper.store.history import runs
from scraper.store.sql import Connection, Table, delete, select, update
from scraper.store.state import health

#: Rows of a table that one transaction deletes.
PORTION = 2_000
#: What a run is called that is being pruned: no crawl can be, so nobody finds it any more.
_NAMELESS = ""

#: Opens a transaction that writes.
Writing = Callable[[], AbstractContextManager[Connection]]


def prune(writing: Writing, name: str, keep: int) -> list[int]:
    """Delete the ended runs of that name but for the newest `keep`.

    Never the newest that ended inside its gate, which the next run is compared with, and never an unfinished one.
    A kill leaves a run half deleted; it can no longer be seen, and the next call continues. Returns the numbers
    of the runs that are gone.
    """
    with writing() as connection:
        ended = [run for run in runs.every(connection, name) if run.is_finished]
        base = next((run.id for run in ended if run.is_good), None)
        doomed = [run.id for run in ended[keep:] if run.id != base]
        for some in t.chunks(doomed):
            connection.execute(update(t.runs).where(t.runs.c.id.in_(some)).values(name=_NAMELESS))
        doomed = list(connection.scalars(select(t.runs.c.id).where(t.runs.c.name == _NAMELESS).order_by(t.runs.c.id)))
    for run in doomed:
        _delete(writing, run)
    if doomed:
        with writing() as connection:
            health.forget_unused(connection)
    return doomed


def _delete(writing: Writing, run: int) -> None:
    for table in (t.attachments, t.items, t.lingering, t.quarantine, t.spool):
        _repeat(writing, partial(_delete_by_id, table=table, run=run))
    for table in (t.refusals, t.bodies):
        _repeat(writing, partial(_delete_by_fingerprint, table=table, run=run))
    _repeat(writing, partial(_delete_requests, run=run))
    with writing() as connection:
        for table in (t.figures, t.timeline, t.exports, t.health, t.drops, t.listings, t.notices):
            connection.execute(delete(table).where(table.c.run == run))
        connection.execute(delete(t.runs).where(t.runs.c.id == run))


def _repeat(writing: Writing, delete_some: Callable[[Connection], int]) -> None:
    """Portion by portion, a transaction each, until one is not full."""
    deleted = PORTION
    while deleted == PORTION:
        with writing() as connection:
            deleted = delete_some(connection)


def _delete_by_id(connection: Connection, table: Table, run: int) -> int:
    some = select(table.c.id).where(table.c.run == run).limit(PORTION)
    return connection.execute(delete(table).where(table.c.id.in_(some))).rowcount


def _delete_by_fingerprint(connection: Connection, table: Table, run: int) -> int:
    some = select(table.c.fingerprint).where(table.c.run == run).limit(PORTION)
    return connection.execute(delete(table).where(table.c.run == run, table.c.fingerprint.in_(some))).rowcount


def _delete_requests(connection: Connection, run: int) -> int:
    """Return requests with all that hangs on them; a later run does not visit what is no longer known."""
    numbers = list(connection.scalars(select(t.frontier.c.id).where(t.frontier.c.run == run).limit(PORTION)))
    columns = (
        *(t.visits.c.page, t.page_shapes.c.page, t.attempts.c.request, t.failures.c.request),
        *(t.pages.c.request, t.frontier.c.id),
    )
    for some in t.chunks(numbers):
        for column in columns:
            connection.execute(delete(column.table).where(column.in_(some)))
    return len(numbers)
