"""A shard as `scraper.engine.shard` makes it of the same parts, without threads, sockets and a parser."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import requests

from scraper.engine.batch_writer import BatchWriter
from scraper.engine.coordination.messages import Claim, Order, Report, Stop
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.frontier.heartbeat import BEAT_SECONDS, LeaseHeartbeat
from scraper.engine.frontier.leases import DomainLeases
from scraper.engine.limits import STOPPED, ShardEnd
from scraper.engine.orders import Orders
from scraper.engine.status import StatusReporter
from scraper.errors import LeaseLost
from scraper.observe.events import Events
from scraper.store.backends import wait_clock
from scraper.store.outcomes import Batch, Done, Failed, Outcome, RetryLater, StartTaken
from scraper.store.state.presence import Role
from scraper.store.values import RunRow, StoredItem, Yielded
from tests.simulation.process import Process
from tests.simulation.web import found
from tests.simulation.world import World

#: Something came in: it is looked at so much later at the most, and all the time this often, in seconds.
_SOON, _ROUND = 0.3, 1.0
#: What is in flight at the end has so long; see `scraper.engine.shard`.
_DRAIN, _DISCARD = 10.0, 1.0
_ATTEMPTS = 3


class Shard(Process):
    """The process of one shard.

    Args:
        tell: takes reports, and the end when it has ended in order.
        crashed: told when it noticed that its leases are gone.
    """

    def __init__(
        self,
        world: World,
        run: RunRow,
        role: Role,
        tell: Callable[[Report | ShardEnd], None],
        crashed: Callable[[Shard], None],
    ) -> None:
        super().__init__(world.clock)
        self._world, self._random, self._tell, self._crashed = world, world.random, tell, crashed
        self.number, self.store = world.watch.number_of_shard(), world.store()
        self.owner, store, config = f"shard-{self.number}", self.store, world.config
        self.inbox: deque[Any] = deque()
        self._end: ShardEnd | None = None
        self._drains_until: float | None = None
        self._will_round = self._will_take = False
        #: How late its main loop is: machines are more or less at work with other things.
        self._soon = self._random.uniform(0.01, _SOON)
        emit, limits = Events(()), config.limits
        places = None if limits.pages is None else 0
        self._heartbeat = LeaseHeartbeat(lambda: store.renew_leases(self.owner, self._status.doing()), self._beaten)
        self.frontier = Frontier(_never_unsent, self._look_soon, places, "sim", holds=lambda: self._heartbeat.holds)
        self.frontier.on_change(self._take_soon)
        admission = Admission(config, ["example"], store.seen(run.id))
        leases = DomainLeases(
            store, run.id, config, self.frontier, emit, owner=self.owner, make_session=lambda _: requests.Session()
        )
        self._leases = leases
        parser: Any = SimpleNamespace(current=None)
        self._status = status = StatusReporter(self.frontier, parser, limits, emit)
        self._writer = BatchWriter(store, run, limits, self.frontier, leases, admission, emit, status, tell)
        self._orders = Orders(self.frontier, admission, leases, self._writer, None, self._put_start, self._stop)
        store.join(self.owner, run.id, role)
        self._writer.send_report()
        self.later(BEAT_SECONDS, self._beat)
        self._round()

    # What comes in --------------------------------------------------------------------------------------------

    def order(self, order: object) -> None:
        """Take in an order."""
        self.inbox.append(order)
        if isinstance(order, Stop):
            self.frontier.close()
        self._look_soon()

    def stop(self, seconds: float) -> None:
        """Take nothing more."""
        self._stop(seconds)
        self._look_soon()

    def _stop(self, seconds: float) -> None:
        self._end = self._end or STOPPED
        self._drains_until = time.monotonic() + seconds

    def _put_start(self, taken: int) -> None:
        # In two portions, so that a kill may come between them.
        portion = self._world.web.starts[taken : taken + max(1, len(self._world.web.starts) // 2)]
        done = taken + len(portion) >= len(self._world.web.starts)
        yielded = Yielded(found=[found(name) for name in portion])
        self.later(self._world.until_started(), lambda: self._settle(StartTaken(yielded, len(portion), done)))

    def _beat(self) -> None:
        # One that was stopped may send and commit before this thread has its turn.
        self.later(self._random.uniform(0.0, 0.5), self._renew)

    def _renew(self) -> None:
        if (away := self._world.away(self)) and self._random.random() < 0.5:
            # It hangs, or is told at once that nobody is there.
            self.later(away, self._renew)
        elif self._heartbeat.beat():
            self.later(BEAT_SECONDS, self._beat)

    def _beaten(self, holds: bool) -> None:
        if not holds:
            self._crash()

    # The main loop ----------------------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        if not self._will_round:
            self._will_round = True
            self.later(self._soon, self._round_soon)

    def _round_soon(self) -> None:
        self._will_round = False
        self._one_round()

    def _round(self) -> None:
        self._one_round()
        self.later(_ROUND, self._round)

    def _one_round(self) -> None:
        if away := self._world.away(self):
            # What needs no store goes on.
            self._will_round = True
            self.later(away, self._round_soon)
            self._take()
            return
        try:
            self._receive()
            self._writer.commit_if_due(nothing_more=not self.inbox)
            if self._end is None:
                self._leases.fill()
                self._leases.sweep()
                self._writer.give_up_domains()
                self._writer.say_how_it_stands(nothing_more=not self.inbox)
                self._end = self._writer.end
            if self._end is not None:
                self._drain(self._end)
        except LeaseLost:
            self._crash()
            return
        if self._writer.can_wait or self.inbox or self._drains_until is not None:
            self._look_soon()
        self._take()

    def _receive(self) -> None:
        while self.inbox:
            message = self.inbox.popleft()
            if isinstance(message, Order):
                end = self._orders.obey(message)
                self._end = self._end or end
            else:
                self._writer.take(message)
            if self._writer.is_full or isinstance(message, Claim):
                return

    def _drain(self, end: ShardEnd) -> None:
        """Wait for what is in flight; then commit it, and end."""
        self.frontier.close()
        if self._drains_until is None:
            self._drains_until = time.monotonic() + (_DISCARD if self._writer.discarding else _DRAIN)
        if self.inbox or (self.frontier.in_flight and time.monotonic() < self._drains_until):
            return
        self._writer.keep()
        self._leases.close()
        self._writer.write(Batch(), self.frontier.domains)
        self._writer.send_report()
        self._leases.release()
        self.kill()
        self._tell(end)

    def kill(self) -> None:
        super().kill()
        self.store.close()

    def _crash(self) -> None:
        self.kill()
        self._crashed(self)

    # Fetching -----------------------------------------------------------------------------------------------------

    def _take_soon(self) -> None:
        if not self._will_take:
            self._will_take = True
            self.later(0.0, self._take_again)

    def _take_again(self) -> None:
        self._will_take = False
        self._take()

    def _take(self) -> None:
        while True:
            job, wait = self.frontier.take()
            if job is None:
                break
            self.later(self._random.uniform(0.0, 0.003), lambda job=job: self._send(job))  # type: ignore[misc]
        if wait is not None and not self._will_take:
            self._will_take = True
            self.later(max(wait, 0.001), self._take_again)

    def _send(self, job: Job) -> None:
        queued = job.queued
        assert queued is not None
        if (early := job.domain.due - time.monotonic()) > 0:
            self.later(max(early, 1e-6), lambda: self._send(job))
            return
        try:
            self._heartbeat.check()
        except LeaseLost:
            self.frontier.fetched(job)
            self._settle(RetryLater(queued, wait_clock.now(), queued.attempts))
            return
        self._world.watch.sent(self, job)
        self.frontier.throttle.sent(job.domain, job)
        self.later(self._world.until_answered(), lambda: self._answered(job))

    def _answered(self, job: Job) -> None:
        queued, domain = job.queued, job.domain
        assert queued is not None
        page, now, attempts = self._world.web.pages[queued.request.url], wait_clock.now(), queued.attempts + 1
        throttle, chance = self.frontier.throttle, self._world.luck()
        self.frontier.fetched(job)
        if chance < 0.02:
            pause = throttle.cool_down(domain, domain.sent_at, None)
            self._settle(RetryLater(queued, now + pause, queued.attempts))
        elif page.is_broken and attempts >= _ATTEMPTS:
            self._settle(Failed(queued, "http-500", "500", 500, attempts=attempts))
        elif page.is_broken or chance < 0.05:
            self._settle(RetryLater(queued, now + self._random.uniform(0.1, 4.0), attempts if page.is_broken else 0))
        else:
            throttle.answered(domain, well=True)
            self.later(self._world.until_parsed(self), lambda: self._settle(self._parsed(job)))

    def _parsed(self, job: Job) -> Outcome:
        queued = job.queued
        assert queued is not None
        url = queued.request.url
        yielded = Yielded(
            found=[found(link) for link in self._world.web.pages[url].links],
            items=[StoredItem("item", url, json.dumps({"url": url}))],
        )
        return Done(queued, yielded, url, 200, time.time(), None, 1, None, None, url.encode())

    def _settle(self, outcome: Any) -> None:
        self.inbox.append(outcome)
        if isinstance(outcome, Outcome):
            self.frontier.parsed(page=isinstance(outcome, Done), rows=outcome.rows)
        self._look_soon()


def _never_unsent(outcome: Outcome) -> None:
    raise AssertionError(f"{outcome} was settled without being sent")
