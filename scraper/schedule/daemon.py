"""The daemon: rounds in which it starts what is due, each crawl as a process of its own.

It keeps nothing that the stores do not know, but the processes that it started itself; so it may be killed at any
moment, and any number of daemons may look after the same sites.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.schedule import failures, policy
from scraper.schedule.endings import describe, ending_of_process
from scraper.schedule.policy import Facts
from scraper.schedule.processes import Process, Starter, output_of
from scraper.schedule.sites import ScheduledSite, Sites
from scraper.store.history.schedules import (
    NOTHING,
    Claimant,
    Decision,
    Occurrence,
    Schedules,
    ScheduleState,
    Standing,
    Step,
)

#: Seconds between rounds at most: pauses, runs by hand and other daemons are seen through the stores.
POLL = 5.0
#: The same while crawls are at work, so that their ends are seen soon.
POLL_AT_WORK = 0.5
#: How many runs that ended are remembered, each with its log.
KEEP = 200


@dataclass()
class _Child:
    site: ScheduledSite
    run: Occurrence
    process: Process


class Daemon:
    """Looks after some sites.

    Args:
        sites: where the schedules are read from.
        starter: starts crawls.
        tell: takes a line for each thing that happens.
        clock: seconds since the epoch.
        open_store: opens the schedules of a store.
    """

    def __init__(
        self,
        sites: Sites,
        starter: Starter,
        tell: Callable[[str], object],
        *,
        clock: Callable[[], float],
        open_store: Callable[[Path], Schedules] = Schedules,
    ) -> None:
        self._sites = sites
        self._starter = starter
        self._tell = tell
        self._clock = clock
        self._open_store = open_store
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stores: dict[Path, tuple[Schedules, tuple[int, int]]] = {}
        #: By store and number: each store counts its runs for itself.
        self._children: dict[tuple[Path, int], _Child] = {}
        self._troubles: dict[Path, str] = {}
        self._telling: list[threading.Thread] = []
        self._is_stopping = False
        #: The newest runs that this daemon saw end, or begin to wait.
        self.ended: deque[Occurrence] = deque(maxlen=KEEP)

    @property
    def at_work(self) -> int:
        """Return how many processes that it started are alive."""
        return len(self._children)

    def round(self) -> float:
        """Do what is due; returns the seconds until the next round is worth while."""
        for line in self._sites.refresh():
            self._tell(line)
        self.gather()
        wait = POLL_AT_WORK if self._children else POLL
        for site in self._sites.current:
            try:
                wait = min(wait, self._look_after(site))
                self._troubles.pop(site.path, None)
            except ScraperError as error:
                if self._troubles.get(site.path) != str(error):
                    self._tell(f"{site.name}: {error}")
                self._troubles[site.path] = str(error)
        return max(0.0, wait)

    def trigger(self, site: ScheduledSite) -> Step:
        """Start a run now, by hand; where another is at work, `overlap` says what becomes of it.

        Raises:
            ScraperError: the store cannot be used, or the process not be started.
        """
        standing = self._store_of(site).standing(site.name)
        facts = self._facts(site, standing) if standing is not None else Facts()
        return self._step(site, lambda standing: policy.by_hand(site.times, standing, self._clock(), facts))

    def gather(self) -> None:
        """See which of the started processes have ended, and how."""
        for key, child in list(self._children.items()):
            code = child.process.poll()
            if code is None:
                continue
            del self._children[key]
            try:
                self._see_end(child, code)
            except ScraperError as error:
                self._tell(f"{child.site.name}: {error}")

    def stop(self) -> None:
        """Tell all processes to stop; the second time, to stop at once."""
        self._is_stopping = True
        for child in self._children.values():
            with contextlib.suppress(OSError):  # it ended just now
                child.process.stop()

    def close(self) -> None:
        """End what is still at work, wait for `on_failure`, and let go of the stores."""
        self._is_stopping = True
        for child in self._children.values():
            with contextlib.suppress(OSError):
                child.process.kill()
        self.gather()
        for thread in self._telling:
            thread.join()
        for schedules, _ in self._stores.values():
            schedules.close()

    # One site --------------------------------------------------------------------------------------------

    def _look_after(self, site: ScheduledSite) -> float:
        """Do what is due for one site; returns the seconds until more is."""
        schedules = self._store_of(site)
        standing = schedules.standing(site.name)
        if standing is not None and standing.spec == site.times.spec:
            facts = self._facts(site, standing)
            # Mostly there is nothing to do, which reading alone shows, and reading holds up nobody.
            if policy.decide(site.times, standing, self._clock(), facts) is NOTHING:
                following = site.times.after(standing.reached)
                if following is None or standing.paused_at is not None:
                    return POLL
                return site.times.due(following) - self._clock()
        else:
            facts = Facts(starting=self._started(site))
        self._step(site, lambda standing: policy.decide(site.times, standing, self._clock(), facts))
        return POLL_AT_WORK

    def _facts(self, site: ScheduledSite, standing: Standing) -> Facts:
        active, gone = standing.active, None
        started = self._started(site)
        if active is not None and active.state is ScheduleState.RUNNING and active.id not in started:
            gone = None if self._starter.is_alive(site) else active.id
        # While a scheduled run is at work nothing is asked of a waiting one.
        is_busy = standing.waiting is not None and (
            (active is not None and gone is None) or self._starter.is_busy(site)
        )
        return Facts(gone, started, is_busy)

    def _started(self, site: ScheduledSite) -> frozenset[int]:
        """Return the runs of a site whose processes it started and sees alive."""
        return frozenset(run for store, run in self._children if store == site.store)

    def _step(self, site: ScheduledSite, decide: Callable[[Standing], Decision]) -> Step:
        now = self._clock()
        claimant = Claimant(self._owner, now + policy.LEASE, lambda run: str(_log_of(site, run)))
        schedules = self._store_of(site)
        step = schedules.step(site.name, site.times.spec, now, decide, claimant)
        for ended in step.ended:
            self._report(site, ended)
        if step.decision.queue is not None:
            self._tell(f"{site.name}: {step.decision.why}")
        if step.claimed is not None:
            self._start(site, schedules, step.claimed)
        return step

    def _start(self, site: ScheduledSite, schedules: Schedules, run: Occurrence) -> None:
        try:
            process = self._starter.start(site, run)
        except ScraperError as error:
            ended = schedules.end(run.id, run.epoch, self._clock(), result="failed", why=str(error))
            if ended is not None:
                self._report(site, ended)
            return
        self._children[site.store, run.id] = _Child(site, run, process)
        self._tell(f"{site.name}: started, pid {process.pid}, log {run.log}")
        for log in schedules.prune(site.name, KEEP):
            for path in (Path(log), output_of(log)):
                with contextlib.suppress(OSError):
                    path.unlink()

    def _see_end(self, child: _Child, code: int) -> None:
        """Note the end of a process that did not note it itself, and tell of it either way."""
        run, schedules = child.run, self._store_of(child.site)
        result, why = ending_of_process(code, run, told_to_stop=self._is_stopping)
        _tidy(run.log)
        if self._is_stopping and not run.manual and schedules.release(run.id, run.epoch):
            self._tell(f"{child.site.name}: stopped before it began: whoever looks next starts it")
            return
        ended = schedules.end(
            run.id, run.epoch, self._clock(), result=result, why=why, exit_code=code if code >= 0 else None
        )
        if ended is not None:
            self._report(child.site, ended)
            return
        noted = schedules.get(run.id)
        if noted is not None and noted.epoch == run.epoch:
            self._tell(f"{child.site.name}: {describe(noted)}")
            self.ended.append(noted)

    def _report(self, site: ScheduledSite, ended: Occurrence) -> None:
        """Tell of an end that this daemon noted itself: here, and to `on_failure` if it is bad."""
        self._tell(f"{site.name}: {describe(ended)}")
        self.ended.append(ended)
        action = site.schedule.on_failure
        if action is None or not failures.has_failed(ended):
            return

        def tell() -> None:
            problem = failures.tell(action, ended, site.root)
            if problem is not None:
                self._tell(f"{site.name}: on_failure: {problem}")

        thread = threading.Thread(target=tell, name=f"on_failure {site.name}")
        self._telling = [known for known in self._telling if known.is_alive()] + [thread]
        thread.start()

    def _store_of(self, site: ScheduledSite) -> Schedules:
        """Return the store of a site, opened once; again where its file was replaced."""
        known = self._stores.get(site.store)
        if known is not None:
            if _identity(site.store) == known[1]:
                return known[0]
            known[0].close()
            del self._stores[site.store]
        schedules = self._open_store(site.store)
        self._stores[site.store] = schedules, _identity(site.store)
        return schedules


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _tidy(log: str) -> None:
    """Keep what a process printed before it had a log as its log; remove the file where it printed nothing."""
    printed = output_of(log)
    with contextlib.suppress(OSError):
        if not printed.stat().st_size:
            printed.unlink()
        elif not Path(log).exists():
            printed.rename(log)


def _log_of(site: ScheduledSite, run: Occurrence) -> Path:
    return site.log_of(datetime.fromtimestamp(run.slot, UTC).strftime("%Y%m%dT%H%M%SZ"), run.id)
