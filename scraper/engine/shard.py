"""A shard: one thread fetches, one parses, and this one commits.

What a batch of pages did is one transaction of the store. Everything in memory here may be lost at any moment.
Which domains it crawls and when it is the end are told to it, as orders; it reports what it did.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from scraper.components import Components
from scraper.config import Limits, SiteConfig
from scraper.engine.batch_writer import BatchWriter
from scraper.engine.coordination.messages import Claim, End, Order, Report, Stop
from scraper.engine.crash_marker import marker_of
from scraper.engine.fetch_loop import FetchLoop
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.engine.frontier.leases import DomainLeases
from scraper.engine.limits import STOPPED, ShardEnd
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
from scraper.errors import LeaseLost
from scraper.fetch.base import Fetcher
from scraper.fetch.politeness import Pace
from scraper.fetch.robots import Robots, product_token
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.open_files import most_in_flight
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events, QueuedEvents, Told
from scraper.observe.text import duration
from scraper.pipelines.files import rules_of
from scraper.store import Store
from scraper.store.outcomes import Batch, Outcome
from scraper.store.state.presence import new_owner
from scraper.store.values import Queued, RunRow

#: While nobody waits for outcomes the main loop takes them in so far apart (seconds): to be woken for each of them
#: would take the interpreter from the threads that fetch and parse.
_NAP_SECONDS = 0.01
#: How long what is in flight is given at the end, in seconds; and where its outcome will not be kept.
DRAIN_SECONDS = 10.0
DISCARD_SECONDS = 1.0
#: How long the threads are waited for once all that was in flight has been told to end, in seconds; the callback at
#: work so long at least.
_ABORT_SECONDS = 1.0
_CALLBACK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A message of the inbox: a request that ended without being sent."""

    outcome: Outcome


class Shard:
    """Crawls the domains that it is told to claim, until it is told that it is the end.

    Args:
        parts: spider, pipelines and the rest that the configuration names by reference.
        number: of the crawl's shards.
        hosts: what belongs to the scope beside the hosts of start URLs, where `allowed_domains` is absent.
        report: told how it stands, after each commit and a few times a second, in the thread of `run`.
        beaten: called by its heartbeat, from another thread.
        inbox: where orders come in beside those of `order`.
        parsers: processes that parse; 0 where this one does.
        file_log: of the files that the run stores, where other shards work on it.
    """

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
    ) -> None:
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
        self._crash: BaseException | None = None
        self._frontier = self._make_frontier()
        self._admission = Admission(config, [*config.own_hosts(), *hosts], store.seen(run.id))
        self._crash_marker = marker_of(store.path, run.id, number)
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

    def _count_files(self) -> FileCount:
        if self._is_cached:
            # None is fetched, and those that are there are taken as they are.
            return FileCount(Limits(), ())
        if self._file_log is not None:
            return FileCount(self._config.limits, (), self._file_log)
        return FileCount(self._config.limits, self._store.files_stored(self._run.id))

    def _make_fetcher(self) -> Fetcher:
        if not self._is_cached:
            return self._components.make_fetcher()
        from scraper.engine.cached import CachedFetcher

        return CachedFetcher(self._store, self._components.loaded)

    def _make_committing(self, report: Callable[[Report], None]) -> None:
        store, run, limits, frontier = self._store, self._run, self._config.limits, self._frontier
        self._leases = DomainLeases(
            store,
            run.id,
            self._config,
            frontier,
            self._told,
            owner=self.owner,
            make_session=self._components.make_session,
            fetches=not self._is_cached,
        )
        self._status = StatusReporter(frontier, self._runner, limits, self._emit)
        self._writer = BatchWriter(
            store, run, limits, frontier, self._leases, self._admission, self._emit, self._status, report
        )
        self._writer.has_files = bool(self._components.pipelines.files)
        self._orders = Orders(
            frontier, self._admission, self._leases, self._writer, self._parse_worker.put_start, self.stop
        )

    # What others call ------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """Queue an order; the end comes before all outcomes that wait. From any thread."""
        if isinstance(order, End | Stop):
            self._told_at = min(self._told_at, time.monotonic() - (order.late if isinstance(order, End) else 0.0))
            # The main loop may be waiting for the store.
            self._frontier.close()
            self._urgent.append(order)
            self._wake()
        else:
            self._inbox.put(order)

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._told_at = min(self._told_at, time.monotonic())
        self._stop_seconds = seconds
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
        self._store.mark_sent(request)

    def _unsent(self, outcome: Outcome) -> None:
        """Queue a request that ended without being sent; called under the frontier's lock, so the main loop
        does the rest.
        """
        self._inbox.put(_Unsent(outcome))

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

    # The main loop ---------------------------------------------------------------------------------------

    def run(self) -> ShardEnd:
        """Crawl. The order of one round: receive, commit, fill, look whether it is the end.

        Raises:
            StoreError: the store cannot be used; LeaseLost where its leases were voided.
            KeyboardInterrupt: after what was in flight was given its time.
        """
        self._store.join(self.owner, self._run.id)
        self._heartbeat.start()
        try:
            if isinstance(self._parse_worker, ParseWorker):
                self._spawn(self._parse_worker.run, "parse")
            self._fetching = self._spawn(self._fetch_loop.run, "fetch")
            self._spawn(self._sitemaps.run, "sitemaps")
            self._writer.send_report()
            interrupt: KeyboardInterrupt | None = None
            try:
                while self._end is None:
                    self._round()
            except KeyboardInterrupt as error:
                # It ends like one that is stopped.
                interrupt = error
            self._drain()
            if interrupt is not None:
                raise interrupt
        except BaseException:
            self._let_go()
            raise
        finally:
            self._heartbeat.stop()
            self._crash_marker.close()
        return self._end or STOPPED

    def _round(self) -> None:
        if self._writer.can_wait and self._inbox.empty():
            time.sleep(_NAP_SECONDS)
        self._receive(0.05)
        self._writer.commit_if_due(nothing_more=self._inbox.empty())
        self._leases.fill()
        self._leases.sweep()
        self._writer.give_up_domains()
        self._writer.say_how_it_stands(nothing_more=self._inbox.empty())
        self._end = self._end or self._writer.end or (STOPPED if self._stop_seconds is not None else None)

    def _receive(self, timeout: float) -> None:
        """Take in all that has come; waits for the first of it."""
        while self._urgent:
            self._take_in(self._urgent.popleft())
            timeout = 0.0
        try:
            message = self._inbox.get(timeout=timeout)
            while True:
                self._take_in(message)
                # Domains come by the hundred: the first are at work before the next are claimed.
                if self._writer.is_full or isinstance(message, Claim):
                    break
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass
        if self._crash is not None:
            raise self._crash

    def _take_in(self, message: Any) -> None:
        if message is None:
            return
        if isinstance(message, Told):
            self._emit(message.event)
            return
        if isinstance(message, Order):
            end = self._orders.obey(message)
            self._end = self._end or end
            return
        if isinstance(message, _Unsent):
            self._take_in_unsent(message.outcome)
            return
        self._writer.take(message)

    def _take_in_unsent(self, outcome: Outcome) -> None:
        settled = self._tasks.requests[outcome.queued.kind].unsent(outcome)
        if settled is not None:
            self._frontier.parsed(page=False, rows=settled.rows)
            self._take_in(settled)

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

    # The end ---------------------------------------------------------------------------------------------

    def _drain_until(self, began: float) -> float:
        """Return when the drain ends; a second call of `stop` brings it forward."""
        if self._stop_seconds is not None:
            return began + self._stop_seconds
        # What would be thrown away is waited for only so that the ledger counts it as it ends.
        return began + (DISCARD_SECONDS if self._writer.discarding else DRAIN_SECONDS)

    def _drain(self) -> None:
        """Let what is in flight end and commit it; close all sessions and commit their last figures."""
        self._frontier.close()
        self._sitemaps.close()
        began = min(time.monotonic(), self._told_at)
        if self._frontier.in_flight:
            self._emit(events.Draining(self._frontier.in_flight, self._drain_until(began) - began))
        while self._frontier.in_flight and time.monotonic() < self._drain_until(began):
            self._writer.deadline = self._drain_until(began)
            self._receive(0.05)
            self._writer.commit_if_due(nothing_more=self._inbox.empty())
        self._writer.deadline = self._drain_until(began)
        while not self._inbox.empty():
            self._receive(0.0)
            self._writer.keep()
        self._writer.keep()
        if self._frontier.in_flight:
            # Cut off by us: that is not their failure, and they stay queued.
            self._writer.discarding = True
            self._abort()
        self._parse_worker.stop()
        self._sitemaps.stop()
        self._wait_for_threads()
        self._leases.close()
        self._fetcher.close()
        self._tell_the_rest()
        self._writer.write(Batch(), self._frontier.domains)
        self._writer.send_report()
        self._leases.release()

    def _wait_for_threads(self) -> None:
        until = time.monotonic() + _ABORT_SECONDS
        if self._fetching is not None:
            self._fetching.join(_ABORT_SECONDS)
        self._fetch_loop.wait(max(0.0, until - time.monotonic()))
        # A callback, or a start(), that does not end has had its time.
        self._parse_worker.wait(max(_CALLBACK_SECONDS, until - time.monotonic()))

    def _tell_the_rest(self) -> None:
        """Hand over the events that came after the last commit."""
        while not self._inbox.empty():
            message = self._inbox.get_nowait()
            if isinstance(message, Told):
                self._emit(message.event)

    def _abort(self) -> None:
        """End all that is in flight, now."""
        self._sender.abort()
        self._fetch_loop.abort()

    def _let_go(self) -> None:
        """After an error that ends the crawl: leave nothing running. The store keeps what was committed."""
        self._frontier.close()
        self._abort()
        self._parse_worker.stop()
        self._sitemaps.stop()
        self._leases.close()
        self._fetcher.close()
