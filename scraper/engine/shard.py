"""A shard: one thread fetches, one parses, and this one commits.

What a batch of pages did is one transaction of the store. Everything in memory here may be lost at any moment.
Which domains it crawls and when it is the end are told to it, as orders; it reports what it did.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from scraper.engine.coordination.messages import Claim, Order
from scraper.engine.limits import STOPPED, ShardEnd
from scraper.engine.parse_worker import ParseWorker
from scraper.engine.shard_parts import ShardParts, Unsent
from scraper.observe import events
from scraper.observe.events import Told
from scraper.store.outcomes import Batch, Outcome

#: While nobody waits for outcomes the main loop takes them in so far apart (seconds): to be woken for each of them
#: would take the interpreter from the threads that fetch and parse.
_NAP_SECONDS = 0.01
#: How long it waits for something to come in before it looks whether time brought something to do, in seconds; and
#: where nothing is on its way, as while a domain's delay lasts. What others bring about wakes it.
_LOOK_SECONDS = 0.05
_QUIET_SECONDS = 0.2
#: How long what is in flight is given at the end, in seconds; and where its outcome will not be kept.
DRAIN_SECONDS = 10.0
DISCARD_SECONDS = 1.0
#: How long the threads are waited for once all that was in flight has been told to end, in seconds; the callback at
#: work so long at least.
_ABORT_SECONDS = 1.0
_CALLBACK_SECONDS = 0.5


class Shard(ShardParts):
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
        role: what it is, among those at work.
    """

    # The main loop ---------------------------------------------------------------------------------------

    def run(self) -> ShardEnd:
        """Crawl. The order of one round: receive, commit, fill, look whether it is the end.

        Raises:
            StoreError: the store cannot be used; LeaseLost where its leases were voided.
            KeyboardInterrupt: after what was in flight was given its time.
        """
        self._store.join(self.owner, self._run.id, self._role)
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
        self._receive(_QUIET_SECONDS if self._writer.is_quiet else _LOOK_SECONDS)
        self._writer.commit_if_due(nothing_more=self._inbox.empty())
        self._leases.fill()
        self._leases.sweep()
        self._writer.give_up_domains()
        self._writer.book_bytes()
        self._heap.trim_if_due()
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
        if isinstance(message, Unsent):
            self._take_in_unsent(message.outcome)
            return
        self._writer.take(message)

    def _take_in_unsent(self, outcome: Outcome) -> None:
        settled = self._tasks.requests[outcome.queued.kind].unsent(outcome)
        if settled is not None:
            self._frontier.parsed(page=False, rows=settled.rows)
            self._take_in(settled)

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
            self._receive(_LOOK_SECONDS)
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
        self._fetcher.close()
        self._close_traffic()
        self._leases.close()
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
        self._fetcher.close()
        self._close_traffic()
        self._leases.close()
