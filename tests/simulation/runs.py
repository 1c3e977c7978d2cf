"""One seed: a web, a fleet, what befalls it, until the run has ended."""

from __future__ import annotations

import functools
import random as of_the_product
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from scraper.config import SiteConfig, load
from scraper.engine.frontier.domain import Domain
from scraper.engine.limits import ShardEnd
from scraper.errors import StoreUnreachable
from scraper.store.state.presence import Doing
from tests.simulation.clock import Clock, MachineClock, virtual_time
from tests.simulation.database import Database
from tests.simulation.fleet import Crawl
from tests.simulation.watch import Broken, Watch
from tests.simulation.web import Web
from tests.simulation.workers import FLEET_FAULTS, Fleet
from tests.simulation.world import World

# What one says of itself all others read, again and again.
Doing.from_json = functools.lru_cache(1_000)(Doing.from_json)  # type: ignore[method-assign]
# Sets of domains are walked in an order that a seed repeats, wherever in memory the domains lie.
Domain.__hash__ = lambda domain: hash(domain.name)  # type: ignore[method-assign]

#: Virtual seconds by which any run has ended.
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Size:
    """How large a fleet and its web are."""

    shards: int = 3
    least: int = 1
    domains: int = 6
    pages: int = 5
    share: float = 0.8
    #: The last fault comes by then, in virtual seconds; and how many there are at the most.
    trouble_until: float = 12.0
    faults: int = 4
    #: Workers that share the run, each with a shard of its own, in the place of a crawl on several processes.
    workers: bool = False


#: A crawl on several processes; workers of several machines, few and many.
SIZES = {
    "crawl": Size(),
    "workers": Size(workers=True),
    "large": Size(16, 16, domains=1_000, pages=2, share=0.3, faults=6, workers=True),
    "huge": Size(64, 64, domains=10_000, pages=2, share=0.3, faults=12, workers=True),
}


class Failed(AssertionError):
    """A seed that broke something."""


def run_seed(seed: int, size: Size = Size()) -> Watch:
    """Run one seed to its end.

    Raises:
        Failed: something did not hold; with what happened last.
    """
    simulation = _Simulation(seed, size)
    try:
        simulation.run()
    except Exception as error:
        story = "\n".join(simulation.world.watch.story)
        raise Failed(f"seed {seed}: {type(error).__name__}: {error}\n{story}") from error
    return simulation.world.watch


class _Simulation:
    def __init__(self, seed: int, size: Size) -> None:
        self._random = draw = Random(seed)
        of_the_product.seed(seed)
        self._clock, self._size = Clock(), size
        web = Web.of(draw, size.domains, size.pages, size.share)
        good, _ = web.reachable()
        self._pages = draw.randint(1, len(good)) if draw.random() < 0.25 and good else None
        delay = draw.choice([0.0, 0.5, 1.0, 3.0])
        database = Database(self._clock, shared=size.workers)
        watch = Watch(self._clock, database, delay)
        self.world = World(self._clock, draw, database, config_of(delay, self._pages), web, watch, self._ended)
        self._is_over = False
        self._crawl: Crawl | Fleet | None = None

    def run(self) -> None:
        with virtual_time(self._clock), self.world.database.everywhere():
            self._begin()
            for _ in range(self._random.randint(0, self._size.faults)):
                fault = self._random.choice(FLEET_FAULTS if self._size.workers else _FAULTS)
                self._clock.at(
                    self._clock.now + self._random.uniform(0.5, self._size.trouble_until),
                    functools.partial(self._befall, fault),
                )
            until = self._clock.now + _MOST_SECONDS
            while not self._is_over:
                self._clock.step()
                if self._clock.now > until:
                    raise Broken(f"it has not ended after {_MOST_SECONDS:g} s")

    def _begin(self) -> None:
        if not self._is_over:
            self.world.watch.say("begin")
            self._clock.enter(self._clock.true)
            count = self._random.randint(self._size.least, self._size.shards)
            try:
                self._crawl = (Fleet if self._size.workers else Crawl)(self.world, count)
            except StoreUnreachable:
                # It says so and ends; who runs crawls runs it again.
                self.world.watch.say("the store is away")
                self._clock.at(self._clock.now + 1.0, self._begin)

    def _ended(self, end: ShardEnd) -> None:
        assert self._crawl is not None
        self.world.watch.say(f"ended: {end.why}")
        if end.result == "stopped":
            self._clock.at(self._clock.now + 1.0, self._begin)
            return
        self._is_over = True
        limit = self._pages if end.result == "limit" else None
        self.world.watch.check_end(self._crawl.run.id, self.world.web, pages=limit)

    def _befall(self, fault: str) -> None:
        crawl = self._crawl
        if crawl is None or crawl.is_dead or self._is_over:
            return
        if fault == "kill_all":
            self.world.watch.say("kill all")
            crawl.kill_all()
            self._clock.at(self._clock.now + self._random.uniform(0.1, 20.0), self._begin)
        elif fault == "ask":
            self.world.watch.say("ask to stop")
            self._clock.enter(MachineClock(self._clock.now))
            crawl.store.ask_to_stop(crawl.run.id)
        else:
            getattr(crawl, fault)()


_FAULTS = (
    "kill_shard",
    "kill_shard",
    "stop_shard",
    "stop_shard",
    "stop_coordinator",
    "lock_store",
    "kill_all",
    "ask",
)


@functools.cache
def config_of(delay: float, pages: int | None) -> SiteConfig:
    """Return the configuration of a crawl."""
    values: Mapping[str, Any] = {
        "name": "sim",
        "spider": "tests.simulation:Nobody",
        "start_urls": ["https://d0.example/0"],
        "politeness": {"robots": "ignore", "delay": delay, "jitter": 0.3},
        "limits": {"pages": pages},
    }
    return load(values).config
