"""`scraper stop`: drain a crawl that is at work, from any terminal."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._options import Sets, SiteFile
from scraper.config import load
from scraper.config.types.units import parse_duration
from scraper.errors import ScraperError, UsageError
from scraper.observe.text import counted, duration, plain
from scraper.store import Store
from scraper.store.history.status import Status, Worker
from scraper.store.state.presence import JOINED
from scraper.store.values import RunRow

#: How often it is looked whether the crawl has stopped, and said that it has not, in seconds.
_LOOK_SECONDS = 0.25
_SAY_SECONDS = 5.0
#: How long who crawls with the store is waited for to begin or resume its run, in seconds.
_BEGIN_SECONDS = 5.0


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(stop)


def stop(
    site: SiteFile,
    timeout: Annotated[
        str,
        typer.Option("--timeout", metavar="TIME", help="How long to wait for it: 30s, 5m; a minute without it."),
    ] = "60s",
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Stop a crawl that is at work, and wait until it has.

    It ends as by SIGTERM: what is in flight has a few seconds, its exit code is 143, and the next crawl resumes the
    run. The request goes through the store, so it reaches a crawl of another session. Exit code
    0 says that nobody is at work any more; 1 that nobody was, or that it has not stopped in time. Then, and after
    Ctrl-C, the request stands until the run is resumed.

    \b
      scraper stop config/books.yaml
      scraper stop config/books.yaml --timeout 5m
    """
    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout {timeout}: {error}", remedy="write 30s or 5m") from None
    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        waiting = _Waiting(store, loaded.config.name, site)
        try:
            waiting.ask()
            waiting.wait(seconds)
        except KeyboardInterrupt:
            if waiting.has_asked:
                _output.say(f"the request stands: run {waiting.run.id} stops as soon as it sees it")
            raise


class _Waiting:
    """Asks who directs a run to stop it, and waits for that."""

    def __init__(self, store: Store, name: str, site: Path) -> None:
        self._store = store
        self._name = name
        self._site = site
        self.has_asked = False

    def ask(self) -> None:
        """Ask whoever is at work.

        Raises:
            ScraperError: nobody is.
        """
        self.run, self._directs = self._find()
        self._store.ask_to_stop(self.run.id)
        self.has_asked = True
        who = f"pid {self._directs.pid} on {plain(self._directs.host)}"
        _output.say(f"run {self.run.id} of {plain(self._name)} is asked to stop ({who})")

    def _find(self) -> tuple[RunRow, Worker]:
        """Return the run at work and who directs it; one that has just begun is waited for."""
        until = time.monotonic() + _BEGIN_SECONDS
        while True:
            run = self._store.unfinished_run(self._name)
            directs = self._store.status(run).coordinator if run is not None else None
            if run is not None and directs is not None:
                return run, directs
            if not self._store.is_crawled or time.monotonic() > until:
                break
            time.sleep(_LOOK_SECONDS)
        raise ScraperError(
            f"{self._name} is not at work: there is nothing to stop",
            remedy=f"scraper status {shlex.quote(str(self._site))} tells what its last run came to",
        )

    def wait(self, seconds: float) -> None:
        """Wait for the end, for so long at the most.

        Raises:
            ScraperError: it has not stopped by then.
        """
        until, say_at = time.monotonic() + seconds, time.monotonic() + _SAY_SECONDS
        while (status := self._still_at_work()) is not None:
            now = time.monotonic()
            if now >= until:
                raise ScraperError(
                    f"run {self.run.id} has not stopped within {duration(seconds)}: {_standing(status)}",
                    remedy="the request stands until the run is resumed; a hung process is ended by kill",
                )
            if now >= say_at:
                say_at = now + _SAY_SECONDS
                _output.say(f"waiting: {_standing(status)}")
            time.sleep(min(_LOOK_SECONDS, max(0.0, until - now)))
        self._say_how_it_ended()

    def _still_at_work(self) -> Status | None:
        """Return how the run stands, as long as those who were asked work on it or finish its exports."""
        if not self._store.is_crawled:
            return None
        status = self._store.status(self.run)
        directs = status.coordinator
        # Where nobody directs it, its end is written, or older runs are pruned.
        goes_on = directs is None or directs.owner == self._directs.owner or directs.role in JOINED
        return status if goes_on else None

    def _say_how_it_ended(self) -> None:
        run = self._store.run(self.run.id)
        assert run is not None
        counts = f"{counted(run.counts.pages, 'page')}, {counted(run.counts.items, 'item')}"
        if run.is_finished:
            _output.say(f"run {run.id} ended before it saw the request: {plain(run.result or '')}, {counts}")
        else:
            left = f"{run.counts.queued:,} queued"
            again = f"scraper crawl {shlex.quote(str(self._site))} resumes it"
            _output.say(f"run {run.id} has {plain(run.result or 'ended without a word')}: {counts}, {left}; {again}")


def _standing(status: Status) -> str:
    directs = status.coordinator
    if directs is None:
        return "its last rows and files are written"
    in_flight = sum(each.doing.in_flight for each in status.workers if each.doing is not None)
    beat = f"pid {directs.pid} gave a heartbeat {duration(directs.beat_ago)} ago"
    return f"{counted(in_flight, 'request')} in flight, {beat}"
