"""A shard that sees to itself: what it is to do, by what the store says of a run that others work on as well.

Nobody tells it anything. Every half second it reads how the run stands, and gives its shard the orders that a
coordinator would: domains that nobody holds, places for pages, the next results of start(), the end. Whatever it
misses or does too late costs time and nothing else, since leases and epochs decide.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from scraper.config import SiteConfig
from scraper.config.model.start import STDIN
from scraper.engine.coordination.messages import (
    Allow,
    BytesHad,
    Claim,
    End,
    FilesOnly,
    LookForWork,
    Order,
    PageBudget,
    Release,
    Report,
    ReturnBudget,
    TakeStart,
)
from scraper.engine.limits import STOPPED, ShardEnd
from scraper.store import Store
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.state.domains import START
from scraper.store.state.fleet import Look, Peer
from scraper.store.values import Ending, RunRow

#: How often it looks, in seconds; and how often for free domains, where there were none and it has something to do.
_LOOK_SECONDS = 0.5
_BUSY_SECONDS = 5.0
#: A domain that another has, or that it gave up, is not tried again for so long (seconds).
_LEFT_SECONDS = 5.0
#: It gives domains up, and tries to be who takes the results of start(), this rarely (seconds).
_PATIENCE_SECONDS = 2.0
#: It asks for places this rarely (seconds).
_PLACES_SECONDS = 0.1
#: First requests are taken from start() while fewer than this are queued.
_START_BELOW = 10_000


class Member:
    """Directs one shard. Used in the thread of the shard's main loop.

    Args:
        owner: the shard's name in leases.
    """

    def __init__(self, store: Store, run: RunRow, config: SiteConfig, owner: str) -> None:
        self._store = store
        self._run = run.id
        self._limit = config.limits.pages
        self._counts_bytes = config.limits.bytes is not None
        #: Of bodies, that the shard committed.
        self._bytes = 0
        self._has_files = any(pipeline.field is not None for pipeline in config.pipelines)
        self._owner = owner
        # Standard input is the crawl's.
        self._starts = config.start_file is None or config.start_file.file != STDIN
        self._hosts = set(run.hosts)
        self._look_at = self._free_at = self._start_at = self._places_at = float("-inf")
        self._balanced_at = self._patient_until = float("-inf")
        self._looked_at = time.monotonic()
        #: Behind which it looks for free domains next.
        self._after = ""
        #: Domains of others, and until when they are taken for such.
        self._left: dict[str, float] = {}
        self._peers: tuple[Peer, ...] = ()
        #: Places that it was given and neither used nor gave back; and those of which the store does not know that.
        self._places = self._unsettled = 0
        self._has_start = self._is_starting = False
        self._told_files_only = False
        self._is_over = False

    def take(self, report: Report) -> Iterator[Order]:
        """Take in the shard's report; return what it is to do."""
        if self._is_over:
            return
        now = time.monotonic()
        self._note(report, now)
        if report.end is not None:
            self._end(report.end)
        yield from self._claim_found(report.found, now)
        if report.wants_places and now >= self._places_at:
            self._places_at = now + _PLACES_SECONDS
            yield from self._ask_for_places()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            yield from self._look(report, now)

    def _note(self, report: Report, now: float) -> None:
        used = report.pages + report.places_back
        self._places -= used
        self._unsettled += used
        self._bytes += report.figures.bytes
        for name in (*report.not_had, *report.released):
            self._left[name] = now + _LEFT_SECONDS
        if report.start is not None:
            self._is_starting = False
        if report.is_idle:
            self._free_at = min(self._free_at, now)

    def _end(self, end: ShardEnd) -> None:
        """The spider said so, or a limit was reached: what is still in flight would come after that."""
        files = self._has_files and self._store.files_are_open(self._run)
        self._store.end_soon(self._run, Ending(end.result, end.why, discard=not files, files_only=files))

    # Domains -----------------------------------------------------------------------------------------------------

    def _claim_found(self, found: Iterable[str], now: float) -> Iterator[Order]:
        """Claim its part of the domains that it found requests for, at once; the others look for theirs."""
        if not found:
            return
        if len(self._left) > _START_BELOW:
            self._left = {name: until for name, until in self._left.items() if until > now}
        names = [name for name in found if self._left.get(name, 0.0) <= now]
        part = -(-len(names) // max(1, len(self._peers)))
        for name in names[part:]:
            self._left[name] = now + _LEFT_SECONDS
        if names:
            yield Claim(tuple(names[:part]))

    def _claim_free(self, report: Report, now: float) -> Iterator[Order]:
        if now < max(self._free_at, self._patient_until):
            return
        found = self._store.free_domains(self._run, self._after)
        self._after = found.after
        free = [name for name in found.names if self._left.get(name, 0.0) <= now]
        if free:
            yield Claim(tuple(free))
        if not free and not found.after:
            self._free_at = now + (_LOOK_SECONDS if report.is_idle else _BUSY_SECONDS)

    def _balance(self, report: Report, now: float) -> Iterator[Order]:
        """Let half of its domains go, where another has nothing to do and nobody has more."""
        # One that has just joined has had no heartbeat yet, and no domain.
        others = [peer.doing.busy if peer.doing else 0 for peer in self._peers if peer.owner != self._owner]
        if now - self._balanced_at < _PATIENCE_SECONDS or all(others):
            return
        count = report.busy // 2
        if count and self._free_at > now and max(others) <= report.busy:
            self._balanced_at = now
            yield Release(count)

    # Looking -----------------------------------------------------------------------------------------------------

    def _look(self, report: Report, now: float) -> Iterator[Order]:
        look = self._store.look(self._run)
        before, self._looked_at = self._looked_at, time.monotonic()
        if self._looked_at - before > LEASE_SECONDS / 2:
            # A database that was away kept the others from renewing their leases as well: they have a moment to.
            self._patient_until = self._looked_at + LEASE_SECONDS / 4
        row, self._peers = look.run, look.peers
        if self._counts_bytes:
            yield BytesHad(self._store.sums(self._run).bytes - self._bytes)
        if row.is_finished or (row.ending is not None and not row.ending.files_only):
            self._is_over = True
            end = row.ending or Ending(STOPPED.result, STOPPED.why, discard=True)
            yield End(ShardEnd(end.result, end.why), end.discard)
            return
        if new := [host for host in row.hosts if host not in self._hosts]:
            self._hosts.update(new)
            yield Allow(tuple(new))
        if row.ending is not None and not self._told_files_only:
            self._told_files_only = True
            yield FilesOnly()
        yield from self._return_places(report)
        yield from self._claim_free(report, now)
        yield from self._balance(report, now)
        yield LookForWork()
        if row.ending is None:
            yield from self._start(look, now)

    def _start(self, look: Look, now: float) -> Iterator[Order]:
        """Take first requests when few are left to do, if nobody else does."""
        row = look.run
        if not self._starts or row.start_done or self._is_starting or row.counts.queued >= _START_BELOW:
            return
        if not self._has_start:
            if now < self._start_at:
                return
            self._start_at = now + _PATIENCE_SECONDS
            self._has_start = bool(self._store.claim(self._owner, [START]))
            if not self._has_start:
                return
            # Whoever had it may have committed a portion meanwhile, and cannot any more.
            row = self._store.look(self._run).run
            if row.start_done:
                return
        self._is_starting = True
        yield TakeStart(row.start_taken)

    # Places for pages --------------------------------------------------------------------------------------------

    def _ask_for_places(self) -> Iterator[Order]:
        given = self._settle(wanted=True)
        if given:
            self._places += given
            yield PageBudget(given)

    def _return_places(self, report: Report) -> Iterator[Order]:
        """Let another have the places that are not in use, where it has work and none."""
        if self._limit is None:
            return
        if self._unsettled and any(peer.doing is not None and peer.doing.wants_places for peer in self._peers):
            self._settle(wanted=False)
        if self._places and not report.wants_places and self._others_want_places():
            yield ReturnBudget()

    def _others_want_places(self) -> bool:
        others = (peer.doing for peer in self._peers if peer.owner != self._owner)
        return any(doing is not None and doing.wants_places for doing in others)

    def _settle(self, *, wanted: bool) -> int:
        assert self._limit is not None
        given = self._store.places(self._run, self._owner, self._limit, back=self._unsettled, wanted=wanted)
        self._unsettled = 0
        return given
