"""The facts of a schedule: read from the store of its crawl, and the words in which they are shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from scraper.config.types.units import format_duration
from scraper.schedule.processes import SystemProcesses
from scraper.schedule.sites import ScheduledSite
from scraper.store.backends.opening import is_there
from scraper.store.history.schedule_values import Occurrence, ScheduleState, Standing
from scraper.store.history.schedules import Schedules


def standing_of(site: ScheduledSite) -> Standing | None:
    """Return where a schedule stands; None before it was first seen."""
    if not is_there(site.store):
        return None
    with Schedules.open_existing(site.store) as schedules:
        return schedules.standing(site.name)


def history_of(site: ScheduledSite, limit: int) -> list[Occurrence]:
    """Return the runs of a schedule, the newest first."""
    if not is_there(site.store):
        return []
    with Schedules.open_existing(site.store) as schedules:
        return schedules.history(site.name, limit)


def last_of(site: ScheduledSite) -> Occurrence | None:
    """Return the newest run that ended."""
    return next((row for row in history_of(site, 10) if row.state is ScheduleState.ENDED), None)


def next_of(site: ScheduledSite, standing: Standing | None) -> float | None:
    """Return when the next run starts, if nothing holds it back; None where it never does."""
    now = time.time()
    if standing is None or standing.spec != site.times.spec:
        return site.times.after(now)
    if standing.paused_at is not None:
        return None
    newest = site.times.newest(standing.reached, now)
    following = site.times.after(standing.reached if newest is None else newest)
    return None if following is None else site.times.due(following)


def state_of(site: ScheduledSite, standing: Standing | None) -> str:
    """Tell whether it is paused, and what is at work or waits."""
    words = [] if standing is None or standing.paused_at is None else ["paused"]
    for run in (standing.active, standing.waiting) if standing is not None else ():
        if run is None:
            continue
        if run.state is ScheduleState.RUNNING and not SystemProcesses().is_alive(site):
            words.append(f"was killed, pid {run.pid}: the next daemon sees to it")
        else:
            words.append(f"{run.state.value}, pid {run.pid}" if run.pid else run.state.value)
    return "; ".join(words)


def seconds_late(site: ScheduledSite, standing: Standing | None, last: Occurrence | None) -> float | None:
    """Return how much later than its time the newest run by the clock began, or how late it is if it has not yet.

    None if there is no such run, or it was left out.
    """
    runs = (standing.waiting, standing.active, last) if standing is not None else (last,)
    newest = next((run for run in runs if run is not None and not run.manual), None)
    if newest is None or (newest.started_at is None and newest.state is ScheduleState.ENDED):
        return None
    began = time.time() if newest.started_at is None else newest.started_at
    return max(0.0, began - site.times.due(newest.slot))


def lateness(site: ScheduledSite, standing: Standing | None, last: Occurrence | None) -> str:
    """Return that in words: `2m5s`."""
    seconds = seconds_late(site, standing, last)
    return "-" if seconds is None else format_duration(float(round(seconds)))


def when(site: ScheduledSite) -> str:
    """Return the schedule in short: `every 6h`, or the cron with its zone."""
    schedule = site.schedule
    if schedule.every is not None:
        return f"every {format_duration(schedule.every)}"
    return f"{schedule.cron} {schedule.timezone}"


def moment(seconds: float | None, site: ScheduledSite) -> str:
    """Return a time as the clock of the schedule's zone shows it."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, ZoneInfo(site.schedule.timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def as_json_of(
    site: ScheduledSite, standing: Standing | None, following: float | None, last: Occurrence | None
) -> dict[str, Any]:
    """Return a schedule in words of JSON."""
    return {
        "name": site.name,
        "path": str(site.path),
        "schedule": when(site),
        "next": _iso(following),
        "late_seconds": None if (late := seconds_late(site, standing, last)) is None else round(late, 3),
        "paused": standing is not None and standing.paused_at is not None,
        "state": state_of(site, standing),
        "last": None if last is None else row_as_json(last),
    }


def row_as_json(row: Occurrence) -> dict[str, Any]:
    """Return a run of the history in words of JSON."""
    return {
        "name": row.name,
        "slot": _iso(row.slot),
        "manual": row.manual,
        "state": row.state.value,
        "started_at": _iso(row.started_at),
        "ended_at": _iso(row.ended_at),
        "result": row.result,
        "exit_code": row.exit_code,
        "run": row.run,
        "pid": row.pid,
        "log": row.log,
        "why": row.why,
    }
