"""What all processes of a simulation have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from scraper.config import SiteConfig
from scraper.engine.limits import ShardEnd
from scraper.store import Store
from scraper.store.values import RunRow
from tests.simulation.clock import MOST_DRIFT, Clock, MachineClock
from tests.simulation.database import Database
from tests.simulation.watch import Watch
from tests.simulation.web import Web

if TYPE_CHECKING:
    from tests.simulation.shard import Shard

#: No file: all stores lie in the one database.
_STORE = Path("simulation.db")
#: A machine's wall clock is off by so much (seconds) at the most, and steps by as much.
_MOST_OFF = 90_000.0


@dataclass(frozen=True)
class World:
    """A web, who crawls it, and what the time is.

    Attributes:
        ended: told how the crawl ended.
    """

    clock: Clock
    random: Random
    database: Database
    config: SiteConfig
    web: Web
    watch: Watch
    ended: Callable[[ShardEnd], None]

    def store(self, *, lock: bool = False) -> Store:
        """Open the store."""
        return Store(_STORE, lock=lock)

    def run_of(self, store: Store) -> RunRow:
        """Resume the run, or begin it."""
        begun = store.unfinished_run("sim")
        return store.resume_run(begun, {}) if begun else store.begin_run("sim", "", {})

    def away(self, shard: Shard) -> float:
        """Return for how long whatever a shard wants of the store has to wait, in seconds."""
        return max(0.0, self.database.back_at(shard.machine) - self.clock.now)

    def until_started(self) -> float:
        """Return how long start() takes for its next requests, in seconds."""
        return 0.02

    def until_answered(self) -> float:
        """Return how long a server takes, in seconds."""
        return self.random.expovariate(4.0)

    def until_parsed(self, shard: Shard) -> float:
        """Return how long a shard's page waits for its items, in seconds."""
        return self.random.uniform(0.0, 0.05)

    def luck(self) -> float:
        """Return a number between 0 and 1: of those who answer, the first few in a hundred do so badly."""
        return self.random.random()

    def off(self) -> float:
        """Return by how much a wall clock is off."""
        return self.random.choice([0.0, self.random.uniform(-2.0, 2.0), self.random.uniform(-_MOST_OFF, _MOST_OFF)])

    def machine(self) -> MachineClock:
        """Return the clocks of a machine that nobody has set right."""
        rate = 1.0 + self.random.uniform(-MOST_DRIFT, MOST_DRIFT)
        return MachineClock(self.clock.now, self.random.uniform(0.0, 1e6), rate, self.off())
