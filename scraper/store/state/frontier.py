"""The frontier in SQL: what is queued, in which order, and what is known already."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from scraper.request import MAX_PRIORITY, Request
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, Select, and_, bindparam, func, literal_column, select, update
from scraper.store.state.seen import Seen
from scraper.store.tables import Kind, RequestState, frontier, pages, refusals, visits
from scraper.store.values import Found, Queued, Refusal, Visit

_KINDS = {kind.value: kind for kind in Kind}
#: Written out, so that SQLite sees that its partial index serves.
IS_QUEUED: Any = literal_column(str(RequestState.QUEUED.value))
#: The fields of `Visit`.
_VISIT = (
    pages.c.request,
    pages.c.url,
    pages.c.status,
    pages.c.fetched_at,
    pages.c.etag,
    pages.c.last_modified,
    pages.c.content_hash,
    pages.c.requests,
    pages.c.item_keys,
    pages.c.identity,
    pages.c.usage,
)


class _Row(NamedTuple):
    """A row of the frontier, in the order of its columns."""

    run: int
    fingerprint: bytes
    copy: int
    kind: int
    domain: str
    state: int
    not_before: float
    rank: int
    attempts: int
    strikes: int
    sent: int
    found_on: int | None
    lastmod: float | None
    request: str


class _RefusalRow(NamedTuple):
    """A row of the refusals, in the order of their columns."""

    run: int
    fingerprint: bytes
    url: str
    reason: str
    message: str
    found_on: int | None


#: Told as the rank of requests that wait for a moment of their own: the order of the domain is to be read again.
LATER = -MAX_PRIORITY - 1


class Added(NamedTuple):
    """The requests that were queued."""

    #: Domains that may have got requests, with the lowest rank among them.
    ranks: Mapping[str, int]
    new: int
    duplicates: int
    #: Fingerprints that are in the frontier now.
    known: Collection[bytes]


# The unique indexes decide what is new: another shard may have been here a moment ago.
_ADD = Prepared(
    inserting(frontier, _Row._fields).on_conflict_do_nothing(index_elements=["run", "fingerprint", "copy"]),
    _Row._fields,
)
_REFUSE = Prepared(
    inserting(refusals, _RefusalRow._fields).on_conflict_do_nothing(index_elements=["run", "fingerprint"]),
    _RefusalRow._fields,
)


_QUEUED_AS = Prepared(
    select(frontier.c.request).where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.fingerprint == bindparam("known_as"),
        frontier.c.copy == literal_column("0"),
    ),
    ("run_id", "known_as"),
)


# Of several dates the latest counts, so that no page is spared that changed after all.
_DATE = Prepared(
    update(frontier)
    .where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.fingerprint == bindparam("known_as"),
        frontier.c.copy == literal_column("0"),
        frontier.c.state == IS_QUEUED,
        func.coalesce(frontier.c.lastmod, literal_column("0")) < bindparam("later_than"),
    )
    .values(lastmod=bindparam("changed_at")),
    ("changed_at", "run_id", "known_as", "later_than"),
)


def add(connection: Connection, run: int, found: Iterable[tuple[Found, int | None]], seen: Seen) -> Added:
    """Queue what is new of these requests, each with the request on whose page it was found.

    What a sitemap says of one that is queued already is added to it.
    """
    rows: list[_Row] = []
    dated: list[tuple[float, int, bytes, float]] = []
    fresh: set[bytes] = set()
    ranks: dict[str, int] = {}
    duplicates = 0
    columns: dict[bytes, Mapping[str, str]] = {}
    for candidate, page in found:
        copy = 0
        if candidate.columns is not None and not candidate.unfiltered:
            before = columns.setdefault(candidate.fingerprint, candidate.columns)
            if before is candidate.columns:
                # Found as a link in the same batch, it has none.
                is_new = candidate.fingerprint in fresh
                before = {} if is_new else _columns_of(connection, run, candidate.fingerprint, before)
            copy = 0 if before == candidate.columns else _copy_for(candidate.columns)
        if copy:
            rows.append(_row(run, candidate, page)._replace(copy=copy))
            _note_rank(ranks, rows[-1])
            continue
        if not candidate.unfiltered and candidate.kind is Kind.PAGE:
            if candidate.fingerprint in fresh or seen.is_queued(candidate.fingerprint):
                duplicates += 1
                if candidate.lastmod is not None:
                    dated.append(_date(run, candidate.fingerprint, candidate.lastmod))
                continue
            fresh.add(candidate.fingerprint)
        row = _row(run, candidate, page)
        rows.append(row)
        _note_rank(ranks, row)
    new = _ADD.many(connection, rows)
    if new < len(rows):
        dated += [_date(run, row.fingerprint, row.lastmod) for row in rows if row.lastmod is not None]
    _DATE.many(connection, dated)
    return Added(ranks if new else {}, new, duplicates + len(rows) - new, fresh)


def _note_rank(ranks: dict[str, int], row: _Row) -> None:
    rank = LATER if row.not_before else row.rank
    ranks[row.domain] = min(rank, ranks.get(row.domain, rank))


def _columns_of(
    connection: Connection, run: int, fingerprint: bytes, otherwise: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the columns with which a request is queued already; `otherwise` where it is not."""
    for (record,) in _QUEUED_AS.rows(connection, run, fingerprint):
        meta: Mapping[str, str] = json.loads(record).get("meta", {})
        return meta
    return otherwise


def _copy_for(columns: Mapping[str, str]) -> int:
    """Return a number that is the same for the same columns, so that one more equal row is a duplicate."""
    text = json.dumps(columns, sort_keys=True).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 2 | 1


def _date(run: int, fingerprint: bytes, lastmod: float) -> tuple[float, int, bytes, float]:
    return lastmod, run, fingerprint, lastmod


def _row(run: int, found: Found, page: int | None) -> _Row:
    return _Row(
        run=run,
        fingerprint=found.fingerprint,
        copy=secrets.randbits(62) + 1 if found.unfiltered else -found.kind,
        kind=found.kind,
        domain=found.domain,
        state=RequestState.QUEUED.value,
        not_before=found.request.not_before,
        rank=-found.request.priority,
        attempts=0,
        strikes=0,
        sent=0,
        found_on=page,
        lastmod=found.lastmod,
        request=found.record or found.request.to_json(),
    )


def refuse(connection: Connection, run: int, refused: Iterable[tuple[Refusal, int | None]]) -> int:
    """Keep what was refused, each request once, with the one on whose page it was found. Returns how many are new."""
    rows = [
        _RefusalRow(run, refusal.fingerprint, refusal.url, refusal.reason, refusal.message, page)
        for refusal, page in refused
    ]
    return _REFUSE.many(connection, rows)


def _queue(*, with_visits: bool) -> Select:
    columns: tuple[Any, ...] = (
        frontier.c.id,
        frontier.c.request,
        frontier.c.fingerprint,
        frontier.c.attempts,
        frontier.c.strikes,
        frontier.c.sent,
        frontier.c.rank,
        frontier.c.kind,
        frontier.c.lastmod,
    )
    query = select(*columns)
    if with_visits:
        # A request that is not a duplicate of any has no visit: its number says so.
        same = and_(visits.c.fingerprint == frontier.c.fingerprint, frontier.c.copy == literal_column("0"))
        query = select(*columns, *_VISIT).outerjoin(visits, same).outerjoin(pages, pages.c.request == visits.c.page)
    return query.where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.domain == bindparam("name"),
        frontier.c.state == IS_QUEUED,
    )


_FRESH: Any = literal_column("0")
_LIMIT = bindparam("most")


def _reading(*, with_visits: bool) -> tuple[Prepared, Prepared]:
    """Return the statements of `ready` and `due_again`."""
    queue = _queue(with_visits=with_visits)
    fresh = queue.where(frontier.c.not_before == _FRESH).order_by(frontier.c.rank, frontier.c.id)
    due = queue.where(frontier.c.not_before > _FRESH, frontier.c.not_before <= bindparam("now"))
    return (
        Prepared(fresh.limit(_LIMIT), ("run_id", "name", "most")),
        Prepared(due.order_by(frontier.c.not_before).limit(_LIMIT), ("run_id", "name", "now", "most")),
    )


_READY, _DUE_AGAIN = _reading(with_visits=False)
_READY_VISITED, _DUE_AGAIN_VISITED = _reading(with_visits=True)


def ready(
    connection: Connection,
    run: int,
    domain: str,
    limit: int,
    without: Collection[int] = frozenset(),
    *,
    with_visits: bool = False,
) -> list[Queued]:
    """Return the next requests of a domain that never failed: by priority, then first found first.

    Args:
        limit: how many at the most.
        without: ids of requests that are at hand already, and left out.
        with_visits: with the page of an earlier run, where there is one.
    """
    statement = _READY_VISITED if with_visits else _READY
    rows = statement.rows(connection, run, domain, limit + len(without))
    return [_queued(domain, row) for row in rows if row[0] not in without][:limit]


def due_again(
    connection: Connection,
    run: int,
    domain: str,
    now: float,
    limit: int,
    without: Collection[int] = frozenset(),
    *,
    with_visits: bool = False,
) -> list[Queued]:
    """Return requests of a domain whose waiting time before another try is over; the arguments are those of
    `ready`.
    """
    statement = _DUE_AGAIN_VISITED if with_visits else _DUE_AGAIN
    rows = statement.rows(connection, run, domain, now, limit + len(without))
    return [_queued(domain, row) for row in rows if row[0] not in without][:limit]


_NEXT_TRY = Prepared(
    select(func.min(frontier.c.not_before)).where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.domain == bindparam("name"),
        frontier.c.state == IS_QUEUED,
        frontier.c.not_before > bindparam("after"),
    ),
    ("run_id", "name", "after"),
)


def next_try(connection: Connection, run: int, domain: str, after: float) -> float | None:
    """Return when the next request of a domain that waits longer than `after` may be sent, in seconds since the
    epoch.
    """
    at: float | None = _NEXT_TRY.rows(connection, run, domain, max(after, 0.0))[0][0]
    return at


def _queued(domain: str, row: Any) -> Queued:
    request, record, fingerprint, attempts, strikes, sent, rank, kind, lastmod, *visit = row
    return Queued(
        request,
        Request.from_record(json.loads(record)),
        fingerprint,
        domain,
        attempts,
        strikes,
        bool(sent),
        rank,
        _KINDS[kind],
        lastmod,
        Visit(*visit) if visit and visit[0] is not None else None,
    )


_NEXT_DOMAIN = Prepared(
    select(frontier.c.domain)
    .where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.domain > bindparam("after"),
        frontier.c.state == IS_QUEUED,
    )
    .order_by(frontier.c.domain)
    .limit(literal_column("1")),
    ("run_id", "after"),
)


def domains_with_work(connection: Connection, run: int) -> list[str]:
    """Return the domains that have something queued: one index look-up a domain, however many requests there are."""
    found: list[str] = []
    last = ""
    while rows := _NEXT_DOMAIN.rows(connection, run, last):
        last = rows[0][0]
        found.append(last)
    return found


def mark_sent(connection: Connection, request: int) -> None:
    """Mark a request that must not be repeated, before it is handed to the network."""
    connection.execute(update(frontier).where(frontier.c.id == request).values(sent=1))


def strike(connection: Connection, request: int, last_rank: int) -> int:
    """Count a death of the process while this request's page was parsed. Return how often that happened.

    It goes behind all others, so that one bad page does not keep the rest from being done.
    """
    connection.execute(
        update(frontier).where(frontier.c.id == request).values(strikes=frontier.c.strikes + 1, rank=last_rank)
    )
    return connection.scalar(select(frontier.c.strikes).where(frontier.c.id == request)) or 0
