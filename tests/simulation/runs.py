"""One seed: a web, a fleet, what befalls it, until the run has ended."""

from __future__ import annotations

import functools
import random as of_the_product
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from scraper.config import SiteConfig, load
from scraper.engine.frontier.domain import Domain
from scraper.engine.limits import ShardEnd
from scraper.store import Store
from tests.simulation.clock import Clock, virtual_time
from tests.simulation.fleet import Crawl
from tests.simulation.watch import Broken, Watch
from tests.simulation.web import Web
from tests.simulation.workers import FLEET_FAULTS, Fleet

# Sets of domains are walked in an order that a seed repeats, wherever in memory the domains lie.
Domain.__hash__ = lambda domain: hash(domain.name)  # type: ignore[method-assign]

#: Virtual seconds by which any run has ended.
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Size:
    """How large a fleet and its web are."""

    shards: int = 3
    domains: int = 6
    pages: int = 5
    #: The last fault comes by then, in virtual seconds; and how many there are at the most.
    trouble_until: float = 12.0
    faults: int = 4
    #: Workers that share the run, each with a shard of its own, in the place of a crawl on several processes.
    workers: bool = False


class Failed(AssertionError):
    """A seed that broke something."""


def run_seed(seed: int, size: Size = Size(), folder: Path | None = None) -> Watch:
    """Run one seed to its end.

    Raises:
        Failed: something did not hold; with what happened last.
    """
    with tempfile.TemporaryDirectory(dir=folder) as own:
        simulation = _Simulation(seed, size, Path(own) / "crawl.db")
        try:
            simulation.run()
        except Exception as error:
            story = "\n".join(simulation.watch.story[-40:])
            raise Failed(f"seed {seed}: {type(error).__name__}: {error}\n{story}") from error
        finally:
            simulation.close()
        return simulation.watch


class _Simulation:
    def __init__(self, seed: int, size: Size, path: Path) -> None:
        self._random = Random(seed)
        of_the_product.seed(seed)
        self._clock, self._path, self._size = Clock(), path, size
        self._web = Web.of(self._random, size.domains, size.pages)
        good, _ = self._web.reachable()
        self._pages = self._random.randint(1, len(good)) if self._random.random() < 0.25 and good else None
        self._delay = self._random.choice([0.0, 0.5, 1.0, 3.0])
        self._config = _config(self._delay, self._pages)
        self._is_over = False
        self._crawl: Crawl | Fleet | None = None
        shutil.copyfile(_empty_store(), path)
        self.watch = Watch(self._clock, path, self._delay)

    def run(self) -> None:
        with virtual_time(self._clock):
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
            self.watch.say("begin")
            kind = Fleet if self._size.workers else Crawl
            self._crawl = kind(
                self._clock,
                self._random,
                self._path,
                self._config,
                self._web,
                self._random.randint(1, self._size.shards),
                self.watch,
                self._ended,
            )

    def _ended(self, end: ShardEnd) -> None:
        assert self._crawl is not None
        self.watch.say(f"ended: {end.why}")
        if end.result == "stopped":
            self._clock.at(self._clock.now + 1.0, self._begin)
            return
        self._is_over = True
        self.watch.check_end(self._crawl.run.id, self._web, pages=self._pages if end.result == "limit" else None)

    def _befall(self, fault: str) -> None:
        crawl = self._crawl
        if crawl is None or crawl.is_dead or self._is_over:
            return
        if fault == "kill_all":
            self.watch.say("kill all")
            crawl.kill_all()
            self._clock.at(self._clock.now + self._random.uniform(0.1, 20.0), self._begin)
        elif fault == "ask":
            self.watch.say("ask to stop")
            crawl.store.ask_to_stop(crawl.run.id)
        else:
            getattr(crawl, fault)()

    def close(self) -> None:
        self.watch.close()
        if self._crawl is not None and not self._crawl.is_dead:
            self._crawl.kill_all()


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
def _config(delay: float, pages: int | None) -> SiteConfig:
    values: Mapping[str, Any] = {
        "name": "sim",
        "spider": "tests.simulation:Nobody",
        "start_urls": ["https://d0.example/0"],
        "politeness": {"robots": "ignore", "delay": delay, "jitter": 0.3},
        "limits": {"pages": pages},
    }
    return load(values).config


@functools.cache
def _empty_store() -> Path:
    """Return a store with all tables and nothing in it: to make them takes longer than to simulate."""
    path = Path(tempfile.mkdtemp(prefix="scraper-simulation-")) / "empty.db"
    Store(path).close()
    return path
