"""A crawl whose workers are on a Ray cluster: it shows, directs and exports, and they crawl."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, Self

from scraper.config import Loaded
from scraper.config.model.exports import STDOUT
from scraper.engine.children import starting
from scraper.engine.coordination.channel import Channel
from scraper.engine.coordination.messages import Ended, Stop
from scraper.engine.limits import ShardEnd
from scraper.engine.shard import DRAIN_SECONDS
from scraper.errors import LeaseLost, ScraperError, ShardFailed, StoreError
from scraper.observe import events, log
from scraper.observe.text import counted
from scraper.on_ray.messages import Connect, Connected, Job, Lost, Place, Said
from scraper.optional_dependencies import require
from scraper.runs.others import wait_for_others
from scraper.store import Store

#: The module whose `main` the process is that is connected to Ray.
_DRIVER = "scraper.on_ray.driver"
#: How long a cluster is waited for, in seconds; and how long its process may take to end.
_CONNECT_SECONDS = 60.0
_END_SECONDS = 1.0
#: Workers that may be lost, for each that there is to be, without a page done in between.
_MOST_LOST = 5
#: What stays here of a project: secrets and environments lie in files with a dot; the rest is not read by a spider.
_EXCLUDED = (".?*", "__pycache__", "*.pyc", "venv", "node_modules")
#: By which libpq reaches a database, beside its URL.
_LIBPQ = frozenset({"PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGSSLMODE", "PGCHANNELBINDING"})


class Watching(Protocol):
    """The crawl's own part: shows, directs, and fetches nothing."""

    def run(self) -> ShardEnd:
        """Return how the run ends, once it does."""

    def stop(self, seconds: float) -> None:
        """End soon."""


class Cluster:
    """Is connected to a Ray cluster from `with` to its end.

    Args:
        emit: called with what is worth a line.
        was_stopped: tells whether the crawl is to stop meanwhile.

    Raises:
        UsageError: Ray is not installed.
        ScraperError: no cluster can be connected to.
    """

    def __init__(self, loaded: Loaded, emit: Callable[[object], None], was_stopped: Callable[[], bool]) -> None:
        require("ray", "ray", "engine.kind: ray")
        self._loaded, self._emit, self._was_stopped = loaded, emit, was_stopped
        self._child: starting.Child | None = None
        self._link: Channel | None = None
        self._connected = threading.Event()
        self._has_ended = threading.Event()
        self._is_leaving = False
        self._lost: Callable[[Lost], None] = lambda _: None
        self._failed: Callable[[], None] = lambda: None
        self._is_placed = False
        #: What has ended it.
        self.error: ScraperError | None = None

    def __enter__(self) -> Self:
        self._child, reader, writer = starting.start_with_line(_DRIVER, ())
        self._link = link = Channel(reader, writer)
        threading.Thread(target=self._listen, args=(link,), name="Ray", daemon=True).start()
        loaded = self._loaded
        link.send(Connect(loaded.config.engine.address, str(loaded.root), excluded(loaded)))
        until = time.monotonic() + _CONNECT_SECONDS
        while not self._connected.wait(0.1) and not self._was_stopped():
            if self.error is None and time.monotonic() > until:
                self.error = ScraperError(
                    f"Ray at {loaded.config.engine.address} does not answer within {_CONNECT_SECONDS:g} s",
                    remedy="see that its head is reached from here, and engine.address",
                )
            if self.error is not None:
                self._end_process()
                raise self.error
        return self

    def __exit__(self, *_: object) -> None:
        self.end(0.0)
        self._end_process()

    def watch(self, lost: Callable[[Lost], None], failed: Callable[[], None]) -> None:
        """Have workers crawl, unless they do; call `lost` of each that is gone, and `failed` when none can work."""
        self._lost, self._failed = lost, failed
        if self.error is not None:
            failed()
        if self._is_placed or not self._connected.is_set():
            return
        self._is_placed = True
        engine = self._loaded.config.engine
        # Neither is `auto` here: the configuration was checked.
        cores = max(1, int(engine.processes)) * max(1, int(engine.parsers))
        workers = None if engine.workers == "auto" else engine.workers
        self._send(Place(Job(self._loaded, environment_of(self._loaded)), workers, cores))

    def stop(self, seconds: float) -> None:
        """Have workers stop; what is in flight is given `seconds`. From any thread."""
        self._is_leaving = True
        self._send(Stop(seconds))

    def end(self, seconds: float) -> None:
        """Have workers stop, and wait until they have."""
        self.stop(seconds)
        if not self._connected.is_set():
            return
        self._has_ended.wait(seconds + _END_SECONDS)

    def _send(self, message: object) -> None:
        if self._link is not None:
            self._link.send(message)

    def _end_process(self) -> None:
        assert self._child is not None
        self._is_leaving = True
        self._child.wait(_END_SECONDS)
        self._child.kill()
        self._child.wait()

    def _listen(self, link: Channel) -> None:
        link.receive_all(self._take)
        if not self._is_leaving and self.error is None:
            self.fail(
                ShardFailed(
                    "the process that is connected to Ray has ended: its workers are lost",
                    remedy="see that Ray runs on this machine (ray status), and run the same command again",
                )
            )
        self._has_ended.set()

    def _take(self, message: Any) -> None:
        match message:
            case Connected(nodes, cores):
                text = f"connected to Ray: {counted(nodes, 'node')}, {counted(cores, 'core')}"
                self._emit(events.Notice(text, logging.INFO))
                self._connected.set()
            case Said(who, level, text):
                # There may be many, which a terminal is not to show all of.
                log.write(level, f"{who}: {text}", "said_elsewhere", {"who": who, "message": text})
            case Lost():
                self._lost(message)
            case Ended(error=error):
                if error is not None:
                    self.fail(error)
                self._has_ended.set()

    def fail(self, error: ScraperError) -> None:
        """Let an error end it. From any thread."""
        self.error = error
        self._failed()


class OnRay:
    """Crawls a run with workers on a cluster.

    Args:
        watching: what this process does of it.
    """

    def __init__(
        self, cluster: Cluster, watching: Watching, store: Store, run: int, emit: Callable[[object], None]
    ) -> None:
        self._cluster, self._watching, self._emit = cluster, watching, emit
        self._store, self._run = store, run
        self._lost, self._done_at_loss = 0, -1

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._cluster.stop(seconds)
        self._watching.stop(seconds)

    def run(self) -> ShardEnd:
        """Crawl to the end, and return once no worker is left.

        Raises:
            UsageError: a worker cannot do what this process can.
            ShardFailed: Ray is gone, or workers are lost one after the other.
            StoreError: the store cannot be used.
            KeyboardInterrupt: after what was in flight was given its time.
        """
        self._cluster.watch(self.note_lost, lambda: self._watching.stop(0.0))
        try:
            end = self._watching.run()
            if end.result != "stopped":
                wait_for_others(self._store, self._run)
        except LeaseLost:
            # The crawl begins again, and they go on.
            raise
        except BaseException:
            self._cluster.end(DRAIN_SECONDS)
            raise
        self._cluster.end(DRAIN_SECONDS if end.result == "stopped" else 0.0)
        if self._cluster.error is not None and end.result == "stopped":
            raise self._cluster.error
        return end

    def note_lost(self, lost: Lost) -> None:
        """Say that a worker is gone, and give up where they go one after the other."""
        self._emit(events.Notice(f"{lost.who} {lost.why}: another is started"))
        try:
            row = self._store.run(self._run)
        except StoreError:
            return  # it is away, or the crawl has ended
        assert row is not None
        done = row.counts.pages + row.counts.failed
        self._lost = self._lost + 1 if done == self._done_at_loss else 1
        self._done_at_loss = done
        if self._lost > _MOST_LOST * lost.workers:
            self._cluster.fail(
                ShardFailed(
                    f"{self._lost} workers were lost one after the other, the last one {lost.why}",
                    remedy="look at memory, at what the spider calls, and into the logs that Ray keeps of workers",
                )
            )


def excluded(loaded: Loaded) -> tuple[str, ...]:
    """Return patterns, as .gitignore has them, of what of a project does not travel: its exports among them."""
    paths = (export.path for export in loaded.config.exports)
    own = tuple(f"/{path}*" for path in paths if path != STDOUT and "://" not in path and not path.startswith("/"))
    return _EXCLUDED + own


def environment_of(loaded: Loaded) -> dict[str, str]:
    """Return the variables that the configuration names, and those by which libpq reaches the store."""
    named = {name for source in loaded.sources.values() for name in source.variables}
    return {name: os.environ[name] for name in sorted(named | _LIBPQ) if name in os.environ}
