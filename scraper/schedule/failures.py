"""`on_failure`: a command or a URL that is told when a scheduled run ended badly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from scraper.config import OnFailure
from scraper.hiding import hide_in
from scraper.store.history.schedule_values import Occurrence

#: Seconds that a command has, or an answer to a post may take to connect and to come.
TIMEOUT = 30.0
_CONNECT = 10.0
#: How a run ends that nobody is told of: it never began, or it was told to stop and will go on.
_NO_FAILURE = ("skipped", "missed", "stopped")


def has_failed(ended: Occurrence) -> bool:
    """Tell whether a run that ended did so badly."""
    return ended.exit_code != 0 and ended.result not in _NO_FAILURE


def report_of(ended: Occurrence) -> dict[str, Any]:
    """Return what is told, in words of JSON. Times are in UTC (ISO 8601)."""
    report = {
        "name": ended.name,
        "run": ended.run,
        "slot": datetime.fromtimestamp(ended.slot, UTC).isoformat(timespec="seconds"),
        "manual": ended.manual,
        "exit_code": ended.exit_code,
        "result": ended.result,
        "why": ended.why,
        "log": ended.log,
    }
    return {key: hide_in(value) for key, value in report.items()}


def tell(action: OnFailure, ended: Occurrence, folder: Path, *, timeout: float = TIMEOUT) -> str | None:
    """Tell of a run that ended badly.

    Args:
        action: the command or URL.
        ended: the run.
        folder: where the command runs.
        timeout: seconds after which it is given up.

    Returns:
        Why that failed; None where it did not. Never raises: a run's end does not depend on who hears of it.
    """
    report = report_of(ended)
    if action.post is not None:
        return post(action.post, report, timeout)
    assert action.command is not None
    return _run(action.command, report, folder, timeout)


def post(url: str, report: Mapping[str, Any], timeout: float = TIMEOUT) -> str | None:
    """Post JSON to a webhook; returns why that failed, None where it did not."""
    # The URL of a webhook is a secret, which the library's own messages would print.
    try:
        # What a report says is meant for that address, and for no other that a redirect names.
        times = min(_CONNECT, timeout), timeout
        with requests.post(url, json=report, timeout=times, stream=True, allow_redirects=False) as answer:
            return None if 200 <= answer.status_code < 300 else f"the post was answered with {answer.status_code}"
    except requests.RequestException as error:
        return f"the post failed: {type(error).__name__}"


def _run(command: str | tuple[str, ...], report: Mapping[str, Any], folder: Path, timeout: float) -> str | None:
    try:
        process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"the command cannot be run: {getattr(error, 'strerror', None) or error}"
    try:
        process.communicate(json.dumps(report).encode() + b"\n", timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"the command took longer than {timeout:g} s and was ended"
    return None if process.returncode == 0 else f"the command ended with exit code {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it started, as far as the system can tell."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
