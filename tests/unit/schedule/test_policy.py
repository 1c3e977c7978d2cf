"""What is done with a schedule at a moment."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.config import Schedule
from scraper.schedule.policy import GRACE, Facts, by_hand, decide
from scraper.schedule.times import Times
from scraper.store.history.schedule_values import NOTHING, Decision, Occurrence, ScheduleState, Standing

HOUR = 3600.0
NOON = 1_700_000_000.0


def times(**schedule: Any) -> Times:
    return Times("books", Schedule(**{"every": "1h", **schedule}))


def occurrence(state: ScheduleState, **changes: Any) -> Occurrence:
    values: dict[str, Any] = {
        "id": 7, "name": "books", "slot": NOON, "manual": False, "state": state, "epoch": 1, "lease_until": 130.0,
        "started_at": None, "ended_at": None, "result": None, "exit_code": None, "run": None, "pid": 4711, "log": "",
        "why": "",
    }  # fmt: skip
    return Occurrence(**values | changes)


def standing(**changes: Any) -> Standing:
    return Standing(**{"spec": "", "reached": NOON, **changes})


RUNNING = occurrence(ScheduleState.RUNNING)
CLAIMED = occurrence(ScheduleState.CLAIMED)
WAITING = occurrence(ScheduleState.WAITING, id=8)
ONE, THREE = NOON + HOUR, NOON + 3 * HOUR


@pytest.mark.parametrize(
    ("schedule", "then", "now", "expected"),
    [
        ({}, {}, ONE - 1, NOTHING),
        ({}, {}, ONE, Decision(reached=ONE, start=ONE)),
        ({}, {}, ONE + GRACE, Decision(reached=ONE, start=ONE)),
        ({}, {}, ONE + GRACE + 1, Decision(reached=ONE, missed=ONE)),
        ({}, {}, THREE, Decision(reached=THREE, start=THREE, missed=THREE - HOUR)),
        ({"catch_up": "once"}, {}, THREE + 1000, Decision(reached=THREE, start=THREE)),
        ({}, {"paused_at": NOON}, THREE, NOTHING),
        ({}, {"active": RUNNING}, ONE, Decision(reached=ONE, skip=ONE, why="already running, pid 4711")),
        (
            {"overlap": "queue"},
            {"active": RUNNING},
            ONE,
            Decision(reached=ONE, queue=ONE, why="waits for the run that is at work, pid 4711"),
        ),
        (
            {"overlap": "queue"},
            {"active": RUNNING, "waiting": WAITING},
            ONE,
            Decision(reached=ONE, skip=ONE, why="another run waits already"),
        ),
    ],
)
def test_what_is_due(schedule: dict[str, Any], then: dict[str, Any], now: float, expected: Decision):
    assert decide(times(**schedule), standing(**then), now, Facts()) == expected


@pytest.mark.parametrize("schedule", [{}, {"catch_up": "once"}, {"cron": "0 * * * *", "every": None}])
def test_a_schedule_that_is_dealt_with_beyond_now_goes_on_from_now(schedule: dict[str, Any]):
    assert decide(times(**schedule), standing(), NOON - 600, Facts()) == Decision(reached=NOON - 600, set_back=600)
    assert decide(times(**schedule), standing(paused_at=NOON), NOON - 600, Facts()) is NOTHING
    assert decide(times(**schedule), standing(), NOON - 0.5, Facts()) is NOTHING


def test_a_claim_of_a_clock_that_was_set_back_has_lapsed():
    assert decide(times(), standing(reached=NOON - 7200, active=CLAIMED), NOON - 3600, Facts()).revive == CLAIMED


def test_a_claim_that_led_to_nothing_is_claimed_again_in_time():
    then = standing(active=CLAIMED)
    assert decide(times(), then, NOON + 29, Facts(lease_now=129.0)) is NOTHING
    assert decide(times(), then, NOON + 30, Facts(lease_now=130.0)) == Decision(revive=CLAIMED)
    assert decide(times(), then, NOON + 30, Facts(starting=frozenset({7}), lease_now=130.0)) is NOTHING
    assert decide(times(), then, NOON + GRACE + 1, Facts()) == Decision(lapsed=CLAIMED)
    assert decide(times(catch_up="once"), then, NOON + GRACE + 1, Facts()) == Decision(revive=CLAIMED)
    by_a_person = occurrence(ScheduleState.CLAIMED, manual=True)
    assert decide(times(), standing(active=by_a_person), NOON + 1000, Facts()) == Decision(revive=by_a_person)
    assert decide(times(), standing(active=CLAIMED, paused_at=NOON), NOON + 1000, Facts()) is NOTHING


def test_steps_of_the_clock_on_the_wall_neither_end_nor_prolong_a_claim():
    then = standing(active=CLAIMED)
    for now in (NOON - 1_000, NOON + 59):
        assert decide(times(), then, now, Facts(lease_now=129.0)).revive is None
        assert decide(times(), then, now, Facts(lease_now=130.0)).revive is CLAIMED


def test_no_claim_outlives_the_machine():
    """Its clock of leases began again, so that an older one seems to last for long; so does one of the wall clock."""
    for until in (100_000.0, NOON + 30):
        claimed = occurrence(ScheduleState.CLAIMED, lease_until=until)
        assert decide(times(), standing(active=claimed), NOON + 5, Facts(lease_now=3.0)) == Decision(revive=claimed)


def test_a_run_whose_process_is_gone_makes_room():
    then = standing(active=RUNNING)
    assert decide(times(), then, NOON + 5, Facts()) is NOTHING
    assert decide(times(), then, NOON + 5, Facts(gone=7)) == Decision(lost=RUNNING)
    assert decide(times(), then, ONE, Facts(gone=7)) == Decision(lost=RUNNING, reached=ONE, start=ONE)
    assert decide(times(), then, NOON + 5, Facts(gone=6)) is NOTHING


def test_a_waiting_run_starts_when_the_store_is_free():
    assert decide(times(), standing(waiting=WAITING), NOON + 5, Facts(is_busy=True)) is NOTHING
    assert decide(times(), standing(waiting=WAITING), NOON + 5, Facts()) == Decision(revive=WAITING)
    assert decide(times(), standing(waiting=WAITING, active=RUNNING), NOON + 5, Facts()) is NOTHING
    assert decide(times(), standing(waiting=WAITING, paused_at=NOON), NOON + 5, Facts()) is NOTHING


def test_what_is_due_waits_for_room_however_late_and_then_starts():
    full = Facts(has_room=False)
    queued = decide(times(), standing(), ONE, full)
    assert (queued.reached, queued.queue, queued.start) == (ONE, ONE, None)
    assert decide(times(), standing(waiting=WAITING), NOON + 5, full) is NOTHING
    assert decide(times(), standing(waiting=WAITING), NOON + 3000, Facts()) == Decision(revive=WAITING)
    # One that came too late for anybody to see it is missed, room or not.
    assert decide(times(), standing(), ONE + GRACE + 1, full) == Decision(reached=ONE, missed=ONE)


def test_by_hand():
    now = NOON + 5
    skip, queue = times(), times(overlap="queue")
    assert by_hand(skip, standing(paused_at=NOON), now, Facts()) == Decision(manual=True, start=now)
    assert by_hand(skip, standing(active=RUNNING), now, Facts()).skip == now
    assert by_hand(queue, standing(active=RUNNING), now, Facts()).queue == now
    assert by_hand(queue, standing(waiting=WAITING), now, Facts(is_busy=True)).skip == now
    assert by_hand(queue, standing(waiting=WAITING), now, Facts()) == Decision(manual=True, revive=WAITING)
    gone = by_hand(skip, standing(active=RUNNING), now, Facts(gone=7))
    assert gone == Decision(manual=True, lost=RUNNING, start=now)
    # A due run that nobody started is not lost to one by hand.
    lapsed = by_hand(skip, standing(active=CLAIMED), NOON + 31, Facts())
    assert lapsed == Decision(manual=True, revive=CLAIMED)
    late = by_hand(skip, standing(active=CLAIMED), NOON + GRACE + 1, Facts())
    assert late == Decision(manual=True, lapsed=CLAIMED, start=NOON + GRACE + 1)
    assert by_hand(times(catch_up="once"), standing(active=CLAIMED), NOON + GRACE + 1, Facts()).revive == CLAIMED
