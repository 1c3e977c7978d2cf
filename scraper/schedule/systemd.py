"""A schedule as units of systemd, for those who leave the times to the system (systemd.timer(5), systemd.time(7))."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from cronsim import CronSim

from scraper.config.types.units import format_duration
from scraper.errors import UsageError
from scraper.schedule.sites import ScheduledSite

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def units(site: ScheduledSite, python: Path | None = None) -> dict[str, str]:
    """Return the text of a site's .service and .timer by the names of their files; all paths are absolute.

    Args:
        site: the site.
        python: the interpreter that crawls; by default the one that runs.

    Raises:
        UsageError: its cron says something that OnCalendar cannot say exactly, or a path has a control character.
    """
    python = python or Path(sys.executable)
    for text in (str(site.path), str(site.root), str(python), site.name, site.schedule.timezone):
        if _CONTROL.search(text):
            raise UsageError(
                f"{text!r} cannot stand in a unit, where a control character may end a line",
                remedy="give it another name",
            )
    name = unit_of(site.name)
    return {f"{name}.service": _service(site, python), f"{name}.timer": _timer(site)}


def unit_of(name: str) -> str:
    """Return what the units of a site are called, without their ending."""
    return f"scraper-{_unit_name(name)}"


def _service(site: ScheduledSite, python: Path) -> str:
    command = " ".join(
        _quoted(word) for word in (str(python), "-P", "-m", "scraper", "schedule", "trigger", str(site.path))
    )
    return (
        f"[Unit]\nDescription=Crawl {site.name}\nWants=network-online.target\nAfter=network-online.target\n\n"
        # Stopping sends SIGTERM, after which the command ends with 143 and can go on.
        "[Service]\nType=oneshot\nSuccessExitStatus=143\nKillMode=mixed\n"
        f"WorkingDirectory={_percent(str(site.root))}\nExecStart={command}\n"
    )


def _timer(site: ScheduledSite) -> str:
    schedule = site.schedule
    lines = [f"[Unit]\nDescription=When to crawl {site.name}\n\n[Timer]"]
    if schedule.every is not None:
        # Milliseconds are systemd's ms; the other units are written alike.
        every = format_duration(schedule.every)
        lines += [f"OnActiveSec={every}", f"OnUnitActiveSec={every}"]
    else:
        assert schedule.cron is not None
        lines.append("# Of the times that daylight saving leaves out, systemd runs none.")
        lines += [f"OnCalendar={text} {schedule.timezone}" for text in calendars(schedule.cron)]
        lines.append(f"Persistent={'true' if schedule.catch_up == 'once' else 'false'}")
    if schedule.jitter:
        lines.append(f"RandomizedDelaySec={format_duration(schedule.jitter)}")
    lines.append("AccuracySec=1s")
    return "\n".join(lines) + "\n\n[Install]\nWantedBy=timers.target\n"


def calendars(cron: str) -> list[str]:
    """Return a cron as OnCalendar's, whose times together are the same.

    Raises:
        UsageError: there are none, as for the last or second Monday of a month.
    """
    parts = CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
    if not (set(parts.days) <= set(range(1, 32)) and set(parts.weekdays) <= set(range(8))):
        raise UsageError(
            f"the cron {cron!r} cannot be said to systemd exactly", remedy="let scraper schedule run keep its times"
        )
    time = f"{_listed(parts.hours, range(24))}:{_listed(parts.minutes, range(60))}:00"
    months, days = _listed(parts.months, range(1, 13)), _listed(parts.days, range(1, 32))
    weekdays = ",".join(_WEEKDAYS[day] for day in sorted({day % 7 for day in parts.weekdays if isinstance(day, int)}))
    weekdays = "" if weekdays.count(",") == len(_WEEKDAYS) - 1 else f"{weekdays} "
    if parts.day_and:
        # The date and the weekday have to agree.
        return [f"{weekdays}*-{months}-{days} {time}"]
    return [f"*-{months}-{days} {time}", f"{weekdays}*-{months}-* {time}"]


def _listed(values: Collection[int], whole: range) -> str:
    return "*" if set(values) >= set(whole) else ",".join(f"{value:02d}" for value in sorted(values))


def _unit_name(name: str) -> str:
    """Return a name of ASCII alone, as systemd.unit(5) escapes it; those of crawls hold nothing else to escape."""
    return "".join(letter if letter.isascii() else _escaped(letter) for letter in name)


def _escaped(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _quoted(word: str) -> str:
    """Return a word of ExecStart (systemd.service(5), "Command lines")."""
    escaped = _percent(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(letter in escaped for letter in " \t\"'\\;") else escaped


def _percent(text: str) -> str:
    return text.replace("%", "%%")
