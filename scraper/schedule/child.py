"""The process of a scheduled run: it takes the run over, crawls, and notes how that ended."""

from __future__ import annotations

import os
from collections.abc import Callable

from scraper.errors import StoreLocked
from scraper.lazy_dataclass import dataclass
from scraper.schedule import failures
from scraper.schedule.processes import hold_as_scheduled
from scraper.schedule.sites import ScheduledSite
from scraper.store.history.schedules import Schedules

#: The exit code of a process whose run was given to another (sysexits.h, EX_TEMPFAIL).
SUPERSEDED = 75


@dataclass(frozen=True, slots=True)
class Ending:
    """How a crawl ended; `run` is its number in the store, where it has one."""

    result: str
    exit_code: int
    why: str = ""
    run: int | None = None


def take_over(
    site: ScheduledSite,
    run: int,
    epoch: int,
    *,
    crawl: Callable[[], Ending],
    clock: Callable[[], float],
    say: Callable[[str], object],
) -> int:
    """Crawl for one claim, unless it holds no longer; returns the exit code.

    In this order: the lock of scheduled processes; one transaction that makes the run ours, if the claim's epoch is
    still the newest; the crawl; one transaction that notes its end; `on_failure`.

    Args:
        site: the site.
        run: the number of the run in the schedule's history.
        epoch: that of the claim.
        crawl: crawls; raises StoreLocked where another crawl is at work.
        clock: seconds since the epoch.
        say: takes a line for whoever started this process.
    """
    try:
        lock = hold_as_scheduled(site.store)
    except StoreLocked as error:
        say(str(error))
        return SUPERSEDED
    try:
        with Schedules(site.store) as schedules:
            if not schedules.confirm(run, epoch, os.getpid(), clock()):
                say("this run was given to another process")
                return SUPERSEDED
            try:
                ending = crawl()
            except StoreLocked as error:
                if site.schedule.overlap == "queue" and schedules.give_back(run, epoch, f"waits: {error.message}"):
                    return 0
                ending = Ending("skipped", error.exit_code, error.message)
            ended = schedules.end(
                run,
                epoch,
                clock(),
                result=ending.result,
                why=ending.why,
                exit_code=ending.exit_code,
                crawl_run=ending.run,
            )
    finally:
        lock.release()
    action = site.schedule.on_failure
    if ended is not None and action is not None and failures.has_failed(ended):
        problem = failures.tell(action, ended, site.root)
        if problem is not None:
            say(f"on_failure: {problem}")
    return ending.exit_code
