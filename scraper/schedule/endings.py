"""How a scheduled run ended, in words."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path

from scraper.observe.text import plain
from scraper.schedule.processes import output_of
from scraper.store.history.schedule_values import Occurrence, ScheduleState

_TAIL = 4096


def describe(run: Occurrence) -> str:
    """Return where a run stands, in one line: `ended: finished, run 3`."""
    if run.state is ScheduleState.WAITING:
        return run.why or "waits"
    if run.state is not ScheduleState.ENDED:
        return run.state.value
    when = datetime.fromtimestamp(run.slot).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if run.result in ("skipped", "missed"):
        return f"{run.result}, the run of {when}: {plain(run.why)}"
    parts = [f"ended: {run.result}"]
    if run.run is not None:
        parts.append(f"run {run.run}")
    if run.exit_code:
        parts.append(f"exit code {run.exit_code}")
    return ", ".join(parts) + (f": {plain(run.why)}" if run.why else "")


def ending_of_process(code: int, run: Occurrence, *, told_to_stop: bool) -> tuple[str, str]:
    """Result and reason of a process that ended without noting its end itself.

    Args:
        code: its exit code, or minus the number of the signal that ended it.
        run: what it was started for.
        told_to_stop: whether it was asked to end.
    """
    if told_to_stop:
        return "stopped", "told to stop"
    if code < 0:
        return "killed", f"its process was ended by {_signal_name(-code)}"
    return "failed", _last_line(output_of(run.log)) or f"its process ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(path: Path) -> str:
    """Return the last line that a process printed."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
