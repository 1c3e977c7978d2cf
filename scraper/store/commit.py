"""The one transaction of a batch of pages: done, new requests, items, domain state, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from scraper.fetch.base import Kept
from scraper.store import tables as t
from scraper.store.backends.statements import portions
from scraper.store.commit_rows import (
    ADD_ATTEMPTS,
    ADD_COUNTS,
    ADD_FAILURES,
    ADD_ITEMS,
    ADD_PAGES,
    FORGIVE,
    NEXT_NUMBER,
    PUT_OFF,
    READ_COUNTS,
    READ_NUMBER,
    AttemptRow,
    FailedRow,
    PageRow,
    StoredRow,
    ending,
)
from scraper.store.history import quarantine
from scraper.store.outcome_rows import attempt_row, carried_row, failed_row, is_told_by_page, page_row
from scraper.store.outcomes import (
    Batch,
    Checked,
    Committed,
    Done,
    Failed,
    FileEnded,
    Listed,
    Outcome,
    Redirected,
    Refused,
    RetryLater,
    StartTaken,
    Unchanged,
)
from scraper.store.sql import Connection, select, update
from scraper.store.state import (
    bodies,
    checks,
    domains,
    files,
    frontier,
    health,
    listings,
    proxies,
    spool,
    sums,
    timeline,
    visits,
)
from scraper.store.state.seen import Seen
from scraper.store.state.spool import Spooled
from scraper.store.values import COUNTS, Counts, Found, Listing, Queued, Refusal, StoredItem, Yielded


class Commit:
    """Applies one batch inside an open transaction.

    The order is: leave out what belongs to domains that are no longer held; outcomes in the order in which they
    came; domain state and figures; the run's counts.

    Args:
        seen: what is known for certain; it grows by `remember`, once the transaction is committed.
    """

    def __init__(self, connection: Connection, run: int, now: float, seen: Seen) -> None:
        self._connection = connection
        self._run = run
        self._now = now
        self._seen = seen
        #: Which of the run's commits it is.
        self.number = self._next_number()
        self._added: frontier.Added | None = None
        self._counts = dict.fromkeys(COUNTS, 0)
        self._found: list[tuple[Found, int | None]] = []
        self._refusals: list[tuple[Refusal, int | None]] = []
        self._ends: dict[int, list[int]] = {}
        self._again: list[tuple[float, int, int, int]] = []
        self._forgiven: list[tuple[int]] = []
        self._pages: list[PageRow] = []
        self._failures: list[FailedRow] = []
        self._attempts: list[AttemptRow] = []
        self._items: list[StoredRow] = []
        self._spooled: list[Spooled] = []
        self._visits: list[tuple[bytes, int]] = []
        self._forgotten: list[tuple[bytes]] = []
        self._listings: list[tuple[bytes, Listing | None]] = []
        self._copies: list[tuple[int, int, int, int]] = []
        self._kept: list[tuple[bytes, float, Kept]] = []
        self._used: list[bytes] = []
        self._held: list[files.Hold] = []
        self._held_copies: list[files.Copy] = []
        self._file_ends: list[FileEnded] = []
        self._moved: list[tuple[Queued, bytes]] = []
        self._came = timeline.Came()
        self._health = health.Tally(run)
        self._left_out = quarantine.LeftOut(run, now)

    def _next_number(self) -> int:
        NEXT_NUMBER.one(self._connection, 1, self._run)
        numbers = READ_NUMBER.rows(self._connection, self._run)
        return int(numbers[0][0]) if numbers else 0

    def remember(self) -> None:
        """Remember what the committed transaction met."""
        if self._added is not None:
            self._seen.add(self._added.known, (refusal.fingerprint for refusal, _ in self._refusals))

    def apply(self, batch: Batch, owner: str, epochs: Mapping[str, int]) -> Committed:
        """Write the batch; `epochs` are those under which its domains were worked on."""
        gone = domains.lost(self._connection, owner, epochs)
        lost: set[int] = set()
        for start in batch.starts:
            if domains.START not in gone:
                self._start(start)
        for portion in batch.portions:
            if portion.queued.domain in gone or portion.queued.domain not in epochs:
                lost.add(portion.queued.id)
            else:
                self._take_in(portion.yielded, portion.queued.id)
        for paused in batch.paused:
            if paused.domain not in gone:
                self._forgiven += [(request,) for request in paused.forgiven]
        for outcome in batch.outcomes:
            if outcome.queued.domain in gone or outcome.queued.domain not in epochs:
                lost.add(outcome.queued.id)
            else:
                self._outcome(outcome)
        held = (kept for kept in batch.archived if kept.domain not in gone and kept.domain in epochs)
        self._spooled += [Spooled(self._run, kept.records) for kept in held]
        added = self._flush()
        domains.keep(self._connection, {name: seen for name, seen in batch.domains.items() if name not in gone})
        domains.keep_robots(self._connection, [row for row in batch.robots if row.domain not in gone])
        proxies.keep(self._connection, batch.proxies)
        figures = {domain: more for domain, more in batch.figures.items() if domain not in gone}
        sums.add(self._connection, self._run, figures)
        for more in figures.values():
            self._came.count(more)
        counts = self._sum_up(batch)
        return Committed(counts, self.number, added.ranks, frozenset(lost))

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
        attempt = outcome.attempt
        if attempt is not None:
            self._came.answers += 1
            self._came.answer_seconds += attempt.seconds
            if not is_told_by_page(outcome, attempt):
                self._attempts.append(attempt_row(self._run, request, attempt))
            if attempt.records:
                self._spooled.append(Spooled(self._run, attempt.records))
            if attempt.kept is not None and not isinstance(outcome, RetryLater):
                self._kept.append((outcome.queued.fingerprint, attempt.at, attempt.kept))
        match outcome:
            case Done():
                self._end(request, t.RequestState.DONE, "pages")
                self._pages.append(page_row(self._run, outcome))
                self._note_visit(outcome.queued)
                self._take_in(outcome.yielded, request)
            case Unchanged():
                self._carry(outcome)
            case Failed():
                self._end(request, t.RequestState.FAILED, "failed")
                self._failures.append(failed_row(self._run, outcome, self._now))
                if outcome.status in (404, 410):
                    # What is gone is not to come back from an earlier run, whatever a sitemap says of it.
                    self._forgotten.append((outcome.queued.fingerprint,))
                if outcome.yielded is not None:
                    self._take_in(outcome.yielded, request)
            case Redirected():
                self._end(request, t.RequestState.REDIRECTED, "redirects")
                self._take_in(outcome.yielded, request)
                if outcome.queued.kind is t.Kind.FILE:
                    self._moved += [(outcome.queued, found.fingerprint) for found in outcome.yielded.found]
            case FileEnded():
                self._end(request, t.RequestState.FAILED if outcome.kept is None else t.RequestState.DONE, None)
                self._file_ends.append(outcome)
            case Refused():
                self._end(request, t.RequestState.REFUSED, None)
                self._refusals.append((outcome.refusal, None))
            case Listed():
                if outcome.was_read:
                    self._end(request, t.RequestState.DONE, "sitemaps" if outcome.attempt is not None else None)
                else:
                    self._end(request, t.RequestState.UNREAD, "sitemaps_unread")
                if outcome.was_read and outcome.attempt is not None:
                    self._listings.append((outcome.queued.fingerprint, outcome.listing))
                self._take_in(outcome.yielded, request)
            case Checked():
                self._end(request, checks.state_of(outcome.status), "checked")
            case RetryLater():
                self._again.append((outcome.not_before, outcome.attempts, 0, request))
                if outcome.distrust:
                    self._counts["distrusted"] += 1
                    if outcome.queued.kind is t.Kind.SITEMAP:
                        self._listings.append((outcome.queued.fingerprint, None))
                    else:
                        self._forgotten.append((outcome.queued.fingerprint,))

    def _end(self, request: int, state: t.RequestState, count: str | None) -> None:
        self._ends.setdefault(state.value, []).append(request)
        self._counts["queued"] -= 1
        if count is not None:
            self._counts[count] += 1

    def _take_in(self, yielded: Yielded, page: int | None) -> None:
        self._found += [(found, page) for found in yielded.found]
        self._refusals += [(refusal, page) for refusal in yielded.refusals]
        self._counts["duplicates"] += yielded.duplicates
        self._counts["dropped"] += len(yielded.dropped)
        self._counts["items"] += len(yielded.items)
        self._items += [
            StoredRow(self._run, self.number, item.type, item.key, page, item.data)
            for item in yielded.items
            if not item.attachments
        ]
        if yielded.has_files:
            self._hold([item for item in yielded.items if item.attachments], page)
        self._health.add(yielded.shapes, page)
        if yielded.aside or yielded.dropped or yielded.noted or yielded.matched:
            noted = [*yielded.noted, *map(quarantine.matched, yielded.matched)]
            self._left_out.add(yielded.aside, [*yielded.dropped, *noted], page)

    def _hold(self, waiting: Sequence[StoredItem], page: int | None) -> None:
        """Write items that name files, and the requests for these."""
        self._held += [files.Hold(page, item) for item in waiting]
        named = (each.found for item in waiting for each in item.attachments)
        self._found += [(found, page) for found in named if found is not None]

    def _note_visit(self, queued: Queued) -> None:
        if not queued.request.dont_filter:
            self._visits.append((queued.fingerprint, queued.id))

    def _carry(self, carried: Unchanged) -> None:
        """Take a page over from an earlier run, with its requests judged again and its items copied."""
        request, visit = carried.queued.id, carried.visit
        self._end(request, t.RequestState.DONE, "pages")
        self._counts["carried"] += 1
        self._counts["not_modified"] += carried.was_not_modified
        self._counts["unstable"] += carried.is_unstable
        self._used.append(carried.queued.fingerprint)
        self._pages.append(carried_row(self._run, carried))
        self._note_visit(carried.queued)
        self._take_in(carried.yielded, request)
        self._counts["items"] += carried.items
        self._copies.append((self._run, self.number, request, visit.page))
        if carried.yielded.has_files:
            asked = (found.fingerprint for found in carried.yielded.found if found.kind is t.Kind.FILE)
            self._held_copies.append(files.Copy(request, visit.page, frozenset(asked)))
        self._health.carry(request, visit.page)
        self._left_out.carry(request, visit.page)

    def _flush(self) -> frontier.Added:
        connection = self._connection
        self._added = added = frontier.add(connection, self._run, self._found, self._seen)
        self._counts["queued"] += added.new
        self._counts["duplicates"] += added.duplicates
        self._counts["refused"] += frontier.refuse(connection, self._run, self._refusals)
        for state, requests in self._ends.items():
            for some in portions(requests):
                ending(len(some)).one(connection, state, *some)
        PUT_OFF.many(connection, self._again)
        FORGIVE.many(connection, self._forgiven)
        ADD_PAGES.many(connection, self._pages)
        ADD_FAILURES.many(connection, self._failures)
        ADD_ATTEMPTS.many(connection, self._attempts)
        ADD_ITEMS.many(connection, self._items)
        spool.add(connection, self._spooled)
        visits.copy_items(connection, self._copies)
        held, copies = self._held, self._held_copies
        files.write(connection, self._run, self.number, held, copies, self._file_ends, self._moved)
        self._health.write(connection)
        self._left_out.write(connection)
        visits.note(connection, self._visits)
        visits.forget(connection, self._forgotten)
        listings.keep(connection, self._run, self._listings)
        bodies.use(connection, self._run, self._used)
        bodies.keep(connection, self._run, self._kept)
        return added

    def _sum_up(self, batch: Batch) -> Counts:
        runs = t.runs
        if batch.hosts:
            known = json.loads(self._connection.scalar(select(runs.c.hosts).where(runs.c.id == self._run)) or "[]")
            hosts = json.dumps(sorted({*known, *batch.hosts}))
            self._connection.execute(update(runs).where(runs.c.id == self._run).values(hosts=hosts))
        ADD_COUNTS.one(self._connection, *self._counts.values(), self._run)
        *found, seconds = READ_COUNTS.rows(self._connection, self._run)[0]
        counts = Counts(*found)
        timeline.add(self._connection, self._run, seconds, self._now, counts, self._came)
        return counts
