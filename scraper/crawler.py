"""The wiring of a crawl, in plain sight: read this first.

    site.yaml ── config ──▶ Crawl ──starts──▶ Shard ──commits──▶ Store ◀──follow── exports
                              │                │
                              └── orders ──▶   └── events ──▶ log, progress, figures

`Crawl.run` is the order in which a crawl happens.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scraper.components import Components
from scraper.config import Loaded, load
from scraper.config.store_location import StoreLocation
from scraper.engine.children.duties import print_elsewhere
from scraper.engine.coordination.single_process import SingleProcess
from scraper.engine.crash_marker import strike_marked
from scraper.engine.limits import ShardEnd
from scraper.engine.overlong_waits import end_overlong_waits
from scraper.engine.shard import DRAIN_SECONDS
from scraper.engine.start_input import StartInput
from scraper.engine.tasks.sitemap import first_requests
from scraper.errors import ExportError, LeaseLost, ScraperError, UsageError
from scraper.exports.run_exports import RunExports
from scraper.fetch.transport.open_files import raise_limit
from scraper.observe import events
from scraper.observe.events import Events, Observer
from scraper.project import refuse_in_import
from scraper.run import Run
from scraper.runs.beginning import begin
from scraper.runs.engines import Work, is_on_ray, make_engine
from scraper.runs.fingerprint import fingerprint_of
from scraper.runs.kept_role import KeptRole
from scraper.runs.others import wait_for_others
from scraper.runs.summary import stats_of
from scraper.runs.verdict import judge
from scraper.spider import Spider
from scraper.stats import GOOD_RESULTS
from scraper.store import Store
from scraper.store.state.presence import Role, new_owner
from scraper.store.state.roles import EXPORTS
from scraper.store.values import RunRow
from scraper.watchers import Watchers, prune

if TYPE_CHECKING:
    from scraper.engine.coordination.multi_process import MultiProcess
    from scraper.on_ray.cluster import Cluster, OnRay

#: How often it is looked whether a worker has finished, in seconds.
_ROLE_SECONDS = 0.5
#: Files for each request in flight, with which no connection need be closed for another.
_FILES_OF_ONE = 8


def crawl(
    source: Path | str | Mapping[str, Any] | type[Spider],
    *,
    fresh: bool = False,
    cached: bool = False,
    log: str | None = None,
    progress: bool = False,
    observers: Sequence[Observer] = (),
    **overrides: Any,
) -> Run:
    """Crawl, and return the run: `run.items`, `run.stats`, `run.result`.

    Resumes an unfinished run of the same name in the same store, as the command does. It may be called again
    and from any thread. A mapping or a class without `store` uses a private temporary store, which lives as long as
    the run or its items, and writes exports only where it names some.

    Args:
        source: the path of a YAML file, a mapping of the same keys, or a Spider class.
        fresh: begin a new run even where one is unfinished.
        cached: parse the pages that the store or an archive keeps again, and fetch nothing.
        log: `debug`, `info`, `warning` or `error`: what is worth a line on standard error. Where Python's logging has
            handlers, the lines are theirs, without `log` too, by the level of the logger `scraper`.
        progress: show how it goes: in a notebook and on a terminal in place, elsewhere a line every ten seconds.
        observers: called with each event of `scraper.observe.events`.
        overrides: keys of the YAML, laid over `source`: `limits={"pages": 10}`.

    Raises:
        ConfigError: something is wrong with the configuration.
        UsageError: `source` is none of these, `log` is no level, or what a key needs is not installed.
        RunMismatch: the unfinished run was started with another spider, args or start_urls.
        StoreLocked: another process crawls with this store.
        StoreError: the store cannot be used.
        ScraperError: the system lets a process open too few files.
        ExportError: an export cannot be written; the items are in the store.
        KeyboardInterrupt: after what was in flight was given 10 seconds; the run can be resumed.

    What ends a crawl that has begun has the run as its attribute `run`: `error.run.items` are those found so far,
    of a private store too.
    """
    with prepared(
        source, fresh=fresh, cached=cached, log=log, progress=progress, observers=observers, **overrides
    ) as crawl:
        return crawl.run()


@contextlib.contextmanager
def prepared(
    source: Path | str | Mapping[str, Any] | type[Spider],
    *,
    fresh: bool = False,
    cached: bool = False,
    log: str | None = None,
    progress: bool = False,
    observers: Sequence[Observer] = (),
    **overrides: Any,
) -> Iterator[Crawl]:
    """Give the crawl that `crawl` runs, watched as it is there; raises what `crawl` does before it begins."""
    refuse_in_import()
    is_class = isinstance(source, type) and issubclass(source, Spider)
    if not (is_class or isinstance(source, str | os.PathLike | Mapping)):
        raise UsageError(
            f"crawl() takes the path of a YAML file, a mapping of its keys or a class of Spider, not {source!r:.80}",
            remedy="give the class, and its arguments as args={…}" if isinstance(source, Spider) else None,
        )
    if isinstance(source, type):
        reference = f"{source.__module__}:{source.__qualname__}"
        loaded = load({"name": source.name, "spider": reference}, overrides=_private(overrides))
    else:
        if isinstance(source, Mapping) and not {"store", "exports"} & source.keys():
            overrides = _private(overrides)
        loaded = load(source, overrides=overrides)
    from scraper.observe.from_python import watching  # the command shows and logs its crawls by itself

    spider = source if isinstance(source, type) else None
    with watching(log, progress=progress) as own:
        yield Crawl(loaded, spider=spider, fresh=fresh, cached=cached, observers=(*own, *observers))


def _private(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides of a crawl without a YAML: with a private store it writes no export, unless asked to.

    Its items are read from the run; several such crawls at once would write to one file.
    """
    return dict(overrides) if {"store", "exports"} & overrides.keys() else {**overrides, "exports": []}


class Crawl:
    """One call of a crawl: a new run, or an unfinished one resumed.

    Args:
        loaded: the configuration.
        spider: the class, where it is at hand; else it is imported as the configuration names it.
        fresh: begin a new run even where one is unfinished; that one ends as abandoned.
        cached: parse the pages that the store or an archive keeps again, in a run of their own, and fetch nothing.
        observers: called with each event.
        stdout: what the export `-` writes to.
        stop_asked: called when somebody asked the run to stop, by `scraper stop`, instead of `stop`.

    Raises:
        ConfigError: the spider, a pipeline or the Session class cannot be imported or made.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        spider: type[Spider] | None = None,
        fresh: bool = False,
        cached: bool = False,
        observers: Sequence[Observer] = (),
        stdout: BinaryIO | None = None,
        stop_asked: Callable[[], None] | None = None,
    ) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        loaded = replace(loaded, is_cached=True) if cached else loaded
        self._loaded = loaded
        self._fresh = fresh
        self._stdout = stdout if stdout is not None else getattr(sys.stdout, "buffer", None)
        self._emit = Events(tuple(observers))
        self._store = self._store_location()
        self._starts = StartInput(loaded, self._store, lambda: self._stop_seconds is not None)
        #: The configuration by which it crawls.
        self._at_work = self._starts.loaded
        self._components = Components(self._at_work, spider)
        self._components.require_fetcher()
        self._spider = spider
        self._is_shared = not self._store.is_file
        self._fingerprint = fingerprint_of(self._components) if self._is_shared else None
        self._engine: SingleProcess | MultiProcess | OnRay | None = None
        self._cluster: Cluster | None = None
        self._stop_seconds: float | None = None
        self._stop_asked = stop_asked or self.stop
        #: Its name among those at work.
        self._owner = new_owner()

    def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Stop soon, also from another thread or a signal handler.

        Args:
            seconds: how long what is in flight is waited for, at most.
        """
        self._stop_seconds = seconds
        engine = self._engine
        if engine is not None:
            engine.stop(seconds)

    def run(self) -> Run:
        """Crawl: look whether the system lets it open enough files; lock the store; start a run or resume one;
        crawl; compare; judge; finish the exports; prune.

        Raises what `crawl` does.
        """
        with contextlib.ExitStack() as stack:
            watchers = stack.enter_context(Watchers(self._loaded, self._emit))
            if is_on_ray(self._loaded):
                from scraper.on_ray.cluster import Cluster

                cluster = Cluster(self._at_work, self._emit, lambda: self._stop_seconds is not None)
                self._cluster = stack.enter_context(cluster)
            return self._run(watchers)

    def _run(self, watchers: Watchers) -> Run:
        for note in (*([self._loaded.moved] if self._loaded.moved else []), *self._components.notes):
            self._emit(events.Notice(note))
        if raised := raise_limit(_FILES_OF_ONE * self._loaded.config.engine.in_flight):
            self._emit(events.Notice(raised, logging.DEBUG))
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(Store(self._store, lock=True))
            if self._is_shared:
                store.exports_term = stack.enter_context(self._have_exports(store)).term
            row, changed = begin(store, self._loaded, self._starts, self._fingerprint, fresh=self._fresh)
            store.join(self._owner, row.id, Role.COORDINATOR)
            watchers.begun(store, row)
            self._emit(
                events.RunStarted(
                    run=row.id,
                    name=row.name,
                    resumed=bool(row.start_taken or row.counts.pages or row.seconds),
                    queued=row.counts.queued,
                    changed_keys=tuple(changed),
                    interrupted=row.interrupted,
                )
            )
            if self._loaded.is_cached:
                self._emit(events.Notice("kept pages are parsed again, and nothing is fetched", logging.INFO))
            exports = RunExports(store, row.id, self._loaded, self._stdout, began=row.started_at)
            interrupt: KeyboardInterrupt | None = None
            try:
                with print_elsewhere(self._loaded.config.exports):
                    end, interrupt = self._crawl(store, row, exports)
                if self._is_shared and end.result != "stopped":
                    wait_for_others(store, row.id)
                result, why = judge(self._loaded, store, row.id, end, exports)
                paths = exports.finish(complete=result in GOOD_RESULTS)
            except BaseException as error:
                exports.close()
                self._give_up(store, row, watchers, error)
                raise
            has_ended = result != "stopped"
            tell = watchers.told if has_ended else ()
            store.end_run(row.id, result, why, finished=has_ended, term=store.exports_term, tell=tell)
            store.void_leases_of(self._owner)
            run = self._result(store, row, paths)
            watchers.ended(store, run.id, run.stats)
            if has_ended:
                self._starts.discard()
                prune(store, self._loaded, self._emit)
            elif self._is_shared and self._ended_alone(store, row):
                self._emit(events.Notice(f"workers go on with run {row.id}: scraper stop stops them, too"))
        self._emit(events.RunEnded(run.id, run.result, run.why, run.stats))
        if interrupt is not None:
            interrupt.run = run  # type: ignore[attr-defined]
            raise interrupt
        return run

    def _ended_alone(self, store: Store, row: RunRow) -> bool:
        """Tell whether only this process was stopped, and not the run, on which others go on."""
        now = store.run(row.id)
        return now is not None and now.stop_asked is None and store.have_joined(row.id)

    # Beginning -------------------------------------------------------------------------------------------

    def _store_location(self) -> StoreLocation:
        if self._loaded.path is None and self._loaded.is_default("store"):
            self._folder = tempfile.TemporaryDirectory(prefix="scraper-", ignore_cleanup_errors=True)
            return StoreLocation(Path(self._folder.name) / "crawl.db")
        return self._loaded.store

    def _have_exports(self, store: Store) -> KeptRole:
        """Become who writes the exports; a worker that does, since no crawl was there at a run's end, finishes."""
        has_said = False
        while (kept := KeptRole(store, EXPORTS, self._owner)).term is None:
            if self._stop_seconds is not None:
                raise ScraperError(
                    "a worker still writes the exports of the run", remedy="run the same command again"
                )
            if not has_said:
                whose = "those of a crawl that was killed are free when its lease has ended"
                self._emit(events.Notice(f"another process has the exports: waiting for it; {whose}"))
                has_said = True
            time.sleep(_ROLE_SECONDS)
        return kept

    # Crawling --------------------------------------------------------------------------------------------

    def _crawl(self, store: Store, row: RunRow, exports: RunExports) -> tuple[ShardEnd, KeyboardInterrupt | None]:
        may_hang = strike_marked(store, row.id, limit=self._loaded.config.limits.parse)
        if said := end_overlong_waits(store, row.id, self._at_work.config):
            self._emit(events.Notice(said))
        row = store.queue(row.id, first_requests(self._loaded.config)) if self._loaded.config.sitemaps else row
        work = Work(
            store,
            row,
            self._components,
            self._owner,
            self._emit,
            exports.follow,
            self._stop_asked,
            self._spider,
            fingerprint=self._fingerprint,
        )
        while True:
            self._engine = engine = self._make_engine(work, may_hang=may_hang)
            if self._stop_seconds is not None:
                engine.stop(self._stop_seconds)
            try:
                return engine.run(), None
            except KeyboardInterrupt as interrupt:
                return ShardEnd("stopped", "interrupted"), interrupt
            except LeaseLost as error:
                if not work.is_shared:
                    raise
                # Others have its domains; it goes on with what they leave.
                self._emit(events.Notice(f"{error.message}: it begins again with what others do not hold"))
                may_hang = False
            finally:
                self._engine = None

    def _make_engine(self, work: Work, *, may_hang: bool) -> SingleProcess | MultiProcess | OnRay:
        engine = make_engine(work, may_hang=may_hang)
        if self._cluster is None:
            return engine
        from scraper.on_ray.cluster import OnRay

        return OnRay(self._cluster, engine, work.store, work.run.id, self._emit)

    def _give_up(self, store: Store, row: RunRow, watchers: Watchers, error: BaseException) -> None:
        """Leave the run unfinished after an error that ends the crawl, so that the next call resumes it."""
        message = error.message if isinstance(error, ExportError) else f"{type(error).__name__}: {error}"
        try:
            store.end_run(row.id, "failed", message, finished=False, tell=watchers.told)
            store.void_leases_of(self._owner)
        except Exception as second:
            # The store itself may be what failed; the first error is the one to tell.
            error.add_note(f"and the run could not be marked: {second}")
        stats = None
        with contextlib.suppress(Exception):
            run = self._result(store, row, ())
            error.run = run  # type: ignore[attr-defined]
            stats = run.stats
            watchers.ended(store, run.id, run.stats)
        self._emit(events.RunEnded(row.id, "failed", message, stats))

    def _result(self, store: Store, row: RunRow, paths: Sequence[str]) -> Run:
        current = store.run(row.id)
        assert current is not None
        # The run is to be its only holder.
        folder, self._folder = self._folder, None
        return Run(store.location, current, stats_of(store, current, paths, self._loaded.config), folder)
