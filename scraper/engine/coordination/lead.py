"""Who decides the limits and the end of a run that workers share: whichever of their processes has that role.

Every crawl and every worker has a Lead, and one of these the role; the others try every few seconds whether it is
free. What it decides is in the store, with the epoch of its term; nothing that it knows is lost with it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from scraper.engine.coordination.coordinator import queue_checks
from scraper.engine.coordination.directs import Direction
from scraper.engine.coordination.forecast import Forecast
from scraper.engine.coordination.messages import Order, Report
from scraper.engine.limits import FINISHED, ShardEnd, bytes_are_over, limit_reached, time_is_up
from scraper.engine.status import MOST_WAITING
from scraper.errors import LeaseLost, StoreUnreachable
from scraper.observe.events import Tick, Waiting
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.state.fleet import Look, Peer
from scraper.store.state.presence import Role
from scraper.store.state.roles import DIRECTS, Term
from scraper.store.values import Ending, RunRow

_TICK_SECONDS = 0.5
#: How often it looks how the run stands, and renews what it has.
_LOOK_SECONDS = 1.0
#: How often one without the role tries to have it, in seconds.
_TRY_SECONDS = 3.0, 5.0
#: How often the ledger is summed up, in seconds.
_SUM_SECONDS = 2.0
#: Everyone has been idle this long (seconds), and something is counted as queued: the store is asked where.
_IDLE_SECONDS = 5.0


class Lead:
    """Decides when a run ends, where it has the role, and shows how it goes.

    Args:
        role: what it is among those at work.
        differs: called once, when the run goes on by other code or configuration than `fingerprint`.
    """

    def __init__(
        self,
        direction: Direction,
        *,
        role: Role = Role.COORDINATOR,
        fingerprint: Mapping[str, str] | None = None,
        differs: Callable[[], None] = lambda: None,
    ) -> None:
        store, run = direction.store, direction.run
        self._store, self._run, self._config = store, run.id, direction.config
        self._owner, self._role, self._emit = direction.owner, role, direction.emit
        self._committed = direction.committed
        self._stop_asked: Callable[[], None] | None = direction.stop_asked
        self._forecast = Forecast(store, run)
        self._fingerprint, self._differs = fingerprint, differs
        self._is_present = role is Role.COORDINATOR
        now = time.monotonic()
        #: When (monotonic) it last wrote to the store.
        self.kept_at = now
        self._counted_until = now
        self._row = run
        self._peers: tuple[Peer, ...] = ()
        self._sums, self._summed_at = store.sums(run.id), now
        self._ticked_at = self._looked_at = self._try_at = float("-inf")
        #: Nobody is taken off before: a database that was away kept all of them from renewing their leases.
        self._void_at = now
        self._idle_since: float | None = None
        self._has_checked = False
        self.term: Term | None = None

    # What a process that has shards asks of it ---------------------------------------------------------------------

    @property
    def end(self) -> ShardEnd | None:
        """Return how the run ends; None while it goes on."""
        ending = self._row.ending
        if ending is None or ending.files_only:
            return ShardEnd("stopped", "the run was ended meanwhile") if self._row.is_finished else None
        return ShardEnd(ending.result, ending.why)

    def joined(self, number: int) -> None:
        """Do nothing: each shard sees to itself."""

    def left(self, number: int) -> None:
        """Note that a shard was killed."""
        self.keep_time(interrupted=True)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that start URLs added to the scope."""
        return self._row.hosts

    def orders(self) -> Iterator[tuple[int, Order]]:
        """Return nothing: each shard sees to itself."""
        return iter(())

    def take(self, number: int, report: Report) -> Iterator[tuple[int, Order]]:
        """Take in a shard's report."""
        if report.counts is not None:
            self._committed()
        self.look()
        return iter(())

    def keep_time(self, *, interrupted: bool = False) -> None:
        """Write down how long the run has worked, if that is this one's to do; and that a shard was killed."""
        now = time.monotonic()
        seconds, self._counted_until = now - self._counted_until, now
        if self.term is not None:
            try:
                self._store.add_seconds(self._run, seconds, interrupted=interrupted, term=self.term)
                return
            except LeaseLost:
                self.term = None
        if interrupted:
            self._store.add_seconds(self._run, 0.0, interrupted=True)

    def close(self) -> None:
        """Write down the rest of the working time, and let another have the role at once."""
        self.keep_time()
        if self.term is not None:
            self._store.leave_role(self.term)
            self.term = None
        self._row = self._store.look(self._run).run

    def look(self) -> None:
        """Called all the time: renew what it has, decide what is to be decided, tell how it goes."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self.look_now()
        if now - self._ticked_at >= _TICK_SECONDS:
            self._ticked_at = now
            if self._emit.wants(Tick):
                self._emit(self._forecast.of(self._tick(now)))

    def look_now(self) -> None:
        """Renew what it has, and decide what is to be decided, where the store can be reached."""
        now = time.monotonic()
        try:
            if self._is_present:
                self._store.renew_leases(self._owner)
            if self.term is not None or now >= self._try_at:
                self._try_at = now + random.uniform(*_TRY_SECONDS)
                self._have_role(now)
        except StoreUnreachable:
            return
        look = self._store.look(self._run)
        before, self.kept_at = self.kept_at, time.monotonic()
        if self.kept_at - before > LEASE_SECONDS / 2:
            self._void_at = self.kept_at + LEASE_SECONDS / 2
        commits, self._row, self._peers = self._row.commits, look.run, look.peers
        if look.run.commits != commits:
            self._committed()
        self._see_what_changed(look.run)
        if self.term is not None:
            try:
                self._direct(look, self.term, now)
            except LeaseLost:
                self.term = None

    def _have_role(self, now: float) -> None:
        had, self.term = self.term, self._store.take_role(DIRECTS, self._owner)
        if self.term is None or self.term == had:
            return
        # What it worked for before somebody else counted.
        self._counted_until = now
        if not self._is_present:
            self._is_present = True
            self._store.join(self._owner, self._run, self._role)

    def _see_what_changed(self, row: RunRow) -> None:
        if row.stop_asked is not None and self._stop_asked is not None:
            stop, self._stop_asked = self._stop_asked, None
            stop()
        if self._fingerprint is not None and row.fingerprint not in (None, self._fingerprint):
            self._fingerprint = None
            self._differs()

    # With the role -------------------------------------------------------------------------------------------------

    def _direct(self, look: Look, term: Term, now: float) -> None:
        if now >= self._void_at:
            self._store.void_expired(self._run)
        self.keep_time()
        row = look.run
        if row.is_finished or (row.ending is not None and not row.ending.files_only):
            return
        ending = self._find_end(look, now)
        if ending is not None and ending != row.ending:
            self._store.end_soon(self._run, ending, term)

    def _find_end(self, look: Look, now: float) -> Ending | None:
        row, limits = look.run, self._config.limits
        over = time_is_up(limits, row.seconds)
        nothing_left = row.start_done and row.counts.queued == 0
        if over is None and limits.bytes is not None and not nothing_left:
            # Files are most of the bytes: none is waited for.
            over = bytes_are_over(limits, self._store.sums(self._run).bytes)
        if over is not None:
            return Ending(over.result, over.why)
        coming = limit_reached(limits, row.counts, all_started=row.start_done)
        if row.ending is not None:
            coming = ShardEnd(row.ending.result, row.ending.why)
        if coming is not None:
            return Ending(coming.result, coming.why, files_only=self._waits_for_files())
        if nothing_left:
            return self._check_or_finish(row)
        return self._find_forgotten(look.peers, now) if row.start_done else None

    def _waits_for_files(self) -> bool:
        has_files = any(pipeline.field is not None for pipeline in self._config.pipelines)
        return has_files and self._store.files_are_open(self._run)

    def _check_or_finish(self, row: RunRow) -> Ending | None:
        """Everything was crawled: pages that were not reached are checked, once, and then the run ends."""
        if not self._has_checked:
            self._has_checked = True
            if queue_checks(self._store, self._run, self._config, row.hosts).queued:
                return None
        return Ending(FINISHED.result, FINISHED.why)

    def _find_forgotten(self, peers: Iterable[Peer], now: float) -> Ending | None:
        """Everyone is idle, and yet something is counted as queued: is anything?"""
        doings = [peer.doing for peer in peers]
        if not doings or not all(doing is not None and not doing.busy for doing in doings):
            self._idle_since = None
            return None
        self._idle_since = self._idle_since or now
        if now - self._idle_since < _IDLE_SECONDS:
            return None
        self._idle_since = None
        return None if self._store.domains_with_work(self._run) else Ending(FINISHED.result, FINISHED.why)

    # Watching ------------------------------------------------------------------------------------------------------

    def _tick(self, now: float) -> Tick:
        """Return the state of the crawl, for the progress display."""
        if now - self._summed_at >= _SUM_SECONDS:
            self._sums, self._summed_at = self._store.sums(self._run), now
        row, total = self._row, self._sums
        # Another who has the role has counted what is in the row.
        counted_until = self.kept_at if self.term is None else self._counted_until
        doings = [peer.doing for peer in self._peers if peer.doing is not None]
        waits: list[Waiting] = sorted((wait for doing in doings for wait in doing.longest), key=lambda w: -w.seconds)
        return Tick(
            pages=row.counts.pages,
            items=row.counts.items,
            queued=row.counts.queued,
            in_flight=sum(doing.in_flight for doing in doings),
            failed=row.counts.failed,
            refused=row.counts.refused,
            requests=total.requests,
            reused=total.reused,
            connections=total.connections,
            retries=total.retries,
            bytes=total.bytes,
            seconds=row.seconds + (now - counted_until),
            pages_limit=self._config.limits.pages,
            waiting=tuple(waits[:MOST_WAITING]),
            parsing=next((doing.parsing for doing in doings if doing.parsing is not None), None),
        )
