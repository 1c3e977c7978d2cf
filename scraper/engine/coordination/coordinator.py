"""The coordinator's loop for shards in this process or in others: orders, progress, working time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from scraper import urls
from scraper.config import SiteConfig
from scraper.engine.coordination.directs import Direction
from scraper.engine.coordination.domain_scheduler import DomainScheduler
from scraper.engine.coordination.forecast import Forecast
from scraper.engine.coordination.messages import Order, Report
from scraper.engine.frontier.admission import Admission
from scraper.engine.limits import ShardEnd
from scraper.observe.events import Tick
from scraper.request import Request
from scraper.store import Store
from scraper.store.values import Counts, Found

_TICK_SECONDS = 0.25
#: How often the working time is written down; a kill loses as much of it, or what came while others wrote.
_KEEP_SECONDS = 1.0
#: How often it is looked whether somebody asked the run to stop.
_LOOK_SECONDS = 1.0


class Coordinator:
    """A DomainScheduler with a clock, a store and an audience.

    Args:
        expected: how many shards there will be.
    """

    def __init__(self, direction: Direction, expected: int = 1) -> None:
        store, run, config = direction.store, direction.run, direction.config
        self._store, self._run = store, run
        self._owner, self._emit = direction.owner, direction.emit
        self._committed = direction.committed
        self._stop_asked: Callable[[], None] | None = direction.stop_asked
        self._forecast = Forecast(store, run)
        now = time.monotonic()
        has_files = any(pipeline.field is not None for pipeline in config.pipelines)
        self.scheduler = DomainScheduler(
            run,
            config.limits,
            now,
            lambda: store.domains_with_work(run.id),
            expected,
            lambda: queue_checks(store, run.id, config, self.scheduler.hosts()),
            lambda: has_files and store.files_are_open(run.id),
        )
        for figures in store.figures(run.id).values():
            self.scheduler.figures += figures
        #: When (monotonic) the working time was written down last.
        self.kept_at = now
        self._ticked_at = self._looked_at = 0.0

    def close(self) -> None:
        """Write down the rest of the working time."""
        self.keep_time()

    @property
    def end(self) -> ShardEnd | None:
        """Return how the crawl ends; None while it goes on."""
        return self.scheduler.end

    def joined(self, number: int) -> None:
        """Note a new shard, which holds no domain yet."""
        self.scheduler.joined(number)

    def left(self, number: int) -> None:
        """Note that a shard is gone and its leases are void."""
        self.keep_time(interrupted=True)
        row = self._store.run(self._run.id)
        assert row is not None
        self.scheduler.left(number, row)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that start URLs added to the scope."""
        return self.scheduler.hosts()

    def orders(self) -> Iterator[tuple[int, Order]]:
        """Return what is to be done next, because time passed."""
        return self.scheduler.orders(-1, None, time.monotonic())

    def take(self, number: int, report: Report) -> Iterator[tuple[int, Order]]:
        """Take in a shard's report; return the orders that follow, by shard."""
        self.scheduler.received(number, report)
        if report.counts is not None:
            self._committed()
        self.look()
        return self.scheduler.orders(number, report, time.monotonic())

    def look(self) -> None:
        """Called all the time: tell how it goes, keep the working time, look for a request to stop, now and then."""
        now = time.monotonic()
        if now - self._ticked_at >= _TICK_SECONDS:
            self._ticked_at = now
            if self._emit.wants(Tick):
                self._emit(self._forecast.of(self.scheduler.tick(now)))
        # Shards that commit one after the other may keep the store locked for long, and time goes on here.
        worked = now - self.kept_at
        if worked >= _KEEP_SECONDS and self._store.add_seconds_now(self._run.id, worked, self._owner):
            self.kept_at = now
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._look_for_a_stop()

    def _look_for_a_stop(self) -> None:
        if self._stop_asked is not None and self._store.is_asked_to_stop(self._run.id):
            stop, self._stop_asked = self._stop_asked, None
            stop()

    def keep_time(self, *, interrupted: bool = False) -> None:
        """Write down how long the run has worked; `interrupted` where a shard was killed meanwhile."""
        now = time.monotonic()
        self._store.add_seconds(self._run.id, now - self.kept_at, interrupted=interrupted)
        self.kept_at = now


def queue_checks(store: Store, run: int, config: SiteConfig, hosts: Iterable[str]) -> Counts:
    """Queue the pages of an earlier run that were not reached, as far as they are within the scope.

    Returns the run's counts since.
    """
    admission = Admission(config, (*config.own_hosts(), *hosts))
    # Of an origin that was not reached at all nothing is asked: the shop has moved, or is a test's.
    reached = store.origins_reached(run)

    def admits(page: Request) -> bool:
        return urls.origin_of(page.url) in reached and isinstance(admission.judge(page), Found)

    return store.queue_checks(run, admits)
