"""The direction of a crawl: which shard has which domains, how many pages each may fetch, and when it is the end.

Pure: it is told what shards report and answers with orders, so one process and many are directed alike. Nothing
here is needed after a kill; leases, counts and the frontier are the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field

from scraper.config import Limits
from scraper.engine.coordination.messages import (
    Allow,
    BytesHad,
    Claim,
    End,
    FilesOnly,
    Order,
    PageBudget,
    Release,
    Report,
    ReturnBudget,
    TakeStart,
    WorkAdded,
)
from scraper.engine.limits import FINISHED, ShardEnd, bytes_are_over, limit_reached, time_is_up
from scraper.engine.status import MOST_WAITING
from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Tick, Waiting
from scraper.stats import ConnectionStats
from scraper.store.values import Counts, RunRow

#: First requests are taken from start() while fewer than this are queued.
_START_BELOW = 10_000
#: The first orders wait so long (seconds) for all shards to be there, and a shard that gave up domains is given
#: more after as long.
_PATIENCE_SECONDS = 2.0
#: PageBudget are asked back this rarely (seconds): two shards whose domains all wait must not pass one to and fro.
_ASK_BACK_SECONDS = 0.5
#: Everyone has been idle this long (seconds), and the store still has something queued: it is asked where.
_IDLE_SECONDS = 0.5
#: Domains of one order, so that the first of many thousands are at work before the last are claimed.
_CLAIM_PORTION = 500


@dataclass()
class _Shard:
    """The state of a shard as far as the coordinator knows it."""

    domains: set[str] = field(default_factory=set)
    #: PageBudget for pages that it was given, and neither used nor gave back.
    places: int = 0
    #: How many of the hosts that start URLs added it was told.
    hosts_told: int = 0
    #: Bytes of bodies that it reported, and how many of the others' it was told.
    bytes: int = 0
    bytes_told: int = 0
    last: Report = field(default_factory=Report)


class DomainScheduler:
    """Directs the shards of one crawl.

    Args:
        run: the run as the store has it.
        started_at: when this call of the crawl began, by the clock that the methods' `now` is of, in seconds.
        domains_with_work: asks the store which domains have something queued.
        expected: how many shards there will be.
        queue_checks: queues the pages of an earlier run that were not reached; returns the run's counts since.
        files_are_open: asks the store whether an item waits for a file.
    """

    def __init__(
        self,
        run: RunRow,
        limits: Limits,
        started_at: float,
        domains_with_work: Callable[[], list[str]],
        expected: int = 1,
        queue_checks: Callable[[], Counts] | None = None,
        files_are_open: Callable[[], bool] = lambda: False,
    ) -> None:
        self._run = run
        self._limits = limits
        self._started_at = started_at
        self._domains_with_work = domains_with_work
        self._queue_checks = queue_checks
        self._files_are_open = files_are_open
        #: How it is to end once the files of its items are there; shards that were told.
        self._coming: ShardEnd | None = None
        self._told_files_only: set[int] = set()
        self._shards: dict[int, _Shard] = {}
        self._shard_of: dict[str, int] = {}
        #: Domains with work that nobody has.
        self._unclaimed: dict[str, None] = {}
        self._starter: int | None = None
        self._start_taken, self._start_done = run.start_taken, run.start_done
        self._hosts: list[str] = list(run.hosts)
        self._expected = expected
        self._waits_until: float | None = None
        self._balanced_at = float("-inf")
        self._asked_back_at = float("-inf")
        self._idle_since: float | None = None
        self._asked_store = False
        self._discard = False
        #: For how long `limits.duration` had been over when that was found, in seconds.
        self._late = 0.0
        self._commit = run.commits
        self.counts = run.counts
        #: The ledger's sums of the run.
        self.figures = ConnectionStats()
        self.end: ShardEnd | None = None

    def worked(self, now: float) -> float:
        """Return seconds that the run has worked, over all resumptions."""
        return self._run.seconds + now - self._started_at

    # Shards come and go ----------------------------------------------------------------------------------

    def joined(self, number: int) -> None:
        """Note a new shard, which holds no domain yet."""
        self._shards[number] = _Shard(hosts_told=len(self._run.hosts))
        if not self._asked_store:
            self._asked_store = True
            self._unclaimed.update(dict.fromkeys(self._domains_with_work()))

    def left(self, number: int, run: RunRow) -> None:
        """Note that a shard is gone and its leases are void; `run` is the run as the store knows it since."""
        shard = self._shards.pop(number, None)
        if shard is None:
            return
        # Its last commits may never have been reported.
        self._commit, self.counts = run.commits, run.counts
        self._start_taken, self._start_done = run.start_taken, run.start_done
        self._hosts += [host for host in run.hosts if host not in self._hosts]
        for name in sorted(shard.domains):
            del self._shard_of[name]
            self._unclaimed[name] = None
        if self._starter == number:
            self._starter = None

    # Reports and orders ----------------------------------------------------------------------------------

    def received(self, number: int, report: Report) -> None:
        """Take in the report of a shard."""
        shard = self._shards.get(number)
        if shard is None:
            return
        shard.last = report
        if report.counts is not None and report.commit > self._commit:
            # Reports of several shards may overtake each other.
            self._commit, self.counts = report.commit, report.counts
        shard.places -= report.pages + report.places_back
        self.figures += report.figures
        shard.bytes += report.figures.bytes
        self._unclaimed.update(dict.fromkeys(self._taken_from(number, report.released)))
        # Whoever finds something for them again says so.
        self._taken_from(number, report.finished)
        # Somebody else holds these; whether something is left of them is asked of the store once all are idle.
        self._taken_from(number, report.not_had)
        if report.hosts:
            was_told_all = shard.hosts_told == len(self._hosts)
            self._hosts += [host for host in report.hosts if host not in self._hosts]
            if was_told_all:
                shard.hosts_told = len(self._hosts)
        if report.start is not None:
            self._start_taken, self._start_done = report.start
            self._starter = None
        if report.end is not None and self.end is None:
            # What is still in flight would come after the item, or the page, that ended it.
            self._coming, self._discard = self._coming or report.end, True
            self.end = self._without_files(self._coming)

    def _taken_from(self, number: int, names: Iterable[str]) -> list[str]:
        """These domains are not this shard's; returns those that were, as far as is known here.

        The others may be another's by now: what a shard says of a domain that it gave up can come late.
        """
        shard = self._shards[number]
        taken = [name for name in names if name in shard.domains]
        for name in taken:
            shard.domains.discard(name)
            del self._shard_of[name]
        return taken

    def orders(self, number: int, report: Report | None, now: float) -> Iterator[tuple[int, Order]]:
        """Return what is to be done next, after a shard reported, or because time passed (then `report` is None)."""
        yield from self._bytes_had()
        if self.end is None:
            self.end = self._find_end(now)
        if self.end is not None:
            yield from ((each, End(self.end, self._discard, self._late)) for each in self._shards)
            return
        yield from self._allow()
        if report is not None:
            yield from self._pass_on(report)
        if self._is_waiting_for_shards(now):
            return
        yield from self._claims()
        if self._coming is not None:
            yield from ((each, FilesOnly()) for each in self._shards.keys() - self._told_files_only)
            self._told_files_only.update(self._shards)
            return
        yield from self._balance(now)
        yield from self._start()
        yield from self._places(now)

    def _is_waiting_for_shards(self, now: float) -> bool:
        if self._waits_until is None and self._shards:
            self._waits_until = now + _PATIENCE_SECONDS
        if len(self._shards) >= self._expected:
            self._waits_until = now
        return self._waits_until is None or now < self._waits_until

    def _pass_on(self, report: Report) -> Iterator[tuple[int, Order]]:
        """Return what one shard found for others."""
        looks: dict[int, dict[str, int]] = {}
        for name, rank in report.found.items():
            holder = self._shard_of.get(name)
            if holder is None:
                self._unclaimed[name] = None
            else:
                looks.setdefault(holder, {})[name] = rank
        for holder, ranks in looks.items():
            self._shards[holder].last.is_idle = False
            yield holder, WorkAdded(ranks)

    def _allow(self) -> Iterator[tuple[int, Order]]:
        """Hosts that one shard found belong to the scope of all."""
        for number, shard in self._shards.items():
            if shard.hosts_told < len(self._hosts):
                yield number, Allow(tuple(self._hosts[shard.hosts_told :]))
                shard.hosts_told = len(self._hosts)

    def _bytes_had(self) -> Iterator[tuple[int, Order]]:
        """Each counts what it receives, and is told what came before and to the others."""
        for number, shard in self._shards.items() if self._limits.bytes is not None else ():
            elsewhere = self.figures.bytes - shard.bytes
            if elsewhere != shard.bytes_told:
                shard.bytes_told = elsewhere
                yield number, BytesHad(elsewhere)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that start URLs added to the scope: what a shard that comes later has to know."""
        return tuple(self._hosts)

    def _claims(self) -> Iterator[tuple[int, Order]]:
        """Give each domain without a shard to the shard with the fewest domains that are not done.

        One that has a shard all the same was forgotten there: to be told to claim it is to be reminded.
        """
        if not self._unclaimed or not self._shards:
            return
        claims: dict[int, list[str]] = {}
        for name in self._unclaimed:
            number = self._shard_of.get(name)
            if number is None:
                number = min(self._shards, key=lambda each: self._shards[each].last.busy)
            self._give(number, name)
            claims.setdefault(number, []).append(name)
        self._unclaimed.clear()
        for number, names in claims.items():
            for begin in range(0, len(names), _CLAIM_PORTION):
                yield number, Claim(tuple(names[begin : begin + _CLAIM_PORTION]))

    def _give(self, number: int, name: str) -> None:
        shard = self._shards[number]
        # What it reported is of before.
        shard.last.busy += 1
        shard.last.is_idle = False
        shard.domains.add(name)
        self._shard_of[name] = number

    def _balance(self, now: float) -> Iterator[tuple[int, Order]]:
        """Give a shard that has nothing left half of the domains of the one that has most."""
        if len(self._shards) < 2 or now - self._balanced_at < _PATIENCE_SECONDS:
            return
        fewest, *_, most = sorted(self._shards, key=lambda each: self._shards[each].last.busy)
        count = self._shards[most].last.busy // 2
        if self._shards[fewest].last.busy == 0 and count:
            self._balanced_at = now
            yield most, Release(count)

    def _start(self) -> Iterator[tuple[int, Order]]:
        """Let one shard at a time take first requests, when few are left to do."""
        if self._start_done or self._starter is not None or self.counts.queued >= _START_BELOW:
            return
        if self._shards:
            self._starter = min(self._shards)
            yield self._starter, TakeStart(self._start_taken)

    def _places(self, now: float) -> Iterator[tuple[int, Order]]:
        """Places for pages, in portions, so that no shard sits on what another could use."""
        if self._limits.pages is None:
            return
        left = self._limits.pages - self.counts.pages - sum(shard.places for shard in self._shards.values())
        wanting = [number for number, shard in self._shards.items() if shard.last.wants_places]
        for number in wanting:
            portion = min(left, max(1, left // (2 * len(self._shards)) if len(self._shards) > 1 else left))
            if portion <= 0:
                break
            left -= portion
            shard = self._shards[number]
            shard.places += portion
            shard.last.wants_places = False
            yield number, PageBudget(portion)
        else:
            return
        if now - self._asked_back_at < _ASK_BACK_SECONDS:
            return
        self._asked_back_at = now
        having = (number for number, shard in self._shards.items() if shard.places and number not in wanting)
        yield from ((number, ReturnBudget()) for number in having)

    # The end ---------------------------------------------------------------------------------------------

    def _find_end(self, now: float) -> ShardEnd | None:
        over = time_is_up(self._limits, self.worked(now))
        if over is not None:
            # Whoever directs may have been held up by a commit of its own.
            self._late = min(self.worked(now) - (self._limits.duration or 0.0), now - self._started_at)
            return over
        nothing_left = self._start_done and self.counts.queued == 0
        over = None if nothing_left else bytes_are_over(self._limits, self.figures.bytes)
        if over is not None:
            # Files are most of the bytes: none is waited for.
            return over
        self._coming = self._coming or limit_reached(self._limits, self.counts, all_started=self._start_done)
        if self._coming is not None:
            return self._without_files(self._coming) or self._find_forgotten(now)
        if not self._start_done:
            return None
        if self.counts.queued == 0:
            return self._check_or_finish()
        return self._find_forgotten(now)

    def _without_files(self, end: ShardEnd) -> ShardEnd | None:
        """That end, unless an item waits for a file: then nothing else is fetched until none does."""
        return None if self._files_are_open() else end

    def _check_or_finish(self) -> ShardEnd | None:
        """Everything was crawled: pages that were not reached are checked, once, and then the run ends."""
        queue_checks, self._queue_checks = self._queue_checks, None
        if queue_checks is not None:
            self.counts = queue_checks()
        if self.counts.queued == 0:
            return FINISHED
        self._unclaimed.update(dict.fromkeys(self._domains_with_work()))
        return None

    def _find_forgotten(self, now: float) -> ShardEnd | None:
        """Everyone is idle, and yet something is queued: whoever held it is gone, or somebody else holds it."""
        everyone = list(self._shards.values())
        if self._unclaimed or not everyone or not all(shard.last.is_idle for shard in everyone):
            self._idle_since = None
            return None
        if self._idle_since is None:
            self._idle_since = now
        if now - self._idle_since < _IDLE_SECONDS:
            return None
        self._idle_since = None
        names = self._domains_with_work()
        self._unclaimed.update(dict.fromkeys(names))
        return None if names else FINISHED

    # Watching --------------------------------------------------------------------------------------------

    def tick(self, now: float) -> Tick:
        """Return the state of the crawl, for the progress display."""
        counts, total = self.counts, self.figures
        reports = [shard.last for shard in self._shards.values()]
        return Tick(
            pages=counts.pages,
            items=counts.items,
            queued=counts.queued,
            in_flight=sum(report.in_flight for report in reports),
            failed=counts.failed,
            refused=counts.refused,
            requests=total.requests,
            reused=total.reused,
            connections=total.connections,
            retries=total.retries,
            bytes=total.bytes,
            seconds=self.worked(now),
            pages_limit=self._limits.pages,
            waiting=tuple(_longest(wait for report in reports for wait in report.waiting)),
            parsing=next((report.parsing for report in reports if report.parsing is not None), None),
        )


def _longest(waits: Iterable[Waiting]) -> list[Waiting]:
    return sorted(waits, key=lambda wait: -wait.seconds)[:MOST_WAITING]
