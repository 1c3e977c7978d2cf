"""A shard: many threads fetch, one parses, and this one commits.

What a batch of pages did is one transaction of the store. Everything in memory here may be lost at any moment.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scraper import urls
from scraper.config import SiteConfig
from scraper.engine.admission import Admission
from scraper.engine.domain import Domain
from scraper.engine.frontier import Frontier
from scraper.engine.lease import Heartbeat
from scraper.engine.parser import Parser, ParsingNote
from scraper.engine.worker import Worker
from scraper.errors import Retry, SpiderFailed
from scraper.fetch.domain_session import DomainSession, SessionFactory
from scraper.fetch.fetcher import Fetcher, Origins
from scraper.fetch.fetcher import Outcome as Fetch
from scraper.fetch.guard import Guard
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.robots import Robots, State, product_token
from scraper.figures import Figures
from scraper.observe import events
from scraper.observe.events import Events
from scraper.pipelines import Pipelines
from scraper.response import Response
from scraper.spider import Spider
from scraper.store import Store
from scraper.store.domains import Lease
from scraper.store.values import (
    Again,
    Batch,
    DomainUpdate,
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
_TICK_SECONDS = 0.25
_SWEEP_SECONDS = 1.0
#: How long the threads are waited for once all that was in flight has been told to end, in seconds.
_ABORT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A message of the inbox: a request that ended without being sent."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """How a shard ended: `finished`, `limit` or `stopped`, and why in words."""

    result: str
    why: str


class Shard:
    """Crawls the domains that it claims, until nothing is left, a limit is reached or it is stopped.

    Args:
        owner: its name in leases.
        make_session: makes a requests.Session, or a subclass.
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
        make_session: SessionFactory,
        committed: Callable[[], None],
    ) -> None:
        self._store = store
        self._run = run
        self._config = config
        self._spider = spider
        self._emit = emit
        self._owner = owner
        self._make_session = make_session
        self._on_committed = committed
        self.counts = run.counts
        self.figures = store.figures(run.id)
        self._started_at = time.monotonic()
        self._seconds_kept = 0.0
        limits = config.limits
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._to_parse: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
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
        self._heartbeat = Heartbeat(lambda: store.renew_leases(owner))
        self._worker = Worker(
            self._frontier,
            Fetcher(Origins(config.origins), limits.body),
            Guard(config.network.allow_private),
            self._admission,
            limits,
            self,
            emit,
            store.mark_sent,
            self._heartbeat.check,
        )
        self._threads: list[threading.Thread] = []
        self._start: Iterator[Any] | None = None
        self._start_taken = run.start_taken
        self._start_done = run.start_done
        self._start_asked = False
        self._batch = Batch()
        self._batch_began = 0.0
        self._stop_seconds: float | None = None
        self._end: ShardEnd | None = None
        self._discarding = False
        self._last_tick = self._last_sweep = 0.0
        self._slow: str | None = None
        self._crash: BaseException | None = None

    # What others call ------------------------------------------------------------------------------------

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. Called from any thread or a signal handler."""
        self._stop_seconds = seconds
        self._wake()

    def settled(self, outcome: Outcome) -> None:
        """An outcome that needs no parsing."""
        self._inbox.put(outcome)

    def _unsent(self, outcome: Outcome) -> None:
        """A request ended without being sent. Told under the frontier's lock, so the main loop does the rest."""
        self._inbox.put(_Unsent(outcome))

    def parse(self, queued: Queued, response: Response, fetch: Fetch) -> None:
        """A page for the parse thread."""
        self._to_parse.put(lambda: self._parse_page(queued, response, fetch))

    def parse_failure(self, failed: Failed, response: Response | None) -> None:
        """A failure whose errback is to be called."""
        self._to_parse.put(lambda: self._parse_failure(failed, response))

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
            self._claim(self._store.domains_with_work(self._run.id))
            self._spawn(self._parse_loop, "parse")
            try:
                while self._end is None:
                    self._round()
            except KeyboardInterrupt:
                self._drain(DRAIN_SECONDS)
                raise
            self._drain(self._drain_seconds())
        except BaseException:
            self._drain_quietly()
            raise
        finally:
            self._heartbeat.stop()
            self._note.close()
        return self._end

    def _round(self) -> None:
        self._receive(0.05)
        self._commit_if_due()
        self._fill()
        self._take_start()
        self._spawn_fetchers()
        self._watch()
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
        outcomes = self._within_limits(batch.outcomes)
        for start in batch.starts:
            if start.yielded.stop is not None:
                self._end = self._end or ShardEnd("finished", f"the spider stopped it: {start.yielded.stop}")
                self._discarding = True
        batch.outcomes = outcomes
        names = {outcome.queued.domain for outcome in outcomes} | {row.domain for row in batch.robots}
        held = [domain for name in names if (domain := self._frontier.get(name)) is not None]
        self._add_domain_state(batch, held)
        batch.hosts, self._admission.added_hosts = self._admission.added_hosts, []
        epochs = {domain.name: domain.epoch for domain in held}
        done = self._store.commit(self._run.id, batch, self._owner, epochs)
        self.counts = done.counts
        for outcome in outcomes:
            self._announce(outcome)
        again_at = {o.queued.id: o.not_before for o in outcomes if isinstance(o, Again)}
        self._frontier.committed(outcomes, again_at)
        for start in batch.starts:
            self._start_asked = False
            self._start_taken += start.count
            self._start_done = start.done
        unknown = [name for name in done.added if self._frontier.get(name) is None]
        if unknown:
            self._claim(unknown)
        for name, rank in done.added.items():
            if name not in unknown:
                self._frontier.found(name, rank)
        self._on_committed()

    def _within_limits(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Up to the page with which `limits.items` is reached, or the one that said StopCrawl."""
        if self._discarding:
            return []
        most = self._config.limits.items
        items = self.counts.items
        for place, outcome in enumerate(outcomes):
            yielded = getattr(outcome, "yielded", None)
            if yielded is None:
                continue
            items += len(yielded.items)
            if yielded.stop is not None:
                self._end = self._end or ShardEnd("finished", f"the spider stopped it: {yielded.stop}")
            elif most is not None and items >= most:
                self._end = self._end or ShardEnd("limit", f"limits.items: {most} is reached")
            else:
                continue
            self._discarding = True
            return outcomes[: place + 1]
        return outcomes

    def _add_domain_state(self, batch: Batch, domains: list[Domain]) -> None:
        for domain in domains:
            cookies = None
            changes = domain.session.jar.changes
            if changes != domain.cookies_kept:
                cookies = domain.session.jar.dump()
                domain.cookies_kept = changes
            batch.domains[domain.name] = DomainUpdate(domain.last_send, cookies)
            self._add_figures(batch, domain)
        now = time.monotonic() - self._started_at
        batch.seconds = now - self._seconds_kept
        self._seconds_kept = now

    def _add_figures(self, batch: Batch, domain: Domain) -> None:
        taken = domain.session.ledger.take()
        if taken != Figures():
            batch.figures[domain.name] = taken
            self.figures.setdefault(domain.name, Figures())
            self.figures[domain.name] += taken

    def _announce(self, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            yielded = outcome.yielded
            self._emit(events.PageDone(outcome.url, len(yielded.items), len(yielded.found)))

    # Domains ---------------------------------------------------------------------------------------------

    def _claim(self, names: list[str]) -> None:
        for lease in self._store.claim(self._owner, names):
            self._frontier.add(self._domain(lease))

    def _domain(self, lease: Lease) -> Domain:
        settings = self._config.for_domain(lease.domain)
        session = DomainSession(
            lease.domain,
            settings.session,
            self._config.user_agent,
            make=self._make_session,
            on_opening=lambda opening: self._emit(events.Connected(opening)),
        )
        if lease.cookies:
            session.jar.load(lease.cookies)
        token = product_token(self._config.user_agent)
        pace = Pace(settings.politeness.delay, settings.politeness.jitter)
        known = {row.origin: Robots(State(row.state), row.text, row.why, row.asked_at) for row in lease.robots}
        for robots in known.values():
            pace = pace.slowed_to(robots.crawl_delay(token), settings.politeness.max_delay)
        # When it was asked last may be unknown after a kill, so a domain asked before waits a whole delay.
        due = 0.0 if lease.last_send is None else time.monotonic() + pace.delay
        return Domain(
            lease.domain,
            lease.epoch,
            settings,
            session,
            RetryPolicy(settings.retry),
            pace,
            due=due,
            robots=known,
            last_send=lease.last_send,
            cookies_kept=session.jar.changes,
        )

    def _fill(self) -> None:
        for domain, count in self._frontier.hungry():
            self._frontier.fill(domain, self._store.ready(self._run.id, domain.name, count), asked=count)
        for domain, count in self._frontier.tries_due(time.time()):
            due, next_at = self._store.due_again(self._run.id, domain.name, count)
            self._frontier.fill_again(domain, due, next_at)

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

    def _parse_loop(self) -> None:
        while (task := self._to_parse.get()) is not None:
            task()

    def _parse_page(self, queued: Queued, response: Response, fetch: Fetch) -> None:
        outcome: Outcome
        try:
            outcome = self._parser.page(queued, response, fetch)
        except Retry as wanted:
            outcome = self._again(queued, wanted)
        except SpiderFailed as failed:
            outcome = self._spider_failed(queued, failed, response.status)
        self.settled(outcome)
        self._frontier.parsed(body_bytes=len(response.body), page=isinstance(outcome, Done))

    def _parse_failure(self, failed: Failed, response: Response | None) -> None:
        try:
            outcome = self._parser.failure(failed, response)
        except (SpiderFailed, Retry) as error:
            text = error.text if isinstance(error, SpiderFailed) else None
            self._emit(events.PageFailed(failed.queued.request.url, "spider", f"its errback: {error}", text))
            outcome = failed
        self.settled(outcome)
        self._frontier.parsed(body_bytes=len(response.body) if response is not None else 0, page=False)

    def _again(self, queued: Queued, wanted: Retry) -> Outcome:
        domain = self._frontier.get(queued.domain)
        assert domain is not None
        attempt = queued.attempts + 1
        message = wanted.message or "the spider raised Retry"
        verdict = domain.retry.judge("retry", attempt, asked_wait=wanted.wait)
        if verdict.wait is None:
            self._emit(events.PageFailed(queued.request.url, "retry", message))
            return Failed(queued, "retry", message, attempts=attempt)
        domain.session.ledger.retried()
        self._emit(
            events.Retrying(queued.request.url, "retry", message, attempt, domain.retry.attempts, verdict.wait)
        )
        return Again(queued, time.time() + verdict.wait, attempt)

    def _spider_failed(self, queued: Queued, failed: SpiderFailed, status: int) -> Failed:
        self._emit(events.PageFailed(queued.request.url, "spider", str(failed), failed.text))
        return Failed(queued, "spider", str(failed), status, failed.text, queued.attempts + 1)

    def _take_start(self) -> None:
        """Ask for more first requests when few are left to do."""
        if self._start_done or self._start_asked or self.counts.queued >= _START_BELOW:
            return
        self._start_asked = True
        self._to_parse.put(self._parse_start)

    def _parse_start(self) -> None:
        if self._start is None:
            self._start = self._parser.start_results(skip=self._start_taken)
        yielded, count, done = self._parser.start(self._start)
        self._inbox.put(StartTaken(yielded, count, done))

    # Watching --------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._last_sweep >= _SWEEP_SECONDS:
            self._last_sweep = now
            for domain in self._frontier.domains:
                domain.session.connections.sweep()
        if now - self._last_tick < _TICK_SECONDS:
            return
        self._last_tick = now
        parsing = None
        current = self._parser.current
        if current is not None and now - current[1] > self._config.limits.parse:
            parsing = current[0], now - current[1]
            if self._slow != current[0]:
                self._slow = current[0]
                self._emit(events.SlowParse(*parsing))
        self._emit(self._tick(parsing))

    def _tick(self, parsing: tuple[str, float] | None) -> events.Tick:
        total = Figures()
        for figures in self.figures.values():
            total += figures
        return events.Tick(
            pages=self.counts.pages,
            items=self.counts.items,
            queued=self.counts.queued,
            in_flight=self._frontier.in_flight,
            failed=self.counts.failed,
            refused=self.counts.refused,
            requests=total.requests,
            reused=total.reused,
            connections=total.connections,
            retries=total.retries,
            bytes=total.bytes,
            seconds=self._run.seconds + time.monotonic() - self._started_at,
            pages_limit=self._config.limits.pages,
            waiting=tuple(self._frontier.waiting(8)),
            parsing=parsing,
        )

    # The end ---------------------------------------------------------------------------------------------

    def _find_end(self) -> ShardEnd | None:
        if self._stop_seconds is not None:
            return ShardEnd("stopped", "stopped by request")
        limits = self._config.limits
        worked = self._run.seconds + time.monotonic() - self._started_at
        if limits.duration is not None and worked >= limits.duration:
            return ShardEnd("limit", f"limits.duration: {limits.duration:g} s are over")
        if self._batch or self._start_asked or not self._inbox.empty():
            return None
        if limits.items is not None and self.counts.items >= limits.items:
            return ShardEnd("limit", f"limits.items: {limits.items} is reached")
        if self._frontier.places == 0 and self._frontier.in_flight == 0:
            if self.counts.queued == 0 and self._start_done:
                return ShardEnd("finished", "everything was crawled")
            return ShardEnd("limit", f"limits.pages: {limits.pages} is reached")
        if self._start_done and self._frontier.is_idle:
            return ShardEnd("finished", "everything was crawled")
        return None

    def _drain_seconds(self) -> float:
        if self._stop_seconds is not None:
            return self._stop_seconds
        # What would be thrown away is waited for only so that the ledger counts it as it ends.
        return DISCARD_SECONDS if self._discarding else DRAIN_SECONDS

    def _drain(self, seconds: float) -> None:
        """Let what is in flight come to its end, commit it, close all sessions, commit their last figures."""
        self._frontier.close()
        until = time.monotonic() + seconds
        if self._frontier.in_flight:
            self._emit(events.Draining(self._frontier.in_flight, seconds))
        while self._frontier.in_flight and time.monotonic() < until:
            self._receive(min(0.05, max(0.0, until - time.monotonic())))
            self._commit_if_due()
        self._receive(0.0)
        if self._frontier.in_flight:
            # Cut off by us: that is no failure of theirs, and they stay queued.
            self._keep_batch()
            self._discarding = True
            self._worker.abort()
            self._wait_for_threads(_ABORT_SECONDS)
        self._to_parse.put(None)
        self._keep_batch()
        self._close_sessions()
        self._store.release_leases(self._owner)

    def _keep_batch(self) -> None:
        if self._batch:
            self._commit()

    def _wait_for_threads(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for thread in self._threads[1:]:
            thread.join(max(0.0, until - time.monotonic()))

    def _close_sessions(self) -> None:
        batch = Batch()
        self._wait_for_threads(_ABORT_SECONDS)
        domains = self._frontier.domains
        for domain in domains:
            domain.session.close()
        self._add_domain_state(batch, domains)
        self.counts = self._store.commit(
            self._run.id, batch, self._owner, {domain.name: domain.epoch for domain in domains}
        ).counts

    def _drain_quietly(self) -> None:
        """After an error that ends the crawl: leave nothing running. The store keeps what was committed."""
        self._frontier.close()
        self._worker.abort()
        self._to_parse.put(None)
        for domain in self._frontier.domains:
            domain.session.close()
