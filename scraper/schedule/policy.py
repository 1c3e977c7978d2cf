"""Decide what is done with a schedule at a moment, as a pure function of what is known."""

from __future__ import annotations

from dataclasses import replace

from scraper.config import Schedule
from scraper.lazy_dataclass import dataclass
from scraper.schedule.times import Times
from scraper.store.history.schedule_values import NOTHING, Decision, Occurrence, ScheduleState, Standing

#: Seconds after which a run that was not started is late, and `catch_up` says what becomes of it.
GRACE = 60.0
#: Seconds within which a claimed run must be taken over by its process; then another may claim it. Well below
#: GRACE, so that the run of a daemon that was killed in between is still in time.
LEASE = 30.0
#: A schedule that is dealt with up to a moment so far ahead (seconds) was so by a clock that was set back since.
_SET_BACK = 1.0


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the operating system knows of a crawl.

    Attributes:
        gone: the number of the run in the history whose process has ended without a word.
        starting: the runs whose process the asker started and sees alive.
        is_busy: whether some crawl holds the store.
        has_room: whether one more crawl may be started; a run that is due waits for that, however long.
        lease_now: the time of the clock of leases, which runs evenly whatever happens to that on the wall.
    """

    gone: int | None = None
    starting: frozenset[int] = frozenset()
    is_busy: bool = False
    has_room: bool = True
    lease_now: float = 0.0


def decide(times: Times, standing: Standing, now: float, facts: Facts) -> Decision:
    """Return what to do now, in this order: what ended unseen, what waits, what is due."""
    schedule = times.schedule
    decision = NOTHING
    active = standing.active
    if active is not None and active.state is ScheduleState.RUNNING and active.id == facts.gone:
        decision, active = replace(decision, lost=active), None
    elif active is not None and _has_lapsed(active, facts) and not _held(active, standing):
        if active.manual or not _is_late(times, active.slot, now, schedule):
            decision = replace(decision, revive=active)
        else:
            decision, active = replace(decision, lapsed=active), None
    waiting = standing.waiting
    can_start = active is None and facts.has_room
    if can_start and waiting is not None and not facts.is_busy and not _held(waiting, standing):
        decision, active, waiting = replace(decision, revive=waiting), waiting, None
    return _with_due(times, standing, now, decision, active, waiting, has_room=facts.has_room)


def _with_due(
    times: Times,
    standing: Standing,
    now: float,
    decision: Decision,
    active: Occurrence | None,
    waiting: Occurrence | None,
    *,
    has_room: bool,
) -> Decision:
    """Return the decision with what becomes of the newest slot that is due; older ones were missed."""
    if standing.paused_at is None and standing.reached > now + _SET_BACK:
        # It begins again from now; a slot that was run already is not run twice.
        return replace(decision, reached=now, set_back=standing.reached - now)
    slot = None if standing.paused_at is not None else times.newest(standing.reached, now)
    if slot is None:
        return decision
    decision = replace(decision, reached=slot)
    if _is_late(times, slot, now, times.schedule):
        return replace(decision, missed=slot)
    if times.schedule.catch_up == "none":
        decision = replace(decision, missed=times.before(slot, standing.reached))
    if active is None and waiting is None:
        if has_room:
            return replace(decision, start=slot)
        return replace(decision, queue=slot, why="waits: as many crawls are at work as may be at once")
    return _overlapping(decision, times.schedule, slot, active, waiting)


def by_hand(times: Times, standing: Standing, now: float, facts: Facts) -> Decision:
    """Return what to do with a run that is wanted now; one that is due and was not started, or waits, is
    taken for it.
    """
    decision, active = replace(NOTHING, manual=True), standing.active
    if active is not None and active.id == facts.gone:
        decision, active = replace(decision, lost=active), None
    elif active is not None and _has_lapsed(active, facts):
        if active.manual or not _is_late(times, active.slot, now, times.schedule):
            return replace(decision, revive=active)
        decision, active = replace(decision, lapsed=active), None
    if active is None and (standing.waiting is None or not facts.is_busy):
        is_new = standing.waiting is None
        return replace(decision, start=now) if is_new else replace(decision, revive=standing.waiting)
    return _overlapping(decision, times.schedule, now, active, standing.waiting)


def _overlapping(
    decision: Decision, schedule: Schedule, slot: float, active: Occurrence | None, waiting: Occurrence | None
) -> Decision:
    if waiting is not None:
        return replace(decision, skip=slot, why="another run waits already")
    pid = f", pid {active.pid}" if active is not None and active.pid else ""
    if schedule.overlap == "queue":
        return replace(decision, queue=slot, why=f"waits for the run that is at work{pid}")
    return replace(decision, skip=slot, why=f"already running{pid}")


def _is_late(times: Times, slot: float, now: float, schedule: Schedule) -> bool:
    return schedule.catch_up == "none" and now - times.due(slot) > GRACE


def _has_lapsed(active: Occurrence, facts: Facts) -> bool:
    is_claimed = active.state is ScheduleState.CLAIMED and active.id not in facts.starting
    # One that would last longer than any does is of another clock: the machine has started since.
    return is_claimed and not facts.lease_now < active.lease_until <= facts.lease_now + LEASE


def _held(run: Occurrence, standing: Standing) -> bool:
    """Tell whether the pause holds a run back; one by hand it does not."""
    return standing.paused_at is not None and not run.manual
