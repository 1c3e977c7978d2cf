"""When a crawl is due: across daylight saving, with jitter, after long pauses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scraper.config import Schedule
from scraper.schedule.times import Times

LONDON, NEW_YORK = "Europe/London", "America/New_York"


def times(name: str = "books", **schedule: Any) -> Times:
    return Times(name, Schedule(**schedule))


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def slots(of: Times, start: float, end: float) -> list[float]:
    """As a daemon finds them, each from the one before."""
    found = []
    reached = start
    while (slot := of.after(reached)) is not None and slot < end:
        found.append(slot)
        reached = slot
    return found


def shown(instants: list[float], zone: str) -> list[str]:
    return [datetime.fromtimestamp(instant, ZoneInfo(zone)).strftime("%H:%M%z") for instant in instants]


#: Zone, the day of the change, cron, and all its runs of that day by the clock on the wall.
CHANGES = [
    (LONDON, "2026-03-29", "0 */6 * * *", ["00:00+0000", "06:00+0100", "12:00+0100", "18:00+0100"]),
    (LONDON, "2026-10-25", "0 */6 * * *", ["00:00+0100", "06:00+0000", "12:00+0000", "18:00+0000"]),
    (LONDON, "2026-03-29", "30 1 * * *", ["02:00+0100"]),
    (LONDON, "2026-10-25", "30 1 * * *", ["01:30+0100"]),
    (LONDON, "2026-03-29", "30 2 * * *", ["02:30+0100"]),
    (LONDON, "2026-10-25", "30 2 * * *", ["02:30+0000"]),
    (LONDON, "2026-03-29", "*/30 1 * * *", ["02:00+0100"]),
    (LONDON, "2026-10-25", "*/30 1 * * *", ["01:00+0100", "01:30+0100"]),
    (NEW_YORK, "2026-03-08", "0 */6 * * *", ["00:00-0500", "06:00-0400", "12:00-0400", "18:00-0400"]),
    (NEW_YORK, "2026-11-01", "0 */6 * * *", ["00:00-0400", "06:00-0500", "12:00-0500", "18:00-0500"]),
    (NEW_YORK, "2026-03-08", "30 1 * * *", ["01:30-0500"]),
    (NEW_YORK, "2026-11-01", "30 1 * * *", ["01:30-0400"]),
    (NEW_YORK, "2026-03-08", "30 2 * * *", ["03:00-0400"]),
    (NEW_YORK, "2026-11-01", "30 2 * * *", ["02:30-0500"]),
    (NEW_YORK, "2026-03-08", "0 1-4 * * *", ["01:00-0500", "03:00-0400", "04:00-0400"]),
    (NEW_YORK, "2026-11-01", "0 1-2 * * *", ["01:00-0400", "02:00-0500"]),
]


@pytest.mark.parametrize(("zone", "day", "cron", "expected"), CHANGES)
def test_a_time_that_the_clock_leaves_out_or_shows_twice_is_run_once(
    zone: str, day: str, cron: str, expected: list[str]
):
    start = at(day, zone)
    end = at(str(datetime.fromisoformat(day) + timedelta(days=1)), zone)
    of = times(cron=cron, timezone=zone)
    assert shown(slots(of, start - 1, end), zone) == expected
    # Whatever the moment from which it is asked, the same times are found.
    for moment in range(int(start) - 1, int(end), 900):
        following = [slot for slot in slots(of, start - 1, end) if slot > moment]
        assert not following or of.after(moment) == following[0]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (LONDON, "2026-03-29", 23),
        (LONDON, "2026-10-25", 25),
        (NEW_YORK, "2026-03-08", 23),
        (NEW_YORK, "2026-11-01", 25),
    ],
)
def test_a_cron_of_every_hour_and_an_interval_keep_their_distance(zone: str, day: str, hours: int):
    start = at(day, zone)
    end = at(str(datetime.fromisoformat(day) + timedelta(days=1)), zone)
    assert end - start == hours * 3600
    quarters = [start + 900 * number for number in range(hours * 4)]
    assert slots(times(cron="*/15 * * * *", timezone=zone), start - 1, end) == quarters
    assert slots(times(every="15m", timezone=zone), start - 900, end) == quarters


def test_an_interval_counts_from_when_it_was_first_seen():
    seen = at("2026-05-05T10:07:03")
    of = times(every="6h")
    assert slots(of, seen, seen + 86_400) == [seen + 6 * 3600 * count for count in (1, 2, 3)]
    assert of.newest(seen, seen + 6 * 3600 - 1) is None
    assert of.newest(seen, seen + 20 * 3600) == seen + 18 * 3600


def test_the_newest_slot_is_found_after_years():
    of = times(cron="0 3 1 1 *", timezone=LONDON)
    assert of.newest(at("2001-06-01"), at("2026-06-01")) == at("2026-01-01T03:00", LONDON)
    of = times(cron="* * * * *")
    assert of.newest(at("2001-06-01"), at("2026-06-01T00:00:30")) == at("2026-06-01")
    assert of.newest(at("2026-06-01"), at("2026-06-01T00:00:30")) is None


def test_a_day_that_never_comes_has_no_slots():
    assert times(cron="0 0 31 2 1").after(at("2026-01-01")) is not None  # or a Monday
    assert times(cron="0 0 * 2 MON#5").after(at("2026-01-01")) == at("2044-02-29")


def jittered() -> Iterator[tuple[str, Times]]:
    for name in ("books", "shop"):
        yield name, times(name, cron="*/10 * * * *", jitter="4m")


def test_jitter_is_the_same_for_all_who_ask_and_differs_between_slots_and_names():
    start, end = at("2026-05-05"), at("2026-05-06")
    delays = {name: [of.due(slot) - slot for slot in slots(of, start, end)] for name, of in jittered()}
    assert delays == {name: [of.due(slot) - slot for slot in slots(of, start, end)] for name, of in jittered()}
    assert delays["books"] != delays["shop"]
    both = delays["books"] + delays["shop"]
    assert all(0 <= delay < 240 for delay in both)
    assert min(both) < 24
    assert max(both) > 216
    assert len(set(both)) == len(both)


def test_a_jitter_longer_than_the_distance_keeps_the_order():
    of = times(cron="*/10 * * * *", jitter="5h")
    found = slots(of, at("2026-05-05"), at("2026-05-06"))
    due = [of.due(slot) for slot in found]
    assert all(slot <= moment < slot + 600 for slot, moment in zip(found, due, strict=True))
    for slot, moment in zip(found, due, strict=True):
        assert of.newest(at("2026-05-05"), moment) == slot
        assert of.newest(at("2026-05-05"), moment - 0.01) == of.before(slot, at("2026-05-05"))


def test_years_of_slots_come_once_and_in_order():
    for zone in (LONDON, NEW_YORK, "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Pacific/Apia"):
        of = times(cron="30 0,1,2,23 * * *", timezone=zone)
        start = at("2025-01-01", zone)
        found = slots(of, start - 1, at("2026-01-01", zone))
        days = [datetime.fromtimestamp(slot, ZoneInfo(zone)).date() for slot in found]
        assert found == sorted(set(found))
        # A time left out at midnight belongs to the hour after it, which may have a run of its own.
        assert len(found) in (365 * 4, 365 * 4 - 1)
        assert len(set(days)) == 365
        assert datetime.fromtimestamp(found[0], UTC) >= datetime(2024, 12, 31, tzinfo=UTC)
