"""What watches a run because its YAML asks for it: metrics while it is at work; a page and word when it has ended.

Each is imported only where the YAML has its key. None of them makes a crawl fail, or another result of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from scraper.config import Loaded
from scraper.errors import ScraperError, StoreError
from scraper.observe import events
from scraper.observe.events import Events
from scraper.observe.report import death_text
from scraper.store import Store
from scraper.store.values import RunRow

if TYPE_CHECKING:
    from scraper.runs.metrics import Metrics
    from scraper.runs.notify import Notifier


class Watchers:
    """The metrics, the page and the notifications of a run. A context manager around the work on it.

    Args:
        loaded: the configuration.
        emit: has the metrics among its observers meanwhile.
        is_worker: others work on the run, too; the file of the metrics is written by the one who ends it.

    Raises:
        UsageError: what a key needs is not installed, or an address is not understood.
    """

    def __init__(self, loaded: Loaded, emit: Events, *, is_worker: bool = False) -> None:
        self._loaded, self._emit, self._is_worker = loaded, emit, is_worker
        self._metrics: Metrics | None = None
        self._notifier: Notifier | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._loaded.config.notify:
            from scraper.runs.notify import Notifier

            self._notifier = Notifier(self._loaded, self._notice)
        if self._loaded.config.metrics is not None:
            from scraper.runs.metrics import Metrics

            self._metrics = Metrics(self._loaded, self._notice, writes_file=not self._is_worker)
            self._stack.enter_context(self._metrics)
            self._stack.enter_context(self._emit.watched_by(self._metrics))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def told(self) -> tuple[str, ...]:
        """Return those whom the end of a run owes a notice: `end_run` notes them with it, whatever is killed then."""
        return () if self._notifier is None else self._notifier.targets

    def begun(self, store: Store, row: RunRow) -> None:
        """Take note of the run that is begun, resumed or joined."""
        if self._metrics is not None and (earlier := store.run_before(row)) is not None:
            self._metrics.last_good = earlier.ended_at

    def ended(self, store: Store, run: int, stats: Mapping[str, Any]) -> None:
        """Say what to look at, write the page, and tell those who are to be told.

        To be called by whoever ended the run, or was ended by an error, and by nobody else.

        Args:
            store: of the crawl, which nobody else ends runs in.
            stats: the run's figures.
        """
        for death in stats["died"]:
            self._notice(death_text(death))
        for warning in stats["warnings"]:
            self._notice(warning)
        page = self._write_page(store, run, stats) if self._loaded.config.report is not None else None
        if self._notifier is not None:
            self._notifier.tell(store, run, stats, page)
        if self._metrics is not None:
            self._metrics.writes_file = True

    def _write_page(self, store: Store, run: int, stats: Mapping[str, Any]) -> Path | None:
        """Write the page about the run, and return where; one that cannot be written makes no crawl a bad one."""
        from scraper.report.writing import write_report

        try:
            row = store.run(run)
            return None if row is None else write_report(store, row, self._loaded, stats)
        except ScraperError as error:
            self._notice(str(error))
            return None

    def _notice(self, said: str) -> None:
        self._emit(events.Notice(said))


def prune(store: Store, loaded: Loaded, emit: Events) -> None:
    """Let go of runs that are no longer kept. What fails here is tried again at the end of the next."""
    try:
        store.prune(loaded.config.name, loaded.config.keep_runs)
    except StoreError as error:
        emit(events.Notice(f"older runs could not be pruned: {error}"))
