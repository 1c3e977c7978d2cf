"""The processes of scheduled crawls, and the locks that say whether one is alive."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from scraper.config.store_location import StoreLocation
from scraper.errors import ScraperError, StoreLocked
from scraper.private_files import open_to_append
from scraper.schedule.sites import ScheduledSite
from scraper.store.backends.lock import StoreLock
from scraper.store.backends.opening import is_at_work
from scraper.store.history.schedule_values import Occurrence

#: Seconds that a started process tries for its lock: another may look at it for a moment, or be leaving.
_LOCK_SECONDS = 5.0

if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
    _STOP = signal.CTRL_BREAK_EVENT
else:
    _NEW_GROUP = 0
    _STOP = signal.SIGTERM


class Process(Protocol):
    """A crawl that was started."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code; None while it runs. Minus the number of the signal that ended it."""

    def stop(self) -> None:
        """Tell it to stop, as SIGTERM does; the second time, to stop at once."""

    def kill(self) -> None:
        """End it."""


class Starter(Protocol):
    """Starts processes, and asks the system about others."""

    def start(self, site: ScheduledSite, run: Occurrence) -> Process:
        """Return a process for a claimed run.

        Raises:
            ScraperError: it cannot be started.
        """

    def is_alive(self, site: ScheduledSite) -> bool:
        """Tell whether some process that was started by a schedule is at work on this site."""

    def is_busy(self, site: ScheduledSite) -> bool:
        """Tell whether some crawl, however it was started, holds the store of this site."""


class SystemProcesses:
    """Real ones: `python -m scraper schedule start SITE.yaml …`, which outlive who started them."""

    def start(self, site: ScheduledSite, run: Occurrence) -> Process:
        words = ["schedule", "start", str(site.path)]
        words += ["--run", str(run.id), "--epoch", str(run.epoch), "--log-file", run.log]
        try:
            return _Started(start_apart(words, output_of(run.log)))
        except OSError as error:
            raise ScraperError(
                f"the crawl {site.name} cannot be started: {error}",
                remedy="the next time it is due it is tried again",
            ) from None

    def is_alive(self, site: ScheduledSite) -> bool:
        return _is_locked(_lock_path(site.store))

    def is_busy(self, site: ScheduledSite) -> bool:
        return _is_locked(site.store.path) if site.store.is_file else is_at_work(site.store)


def start_apart(words: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start `scraper …` as a process that outlives this one.

    Args:
        output: what it prints is appended to this file, which only its owner may read.

    Raises:
        OSError: the file cannot be written, or the process not be started.
    """
    with open_to_append(output) as file:
        return subprocess.Popen(
            # Not from the folder it is started in, where a file may have the name of any module.
            [sys.executable, "-P", "-m", "scraper", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # A session or group of its own: Ctrl-C in the terminal of who starts it is not for it.
            start_new_session=True,
            creationflags=_NEW_GROUP,
        )


class _Started:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        self._process.send_signal(_STOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def output_of(log: str) -> Path:
    """Return the file beside a log that takes what its process prints."""
    return Path(log).with_suffix(".out")


def tidy_output(log: str) -> None:
    """Keep what a process printed before it had a log as its log; remove the file where it printed nothing."""
    printed = output_of(log)
    with contextlib.suppress(OSError):
        if not printed.stat().st_size:
            printed.unlink()
        elif not Path(log).exists():
            printed.rename(log)


def remove_log(log: str) -> None:
    """Remove a log, and what its process printed."""
    for path in (Path(log), output_of(log)):
        with contextlib.suppress(OSError):
            path.unlink()


def hold_as_scheduled(store: StoreLocation) -> StoreLock:
    """Return the lock that a scheduled crawl's process holds from before it takes its run over until it ends.

    Raises:
        StoreLocked: another such process is at work.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return StoreLock(_lock_path(store))
        except StoreLocked:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def _lock_path(store: StoreLocation) -> Path:
    return store.beside(".schedule")


def _is_locked(path: Path) -> bool:
    """Tell whether a lock is held, by trying to have it for an instant."""
    try:
        StoreLock(path).release()
    except StoreLocked:
        return True
    return False
