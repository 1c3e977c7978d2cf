"""A crawl on several processes of one machine: its coordinator, its shards, and what befalls them.

What `scraper.engine.coordination.multi_process` does to processes is done here to simulated ones: it starts them,
passes messages on, takes the domains of those that died or do not renew their leases over, and ends them at the end.
"""

from __future__ import annotations

import time
from typing import Any

from scraper.engine.coordination.coordinator import Coordinator
from scraper.engine.coordination.directs import Direction
from scraper.engine.coordination.messages import Report, Stop
from scraper.engine.limits import STOPPED, ShardEnd
from scraper.observe.events import Events
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.state.presence import Role
from tests.simulation.process import Pipe, Process
from tests.simulation.shard import Shard
from tests.simulation.world import World

#: Time passes for the coordinator this often; it ends those that have not ended so long after it told them to.
_ROUND, _END = 1.0, 12.0


class Crawl(Process):
    """One call of the crawl: the coordinator's process, and those that it starts."""

    def __init__(self, world: World, count: int) -> None:
        super().__init__(world.clock)
        self._world, self._random, self._watch = world, world.random, world.watch
        self.store = world.store(lock=True)
        self.run = world.run_of(self.store)
        self.store.join("coordinator", self.run.id, Role.COORDINATOR)
        direction = Direction(
            self.store, self.run, world.config, "coordinator", Events(()), lambda: None, lambda: self._stop(7.0)
        )
        self._coordinator = Coordinator(direction, count)
        self.shards: dict[int, Shard] = {}
        #: For how long nothing was heard of each.
        self._silent: dict[int, float] = {}
        self._pipes: dict[int, Pipe] = {}
        self._started = 0
        self._deadline: float | None = None
        self._looked_at = time.monotonic()
        for _ in range(count):
            self._spawn()
        self._round()

    def _spawn(self) -> None:
        number, self._started = self._started, self._started + 1
        self._silent[number] = 0.0
        self.later(self._random.uniform(0.1, 1.0), lambda: self._begin(number))

    def _begin(self, number: int) -> None:
        told: Pipe = Pipe(self, lambda message: self._take(number, message), self._delay)

        def tell(message: Report | ShardEnd) -> None:
            told.send(message)

        told.send("ready")
        shard = Shard(
            self._world, self.run, Role.SHARD, tell, lambda shard: self.later(0.05, lambda: self._gone(number))
        )
        self.shards[number] = shard
        self._pipes[number] = Pipe(shard, shard.order, self._delay)

    def _delay(self) -> float:
        return self._random.uniform(0.0, 0.05)

    # The coordinator ----------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._coordinator.look()
        if self._deadline is None:
            self._order(self._coordinator.scheduler.orders(-1, None, time.monotonic()))
        self._look_for_the_silent()
        if self._deadline is not None and time.monotonic() > self._deadline:
            for shard in self.shards.values():
                shard.kill()
            self.shards.clear()
        if self._deadline is not None and not self.shards:
            self._end()
            return
        self.later(_ROUND, self._round)

    def _take(self, number: int, message: Any) -> None:
        if number not in self.shards:
            return
        self._silent[number] = 0.0
        if message == "ready":
            self._coordinator.scheduler.joined(number)
            if self._deadline is not None:
                self._pipes[number].send(Stop(0.0))
        elif isinstance(message, Report):
            self._order(self._coordinator.take(number, message))
        else:
            self.shards.pop(number)

    def _order(self, orders: Any) -> None:
        for number, order in orders:
            if number in self.shards and self._deadline is None:
                self._pipes[number].send(order)
        if self._coordinator.scheduler.end is not None and self._deadline is None:
            self._deadline = time.monotonic() + _END

    def _stop(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds + 2.0
        for pipe in self._pipes.values():
            pipe.send(Stop(seconds))

    def _look_for_the_silent(self) -> None:
        passed, self._looked_at = min(time.monotonic() - self._looked_at, 1.0), time.monotonic()
        for number, shard in list(self.shards.items()):
            self._silent[number] += passed
            if self._silent[number] > LEASE_SECONDS and self.store.void_expired_leases_of(shard.owner):
                self._watch.say(f"shard {shard.number} is silent")
                # It goes on without its leases, and will notice.
                self._take_over(number)

    def _gone(self, number: int) -> None:
        if number in self.shards:
            self._take_over(number)

    def _take_over(self, number: int) -> None:
        shard = self.shards.pop(number)
        self.store.void_leases_of(shard.owner)
        self._coordinator.keep_time(interrupted=True)
        row = self.store.run(self.run.id)
        assert row is not None
        self._coordinator.scheduler.left(number, row)
        if self._deadline is None:
            self._spawn()

    def _end(self) -> None:
        end = self._coordinator.scheduler.end or STOPPED
        self.kill()
        self._world.ended(end)

    # What befalls them ----------------------------------------------------------------------------------------------

    def kill_shard(self) -> None:
        """Kill one of them."""
        if self.shards:
            number = self._random.choice(sorted(self.shards))
            shard = self.shards[number]
            self._watch.say(f"kill {shard.number}")
            shard.kill()
            self.later(0.05, lambda: self._gone(number))

    def stop_shard(self) -> None:
        """Send one of them SIGSTOP, and SIGCONT after a while: before or after its leases have ended."""
        if self.shards:
            shard = self.shards[self._random.choice(sorted(self.shards))]
            seconds = self._random.choice([0.5, 5.0, 9.0, 13.0, 14.0, 16.0, 20.0, 40.0])
            self._watch.say(f"stop {shard.number} for {seconds}")
            shard.stop_for(seconds)

    def stop_coordinator(self) -> None:
        """Do that to who directs them."""
        seconds = self._random.choice([0.5, 3.0, 15.0])
        self._watch.say(f"stop the coordinator for {seconds}")
        self.stop_for(seconds)

    def lock_store(self) -> None:
        """Keep the store from all of them for a while: shards that have something in flight go on sending."""
        seconds = self._random.choice([1.0, 7.0, 11.0, 20.0])
        self._watch.say(f"lock the store for {seconds}")
        self.stop_for(seconds)
        self._world.database.cut_off(self.machine, seconds)

    def kill_all(self) -> None:
        """Kill them all; the shards leave when their coordinator has, if they are not stopped."""
        for shard in self.shards.values():
            shard.kill()
        self.kill()

    def kill(self) -> None:
        super().kill()
        self.store.close()
