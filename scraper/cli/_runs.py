"""The run that a verb is about."""

from __future__ import annotations

from scraper.errors import UsageError
from scraper.store.values import RunRow


def chosen_run(rows: list[RunRow], number: int | None, name: str) -> RunRow:
    """Return the run with that number, by default the newest."""
    if not rows:
        raise UsageError(f"{name} has no runs", remedy="run scraper crawl first")
    if number is None:
        return rows[0]
    for row in rows:
        if row.id == number:
            return row
    known = ", ".join(str(row.id) for row in reversed(rows[:20]))
    raise UsageError(f"{name} has no run {number}", remedy=f"it has {known}")


def newest_finished(rows: list[RunRow], name: str) -> RunRow:
    for row in rows:
        if row.is_finished and row.result != "abandoned":
            return row
    newest = chosen_run(rows, None, name)
    raise UsageError(
        f"{name} has no finished run", remedy=f"--run {newest.id} writes what the unfinished one has so far"
    )
