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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scraper.config.store_location import StoreLocation
from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.observe.text import duration
from scraper.schedule import failures, policy
from scraper.schedule.endings import describe, ending_of_process
from scraper.schedule.policy import Facts
from scraper.schedule.processes import Process, Starter, remove_log, tidy_output
from scraper.schedule.sites import ScheduledSite, Sites
from scraper.schedule.standings import Known, Standings
from scraper.schedule.times import Times
from scraper.store.backends import lease_clock
from scraper.store.history.schedule_values import (
    NOTHING,
    Claimant,
    Decision,
    Occurrence,
    ScheduleState,
    Standing,
    Step,
)
from scraper.store.history.schedules import Schedules

#: Seconds between rounds at most: pauses, runs by hand and other daemons are seen through the stores.
POLL = 5.0
#: The same while crawls are at work, so that their ends are seen soon.
POLL_AT_WORK = 0.5
#: How many runs that ended are remembered, each with its log.
KEEP = 200

#: Decides what to do at a moment, as `policy.decide` and `policy.by_hand` do.
Decide = Callable[[Times, Standing, float, Facts], Decision]


@dataclass()
class _Child:
    site: ScheduledSite
    run: Occurrence
    process: Process


class Daemon:
    """Looks after some sites.

    A store is open only while something is read from it or written to it, so that any number of sites takes no files.

    Args:
        sites: where the schedules are read from.
        starter: starts crawls.
        tell: takes a line for each thing that happens.
        clock: seconds since the epoch.
        lease_clock: seconds, evenly, for leases.
        at_once: how many crawls of its sites may be at work, whoever started them; what is due beyond that waits, and
            is started in the order of its slots.
        open_store: opens the schedules of a store.
    """

    def __init__(
        self,
        sites: Sites,
        starter: Starter,
        tell: Callable[[str], object],
        *,
        clock: Callable[[], float],
        lease_clock: Callable[[], float] = lease_clock.now,
        at_once: int,
        open_store: Callable[[StoreLocation], Schedules] = Schedules,
    ) -> None:
        self._sites = sites
        self._starter = starter
        self._tell = tell
        self._clock = clock
        self._lease_clock = lease_clock
        self._at_once = at_once
        self._open_store = open_store
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._standings = Standings(open_store)
        #: By store and number: each store counts its runs for itself.
        self._children: dict[tuple[StoreLocation, int], _Child] = {}
        #: The paths of the sites whose scheduled runs others have started, and that are at work.
        self._elsewhere: set[Path] = set()
        self._troubles: dict[Path, str] = {}
        self._telling: list[threading.Thread] = []
        self._is_stopping = False
        #: The newest runs that this daemon saw end, or begin to wait.
        self.ended: deque[Occurrence] = deque(maxlen=KEEP)

    @property
    def at_work(self) -> int:
        """Return how many processes that it started are alive."""
        return len(self._children)

    @property
    def has_room(self) -> bool:
        """Tell whether one more crawl may be started."""
        return len(self._children) + len(self._elsewhere) < self._at_once

    def round(self) -> float:
        """Do what is due, the oldest slot first; returns the seconds until the next round is worth while."""
        for line in self._sites.refresh():
            self._tell(line)
        self.gather()
        sites = self._sites.current
        self._standings.forget_all_but(sites)
        self._elsewhere.intersection_update(site.path for site in sites)
        wanted: list[tuple[float, ScheduledSite, Known]] = []
        wait = POLL
        for site in sites:
            with self._telling_troubles(site):
                known = self._standings.of(site)
                slot = self._look_at(site, known)
                if slot is not None:
                    wanted.append((slot, site, known))
                elif known.due is not None and known.due > self._clock():
                    wait = min(wait, known.due - self._clock())
        self._start_oldest(wanted)
        return max(0.0, min(wait, POLL_AT_WORK) if self._children or self._elsewhere else wait)

    def trigger(self, site: ScheduledSite) -> Step:
        """Start a run now, by hand; where another is at work, `overlap` says what becomes of it.

        Raises:
            ScraperError: the store cannot be used, or the process not be started.
        """
        standing = self._standings.of(site).standing
        facts = self._facts(site, standing) if standing is not None else Facts()
        return self._step(site, policy.by_hand, facts)

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
        """End what is still at work, and wait for `on_failure`."""
        self._is_stopping = True
        for child in self._children.values():
            with contextlib.suppress(OSError):
                child.process.kill()
        self.gather()
        for thread in self._telling:
            thread.join()

    # One site --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _telling_troubles(self, site: ScheduledSite) -> Iterator[None]:
        """Tell of an error once, so that it holds up no other site."""
        try:
            yield
        except ScraperError as error:
            if self._troubles.get(site.path) != str(error):
                self._tell(f"{site.name}: {error}")
            self._troubles[site.path] = str(error)
        else:
            self._troubles.pop(site.path, None)

    def _look_at(self, site: ScheduledSite, known: Known) -> float | None:
        """Do what is due for one site but to start its run; returns the slot of the run that is to start, if any."""
        standing = known.standing
        if standing is None or standing.spec != site.times.spec:
            self._decide(site, Facts(starting=self._started(site), has_room=False))
            return None
        if standing.active is None:
            self._elsewhere.discard(site.path)
            if not self._has_news(known):
                return standing.waiting.slot if standing.waiting is not None else None
        facts = self._facts(site, standing)
        if standing.active is None or standing.active.id in {facts.gone, *facts.starting}:
            self._elsewhere.discard(site.path)
        else:
            self._elsewhere.add(site.path)
        # Mostly there is nothing to do, which reading alone shows, and reading holds up nobody.
        decision = self._ask(policy.decide, site, standing, facts)
        if decision.revive is not None:
            return decision.revive.slot
        if decision.start is None and decision is not NOTHING:
            self._decide(site, facts)
        return decision.start

    def _has_news(self, known: Known) -> bool:
        """Tell whether time alone has brought something to decide, as where the clock was set back."""
        now = self._clock()
        is_set_back = known.standing is not None and known.standing.reached > now
        return is_set_back or (known.due is not None and known.due <= now)

    def _start_oldest(self, wanted: Iterable[tuple[float, ScheduledSite, Known]]) -> None:
        """Start what has waited longest while there is room; what is due beyond that waits in its store."""
        has_room = True
        for _, site, known in sorted(wanted, key=lambda each: each[0]):
            with self._telling_troubles(site):
                # Starting takes its time. If there was no room for an older slot, a newer one does not fit either.
                self.gather()
                has_room = has_room and self.has_room
                is_queued = known.standing is not None and known.standing.waiting is not None
                if known.standing is not None and (has_room or not is_queued or self._has_news(known)):
                    facts = replace(self._facts(site, known.standing), has_room=has_room)
                    if self._ask(policy.decide, site, known.standing, facts) is not NOTHING:
                        self._decide(site, facts)

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

    def _decide(self, site: ScheduledSite, facts: Facts) -> None:
        self._step(site, policy.decide, facts)

    def _lease_now(self, site: ScheduledSite) -> float:
        """Return the time of the clock by which claims in a site's store hold: several machines share the wall's."""
        return self._lease_clock() if site.store.is_file else self._clock()

    def _ask(self, decide: Decide, site: ScheduledSite, standing: Standing, facts: Facts) -> Decision:
        return decide(site.times, standing, self._clock(), replace(facts, lease_now=self._lease_now(site)))

    def _step(self, site: ScheduledSite, decide: Decide, facts: Facts) -> Step:
        until = self._lease_now(site) + policy.LEASE
        claimant = Claimant(self._owner, until, lambda run: str(_log_of(site, run)))
        with self._open_store(site.store) as schedules:
            step = schedules.step(
                site.name,
                site.times.spec,
                self._clock(),
                lambda standing: self._ask(decide, site, standing, facts),
                claimant,
            )
            for ended in step.ended:
                self._report(site, ended)
            if step.decision.set_back is not None:
                back = duration(step.decision.set_back)
                self._tell(f"{site.name}: the clock was set back, by {back} at least: its times go on from now")
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
            remove_log(log)

    def _see_end(self, child: _Child, code: int) -> None:
        """Note the end of a process that did not note it itself, and tell of it either way."""
        run, site = child.run, child.site
        result, why = ending_of_process(code, run, told_to_stop=self._is_stopping)
        tidy_output(run.log)
        with self._open_store(site.store) as schedules:
            if self._is_stopping and not run.manual and schedules.release(run.id, run.epoch):
                self._tell(f"{site.name}: stopped before it began: whoever looks next starts it")
                return
            exit_code = code if code >= 0 else None
            ended = schedules.end(run.id, run.epoch, self._clock(), result=result, why=why, exit_code=exit_code)
            noted = schedules.get(run.id) if ended is None else None
        if ended is not None:
            self._report(site, ended)
        elif noted is not None and noted.epoch == run.epoch:
            self._tell(f"{site.name}: {describe(noted)}")
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


def _log_of(site: ScheduledSite, run: Occurrence) -> Path:
    return site.log_of(datetime.fromtimestamp(run.slot, UTC).strftime("%Y%m%dT%H%M%SZ"), run.id)
