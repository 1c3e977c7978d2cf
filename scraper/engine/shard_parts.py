"""The parts of a shard, wired together, and what other threads tell it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scraper.components import Components
from scraper.config import Limits, SiteConfig
from scraper.engine.batch_writer import BatchWriter
from scraper.engine.coordination.messages import End, Order, Report, Stop
from scraper.engine.crash_marker import marker_of
from scraper.engine.fetch_loop import FetchLoop
from scraper.engine.frontier.admission import TRAP, Admission
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.engine.frontier.leases import DomainLeases
from scraper.engine.heap_trimming import HeapTrimmer
from scraper.engine.limits import ShardEnd
from scraper.engine.orders import Orders
from scraper.engine.parse_worker import ParseWorker
from scraper.engine.parsers.making import make_parse_worker
from scraper.engine.parsers.parts import ParseParts
from scraper.engine.revisit import Revisit
from scraper.engine.shard_sink import ShardSink
from scraper.engine.status import StatusReporter
from scraper.engine.tasks.downloads import Downloads
from scraper.engine.tasks.file_count import FileCount
from scraper.engine.tasks.registry import tasks_of
from scraper.engine.tasks.robots import RobotsTask
from scraper.engine.tasks.sender import Sender
from scraper.engine.tasks.sitemap_cache import SitemapCache
from scraper.engine.tasks.sitemap_worker import SitemapWorker
from scraper.engine.turns import Turns
from scraper.errors import LeaseLost, StoreUnreachable
from scraper.fetch.base import Fetcher
from scraper.fetch.politeness import Pace
from scraper.fetch.robots import Robots, product_token
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.ledger import RunBytes
from scraper.fetch.transport.open_files import most_in_flight
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events, QueuedEvents
from scraper.observe.text import duration
from scraper.pipelines.files import rules_of
from scraper.store import Store
from scraper.store.outcomes import Outcome
from scraper.store.state.presence import Role, new_owner
from scraper.store.values import Queued, RunRow

if TYPE_CHECKING:
    from scraper.engine.tasks.beside import PageTraffic, Traffic
    from scraper.engine.tasks.uses import Uses

#: Traps that a resumed run still knows, those with the most URLs.
_MOST_SHAPES = 1_000


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message of the inbox: a request that ended without being sent."""

    outcome: Outcome


class ShardParts:
    """All that a shard works with; its main loop is in `Shard`, whose arguments these are."""

    def __init__(
        self,
        store: Store,
        run: RunRow,
        config: SiteConfig,
        components: Components,
        emit: Events,
        *,
        number: int,
        hosts: Iterable[str],
        report: Callable[[Report], None],
        beaten: Callable[[], None] = lambda: None,
        inbox: queue.SimpleQueue[Any] | None = None,
        parsers: int = 0,
        file_log: Path | None = None,
        role: Role = Role.SHARD,
    ) -> None:
        self._role = role
        self._store = store
        self._file_log = file_log
        self._run = run
        self._is_cached = components.loaded.is_cached
        if self._is_cached:
            from scraper.engine.cached import offline

            config = offline(config)
        self._config = config
        self._components = components
        self._emit = emit
        self._told = QueuedEvents(emit, lambda event: self._inbox.put(event))
        #: Its name in leases.
        self.owner = new_owner()
        self._on_beaten = beaten
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue() if inbox is None else inbox
        self._fetching: threading.Thread | None = None
        self._urgent: deque[Order] = deque()
        #: When it was told of its end first: what is in flight has its time from then on.
        self._told_at = float("inf")
        self._stop_seconds: float | None = None
        self._end: ShardEnd | None = None
        self._heap = HeapTrimmer()
        self._crash: BaseException | None = None
        self._frontier = self._make_frontier()
        self._admission = Admission(config, [*config.own_hosts(), *hosts], store.seen(run.id))
        if run.counts.refused:
            self._admission.traps.resume(store.refused_why(run.id, TRAP, _MOST_SHAPES))
        self._crash_marker = marker_of(store.location, run.id, number)
        self._revisit, turns = Revisit(config.revisit, components.source, parses_all=self._is_cached), Turns()
        parts = ParseParts(
            store,
            run,
            components,
            self._told,
            self._frontier,
            self._admission,
            self._revisit,
            self._inbox.put,
            number,
        )
        self._runner, self._parse_worker = make_parse_worker(parts, self._crash_marker, turns, parsers)
        self._make_fetching(turns)
        self._make_committing(report)

    def _make_frontier(self) -> Frontier:
        config = self._config
        # A download has its file open beside its connection.
        files = 2 if self._components.pipelines.files else 1
        in_flight, why_fewer = most_in_flight(config.engine.in_flight, files)
        if why_fewer:
            self._emit(events.Notice(why_fewer))
        return Frontier(
            self._unsent,
            self._wake,
            None if config.limits.pages is None else 0,
            product_token(config.user_agent),
            self._answer_unsent,
            lambda: self._parse_worker.waiting,
            lambda: self._heartbeat.holds,
            most_in_flight=in_flight,
            most_blocking=config.engine.threads,
        )

    def _make_fetching(self, turns: Turns) -> None:
        store, config, components = self._store, self._config, self._components
        self._traffic: Traffic | None = None
        self._traffic_lock = threading.Lock()
        self._sitemaps = SitemapWorker(self._admission, self._frontier, self._told, self._inbox.put)
        self._heartbeat = LeaseHeartbeat(self._renew, self._beaten, self._was_stopped)
        self._fetcher = self._make_fetcher()
        self._sender = Sender(
            self._frontier,
            self._fetcher,
            Guard(config.network.allow_private),
            ShardSink(self._inbox, self._parse_worker, self._sitemaps),
            self._told,
            self._mark_sent,
            self._heartbeat.check,
            config.limits.redirects,
            self._beside,
        )
        downloads = Downloads(
            rules_of(components.pipelines.files),
            components.root,
            partial(store.file, follow=False),
            config,
            self._count_files(),
            only_known=self._is_cached,
        )
        self._tasks = tasks_of(
            self._sender,
            self._admission,
            self._revisit,
            SitemapCache(store, is_asked=config.revisit.conditional),
            downloads,
            RobotsTask(
                self._sender,
                lambda name: self._leases.session(name),
                lambda name: Pace.of(config.for_domain(name).politeness),
                product_token(config.user_agent),
            ),
            _uses_of(config),
        )
        self._fetch_loop = FetchLoop(
            self._frontier,
            self._tasks.all,
            turns,
            self._spawn,
            config.engine.threads,
            blocks=not self._fetcher.is_cooperative,
            companion=None if isinstance(self._parse_worker, ParseWorker) else self._parse_worker,
        )

    def _beside(self, job: Job) -> PageTraffic:
        """Return what sends what a page in a browser asks for."""
        with self._traffic_lock:
            if self._traffic is None:
                from scraper.engine.tasks.beside import Traffic

                self._traffic = Traffic(self._sender, self._config, lambda name: self._leases.session(name))
        return self._traffic.of(job)

    def _close_traffic(self) -> None:
        if self._traffic is not None:
            self._traffic.close()

    def _count_files(self) -> FileCount:
        if self._is_cached:
            # None is fetched, and those that are there are taken as they are.
            return FileCount(Limits(), ())
        stored = partial(self._store.files_stored, self._run.id)
        elsewhere = None if self._store.location.is_file else stored
        if self._file_log is not None:
            return FileCount(self._config.limits, (), self._file_log, elsewhere)
        return FileCount(self._config.limits, stored(), elsewhere=elsewhere)

    def _make_fetcher(self) -> Fetcher:
        if not self._is_cached:
            return self._components.make_fetcher()
        from scraper.engine.cached import CachedFetcher

        return CachedFetcher(self._store, self._components.loaded)

    def _make_committing(self, report: Callable[[Report], None]) -> None:
        store, run, limits, frontier = self._store, self._run, self._config.limits, self._frontier
        # Once it is over nothing more is sent, and what is under way is cut off; the end is told later.
        run_bytes = None if limits.bytes is None else RunBytes(limits.bytes, frontier.close)
        self._leases = DomainLeases(
            store,
            run.id,
            self._config,
            frontier,
            self._told,
            owner=self.owner,
            make_session=self._components.make_session,
            fetches=not self._is_cached,
            run_bytes=run_bytes,
        )
        self._status = StatusReporter(frontier, self._runner, limits, self._emit)
        self._writer = BatchWriter(
            store, run, limits, frontier, self._leases, self._admission, self._emit, self._status, report
        )
        self._writer.has_files = bool(self._components.pipelines.files)
        self._orders = Orders(
            frontier, self._admission, self._leases, self._writer, run_bytes, self._parse_worker.put_start, self.stop
        )

    # What others call ------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """Queue an order; the end comes before all outcomes that wait. From any thread."""
        if isinstance(order, End | Stop):
            self._told_at = min(self._told_at, time.monotonic() - (order.late if isinstance(order, End) else 0.0))
            # The main loop may be waiting for the store.
            self._frontier.close()
            if isinstance(order, Stop):
                self._store.wait_no_longer(order.seconds)
            self._urgent.append(order)
            self._wake()
        else:
            self._inbox.put(order)

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._told_at = min(self._told_at, time.monotonic())
        self._stop_seconds = seconds
        self._store.wait_no_longer(seconds)
        self._wake()

    def abandon(self, error: BaseException) -> None:
        """End at once, with this error; nothing more is committed. From any thread."""
        self._crash = error
        self._wake()

    def leave(self) -> None:
        """Note that the process is about to end in order: the page being parsed did not bring it down. From any
        thread.
        """
        self._crash_marker.close()

    def _answer_unsent(self, queued: Queued, origin: str, robots: Robots | None) -> Outcome | None:
        return self._tasks.requests[queued.kind].answered_unsent(queued, origin, robots)

    def _mark_sent(self, request: int) -> None:
        # Only with a lease: whoever has it else would take for sent what never was.
        self._heartbeat.check()
        try:
            self._store.mark_sent(request)
        except StoreUnreachable as error:
            # Whether it is marked is not known: what is not sent is put off, and unmarked.
            raise LeaseLost("the store cannot be reached; nothing is sent without it") from error

    def _unsent(self, outcome: Outcome) -> None:
        """Queue a request that ended without being sent; called under the frontier's lock, so the main loop
        does the rest.
        """
        self._inbox.put(Unsent(outcome))

    def _wake(self) -> None:
        self._inbox.put(None)

    def _was_stopped(self, seconds: float) -> None:
        what = f"process {os.getpid()} was stopped for {duration(seconds)} (SIGSTOP, Ctrl-Z, or a machine that slept)"
        self._told(events.Notice(f"{what}: requests that were in flight may fail as timeout or reset, and go again"))

    def _renew(self) -> bool:
        return self._store.renew_leases(self.owner, self._status.doing())

    def _beaten(self, holds: bool) -> None:
        if holds:
            self._on_beaten()
        else:
            self.abandon(LeaseLost("its leases were voided: it did not renew them in time"))

    # Threads ---------------------------------------------------------------------------------------------

    def _spawn(self, work: Callable[[], None], name: str) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                # A full disk, a locked store: it ends the crawl, from the main loop.
                self._crash = error
                self._wake()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread


def _uses_of(config: SiteConfig) -> Uses | None:
    if not config.usage:
        return None
    from scraper.engine.tasks.uses import Uses

    return Uses(config.usage, product_token(config.user_agent))
