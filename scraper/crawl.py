"""The wiring of a crawl, in plain sight: read this first.

    site.yaml ── config ──▶ Crawl ──starts──▶ Shard ──commits──▶ Store ◀──follow── exports
                                               │
                                               └── events ──▶ log, progress, figures

`Crawl.run` is the order in which a crawl happens.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from scraper.config import Loaded, load, masked
from scraper.config.forms import STDOUT
from scraper.engine.ending import ShardEnd
from scraper.engine.shard import DRAIN_SECONDS, Shard
from scraper.errors import ExportError, RunMismatch
from scraper.exports import open_export
from scraper.exports.follow import Follower
from scraper.figures import RunSummary
from scraper.gate import outside_gate
from scraper.observe import events
from scraper.observe.events import Events, Observer
from scraper.observe.stats import run_stats
from scraper.parts import Parts
from scraper.run import Run
from scraper.spider import Spider
from scraper.store import Store
from scraper.store.values import RunRow

#: How often exports follow, in seconds, so that small commits do not each rewrite their position.
_FOLLOW_SECONDS = 0.5


def crawl(
    source: Path | str | Mapping[str, Any] | type[Spider],
    *,
    fresh: bool = False,
    observers: Sequence[Observer] = (),
    **overrides: Any,
) -> Run:
    """Crawl, and return the run: `run.items`, `run.stats`, `run.result`.

    Goes on with an unfinished run of the same name in the same store, as the command does. It may be called again
    and from any thread. A mapping or a class without `store` uses a private temporary store, which is gone with the
    run object.

    Args:
        source: the path of a YAML file, a mapping of the same keys, or a Spider class.
        fresh: begin a new run even where one is unfinished.
        observers: called with each event of `scraper.observe.events`.
        overrides: keys of the YAML, laid over `source`: `limits={"pages": 10}`.

    Raises:
        ConfigError: something is wrong with the configuration.
        RunMismatch: the unfinished run was started with another spider, args or start_urls.
        StoreLocked: another process crawls with this store.
        StoreError: the store cannot be used.
        ExportError: an export cannot be written; the items are in the store.
        KeyboardInterrupt: after what was in flight was given 10 seconds; the run can be gone on with.
    """
    if isinstance(source, type):
        reference = f"{source.__module__}:{source.__qualname__}"
        loaded = load({"name": source.name, "spider": reference}, overrides=overrides)
        return Crawl(loaded, spider=source, fresh=fresh, observers=observers).run()
    return Crawl(load(source, overrides=overrides), fresh=fresh, observers=observers).run()


class Crawl:
    """One call of a crawl: a new run, or an unfinished one gone on with.

    Args:
        loaded: the configuration.
        spider: the class, where it is at hand; else it is imported as the configuration names it.
        fresh: begin a new run even where one is unfinished; that one ends as abandoned.
        observers: called with each event.
        stdout: what the export `-` writes to.

    Raises:
        ConfigError: the spider, a pipeline or the Session class cannot be imported or made.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        spider: type[Spider] | None = None,
        fresh: bool = False,
        observers: Sequence[Observer] = (),
        stdout: BinaryIO | None = None,
    ) -> None:
        self._loaded = loaded
        self._fresh = fresh
        self._stdout = stdout if stdout is not None else getattr(sys.stdout, "buffer", None)
        self._emit = Events(tuple(observers))
        parts = Parts(loaded, spider)
        self._spider = parts.spider
        self._pipelines = parts.pipelines
        self._make_session = parts.make_session
        self._origins = parts.origins
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._shard: Shard | None = None
        self._stop_seconds: float | None = None
        self._lock = threading.Lock()

    def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Stop soon: what is in flight is given `seconds`. From any thread, and from a signal handler."""
        self._stop_seconds = seconds
        shard = self._shard
        if shard is not None:
            shard.stop(seconds)

    def run(self) -> Run:
        """Crawl, in this order: lock the store; begin a run or go on with one; crawl; judge; finish the exports.

        Raises what `crawl` does.
        """
        with Store(self._store_path(), lock=True) as store:
            row, changed = self._begin(store)
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
            exports = _Exports(store, row.id, self._loaded, self._stdout)
            interrupt: KeyboardInterrupt | None = None
            try:
                end, interrupt = self._crawl(store, row, exports)
                result, why = self._judge(store, row, end)
                paths = exports.finish(complete=result in ("finished", "limit"))
            except BaseException as error:
                exports.close()
                self._give_up(store, row, error)
                raise
            store.end_run(row.id, result, why, finished=result != "stopped")
            run = self._result(store, row, paths)
        self._emit(events.RunEnded(run.id, run.result, run.why, run.stats))
        if interrupt is not None:
            raise interrupt
        return run

    # Beginning -------------------------------------------------------------------------------------------

    def _store_path(self) -> Path:
        if self._loaded.path is None and self._loaded.is_default("store"):
            self._folder = tempfile.TemporaryDirectory(prefix="scraper-", ignore_cleanup_errors=True)
            return Path(self._folder.name) / "crawl.db"
        return self._loaded.store

    def _begin(self, store: Store) -> tuple[RunRow, list[str]]:
        """A new run, or the unfinished one of this name with the keys whose values differ from then."""
        config = self._loaded.config
        identity, kept = _identity(self._loaded), masked(self._loaded)
        begun = store.unfinished_run(config.name)
        if begun is None:
            return store.begin_run(config.name, identity, kept), []
        if self._fresh:
            store.end_run(begun.id, "abandoned", "a fresh run was asked for", finished=True)
            return store.begin_run(config.name, identity, kept), []
        differing = mismatch(begun, self._loaded)
        if differing:
            raise RunMismatch(
                f"run {begun.id} of {config.name} is unfinished, and was started with {differing}",
                remedy="--fresh begins a new run and gives that one up",
            )
        changed = _differences(begun.config, kept)
        return store.resume_run(begun, kept), changed

    # Crawling --------------------------------------------------------------------------------------------

    def _crawl(self, store: Store, row: RunRow, exports: _Exports) -> tuple[ShardEnd, KeyboardInterrupt | None]:
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        shard = Shard(
            store,
            row,
            self._loaded.config,
            self._spider,
            self._pipelines,
            self._emit,
            owner=owner,
            make_session=self._make_session,
            origins=self._origins,
            committed=exports.follow,
        )
        self._shard = shard
        if self._stop_seconds is not None:
            shard.stop(self._stop_seconds)
        try:
            return shard.run(), None
        except KeyboardInterrupt as interrupt:
            return ShardEnd("stopped", "interrupted"), interrupt
        finally:
            self._shard = None

    def _judge(self, store: Store, row: RunRow, end: ShardEnd) -> tuple[str, str]:
        """The result: a run that came to its end is asked for by its gate."""
        if end.result == "stopped":
            return end.result, end.why
        current = store.run(row.id)
        assert current is not None
        outside = outside_gate(self._loaded.config.gate, current.counts, store.run_before(current))
        return ("outside-gate", outside) if outside is not None else (end.result, end.why)

    def _give_up(self, store: Store, row: RunRow, error: BaseException) -> None:
        """After an error that ends the crawl: the run stays unfinished, so that the next call goes on with it."""
        message = error.message if isinstance(error, ExportError) else f"{type(error).__name__}: {error}"
        try:
            store.end_run(row.id, "failed", message, finished=False)
        except Exception as second:
            # The store itself may be what failed; the first error is the one to tell.
            error.add_note(f"and the run could not be marked: {second}")
        self._emit(events.RunEnded(row.id, "failed", message))

    # Ending ----------------------------------------------------------------------------------------------

    def _result(self, store: Store, row: RunRow, paths: Sequence[str]) -> Run:
        current = store.run(row.id)
        assert current is not None
        return Run(store.path, current, stats_of(store, current, paths), self._folder)


class _Exports:
    """All exports of a run, following its items."""

    def __init__(self, store: Store, run: int, loaded: Loaded, stdout: BinaryIO | None) -> None:
        if stdout is None and any(config.path == STDOUT for config in loaded.config.exports):
            raise ExportError("there is no standard output to write to", remedy="export to a file instead of -")
        self._followers = [
            Follower(store, run, config, open_export(config, loaded.resolve, stdout or io.BytesIO()), config.path)
            for config in loaded.config.exports
        ]
        self._followed_at = 0.0

    def follow(self) -> None:
        """Write what was committed since, unless that was done just now."""
        now = time.monotonic()
        if now - self._followed_at >= _FOLLOW_SECONDS:
            for follower in self._followers:
                follower.catch_up()
            self._followed_at = time.monotonic()

    def finish(self, *, complete: bool) -> list[str]:
        """Catch up and end; complete files take their names."""
        return [follower.finish(complete) for follower in self._followers]

    def close(self) -> None:
        """Let go of the files as they are."""
        for follower in self._followers:
            follower.close()


def stats_of(store: Store, run: RunRow, exports: Sequence[str] = ()) -> dict[str, Any]:
    """The figures of a run as `--stats` writes them."""
    failures, refusals = store.counts_by_reason(run.id)
    counts = run.counts
    summary = RunSummary(
        run=run.id,
        name=run.name,
        result=run.result or "unfinished",
        why=run.why,
        pages=counts.pages,
        items=counts.items,
        failed=counts.failed,
        refused=counts.refused,
        duplicates=counts.duplicates,
        dropped=counts.dropped,
        redirects=counts.redirects,
        seconds=run.seconds,
        started_at=run.started_at,
        ended_at=run.ended_at,
        interrupted=run.interrupted,
        failures=failures,
        refusals=refusals,
        exports=tuple(exports),
    )
    return run_stats(summary, store.figures(run.id))


def mismatch(run: RunRow, loaded: Loaded) -> str | None:
    """What keeps a run from going on by this configuration, as `another spider`; None where nothing does."""
    if run.identity == _identity(loaded):
        return None
    now = masked(loaded)
    differing = [key for key in ("spider", "args", "start_urls") if run.config.get(key) != now.get(key)]
    return f"another {' and '.join(differing) or 'value of a secret argument'}"


def _identity(loaded: Loaded) -> str:
    """What makes two calls the same crawl: spider, args, start_urls; as a digest, since args may hold secrets."""
    config = loaded.config
    parts = json.dumps([config.spider, config.args, list(config.start_urls)], sort_keys=True, default=str)
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def _differences(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys whose values differ, as dotted paths."""
    keys = []
    for key in sorted({*then, *now}):
        before, after = then.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            keys += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            keys.append(f"{prefix}{key}")
    return keys
