"""A worker: crawls the run that a crawl of this name has begun, on whatever machine it is, until that has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from scraper.components import Components
from scraper.config import Loaded
from scraper.config.store_location import StoreLocation
from scraper.engine.children.duties import print_elsewhere
from scraper.engine.coordination.multi_process import MultiProcess
from scraper.engine.coordination.single_process import SingleProcess
from scraper.engine.crash_marker import strike_marked
from scraper.engine.limits import ShardEnd
from scraper.engine.shard import DRAIN_SECONDS
from scraper.errors import ExportError, LeaseLost, ScraperError, StoreUnreachable, UsageError
from scraper.exports.run_exports import RunExports
from scraper.observe import events
from scraper.observe.events import Events, Observer
from scraper.runs.beginning import CACHED
from scraper.runs.engines import Work, make_engine
from scraper.runs.fingerprint import fingerprint_of, what_differs
from scraper.runs.kept_role import KeptRole
from scraper.runs.others import wait_for_others
from scraper.runs.summary import stats_of
from scraper.runs.verdict import judge
from scraper.stats import GOOD_RESULTS
from scraper.store import Store
from scraper.store.backends.lock import is_alive
from scraper.store.state.presence import Role, new_owner
from scraper.store.state.roles import EXPORTS
from scraper.store.values import RunRow
from scraper.watchers import Watchers, prune

#: How often it is looked whether there is a run, and whether one has ended, in seconds.
_LOOK_SECONDS = 0.5
#: What is in flight has so long when somebody stops the run, in seconds.
_STOP_SECONDS = 7.0


class Worker:
    """Joins runs that `scraper crawl` begins.

    Args:
        loaded: the configuration: that of the crawl.
        wait: for so long (seconds) a run is waited for that can be joined, and a database that goes away meanwhile,
            for which there are ten minutes at the least; None for ever, and for the next run after each.
        observers: called with each event.
        ends_runs: where no crawl is there to judge a run and write its exports, this does; else it waits for one.

    Raises:
        UsageError: nobody can join a crawl with such a store.
        ConfigError: the spider, a pipeline or the Session class cannot be imported or made.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        wait: float | None,
        observers: Sequence[Observer] = (),
        ends_runs: bool = True,
    ) -> None:
        if loaded.store.is_file:
            raise UsageError(
                f"the store {loaded.store} is a file, which one crawl at a time uses",
                remedy="engine.processes uses the cores of this machine; more machines share a store in PostgreSQL",
            )
        if loaded.config.engine.processes == 0:
            raise UsageError("a worker with engine.processes: 0 does nothing", remedy="--set engine.processes=auto")
        self._loaded = loaded
        self._wait = wait
        self._ends_runs = ends_runs
        self._emit = Events(tuple(observers))
        self._components: Components | None = Components(loaded)
        self._engine: SingleProcess | MultiProcess | None = None
        self._stop_seconds: float | None = None
        self._has_said = False
        self._owner = new_owner()
        # What is kept beside the store belongs to a process: several workers may share a folder.
        self._beside = loaded.store.path
        own = self._beside.with_name(f"{self._beside.name}.worker-{os.getpid()}")
        self._location = loaded.store._replace(path=own, patience=patience_of(loaded.store, wait))

    def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Stop soon: what is in flight is given `seconds`. From any thread, and from a signal handler."""
        self._stop_seconds = seconds
        engine = self._engine
        if engine is not None:
            engine.stop(seconds)

    def run(self) -> RunRow | None:
        """Wait for a run; join it; crawl until it has ended; where no crawl is left to do that, end it.

        Returns:
            The run that has ended, the last one; None where this worker was stopped.

        Raises:
            UsageError: the run goes on by other code or another configuration.
            ScraperError: there was no run in time, or it was stopped; nobody could write its exports.
            StoreError: the store cannot be used.
        """
        with self._opened() as store:
            while True:
                row = self._next_run(store)
                ended = None if row is None else self._work_on(store, row)
                if self._stop_seconds is not None:
                    return None
                if ended is not None and self._wait is not None:
                    return ended

    def _opened(self) -> Store:
        """Open the store; a database that is away is waited for, as a run is."""
        began = time.monotonic()
        while True:
            try:
                return Store(self._location)
            except StoreUnreachable as error:
                is_over = self._wait is not None and time.monotonic() - began >= self._wait
                if is_over or self._stop_seconds is not None:
                    raise
                if not self._has_said:
                    self._has_said = True
                    self._emit(events.Notice(f"{error.message}: waiting for it"))
                time.sleep(_LOOK_SECONDS)

    # Joining ---------------------------------------------------------------------------------------------

    def _next_run(self, store: Store) -> RunRow | None:
        """Return the run to work on; None where this worker was stopped."""
        name, began = self._loaded.config.name, time.monotonic()
        while self._stop_seconds is None:
            row = store.unfinished_run(name)
            if row is not None and row.stop_asked is None and not row.config.get(CACHED):
                return row
            if self._wait is not None and time.monotonic() - began >= self._wait:
                there = "no unfinished run" if row is None else f"run {row.id} was stopped"
                raise ScraperError(
                    f"there is nothing of {name} to work on: {there}",
                    remedy="scraper crawl begins or resumes one; --wait 10m and --forever wait for that",
                )
            time.sleep(_LOOK_SECONDS)
        return None

    def _work_on(self, store: Store, row: RunRow) -> RunRow | None:
        """Crawl a run as long as it goes on; return it once it has ended, None where it was stopped."""
        self._components = components = self._components or Components(self._loaded)
        differing = what_differs(row, components)
        if differing is not None:
            raise UsageError(
                f"run {row.id} of {row.name} goes on by another {differing} than this worker has",
                remedy="bring the project, the YAML and the options --set of all machines to one state",
            )
        with Watchers(self._loaded, self._emit, is_worker=True) as watchers:
            watchers.begun(store, row)
            self._emit(events.RunStarted(row.id, row.name, resumed=True, queued=row.counts.queued))
            if row.ending is None or row.ending.files_only:
                end = self._crawl(store, row, components)
                if end.result == "stopped":
                    return None
            ended = self._see_the_end(store, row, watchers)
            if ended is not None and self._stop_seconds is None:
                stats = stats_of(store, ended, (), self._loaded.config)
                self._emit(events.RunEnded(ended.id, ended.result or "", ended.why, stats))
            return ended

    def _crawl(self, store: Store, row: RunRow, components: Components) -> ShardEnd:
        self._strike_of_the_dead(store, row)
        # A spider is made for one run.
        self._components = None
        work = Work(
            store,
            row,
            components,
            self._owner,
            self._emit,
            lambda: None,
            lambda: self._stop_engine(_STOP_SECONDS),
            role=Role.LEAD,
            shard_role=Role.WORKER,
            fingerprint=fingerprint_of(components),
            differs=lambda: self._stop_engine(_STOP_SECONDS),
        )
        self._engine = engine = make_engine(work)
        if self._stop_seconds is not None:
            engine.stop(self._stop_seconds)
        try:
            return engine.run()
        except LeaseLost as error:
            self._emit(events.Notice(f"{error.message}: it joins the run again"))
            return ShardEnd("stopped", error.message)
        finally:
            self._engine = None
            store.void_leases_of(self._owner)
            self._owner = new_owner()

    def _stop_engine(self, seconds: float) -> None:
        engine = self._engine
        if engine is not None:
            engine.stop(seconds)

    def _strike_of_the_dead(self, store: Store, row: RunRow) -> None:
        """Count crashes for the pages that workers parsed who died here."""
        for path in self._beside.parent.glob(f"{self._beside.name}.worker-*.parsing-*"):
            pid = path.name.removeprefix(f"{self._beside.name}.worker-").partition(".")[0]
            if pid.isdigit() and not is_alive(int(pid)):
                beside = self._beside.with_name(f"{self._beside.name}.worker-{pid}")
                strike_marked(store, row.id, beside=beside)

    # The end ---------------------------------------------------------------------------------------------

    def _see_the_end(self, store: Store, row: RunRow, watchers: Watchers) -> RunRow | None:
        """Return the run once it has ended; where no crawl is there, judge it and write its exports."""
        while self._stop_seconds is None:
            current = store.run(row.id)
            if current is None or current.is_finished:
                return current
            if current.ending is None or current.stop_asked is not None:
                return None
            if current.result == "failed":
                raise ScraperError(
                    f"run {row.id} is crawled, and could not be ended: {current.why}",
                    remedy="scraper crawl, where its destinations can be reached, writes its exports from the store",
                )
            if self._ends_runs:
                self._try_to_finish(store, current, watchers)
            time.sleep(_LOOK_SECONDS)
        return None

    def _try_to_finish(self, store: Store, row: RunRow, watchers: Watchers) -> None:
        """Finish a run, unless somebody else is about to."""
        with KeptRole(store, EXPORTS, self._owner) as kept:
            if kept.term is None:
                return
            store.exports_term = kept.term
            try:
                self._finish(store, row, watchers)
            except LeaseLost as error:
                self._emit(events.Notice(error.message))
            finally:
                store.exports_term = None

    def _finish(self, store: Store, row: RunRow, watchers: Watchers) -> None:
        assert row.ending is not None
        wait_for_others(store, row.id)
        loaded = self._loaded
        self._emit(
            events.Notice(f"no crawl is there to end run {row.id}: this worker judges it and writes its exports")
        )
        exports = RunExports(store, row.id, loaded, None, began=row.started_at)
        try:
            with print_elsewhere(loaded.config.exports):
                end = ShardEnd(row.ending.result, row.ending.why)
                result, why = judge(loaded, store, row.id, end, exports)
                paths = exports.finish(complete=result in GOOD_RESULTS)
        except ExportError as error:
            exports.close()
            store.end_run(
                row.id, "failed", error.message, finished=False, term=store.exports_term, tell=watchers.told
            )
            self._tell(store, row, (), watchers)
            raise
        store.end_run(row.id, result, why, finished=True, term=store.exports_term, tell=watchers.told)
        self._tell(store, row, paths, watchers)
        prune(store, loaded, self._emit)

    def _tell(self, store: Store, row: RunRow, exports: Sequence[str], watchers: Watchers) -> None:
        ended = store.run(row.id)
        assert ended is not None
        watchers.ended(store, ended.id, stats_of(store, ended, exports, self._loaded.config))


def patience_of(store: StoreLocation, wait: float | None) -> float:
    """Return for how many seconds a worker that waits so long for a run waits for its database."""
    return float("inf") if wait is None else max(store.patience, wait)
