"""Workers of several machines on one run: nobody directs them, and what befalls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from scraper.config import SiteConfig
from scraper.engine.coordination.lead import Lead
from scraper.engine.coordination.member import Member
from scraper.engine.coordination.messages import Report
from scraper.engine.limits import ShardEnd
from scraper.errors import LeaseLost
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.state.presence import Role
from scraper.store.state.roles import EXPORTS
from scraper.store.values import RunRow
from tests.simulation.clock import Clock
from tests.simulation.process import Process
from tests.simulation.shard import Shard
from tests.simulation.watch import Watch
from tests.simulation.web import Web

_ROUND = 0.5


class Machine(Process):
    """The process of one worker: its shard, and what tries to have the role.

    Args:
        ended: told that the run has ended, or that somebody stopped it.
    """

    def __init__(self, fleet: Fleet, number: int, ended: Callable[[ShardEnd], None]) -> None:
        super().__init__(fleet.clock)
        self._fleet, self.number, self._ended = fleet, number, ended
        self.store = Store(fleet.path)
        self._locked_until = 0.0
        self._join()
        self._round()

    def _join(self) -> None:
        fleet = self._fleet
        self.owner = f"machine-{fleet.watch.number_of_shard()}"
        run = self._row()
        self.lead = Lead(
            self.store,
            run,
            fleet.config,
            self.owner,
            Events(()),
            lambda: None,
            self._stop,
            role=Role.LEAD,
        )
        self.shard: Shard | None = Shard(
            self.clock,
            fleet.random,
            Store(fleet.path),
            run,
            fleet.config,
            fleet.web,
            fleet.watch.number_of_shard(),
            self._take,
            fleet.watch.sent,
            self._crashed,
        )
        self._member = Member(self.shard.store, run, fleet.config, self.shard.owner)

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
        if self.clock.now < self._locked_until:
            return
        row = self._row()
        if row.is_finished:
            self._ended(ShardEnd(row.result or "", row.why))
        elif self.shard is not None:
            self.lead.look()
        elif row.stop_asked is not None:
            self._ended(ShardEnd("stopped", "somebody asked"))
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
            try:
                self.store.end_run(row.id, result, why, finished=True, term=term)
            except LeaseLost:
                self._fleet.watch.say(f"machine {self.number} is not the one who ends it")

        # To write the exports takes its time.
        self.later(self._fleet.random.uniform(0.1, 5.0), end)

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

    def cut_off_for(self, seconds: float) -> None:
        """Keep the store from it for so long: it goes on sending what it may."""
        self._locked_until = self.clock.now + seconds
        if self.shard is not None:
            self.shard.store_is_locked_for(seconds)


class Fleet(Process):
    """One run, and the workers that share it. The arguments are those of a crawl on several processes."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        path: Path,
        config: SiteConfig,
        web: Web,
        count: int,
        watch: Watch,
        ended: Callable[[ShardEnd], None],
    ) -> None:
        super().__init__(clock)
        self.random, self.path, self.config, self.web, self.watch = random, path, config, web, watch
        self._ended, self._numbers = ended, 0
        self.store = Store(path)
        begun = self.store.unfinished_run("sim")
        self.run = self.store.resume_run(begun, {}) if begun else self.store.begin_run("sim", "", {})
        self.machines: list[Machine] = []
        for _ in range(count):
            self.later(random.uniform(0.0, 3.0), self._begin)

    def _begin(self) -> None:
        self._numbers += 1
        self.machines.append(Machine(self, self._numbers, self._has_ended))

    def _has_ended(self, end: ShardEnd) -> None:
        if not self.is_dead:
            self.kill_all()
            self._ended(end)

    def _one(self) -> Machine | None:
        return self.random.choice(self.machines) if self.machines else None

    # What befalls them -------------------------------------------------------------------------------------------

    def kill_machine(self) -> None:
        """Kill one of them; another one comes after a while."""
        if (machine := self._one()) is not None:
            self.watch.say(f"kill machine {machine.number}")
            self.machines.remove(machine)
            machine.kill()
            self.later(self.random.uniform(0.1, 20.0), self._begin)

    def stop_machine(self) -> None:
        """Send one of them SIGSTOP, and SIGCONT after a while: before or after its leases have ended."""
        if (machine := self._one()) is not None:
            seconds = self.random.choice([0.5, 5.0, 9.0, 13.0, 14.0, 16.0, 20.0, 40.0])
            self.watch.say(f"stop machine {machine.number} for {seconds}")
            machine.stop_for(seconds)

    def cut_machine_off(self) -> None:
        """Keep the store from one of them for a while."""
        if (machine := self._one()) is not None:
            seconds = self.random.choice([1.0, 7.0, 11.0, 20.0, 60.0])
            self.watch.say(f"cut machine {machine.number} off for {seconds}")
            machine.cut_off_for(seconds)

    def restart_database(self) -> None:
        """Keep the store from all of them for a while."""
        seconds = self.random.choice([1.0, 7.0, 11.0, 20.0])
        self.watch.say(f"restart the database within {seconds}")
        for machine in self.machines:
            machine.cut_off_for(seconds)

    def kill_all(self) -> None:
        """Kill them all."""
        for machine in self.machines:
            machine.kill()
        self.kill()

    def kill(self) -> None:
        super().kill()
        self.store.close()


FLEET_FAULTS = (
    "kill_machine",
    "kill_machine",
    "stop_machine",
    "stop_machine",
    "cut_machine_off",
    "restart_database",
    "kill_all",
    "ask",
)
