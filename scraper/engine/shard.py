"""A shard: many threads fetch, one parses, and this one commits.

What a batch of pages did is one transaction of the store. Everything in memory here may be lost at any moment.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from scraper import urls
from scraper.config import SiteConfig
from scraper.engine.admission import Admission
from scraper.engine.domain import Domain
from scraper.engine.ending import (
    FINISHED,
    STOPPED,
    ShardEnd,
    cut,
    limit_reached,
    stopped_by_spider,
    time_is_up,
)
from scraper.engine.frontier import Frontier
from scraper.engine.holdings import Holdings
from scraper.engine.lease import Heartbeat
from scraper.engine.parser import Parser, ParsingNote
from scraper.engine.parsing import ParseThread
from scraper.engine.watch import Watch
from scraper.engine.worker import Worker
from scraper.fetch.fetcher import Fetcher, Origins
from scraper.fetch.fetcher import Outcome as Fetch
from scraper.fetch.guard import Guard
from scraper.fetch.robots import Robots, product_token
from scraper.observe import events
from scraper.observe.events import Events
from scraper.pipelines import Pipelines
from scraper.response import Response
from scraper.spider import Spider
from scraper.store import Store
from scraper.store.values import (
    Again,
    Batch,
    Committed,
    Done,
    Failed,
    Outcome,
    Queued,
    Refused,
    RobotsRow,
    RunRow,
    StartTaken,
)

#: Fetch threads at the most; they are started as there is work for them.
MAX_THREADS = 32
#: A batch is committed when it holds this many outcomes, or its first is this old (seconds).
BATCH_OUTCOMES = 200
BATCH_SECONDS = 0.2
#: First requests are taken from start() while fewer than this are queued.
_START_BELOW = 10_000
#: How long what is in flight is given at the end, in seconds; and where its outcome will not be kept.
DRAIN_SECONDS = 10.0
DISCARD_SECONDS = 1.0
#: How long the threads are waited for once all that was in flight has been told to end, in seconds.
_ABORT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A message of the inbox: a request that ended without being sent."""

    outcome: Outcome


class Shard:
    """Crawls the domains that it claims, until nothing is left, a limit is reached or it is stopped.

    Args:
        owner: its name in leases.
        make_session: makes a requests.Session of the class that a `session.class` names.
        origins: the secrets of origins.
        committed: called after each commit, in the thread of `run`: exports follow there.
    """

    def __init__(
        self,
        store: Store,
        run: RunRow,
        config: SiteConfig,
        spider: Spider,
        pipelines: Pipelines,
        emit: Events,
        *,
        owner: str,
        make_session: Callable[[str], requests.Session],
        origins: Origins,
        committed: Callable[[], None],
    ) -> None:
        self._store = store
        self._run = run
        self._config = config
        self._emit = emit
        self._owner = owner
        self._on_committed = committed
        self.counts = run.counts
        self._started_at = time.monotonic()
        self._seconds_kept = 0.0
        limits = config.limits
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._frontier = Frontier(
            self._unsent,
            self._wake,
            None if limits.pages is None else max(0, limits.pages - run.counts.pages),
            product_token(config.user_agent),
        )
        hosts = [*(urls.host_of(url) for url in config.start_urls), *run.hosts]
        self._admission = Admission(config, hosts)
        self._note = ParsingNote(store.path.with_name(store.path.name + ".parsing"), run.id)
        self._parser = Parser(spider, pipelines, config, self._admission, emit, self._note)
        self._parse_thread = ParseThread(self._parser, self._frontier, emit, self._inbox.put, run.start_taken)
        self._holdings = Holdings(store, run.id, config, self._frontier, emit, owner=owner, make_session=make_session)
        self._heartbeat = Heartbeat(lambda: store.renew_leases(owner))
        self._worker = Worker(
            self._frontier,
            Fetcher(origins, limits.body),
            Guard(config.network.allow_private),
            self._admission,
            limits,
            self,
            emit,
            store.mark_sent,
            self._heartbeat.check,
        )
        self._threads: list[threading.Thread] = []
        self._start_done = run.start_done
        self._start_asked = False
        self._batch = Batch()
        self._batch_began = 0.0
        self._stop_seconds: float | None = None
        self._end: ShardEnd | None = None
        self._discarding = False
        self._watch = Watch(self._frontier, self._parser, limits, emit)
        self._crash: BaseException | None = None

    # What others call ------------------------------------------------------------------------------------

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. Called from any thread or a signal handler."""
        self._stop_seconds = seconds
        self._wake()

    @property
    def worked(self) -> float:
        """Seconds that the run has worked, over all resumptions."""
        return self._run.seconds + time.monotonic() - self._started_at

    def settled(self, outcome: Outcome) -> None:
        """An outcome that needs no parsing."""
        self._inbox.put(outcome)

    def _unsent(self, outcome: Outcome) -> None:
        """A request ended without being sent. Told under the frontier's lock, so the main loop does the rest."""
        self._inbox.put(_Unsent(outcome))

    def parse(self, queued: Queued, response: Response, fetch: Fetch) -> None:
        """A page for the parse thread."""
        self._parse_thread.put_page(queued, response, fetch)

    def parse_failure(self, failed: Failed, response: Response | None) -> None:
        """A failure whose errback is to be called."""
        self._parse_thread.put_failure(failed, response)

    def robots(self, domain: Domain, origin: str, robots: Robots) -> None:
        """A robots.txt for the store."""
        self._inbox.put(RobotsRow(origin, domain.name, robots.state.value, robots.text, robots.why, robots.asked_at))

    def _wake(self) -> None:
        self._inbox.put(None)

    # The main loop ---------------------------------------------------------------------------------------

    def run(self) -> ShardEnd:
        """Crawl. The order of one round: receive, commit, fill, start first requests, look whether it is the end."""
        crashed_on = self._note.noted()
        if crashed_on is not None:
            self._store.strike(crashed_on)
            self._note.clear()
        self._heartbeat.start()
        try:
            self._holdings.claim(self._store.domains_with_work(self._run.id))
            self._spawn(self._parse_thread.run, "parse")
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
            self._note.close()
        return self._end or STOPPED

    def _round(self) -> None:
        self._receive(0.05)
        self._commit_if_due()
        self._holdings.fill()
        self._take_start()
        self._spawn_fetchers()
        self._holdings.sweep()
        self._watch.look(self.counts, self._holdings.figures, self.worked)
        self._end = self._end or self._find_end()

    def _receive(self, timeout: float) -> None:
        """Take in all that has come; waits for the first of it."""
        try:
            message = self._inbox.get(timeout=timeout)
            while True:
                self._take_in(message)
                if len(self._batch.outcomes) >= BATCH_OUTCOMES:
                    return
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass
        if self._crash is not None:
            raise self._crash

    def _take_in(self, message: Any) -> None:
        if message is None:
            return
        if isinstance(message, _Unsent):
            self._take_in_unsent(message.outcome)
            return
        if not self._batch:
            self._batch_began = time.monotonic()
        match message:
            case Outcome():
                self._batch.outcomes.append(message)
            case StartTaken():
                self._batch.starts.append(message)
            case RobotsRow():
                self._batch.robots.append(message)

    def _take_in_unsent(self, outcome: Outcome) -> None:
        request = outcome.queued.request
        if isinstance(outcome, Failed):
            self._emit(events.PageFailed(request.url, outcome.reason, outcome.message))
            if request.errback is not None:
                self.parse_failure(outcome, None)
                return
        elif isinstance(outcome, Refused):
            self._emit(events.Refused(request.url, outcome.refusal.reason, outcome.refusal.message))
        self._frontier.parsed(page=False)
        self._take_in(outcome)

    def _commit_if_due(self) -> None:
        if not self._batch:
            return
        age = time.monotonic() - self._batch_began
        if (
            len(self._batch.outcomes) >= BATCH_OUTCOMES
            or age >= BATCH_SECONDS
            or (self._inbox.empty() and self._is_waited_for())
        ):
            self._commit()

    def _is_waited_for(self) -> bool:
        batch = self._batch
        return bool(batch.starts) or self._frontier.is_starving({o.queued.domain for o in batch.outcomes})

    # Committing ------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        batch, self._batch = self._batch, Batch()
        outcomes, end = cut(self._config.limits, self.counts.items, [] if self._discarding else batch.outcomes)
        for start in batch.starts:
            if start.yielded.stop is not None:
                end = end or stopped_by_spider(start.yielded.stop)
        if end is not None:
            self._end = self._end or end
            self._discarding = True
        batch.outcomes = outcomes
        names = {outcome.queued.domain for outcome in outcomes} | {row.domain for row in batch.robots}
        held = [domain for name in names if (domain := self._frontier.get(name)) is not None]
        batch.hosts, self._admission.added_hosts = self._admission.added_hosts, []
        done = self._write(batch, held)
        for outcome in outcomes:
            if isinstance(outcome, Done):
                yielded = outcome.yielded
                self._emit(events.PageDone(outcome.url, len(yielded.items), len(yielded.found)))
        again_at = {o.queued.id: o.not_before for o in outcomes if isinstance(o, Again)}
        self._frontier.committed(outcomes, again_at)
        for start in batch.starts:
            self._start_asked = False
            self._start_done = start.done
        self._holdings.found(dict(done.added))
        self._on_committed()

    def _write(self, batch: Batch, domains: list[Domain]) -> Committed:
        epochs = self._holdings.add_state(batch, domains)
        now = time.monotonic() - self._started_at
        batch.seconds, self._seconds_kept = now - self._seconds_kept, now
        done = self._store.commit(self._run.id, batch, self._owner, epochs)
        self.counts = done.counts
        return done

    # Threads ---------------------------------------------------------------------------------------------

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                # A full disk, a locked store: it ends the crawl, from the main loop.
                self._crash = error
                self._wake()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _spawn_fetchers(self) -> None:
        while len(self._threads) - 1 < self._frontier.concurrency(MAX_THREADS):
            self._spawn(self._worker.run, f"fetch-{len(self._threads)}")

    def _take_start(self) -> None:
        """Ask for more first requests when few are left to do."""
        if self._start_done or self._start_asked or self.counts.queued >= _START_BELOW:
            return
        self._start_asked = True
        self._parse_thread.put_start()

    # The end ---------------------------------------------------------------------------------------------

    def _find_end(self) -> ShardEnd | None:
        if self._stop_seconds is not None:
            return STOPPED
        limits = self._config.limits
        if (over := time_is_up(limits, self.worked)) is not None:
            return over
        if self._batch or self._start_asked or not self._inbox.empty() or self._frontier.in_flight:
            return None
        no_places = self._frontier.places == 0
        reached = limit_reached(limits, self.counts, no_places=no_places, all_started=self._start_done)
        if reached is None and self._start_done and self._frontier.is_idle:
            return FINISHED
        return reached

    def _drain_until(self, began: float) -> float:
        """When the drain ends; a second call of `stop` brings it forward."""
        if self._stop_seconds is not None:
            return began + self._stop_seconds
        # What would be thrown away is waited for only so that the ledger counts it as it ends.
        return began + (DISCARD_SECONDS if self._discarding else DRAIN_SECONDS)

    def _drain(self) -> None:
        """Let what is in flight come to its end and commit it; close all sessions and commit their last figures."""
        self._frontier.close()
        began = time.monotonic()
        if self._frontier.in_flight:
            self._emit(events.Draining(self._frontier.in_flight, self._drain_until(began) - began))
        while self._frontier.in_flight and time.monotonic() < self._drain_until(began):
            self._receive(0.05)
            self._commit_if_due()
        while not self._inbox.empty():
            self._receive(0.0)
            self._keep_batch()
        self._keep_batch()
        if self._frontier.in_flight:
            # Cut off by us: that is no failure of theirs, and they stay queued.
            self._discarding = True
            self._worker.abort()
        self._parse_thread.stop()
        self._wait_for_fetchers()
        self._holdings.close()
        self._write(Batch(), self._frontier.domains)
        self._holdings.release()

    def _keep_batch(self) -> None:
        if self._batch:
            self._commit()

    def _wait_for_fetchers(self) -> None:
        until = time.monotonic() + _ABORT_SECONDS
        for thread in self._threads[1:]:
            thread.join(max(0.0, until - time.monotonic()))

    def _let_go(self) -> None:
        """After an error that ends the crawl: leave nothing running. The store keeps what was committed."""
        self._frontier.close()
        self._worker.abort()
        self._parse_thread.stop()
        self._holdings.close()
