"""The frontier in SQL: what is queued, in which order, and what is known already."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, literal_column, select, update

from scraper.request import Request
from scraper.store.tables import State, chunks, frontier, refusals
from scraper.store.values import Found, Queued, Refusal

#: Written out, so that SQLite sees that its partial index serves.
_IS_QUEUED: Any = literal_column(str(State.QUEUED.value))

_QUEUED = (
    frontier.c.id,
    frontier.c.request,
    frontier.c.fingerprint,
    frontier.c.domain,
    frontier.c.attempts,
    frontier.c.strikes,
    frontier.c.sent,
    frontier.c.rank,
)


class Seen:
    """Fingerprints that are in the frontier for certain: most links of a page are, and need not be asked for.

    Bounded: when it is full, the older half is forgotten, and asked for again.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._known: dict[bytes, None] = {}

    def __contains__(self, fingerprint: bytes) -> bool:
        return fingerprint in self._known

    def add(self, fingerprints: Iterable[bytes]) -> None:
        """Remember these, which a commit has made known."""
        self._known.update(dict.fromkeys(fingerprints))
        if len(self._known) > self._most:
            self._known = dict.fromkeys(itertools.islice(self._known, self._most // 2, None))


def add(
    connection: Connection, run: int, found: Iterable[Found], found_on: int | None, seen: Seen, known_now: set[bytes]
) -> tuple[Mapping[str, int], int, int]:
    """Queue what is new.

    `known_now` gathers the fingerprints that are known once the transaction is committed.

    Returns the domains that got requests with the lowest rank among them, the number of requests added, and the
    number of duplicates.
    """
    fresh: dict[bytes, Found] = {}
    unfiltered: list[Found] = []
    duplicates = 0
    for candidate in found:
        if candidate.unfiltered:
            unfiltered.append(candidate)
        elif candidate.fingerprint in fresh or candidate.fingerprint in seen or candidate.fingerprint in known_now:
            duplicates += 1
        else:
            fresh[candidate.fingerprint] = candidate
    known = _known(connection, frontier.c.fingerprint, list(fresh), and_(frontier.c.run == run, frontier.c.copy == 0))
    duplicates += len(known)
    known_now.update(fresh)
    rows = [
        _row(run, candidate, found_on, copy=0) for fingerprint, candidate in fresh.items() if fingerprint not in known
    ]
    rows += [_row(run, candidate, found_on, copy=secrets.randbits(62) + 1) for candidate in unfiltered]
    if rows:
        connection.execute(insert(frontier), rows)
    ranks: dict[str, int] = {}
    for row in rows:
        ranks[row["domain"]] = min(row["rank"], ranks.get(row["domain"], row["rank"]))
    return ranks, len(rows), duplicates


def _row(run: int, found: Found, found_on: int | None, *, copy: int) -> dict[str, Any]:
    return {
        "run": run,
        "fingerprint": found.fingerprint,
        "copy": copy,
        "domain": found.domain,
        "state": State.QUEUED.value,
        "not_before": 0.0,
        "rank": -found.request.priority,
        "attempts": 0,
        "strikes": 0,
        "sent": 0,
        "found_on": found_on,
        "request": found.record or found.request.to_json(),
    }


def refuse(connection: Connection, run: int, refused: Iterable[Refusal], found_on: int | None) -> int:
    """Keep what was refused, each request once; returns how many were new."""
    fresh = {refusal.fingerprint: refusal for refusal in refused}
    known = _known(connection, refusals.c.fingerprint, list(fresh), refusals.c.run == run)
    rows = [
        {
            "run": run,
            "fingerprint": fingerprint,
            "url": refusal.url,
            "reason": refusal.reason,
            "message": refusal.message,
            "found_on": found_on,
        }
        for fingerprint, refusal in fresh.items()
        if fingerprint not in known
    ]
    if rows:
        connection.execute(insert(refusals), rows)
    return len(rows)


def _known(connection: Connection, column: Any, fingerprints: Sequence[bytes], where: Any) -> set[bytes]:
    known: set[bytes] = set()
    for some in chunks(fingerprints):
        known.update(connection.scalars(select(column).where(where, column.in_(some))))
    return known


def ready(connection: Connection, run: int, domain: str, limit: int) -> list[Queued]:
    """The next requests of a domain that never failed: by priority, then first found first."""
    query = _queue(run, domain).where(frontier.c.not_before == 0).order_by(frontier.c.rank, frontier.c.id)
    return [_queued(row) for row in connection.execute(query.limit(limit))]


def due_again(connection: Connection, run: int, domain: str, now: float, limit: int) -> list[Queued]:
    """Requests of a domain whose waiting time before another try is over."""
    query = _queue(run, domain).where(frontier.c.not_before > 0, frontier.c.not_before <= now)
    return [_queued(row) for row in connection.execute(query.order_by(frontier.c.not_before).limit(limit))]


def next_try(connection: Connection, run: int, domain: str, after: float) -> float | None:
    """When the next request of a domain that waits longer than `after` may be sent, in seconds since the epoch."""
    query = select(func.min(frontier.c.not_before)).where(
        frontier.c.run == run,
        frontier.c.domain == domain,
        frontier.c.state == _IS_QUEUED,
        frontier.c.not_before > max(after, 0.0),
    )
    at: float | None = connection.scalar(query)
    return at


def _queue(run: int, domain: str) -> Select[Any]:
    return select(*_QUEUED).where(frontier.c.run == run, frontier.c.domain == domain, frontier.c.state == _IS_QUEUED)


def _queued(row: Row[Any]) -> Queued:
    return Queued(
        id=row.id,
        request=Request.from_record(json.loads(row.request)),
        fingerprint=row.fingerprint,
        domain=row.domain,
        attempts=row.attempts,
        strikes=row.strikes,
        sent=bool(row.sent),
        rank=row.rank,
    )


def domains_with_work(connection: Connection, run: int) -> list[str]:
    """The domains that have something queued: one index look-up a domain, however many requests there are."""
    found: list[str] = []
    last = ""
    while True:
        query = (
            select(frontier.c.domain)
            .where(frontier.c.run == run, frontier.c.domain > last, frontier.c.state == _IS_QUEUED)
            .order_by(frontier.c.domain)
            .limit(1)
        )
        domain = connection.scalar(query)
        if domain is None:
            return found
        found.append(domain)
        last = domain


def mark_sent(connection: Connection, request: int) -> None:
    """A request that must not be repeated is about to be handed to the network."""
    connection.execute(update(frontier).where(frontier.c.id == request).values(sent=1))


def strike(connection: Connection, request: int, last_rank: int) -> int:
    """The process died while this request's page was parsed. Returns how often that happened.

    It goes behind all others, so that one bad page does not keep the rest from being done.
    """
    connection.execute(
        update(frontier).where(frontier.c.id == request).values(strikes=frontier.c.strikes + 1, rank=last_rank)
    )
    return connection.scalar(select(frontier.c.strikes).where(frontier.c.id == request)) or 0
