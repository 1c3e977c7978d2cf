"""The rows that a commit writes, in the order of their tables' columns, and the statements that write them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from scraper.store import tables as t
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import bindparam, literal_column, select, update
from scraper.store.values import COUNTS

#: What `bytes` is where a column is called so.
_Blob = bytes


class PageRow(NamedTuple):
    request: int
    run: int
    url: str
    status: int
    fetched_at: float
    connection: str | None
    bytes: int
    etag: str | None
    last_modified: str | None
    content_hash: _Blob
    requests: _Blob | None
    item_keys: str
    identity: _Blob | None
    carried_from: int | None
    sent_at: float | None = None
    seconds: float | None = None
    reused: int | None = None
    usage: str | None = None


class FailedRow(NamedTuple):
    request: int
    run: int
    url: str
    reason: str
    message: str
    status: int | None
    attempts: int
    traceback: str | None
    at: float


class AttemptRow(NamedTuple):
    run: int
    request: int
    number: int
    at: float
    connection: str | None
    reused: int
    status: int | None
    reason: str
    message: str
    wait: float | None
    seconds: float
    bytes: int


class StoredRow(NamedTuple):
    run: int
    commit_number: int
    type: str
    key: str | None
    page: int | None
    data: str


ADD_PAGES = Prepared(inserting(t.pages, PageRow._fields), PageRow._fields)
ADD_FAILURES = Prepared(inserting(t.failures, FailedRow._fields), FailedRow._fields)
ADD_ATTEMPTS = Prepared(inserting(t.attempts, AttemptRow._fields), AttemptRow._fields)
ADD_ITEMS = Prepared(inserting(t.items, StoredRow._fields), StoredRow._fields)

_THIS_REQUEST = update(t.frontier).where(t.frontier.c.id == bindparam("request_id"))
PUT_OFF = Prepared(
    _THIS_REQUEST.values(not_before=bindparam("until"), attempts=bindparam("tried"), sent=bindparam("not_sent")),
    ("until", "tried", "not_sent", "request_id"),
)
#: Of requests whose first try is not to count.
FORGIVE = Prepared(
    _THIS_REQUEST.where(t.frontier.c.attempts == literal_column("1")).values(attempts=literal_column("0")),
    ("request_id",),
)


@cache
def ending(count: int) -> Prepared:
    """Return the statement that ends so many requests, in one state."""
    names = [f"request_{number}" for number in range(count)]
    these = t.frontier.c.id.in_([bindparam(name) for name in names])
    return Prepared(update(t.frontier).where(these).values(state=bindparam("new_state")), ("new_state", *names))


_THIS_RUN = update(t.runs).where(t.runs.c.id == bindparam("run_id"))
NEXT_NUMBER = Prepared(_THIS_RUN.values(commits=t.runs.c.commits + bindparam("one")), ("one", "run_id"))
READ_NUMBER = Prepared(select(t.runs.c.commits).where(t.runs.c.id == bindparam("run_id")), ("run_id",))
# Added to what is there, since other shards add as well.
ADD_COUNTS = Prepared(
    _THIS_RUN.values({name: t.runs.c[name] + bindparam(f"more_{name}") for name in COUNTS}),
    (*(f"more_{name}" for name in COUNTS), "run_id"),
)
READ_COUNTS = Prepared(
    select(*(t.runs.c[name] for name in COUNTS), t.runs.c.seconds).where(t.runs.c.id == bindparam("run_id")),
    ("run_id",),
)
