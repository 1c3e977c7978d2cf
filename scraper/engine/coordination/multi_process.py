"""A crawl on several processes of this machine: one coordinator, which this process is, and a shard in each other.

The coordinator fetches nothing. It says which shard has which domains, shows one progress, writes the exports,
takes the domains of a dead shard over, passes signals on, and ends when nothing is left.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path
from typing import Any

from scraper.config import Loaded
from scraper.engine.children import starting
from scraper.engine.coordination.channel import Channel
from scraper.engine.coordination.directs import Directs
from scraper.engine.coordination.following import Following
from scraper.engine.coordination.messages import Ended, EventsRelayed, Order, Ping, Ready, Report, Stop, WorkerConfig
from scraper.engine.crash_marker import strike_marked
from scraper.engine.limits import STOPPED, ShardEnd
from scraper.engine.shard import DRAIN_SECONDS
from scraper.engine.tasks.file_count import begin_log, log_of
from scraper.errors import LeaseLost, ShardFailed, StoreUnreachable
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.state.presence import Role
from scraper.store.values import RunRow

#: The module whose `main` a shard's process is.
_SHARD = "scraper.engine.coordination.shard_process"
#: Time passes for the coordinator this often, in seconds.
_ROUND_SECONDS = 0.1
#: What a shard may take to end beyond the time that what is in flight is given, in seconds.
_END_SECONDS = 2.0
#: A shard is told to leave so long (seconds) before it is ended, where the crawl was ended by an error.
_LEAVE_SECONDS = 1.0
#: Shards that may die one after the other without a page done in between; a page that kills takes two.
_MOST_DEATHS = 10
#: Messages that are taken in before anything else is looked at again.
_AT_ONCE = 500
#: When nothing could be written to the store for so long (seconds; patience for it ends at 30), who keeps it locked?
_STUCK_SECONDS = 20.0
#: In how many seconds a process says that it is there.
_ANSWER_SECONDS = 3.0
#: What one round counts for a silent shard, in seconds, at the most: this process may have been stopped as well.
_SILENT_ROUND_SECONDS = 1.0


@dataclass()
class _Process:
    """The process of one shard, as the coordinator sees it."""

    number: int
    child: starting.Child
    link: Channel
    #: Its name in leases, once it is ready.
    owner: str | None = None
    #: What is said to it, in order; None is the last word. It may be stopped, and then nobody must wait for it.
    orders: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    #: For how long nothing was heard of it, in seconds.
    silent: float = 0.0
    #: When something was heard of it last, by the monotonic clock.
    heard_at: float = 0.0
    ended: Ended | None = None
    #: It did not renew its leases in time: they are void, and it will notice.
    is_lost: bool = False
    #: It keeps the store locked and does not answer: it was ended, and its end will be noticed.
    is_killed: bool = False


@dataclass(frozen=True, slots=True)
class _Gone:
    """A process is no more."""

    code: int


class MultiProcess:
    """Crawls a run with several shards, each in a process of its own.

    Args:
        count: how many.
        parsers: processes that parse for each of them.
        watched: the classes of events of which somebody wants to know.
        coordinator: makes who directs them, given what is to be called after commits.
        committed: called after commits: exports follow there.
        role: what they are, among those at work.
        shared: others may work on the run: each sees to itself by what the store says.
    """

    def __init__(
        self,
        store: Store,
        run: RunRow,
        loaded: Loaded,
        coordinator: Callable[[Callable[[], None]], Directs],
        emit: Events,
        committed: Callable[[], None],
        *,
        count: int,
        watched: frozenset[type],
        parsers: int = 0,
        role: Role = Role.SHARD,
        shared: bool = False,
    ) -> None:
        self._store = store
        self._run = run
        self._loaded = loaded
        self._emit = emit
        self._count = count
        self._watched = watched
        self._parsers = parsers
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._exports = Following(committed, lambda error: self._inbox.put((-1, error)))
        self._coordinator = coordinator(self._exports.committed)
        self._role = role
        self._shared = shared
        self._processes: dict[int, _Process] = {}
        self._started = 0
        self._looked_at = time.monotonic()
        self._is_over = threading.Event()
        #: When (monotonic) those that have not ended are ended; None before the end.
        self._deadline: float | None = None
        self._deaths = 0
        self._done_at_death = -1

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._inbox.put((-1, Stop(seconds)))
        self._store.wait_no_longer(seconds)

    def run(self) -> ShardEnd:
        """Crawl to the end.

        Raises:
            StoreError: the store cannot be used.
            ConfigError: a process cannot import what this one can.
            ShardFailed: processes die one after the other.
            KeyboardInterrupt: after what was in flight was given its time.
        """
        interrupt: KeyboardInterrupt | None = None
        self._looked_at = time.monotonic()
        threading.Thread(target=self._free_the_store, name="store guard", daemon=True).start()
        try:
            begin_log(self._store, self._run.id, self._loaded.config.limits)
            for _ in range(self._count):
                self._spawn()
            while self._processes or self._is_only_watching:
                try:
                    self._round()
                except KeyboardInterrupt as error:
                    if interrupt is not None:
                        raise
                    interrupt = error
                    self.stop(DRAIN_SECONDS)
        finally:
            self._is_over.set()
            self._end_all()
            self._exports.close()
            log_of(self._store.location).unlink(missing_ok=True)
            self._coordinator.close()
        if interrupt is not None:
            raise interrupt
        return self._coordinator.end or STOPPED

    @property
    def _is_only_watching(self) -> bool:
        """Tell whether others crawl, and it is not the end."""
        return self._count == 0 and self._deadline is None and self._coordinator.end is None

    def _round(self) -> None:
        with contextlib.suppress(queue.Empty):
            message = self._inbox.get(timeout=_ROUND_SECONDS)
            for _ in range(_AT_ONCE):
                self._take(*message)
                message = self._inbox.get_nowait()
            self._take(*message)
        self._coordinator.look()
        self._direct()
        self._look_for_the_silent()
        self._end_those_that_do_not()

    def _direct(self) -> None:
        """Time passed."""
        if self._deadline is None:
            self._order(self._coordinator.orders())

    def _end_those_that_do_not(self) -> None:
        if self._deadline is None:
            return
        is_over = time.monotonic() > self._deadline or all(each.is_lost for each in self._processes.values())
        for process in self._processes.values() if is_over else ():
            process.child.kill()

    # Messages --------------------------------------------------------------------------------------------

    def _take(self, number: int, message: Any) -> None:
        if isinstance(message, Stop):
            self._pass_stop_on(message)
            return
        if isinstance(message, BaseException):
            raise message
        process = self._processes.get(number)
        if process is None:
            return
        process.silent = 0.0
        match message:
            case Ready(owner):
                process.owner = owner
                self._coordinator.joined(number)
                if self._deadline is not None:
                    # It was still on its way here when the others were told that it is the end.
                    process.orders.put(Stop(0.0))
            case EventsRelayed(happened):
                for event in happened:
                    self._tell(event)
            case Report() if not process.is_lost:
                self._order(self._coordinator.take(number, message))
            case Ended():
                process.ended = message
            case _Gone(code):
                self._gone(process, code)

    def _tell(self, event: object) -> None:
        if isinstance(event, logging.LogRecord):
            logger = logging.getLogger(event.name)
            if logger.isEnabledFor(event.levelno):
                logger.handle(event)
        else:
            self._emit(event)

    def _order(self, orders: Iterable[tuple[int, Order]]) -> None:
        for number, order in orders:
            process = self._processes.get(number)
            if process is not None and self._deadline is None:
                process.orders.put(order)
        if self._coordinator.end is not None and self._deadline is None:
            self._deadline = time.monotonic() + DRAIN_SECONDS + _END_SECONDS

    def _pass_stop_on(self, stop: Stop) -> None:
        deadline = time.monotonic() + stop.seconds + _END_SECONDS
        self._deadline = deadline if self._deadline is None else min(deadline, self._deadline)
        for process in self._processes.values():
            process.orders.put(stop)

    # Processes -------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        number = self._started
        self._started += 1
        child, reader, writer = starting.start_with_line(_SHARD, self._store.lock_files)
        process = _Process(number, child, Channel(reader, writer))
        self._processes[number] = process
        levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("root", "scraper")}
        process.orders.put(
            WorkerConfig(
                number,
                self._loaded,
                self._store.location,
                self._run,
                self._coordinator.hosts(),
                levels,
                self._watched,
                self._parsers,
                self._role,
                self._shared,
            )
        )
        listening = threading.Thread(target=self._listen, args=(process,), name=f"listen-{number}", daemon=True)
        listening.start()
        for work, *arguments in (process.link.send_all, process.orders.get), (self._await, process, listening):
            threading.Thread(target=work, args=arguments, name=f"shard-{number}", daemon=True).start()

    def _listen(self, process: _Process) -> None:
        def take(message: Any) -> None:
            process.heard_at = time.monotonic()
            self._inbox.put((process.number, message))

        process.link.receive_all(take)

    def _await(self, process: _Process, listening: threading.Thread) -> None:
        code = process.child.wait()
        assert code is not None
        # What it said last was read by then, unless something that it started keeps the pipe open.
        listening.join(_LEAVE_SECONDS)
        while listening.is_alive() and process.link.has_unread():
            listening.join(_LEAVE_SECONDS)
        self._inbox.put((process.number, _Gone(code)))

    def _look_for_the_silent(self) -> None:
        """Void the leases of a shard that did not renew them in time: its domains go to others."""
        now = time.monotonic()
        passed, self._looked_at = min(now - self._looked_at, _SILENT_ROUND_SECONDS), now
        for process in list(self._processes.values()):
            process.silent += passed
            if process.owner is None or process.ended or process.silent <= LEASE_SECONDS:
                continue
            if process.is_lost or process.is_killed:
                continue
            try:
                is_void = self._store.void_expired_leases_of(process.owner)
            except StoreUnreachable:
                # None of them can renew anything. They get their time once it is back.
                for each in self._processes.values():
                    each.silent = 0.0
                return
            if is_void:
                process.is_lost = True
                if _is_stopped(process.child.pid):
                    who = f"shard {process.number} (pid {process.child.pid})"
                    self._emit(events.Notice(f"{who} was stopped by a signal (SIGSTOP): SIGCONT lets it go on"))
                self._take_over(process, f"did not renew its leases for {LEASE_SECONDS:g} s")
            else:
                # It did, just now; or it holds none yet; or somebody else writes to the store.
                process.silent -= _SILENT_ROUND_SECONDS

    def _free_the_store(self) -> None:
        """End a process that was stopped in the middle of a commit: it keeps all others out of the store.

        In a thread of its own, since the others' is what waits then.
        """
        while not self._is_over.wait(1.0):
            asked_at = time.monotonic()
            if asked_at - self._coordinator.kept_at < _STUCK_SECONDS:
                continue
            processes = list(self._processes.values())
            for process in processes:
                process.orders.put(Ping())
            self._is_over.wait(_ANSWER_SECONDS)
            for process in processes:
                if process.owner is not None and process.heard_at < asked_at:
                    process.is_killed = True
                    process.child.kill()

    def _gone(self, process: _Process, code: int) -> None:
        """Deal with a process that ended: in order, by an error that ends the crawl, or for another reason."""
        del self._processes[process.number]
        process.orders.put(None)
        ended = process.ended
        if process.is_lost or (ended is not None and ended.error is None):
            return
        if ended is not None and ended.error is not None and not isinstance(ended.error, LeaseLost):
            raise ended.error
        self._take_over(process, starting.ended(code))

    def _take_over(self, process: _Process, why: str) -> None:
        """Void the leases of a shard that is gone, and start another in its place, unless it is the end."""
        then = ": others take its domains over" if self._deadline is None else " at the end"
        self._emit(events.Notice(f"shard {process.number} (pid {process.child.pid}) {why}{then}"))
        strike_marked(self._store, self._run.id, process.number)
        if process.owner is not None:
            self._store.void_leases_of(process.owner)
        self._coordinator.left(process.number)
        if self._deadline is not None:
            return
        row = self._store.run(self._run.id)
        assert row is not None
        done = row.counts.pages + row.counts.failed
        self._deaths = self._deaths + 1 if done == self._done_at_death else 1
        self._done_at_death = done
        if self._deaths > _MOST_DEATHS:
            raise ShardFailed(
                f"{self._deaths} processes of the crawl died one after the other, the last one {why}",
                remedy="look at memory and at what the spider calls; engine.processes: 1 shows more",
            )
        self._spawn()

    def _end_all(self) -> None:
        """Leave no process behind."""
        for process in self._processes.values():
            process.orders.put(None)
        deadline = time.monotonic() + _LEAVE_SECONDS
        for process in self._processes.values():
            process.child.wait(max(0.0, deadline - time.monotonic()))
            process.child.kill()
            process.child.wait()


def _is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped by a signal, where the system says so."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in ("T", "t")
