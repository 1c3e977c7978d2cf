"""The one transaction of a batch of pages: done, new requests, items, domain state, figures."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from scraper.figures import FIGURES, Figures
from scraper.store import domains, frontier
from scraper.store import tables as t
from scraper.store.values import (
    COUNTS,
    Again,
    Attempt,
    Batch,
    Committed,
    Counts,
    Done,
    Failed,
    Outcome,
    Redirected,
    Refused,
    StartTaken,
    Yielded,
)


class Commit:
    """Applies one batch inside an open transaction.

    The order is: leave out what belongs to domains that are no longer held; outcomes in the order in which they
    came; domain state and figures; the run's counts.
    """

    def __init__(self, connection: Connection, run: int, now: float, seen: frontier.Seen) -> None:
        self._connection = connection
        self._run = run
        self._now = now
        self._seen = seen
        #: Fingerprints that are known once this is committed.
        self.known: set[bytes] = set()
        self._number = self._next_number()
        self._added: dict[str, int] = {}
        self._counts = dict.fromkeys(COUNTS, 0)
        self._states: list[dict[str, Any]] = []
        self._again: list[dict[str, Any]] = []
        self._pages: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []
        self._attempts: list[dict[str, Any]] = []
        self._items: list[dict[str, Any]] = []

    def _next_number(self) -> int:
        runs = t.runs
        self._connection.execute(update(runs).where(runs.c.id == self._run).values(commits=runs.c.commits + 1))
        return self._connection.scalar(select(runs.c.commits).where(runs.c.id == self._run)) or 0

    def apply(self, batch: Batch, owner: str, epochs: Mapping[str, int]) -> Committed:
        """Write the batch; `epochs` are those under which its domains were worked on."""
        gone = domains.lost(self._connection, owner, epochs)
        lost: set[int] = set()
        for start in batch.starts:
            self._start(start)
        for outcome in batch.outcomes:
            if outcome.queued.domain in gone or outcome.queued.domain not in epochs:
                lost.add(outcome.queued.id)
            else:
                self._outcome(outcome)
        self._flush()
        domains.keep(self._connection, {name: seen for name, seen in batch.domains.items() if name not in gone})
        domains.keep_robots(self._connection, [row for row in batch.robots if row.domain not in gone])
        figures = {domain: more for domain, more in batch.figures.items() if domain not in gone}
        add_figures(self._connection, self._run, figures)
        counts = self._sum_up(batch)
        return Committed(counts, self._added, frozenset(lost))

    def _start(self, start: StartTaken) -> None:
        runs = t.runs
        self._take_in(start.yielded, None)
        self._connection.execute(
            update(runs)
            .where(runs.c.id == self._run)
            .values(start_taken=runs.c.start_taken + start.count, start_done=int(start.done))
        )

    def _outcome(self, outcome: Outcome) -> None:
        request = outcome.queued.id
        if outcome.attempt is not None:
            self._attempts.append(self._attempt(request, outcome.attempt))
        match outcome:
            case Done():
                self._end(request, t.State.DONE, "pages")
                self._pages.append(self._page(outcome))
                self._take_in(outcome.yielded, request)
            case Failed():
                self._end(request, t.State.FAILED, "failed")
                self._failures.append(self._failure(outcome))
                if outcome.yielded is not None:
                    self._take_in(outcome.yielded, request)
            case Redirected():
                self._end(request, t.State.REDIRECTED, "redirects")
                self._take_in(outcome.yielded, request)
            case Refused():
                self._end(request, t.State.REFUSED, None)
                self._counts["refused"] += frontier.refuse(self._connection, self._run, [outcome.refusal], None)
            case Again():
                self._again.append({"request_id": request, "at": outcome.not_before, "tried": outcome.attempts})

    def _end(self, request: int, state: t.State, count: str | None) -> None:
        self._states.append({"request_id": request, "new_state": state.value})
        self._counts["queued"] -= 1
        if count is not None:
            self._counts[count] += 1

    def _take_in(self, yielded: Yielded, page: int | None) -> None:
        ranks, added, duplicates = frontier.add(
            self._connection, self._run, yielded.found, page, self._seen, self.known
        )
        for domain, rank in ranks.items():
            self._added[domain] = min(rank, self._added.get(domain, rank))
        self._counts["queued"] += added
        self._counts["duplicates"] += duplicates
        if yielded.refusals:
            self._counts["refused"] += frontier.refuse(self._connection, self._run, yielded.refusals, page)
        self._counts["dropped"] += len(yielded.dropped)
        self._counts["items"] += len(yielded.items)
        self._items += [
            {
                "run": self._run,
                "commit_number": self._number,
                "type": item.type,
                "key": item.key,
                "page": page,
                "data": item.data,
            }
            for item in yielded.items
        ]

    def _page(self, done: Done) -> dict[str, Any]:
        yielded = done.yielded
        outgoing = f"[{','.join(yielded.outgoing)}]".encode()
        return {
            "request": done.queued.id,
            "run": self._run,
            "url": done.url,
            "status": done.status,
            "fetched_at": done.fetched_at,
            "connection": done.connection,
            "bytes": done.size,
            "etag": done.etag,
            "last_modified": done.last_modified,
            "content_hash": done.content_hash,
            "requests": zlib.compress(outgoing, 1) if yielded.outgoing else None,
            "item_keys": json.dumps([(item.type, item.key) for item in yielded.items], ensure_ascii=False),
        }

    def _failure(self, failed: Failed) -> dict[str, Any]:
        return {
            "request": failed.queued.id,
            "run": self._run,
            "url": failed.queued.request.url,
            "reason": failed.reason,
            "message": _sayable(failed.message),
            "status": failed.status,
            "attempts": failed.attempts,
            "traceback": _sayable(failed.traceback) if failed.traceback is not None else None,
            "at": self._now,
        }

    def _attempt(self, request: int, attempt: Attempt) -> dict[str, Any]:
        return {
            "run": self._run,
            "request": request,
            "number": attempt.number,
            "at": attempt.at,
            "connection": attempt.connection,
            "reused": int(attempt.reused),
            "status": attempt.status,
            "reason": attempt.reason,
            "message": _sayable(attempt.message),
            "wait": attempt.wait,
            "seconds": attempt.seconds,
            "bytes": attempt.bytes,
        }

    def _flush(self) -> None:
        ended = update(t.frontier).where(t.frontier.c.id == bindparam("request_id"))
        if self._states:
            self._connection.execute(ended.values(state=bindparam("new_state")), self._states)
        if self._again:
            values = {"not_before": bindparam("at"), "attempts": bindparam("tried"), "sent": 0}
            self._connection.execute(ended.values(values), self._again)
        added = (
            (t.pages, self._pages),
            (t.failures, self._failures),
            (t.attempts, self._attempts),
            (t.items, self._items),
        )
        for table, rows in added:
            if rows:
                self._connection.execute(insert(table), rows)

    def _sum_up(self, batch: Batch) -> Counts:
        runs = t.runs
        values: dict[str, Any] = {name: runs.c[name] + count for name, count in self._counts.items() if count}
        values["seconds"] = runs.c.seconds + batch.seconds
        if batch.hosts:
            known = json.loads(self._connection.scalar(select(runs.c.hosts).where(runs.c.id == self._run)) or "[]")
            values["hosts"] = json.dumps(sorted({*known, *batch.hosts}))
        self._connection.execute(update(runs).where(runs.c.id == self._run).values(values))
        row = self._connection.execute(select(*(runs.c[name] for name in COUNTS)).where(runs.c.id == self._run)).one()
        return Counts(*row)


def _sayable(text: str) -> str:
    """Text without lone surrogates, which a page's JSON can bring into a message and UTF-8 cannot say."""
    return text.encode(errors="replace").decode()


def add_figures(connection: Connection, run: int, more: Mapping[str, Figures]) -> None:
    """Add to the sums of domains."""
    if not more:
        return
    totals = read_figures(connection, run, list(more))
    rows = []
    for domain, figures in more.items():
        total = totals.get(domain, Figures())
        total += figures
        sums = {name: getattr(total, name) for name in FIGURES}
        rows.append({"run": run, "domain": domain, "reasons": json.dumps(total.reasons), **sums})
    table = t.figures
    this = delete(table).where(table.c.run == run, table.c.domain == bindparam("name"))
    connection.execute(this, [{"name": domain} for domain in more])
    connection.execute(insert(table), rows)


def read_figures(connection: Connection, run: int, domains: Sequence[str] | None = None) -> dict[str, Figures]:
    """The sums of a run by domain, of all or of those named."""
    table = t.figures
    query = select(table).where(table.c.run == run).order_by(table.c.domain)
    queries = [query] if domains is None else [query.where(table.c.domain.in_(some)) for some in t.chunks(domains)]
    return {
        row.domain: Figures(**{name: getattr(row, name) for name in FIGURES}, reasons=json.loads(row.reasons))
        for each in queries
        for row in connection.execute(each)
    }
