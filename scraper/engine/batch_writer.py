"""Collect what became of requests, commit it in batches, and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from scraper.config import Limits
from scraper.engine.coordination.messages import Report
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.leases import DomainLeases
from scraper.engine.limits import ShardEnd, cut, stopped_by_spider
from scraper.engine.status import StatusReporter
from scraper.errors import LeaseLost
from scraper.observe import events
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.outcomes import (
    Batch,
    Committed,
    DomainPaused,
    Done,
    FileEnded,
    Outcome,
    Portion,
    RetryLater,
    StartTaken,
    Unchanged,
)
from scraper.store.state.domains import START
from scraper.store.state.spool import Archived
from scraper.store.values import RobotsRow, RunRow

#: A batch is committed when it holds this many outcomes or rows, or its first is this old (seconds).
BATCH_OUTCOMES = 200
BATCH_ROWS = 10_000
BATCH_SECONDS = 0.2
#: A batch that one domain waits for is committed when it is this old (seconds): while others have something to send,
#: and while all that can be done is to wait for answers. With none to come it is committed at once.
_SPARE_SECONDS = 0.025
_BRIEF_SECONDS = 0.01
#: After a commit that took so long (seconds), no other is begun for a moment: one after the other would let nobody
#: else write. SQLite asks for the lock each tenth of a second.
_LONG_SECONDS = 0.5
_COURTESY_SECONDS = 0.12


class BatchWriter:
    """Used by the main loop of a shard only.

    Args:
        tell: takes reports.
    """

    def __init__(
        self,
        store: Store,
        run: RunRow,
        limits: Limits,
        frontier: Frontier,
        leases: DomainLeases,
        admission: Admission,
        emit: Events,
        watch: StatusReporter,
        tell: Callable[[Report], None],
    ) -> None:
        self._store = store
        self._run = run.id
        self._limits = limits
        self._frontier = frontier
        self._leases = leases
        self._admission = admission
        self._emit = emit
        self._watch = watch
        self._tell = tell
        self._batch = Batch()
        self._batch_began = 0.0
        #: Rows of it.
        self._rows = 0
        self._start_epoch: int | None = None
        self._start_taken = 0
        #: Whether it was idle, and whether it wanted places for pages, when that was looked at last.
        self._stands = False, False
        #: What is said with the next report.
        self.report = Report()
        #: What a commit brought the crawl to.
        self.end: ShardEnd | None = None
        #: No commit is begun that is not expected to end by then (monotonic); how long one takes of late, in seconds.
        self.deadline = float("inf")
        self._took = 0.0
        #: Outcomes are not wanted any more; or no others than those of files.
        self.discarding = False
        self.wants_files_only = False
        #: Items may name files.
        self.has_files = False

    @property
    def is_full(self) -> bool:
        """Tell whether the batch should be committed before more is taken in."""
        # What is left out costs nothing.
        return not self.discarding and (len(self._batch.outcomes) >= BATCH_OUTCOMES or self._rows >= BATCH_ROWS)

    @property
    def is_quiet(self) -> bool:
        """Tell whether there is nothing to commit, and nothing on its way that will be."""
        return not self._batch and not self._frontier.in_flight

    @property
    def can_wait(self) -> bool:
        """Tell whether more may come together before anything is done: no domain waits for what is there."""
        batch = self._batch
        if not batch.outcomes or batch.starts or batch.portions or self.is_full:
            return False
        return not self._is_waited_for(time.monotonic() - self._batch_began)

    def take(self, message: Outcome | Portion | StartTaken | RobotsRow | Archived | DomainPaused) -> None:
        """Something for the next commit."""
        if not self._batch:
            self._batch_began = time.monotonic()
        match message:
            case Outcome():
                self._batch.outcomes.append(message)
                self._rows += message.rows
            case Portion():
                self._batch.portions.append(message)
                self._rows += message.yielded.rows
            case StartTaken():
                self._batch.starts.append(message)
                self._rows += message.yielded.rows
            case RobotsRow():
                self._batch.robots.append(message)
            case Archived():
                self._batch.archived.append(message)
            case DomainPaused():
                self._batch.paused.append(message)

    def hold_start(self, taken: int) -> None:
        """Take the results of start() from now on, of which `taken` are in the store.

        Raises:
            LeaseLost: another one does.
        """
        if self._start_epoch is None:
            leases = self._store.claim(self._leases.owner, [START])
            if not leases:
                raise LeaseLost("another shard takes the results of start()")
            self._start_epoch = leases[0].epoch
        self._start_taken = taken

    def commit_if_due(self, *, nothing_more: bool) -> None:
        """Commit when there is much, or it is old, or a domain waits for it and `nothing_more` is to be taken in."""
        if not self._batch:
            return
        age = time.monotonic() - self._batch_began
        if self.is_full or age >= BATCH_SECONDS or (nothing_more and self._is_waited_for(age)):
            self._commit()

    def _is_waited_for(self, age: float) -> bool:
        """Tell whether a domain has nothing at hand, so that what this batch brought may be its next."""
        batch = self._batch
        if batch.starts or batch.portions:
            return True
        # Others have work meanwhile, and many small commits cost more than a few larger ones.
        if not self._frontier.is_out_of_work:
            spare = _SPARE_SECONDS
        else:
            spare = _BRIEF_SECONDS if self._frontier.in_flight else 0.0
        if age < spare:
            return False
        return self._frontier.is_starving({o.queued.domain for o in batch.outcomes})

    def keep(self) -> None:
        """Commit what there is."""
        if self._batch:
            self._commit()

    def _commit(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._rows = 0
        # Also of those that are left out below.
        rows = sum(outcome.rows for outcome in batch.outcomes)
        portions = batch.portions
        began = time.monotonic()
        # What cannot be written in time stays queued.
        self.discarding = self.discarding or began + self._took >= self.deadline
        if self.discarding:
            batch.outcomes, batch.portions = [], []
        elif self.wants_files_only:
            batch.outcomes, batch.portions = _of_files(batch.outcomes), []
        names = {outcome.queued.domain for outcome in batch.outcomes} | {row.domain for row in batch.robots}
        names |= {portion.queued.domain for portion in batch.portions} | {kept.domain for kept in batch.archived}
        names |= {paused.domain for paused in batch.paused}
        held = [domain for name in names if (domain := self._frontier.get(name)) is not None]
        batch.hosts, self._admission.added_hosts = self._admission.added_hosts, []
        done = self.write(batch, held)
        took = time.monotonic() - began
        self._took = max(took, self._took / 2)
        if took > _LONG_SECONDS:
            # Who waits for the write lock looks for it now and then only: heartbeats, other shards, the coordinator.
            time.sleep(_COURTESY_SECONDS)
        outcomes = batch.outcomes
        pages = [outcome for outcome in outcomes if isinstance(outcome, Done | Unchanged)]
        if self._emit.wants(events.PageDone):
            for page in pages:
                items = page.items if isinstance(page, Unchanged) else len(page.yielded.items)
                found = len(page.yielded.found) + page.yielded.duplicates
                self._emit(events.PageDone(page.url, items, found))
        for page in pages:
            if isinstance(page, Done):
                self._look_for_trap(page)
        again_at = {o.queued.id: o.not_before for o in outcomes if isinstance(o, RetryLater)}
        self._frontier.committed(outcomes, again_at, rows)
        self.report.found |= self._leases.found(done.added)
        self.report.hosts += batch.hosts
        self.report.pages += len(pages)
        self._watch.committed(len(pages))
        for portion in portions:
            portion.on_commit()
        for outcome in outcomes:
            if isinstance(outcome, FileEnded) and outcome.on_commit is not None:
                outcome.on_commit()
        for start in batch.starts:
            self._start_taken += start.count
            self.report.start = self._start_taken, start.done
        self.send_report()

    def _look_for_trap(self, done: Done) -> None:
        request, yielded = done.queued.request, done.yielded
        trap = self._admission.traps.note(request.url, request.depth, done.content_hash, yielded.items, yielded.found)
        if trap is not None:
            self._emit(events.Notice(f"a trap: {trap}; more of them are not fetched (scope.no_traps lets them)"))

    def _trim(self, batch: Batch, items: int) -> None:
        """Cut a batch where the crawl is at its end."""
        if self.wants_files_only:
            return
        files = _of_files(batch.outcomes) if self.has_files else []
        others = (
            [each for each in batch.outcomes if not each.queued.kind.belongs_to_items] if files else batch.outcomes
        )
        batch.outcomes, end = cut(self._limits, items, others)
        batch.outcomes += files
        for start in batch.starts:
            if start.yielded.stop is not None:
                end = end or stopped_by_spider(start.yielded.stop)
        if end is not None:
            self.report.end = end
            if self.has_files:
                # Those of its last items are waited for; it is told when that is the end.
                self.wants_files_only = True
                self._frontier.hand_out_files_only()
            else:
                self.end = self.end or end
                self.discarding = True

    def write(self, batch: Batch, domains: Sequence[Domain]) -> Committed:
        """Commit one transaction; raises LeaseLost, with nothing of it written, where domains are no longer
        held.
        """
        epochs = self._leases.add_state(batch, domains)
        if batch.starts and self._start_epoch is not None:
            epochs[START] = self._start_epoch
        done = self._store.commit(self._run, batch, self._leases.owner, epochs, partial(self._trim, batch))
        if done.lost:
            raise LeaseLost("its leases were voided: it did not renew them in time")
        self.report.counts, self.report.commit = done.counts, done.number
        for figures in batch.figures.values():
            self.report.figures += figures
        return done

    def book_bytes(self) -> None:
        """Commit what came of bodies that are under way, where it counts against `limits.bytes`."""
        if domains := self._leases.with_unbooked_bytes():
            self.write(Batch(), domains)
            self.send_report()

    def give_up_domains(self) -> None:
        """Hand over the domains that another shard is to have, and let those go of which nothing is left."""
        self.report.released += self._give_up(self._frontier.departed())
        self.report.finished += self._give_up(self._leases.finished())

    def _give_up(self, domains: Sequence[Domain]) -> list[str]:
        """Give these back, with all that was seen of them committed; returns their names."""
        if not domains:
            return []
        for domain in domains:
            domain.session.close()
        self.write(Batch(), domains)
        return self._leases.give_up(domains)

    def say_how_it_stands(self, *, nothing_more: bool) -> None:
        """Report a few times a second, and at once where somebody may be waiting for it."""
        stands = self._frontier.is_idle and not self._batch and nothing_more, self._frontier.wants_places
        is_news, self._stands = stands != self._stands, stands
        asked = self.report.not_had or self.report.released or self.report.places_back
        if is_news or asked or self._watch.is_time():
            self.send_report()

    def send_report(self) -> None:
        """Tell how it stands, and what was done since the report before."""
        report, self.report = self.report, Report()
        report.is_idle, report.wants_places = self._stands
        report.busy = self._frontier.busy
        self._watch.describe(report)
        self._tell(report)


def _of_files(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return those of files, whatever became of them."""
    return [outcome for outcome in outcomes if outcome.queued.kind.belongs_to_items]
