"""A machine on which daemons, crawls and a clock run in one thread, so that any of them can die at any moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scraper.schedule.daemon import Daemon
from scraper.schedule.sites import ScheduledSite, Sites
from scraper.store.history.schedule_values import Occurrence
from scraper.store.history.schedules import Schedules


class Killed(BaseException):
    """A daemon was ended by the system."""


class Mortal:
    """Counts the moments at which a daemon can die, before and after each transaction and each start."""

    def __init__(self, dies_at: int | None) -> None:
        self.moments = 0
        #: How often a store was opened.
        self.opened = 0
        self._dies_at = dies_at

    def moment(self) -> None:
        self.moments += 1
        if self.moments - 1 == self._dies_at:
            raise Killed

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.moment()
            result = act(*arguments, **keywords)
            self.moment()
            return result

        return call


class MortalSchedules(Schedules):
    """A store whose user may die around each transaction."""

    def __init__(self, path: Path, mortal: Mortal) -> None:
        super().__init__(path)
        mortal.opened += 1
        for name in ("step", "end", "prune", "release"):
            setattr(self, name, mortal.around(getattr(self, name)))


class Crawl:
    """A process: takes its run over after a while, crawls, and notes its end."""

    pid = 4711

    def __init__(self, machine: Machine, site: ScheduledSite, run: Occurrence) -> None:
        self.site = site
        self.run = run
        self.is_at_work = False
        self.code: int | None = None
        self._machine = machine
        self._confirms_at = machine.now + machine.start_seconds
        self._ends_at = self._confirms_at + machine.crawl_seconds

    def advance(self) -> None:
        with Schedules(self.site.store) as store:
            self._advance(store)

    def _advance(self, store: Schedules) -> None:
        if self.code is None and not self.is_at_work and self._machine.now >= self._confirms_at:
            # Only one started process has the lock.
            if not self._machine.is_alive(self.site):
                self.is_at_work = store.confirm(self.run.id, self.run.epoch, self.pid, self._machine.now)
            if not self.is_at_work:
                self.code = 75
                return
            if self.site.name in self._machine.by_hand:
                self.is_at_work, self.code = False, 1
                overlap = self.site.schedule.overlap
                if overlap != "queue" or not store.give_back(self.run.id, self.run.epoch, "waits"):
                    store.end(
                        self.run.id, self.run.epoch, self._machine.now, result="skipped", why="busy", exit_code=1
                    )
                return
            self._machine.crawled.append((self.site.name, self.run.slot))
        if self.is_at_work and self._machine.now >= self._ends_at:
            self.is_at_work, self.code = False, 0
            store.end(
                self.run.id, self.run.epoch, self._machine.now, result="finished", why="", exit_code=0, crawl_run=1
            )

    def poll(self) -> int | None:
        return self.code

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.code, self.is_at_work = -15, False


class Machine:
    """Its clock, its processes, and what was crawled: pairs of name and slot.

    Args:
        now: where its clock begins.
        paths: the sites.
        crawl_seconds: how long a crawl takes; it takes its run over after `start_seconds`.
    """

    def __init__(self, now: float, *paths: Path, crawl_seconds: float = 20.0, start_seconds: float = 1.0) -> None:
        self.now = now
        #: Its clock of leases, which nobody sets.
        self.even = 1_000.0
        self.paths = paths
        self.crawl_seconds = crawl_seconds
        self.start_seconds = start_seconds
        self.crawled: list[tuple[str, float]] = []
        self.processes: list[Crawl] = []
        #: The names of the crawls that somebody started without a schedule.
        self.by_hand: set[str] = set()
        self.said: list[str] = []

    def daemon(self, mortal: Mortal | None = None, *, at_once: int = 99) -> Daemon:
        mortal = mortal or Mortal(None)
        return Daemon(
            Sites(self.paths),
            _Starter(self, mortal),
            self.said.append,
            clock=lambda: self.now,
            lease_clock=lambda: self.even,
            at_once=at_once,
            open_store=lambda path: MortalSchedules(path, mortal),
        )

    def is_alive(self, site: ScheduledSite) -> bool:
        return any(process.site is site or process.site.store == site.store for process in self._at_work)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.even += seconds
        for process in self.processes:
            if process.code is None:
                process.advance()

    @property
    def _at_work(self) -> list[Crawl]:
        return [process for process in self.processes if process.is_at_work]

    def run(self, *daemons: Daemon, until: float, step: float = 5.0) -> None:
        """Rounds of all daemons, one after the other, until a moment, or until one is killed."""
        while self.now < until:
            for daemon in daemons:
                daemon.round()
            self.advance(step)

    def run_with_restarts(self, mortal: Mortal, *, until: float, step: float = 5.0) -> None:
        """A daemon that may die once, and is started again."""
        with suppress(Killed):
            self.run(self.daemon(mortal), until=until, step=step)
            return
        self.advance(step)
        self.run(self.daemon(), until=until, step=step)


class _Starter:
    def __init__(self, machine: Machine, mortal: Mortal) -> None:
        self._machine = machine
        self._mortal = mortal

    def start(self, site: ScheduledSite, run: Occurrence) -> Crawl:
        self._mortal.moment()
        self._machine.processes.append(Crawl(self._machine, site, run))
        self._mortal.moment()
        return self._machine.processes[-1]

    def is_alive(self, site: ScheduledSite) -> bool:
        return self._machine.is_alive(site)

    def is_busy(self, site: ScheduledSite) -> bool:
        return self._machine.is_alive(site) or site.name in self._machine.by_hand
