"""Schedules as units of systemd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper.config import Schedule
from scraper.config.store_location import StoreLocation
from scraper.errors import UsageError
from scraper.schedule.sites import ScheduledSite
from scraper.schedule.systemd import calendars, units
from scraper.schedule.times import Times


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["*-*-* 02:30:00"]),
        ("0 */6 * * *", ["*-*-* 00,06,12,18:00:00"]),
        ("*/30 * * * *", ["*-*-* *:00,30:00"]),
        ("5 4 * * MON-WED", ["Mon,Tue,Wed *-*-* 04:05:00"]),
        ("5 4 * * 0,7", ["Sun *-*-* 04:05:00"]),
        ("0 0 1 1,7 *", ["*-01,07-01 00:00:00"]),
        # A day of the month or a day of the week, unless one of them begins with a star.
        ("0 0 1 * MON", ["*-*-01 00:00:00", "Mon *-*-* 00:00:00"]),
        ("0 0 */15 * MON", ["Mon *-*-01,16,31 00:00:00"]),
    ],
)
def test_calendars(cron: str, expected: list[str]):
    assert calendars(cron) == expected


@pytest.mark.parametrize("cron", ["0 0 L * *", "0 0 LW * *", "0 0 * * MON#2", "0 0 * * 5L"])
def test_what_cannot_be_said_is_refused(cron: str):
    with pytest.raises(UsageError, match="cannot be said to systemd exactly"):
        calendars(cron)


def site(folder: str = "/srv/my crawls/100%", **schedule: Any) -> ScheduledSite:
    root = Path(folder)
    return ScheduledSite(
        root / "books.yaml", root, StoreLocation(root / "books.db"), Times("books", Schedule(**schedule))
    )


def test_units_name_absolute_paths_and_quote_them():
    found = units(site(every="1h30m", jitter="90s"), python=Path("/opt/py/bin/python"))
    assert list(found) == ["scraper-books.service", "scraper-books.timer"]
    path = str(Path("/srv/my crawls/100%%/books.yaml")).replace("\\", "\\\\")
    assert (
        f'ExecStart={Path("/opt/py/bin/python")} -P -m scraper schedule trigger "{path}"\n'
        in found["scraper-books.service"]
    )
    assert "\nOnActiveSec=1h30m\nOnUnitActiveSec=1h30m\nRandomizedDelaySec=1m30s\n" in found["scraper-books.timer"]


def test_names_of_units_are_ascii():
    """What `systemd-escape bücher-2` says, but for the hyphen, which units may have."""
    root = Path("/srv")
    named = ScheduledSite(
        root / "b.yaml", root, StoreLocation(root / "b.db"), Times("bücher-2", Schedule(every="1h"))
    )
    assert list(units(named)) == [r"scraper-b\xc3\xbccher-2.service", r"scraper-b\xc3\xbccher-2.timer"]


@pytest.mark.parametrize(("catch_up", "persistent"), [("once", "true"), ("none", "false")])
def test_catch_up_is_persistence(catch_up: str, persistent: str):
    timer = units(site(cron="0 4 * * *", timezone="Europe/London", catch_up=catch_up))["scraper-books.timer"]
    assert f"\nOnCalendar=*-*-* 04:00:00 Europe/London\nPersistent={persistent}\n" in timer
