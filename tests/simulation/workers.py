"""Workers of several machines on one run: nobody directs them, and what befalls them."""

from __future__ import annotations

from scraper.engine.coordination.directs import Direction
from scraper.engine.coordination.lead import Lead
from scraper.engine.coordination.member import Member
from scraper.engine.coordination.messages import Report
from scraper.engine.limits import ShardEnd
from scraper.errors import LeaseLost
from scraper.observe.events import Events
from scraper.store.state.presence import Role
from scraper.store.state.roles import EXPORTS
from scraper.store.values import RunRow
from tests.simulation.process import Process
from tests.simulation.shard import Shard
from tests.simulation.world import World

_ROUND = 0.5


class Worker(Process):
    """The process of `scraper worker` on a machine of its own: its shard, and what tries to have the role."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(fleet.clock, fleet.world.machine())
        self._fleet, self._world, self.number = fleet, fleet.world, number
        self.clock.enter(self.machine)
        self.store = self._world.store()
        self._join()
        self._round()

    def _join(self) -> None:
        world, run = self._world, self._row()
        self.owner = f"worker-{world.watch.number_of_shard()}"
        direction = Direction(self.store, run, world.config, self.owner, Events(()), lambda: None, self._stop)
        self.lead = Lead(direction, role=Role.LEAD)
        self.shard: Shard | None = Shard(world, run, Role.WORKER, self._take, self._crashed)
        self._member = Member(self.shard.store, run, world.config, self.shard.owner)

    def _row(self) -> RunRow:
        row = self.store.run(self._fleet.run.id)
        assert row is not None
        return row

    def _take(self, message: Report | ShardEnd) -> None:
        shard = getattr(self, "shard", None)
        if isinstance(message, ShardEnd):
            self.shard = None
        elif shard is not None:
            for order in self._member.take(message):
                shard.order(order)

    def _stop(self) -> None:
        if self.shard is not None:
            self.shard.stop(7.0)

    def _crashed(self, shard: Shard) -> None:
        self.shard = None

    def _round(self) -> None:
        self.later(_ROUND, self._round)
        if self._world.database.back_at(self.machine) > self.clock.now:
            return
        if self.shard is not None:
            self.lead.look()
            return
        row = self._row()
        if row.is_finished:
            self._fleet.has_ended(ShardEnd(row.result or "", row.why))
        elif row.stop_asked is not None:
            self._fleet.has_ended(ShardEnd("stopped", "somebody asked"))
        elif row.ending is None:
            self.lead.close()
            self.store.void_leases_of(self.owner)
            self._join()
        else:
            self._finish(row)

    def _finish(self, row: RunRow) -> None:
        self.store.void_expired(row.id)
        term = self.store.take_role(EXPORTS, self.owner)
        if term is None or self.store.are_crawling(row.id):
            return
        assert row.ending is not None
        result, why = row.ending.result, row.ending.why

        def end() -> None:
            if self._world.database.back_at(self.machine) > self.clock.now:
                return
            try:
                self.store.end_run(row.id, result, why, finished=True, term=term)
            except LeaseLost:
                self._world.watch.say(f"worker {self.number} is not the one who ends it")

        # To write the exports takes its time.
        self.later(self._world.random.uniform(0.1, 5.0), end)

    # What befalls it ---------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill it, with its shard."""
        super().kill()
        if self.shard is not None:
            self.shard.kill()
        self.store.close()

    def stop_for(self, seconds: float) -> None:
        """Let it do nothing for so long."""
        super().stop_for(seconds)
        if self.shard is not None:
            self.shard.stop_for(seconds)


class Fleet(Process):
    """One run, and the workers that share it, each on its own machine."""

    def __init__(self, world: World, count: int) -> None:
        super().__init__(world.clock, world.clock.true)
        self.world, self._random, self._watch = world, world.random, world.watch
        self._numbers = 0
        self.store = world.store()
        self.run = world.run_of(self.store)
        self.workers: list[Worker] = []
        for _ in range(count):
            self.later(self._random.uniform(0.0, 3.0), self._begin)

    def _begin(self) -> None:
        self._numbers += 1
        self.workers.append(Worker(self, self._numbers))

    def has_ended(self, end: ShardEnd) -> None:
        """Note that the run has ended, or that somebody stopped it."""
        if not self.is_dead:
            self.kill_all()
            self.world.ended(end)

    def _one(self) -> Worker | None:
        return self._random.choice(self.workers) if self.workers else None

    # What befalls them -------------------------------------------------------------------------------------------

    def kill_worker(self) -> None:
        """Kill one of them; another one comes after a while."""
        if (worker := self._one()) is not None:
            self._watch.say(f"kill worker {worker.number}")
            self.workers.remove(worker)
            worker.kill()
            self.later(self._random.uniform(0.1, 20.0), self._begin)

    def stop_worker(self) -> None:
        """Send one of them SIGSTOP, and SIGCONT after a while: before or after its leases have ended."""
        if (worker := self._one()) is not None:
            seconds = self._random.choice([0.5, 5.0, 9.0, 13.0, 14.0, 16.0, 20.0, 40.0])
            self._watch.say(f"stop worker {worker.number} for {seconds}")
            worker.stop_for(seconds)

    def cut_worker_off(self) -> None:
        """Keep the database from one of them for a while."""
        if (worker := self._one()) is not None:
            seconds = self._random.choice([1.0, 7.0, 11.0, 20.0, 60.0])
            self._watch.say(f"cut worker {worker.number} off for {seconds}")
            self.world.database.cut_off(worker.machine, seconds)

    def restart_database(self) -> None:
        """Keep the database from all of them for a while."""
        seconds = self._random.choice([1.0, 7.0, 11.0, 20.0])
        self._watch.say(f"restart the database within {seconds}")
        for worker in self.workers:
            self.world.database.cut_off(worker.machine, seconds)

    def set_clock(self) -> None:
        """Set the wall clock of one of them, right or wrong."""
        if (worker := self._one()) is not None:
            worker.machine.off = self.world.off()
            self._watch.say(f"set the clock of worker {worker.number} {worker.machine.off:.1f} off")

    def kill_all(self) -> None:
        """Kill them all."""
        for worker in self.workers:
            worker.kill()
        self.kill()

    def kill(self) -> None:
        super().kill()
        self.store.close()


FLEET_FAULTS = (
    "kill_worker",
    "kill_worker",
    "stop_worker",
    "stop_worker",
    "cut_worker_off",
    "restart_database",
    "set_clock",
    "kill_all",
    "ask",
)
