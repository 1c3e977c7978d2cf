"""The thread that fetches: all that a shard waits for, it waits for here, at once.

Each job is a greenlet, so that requests, robots.txt, logins and downloads are plain code that runs until a socket
would block or a pause begins, and continues when that is over. What may block in its own way (a Session class, an
auth or an adapter of a user's, a request that is noted in the store first) is carried out by threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from scraper.engine.frontier.domain import Prerequisite
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.tasks.base import JobTask
from scraper.engine.turns import Turns
from scraper.fetch.transport.event_loop import GreenletLoop
from scraper.store.tables import Kind

#: The longest sleep, in seconds: nothing depends on it.
_LONGEST = 1.0
#: So many are begun before sockets and pauses are looked at again: hundreds that are due at once hold nobody up.
_BEGUN_AT_ONCE = 32


class Companion(Protocol):
    """What else waits for files in the loop: all of it is called in the loop's thread, and returns at once."""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing will come of it any more."""

    def begin(self, loop: GreenletLoop) -> None:
        """Take the loop, which calls `work` in each of its rounds."""

    def work(self) -> float:
        """Do what is to be done; return the seconds until there may be more, if no file of it is ready before."""

    def end(self, error: BaseException | None) -> None:
        """Leave nothing behind: the loop is at its end, with this error if it has one."""


class FetchLoop:
    """`run` is the thread; `abort` may be called from any other.

    Args:
        companion: parsers, where there are some; the loop ends after it.
        spawn: starts a thread of that name; what it raises ends the crawl.
        most_threads: `engine.threads`.
        blocks: whether the fetcher waits in its own way, so that each job needs a thread.
    """

    def __init__(
        self,
        frontier: Frontier,
        tasks: Mapping[Kind | Prerequisite, JobTask],
        turns: Turns,
        spawn: Callable[[Callable[[], None], str], threading.Thread],
        most_threads: int,
        *,
        blocks: bool,
        companion: Companion | None = None,
    ) -> None:
        self._frontier = frontier
        self._companion = companion
        self._tasks = tasks
        self._turns = turns
        self._threads = _Threads(self.carry_out, spawn, most_threads)
        self._blocks = blocks
        self._loop: GreenletLoop | None = None
        self._is_aborted = False

    def run(self) -> None:
        """Work until the frontier is closed and nothing is under way."""
        loop = self._loop = GreenletLoop()
        self._frontier.on_change(loop.wake)
        companion, error = self._companion, None
        if companion is not None:
            companion.begin(loop)
        try:
            wait = 0.0
            while True:
                ready = loop.wait_for_any(wait)
                self._turns.begin_fetching()
                try:
                    wait = self._round(loop, ready)
                finally:
                    self._turns.end_fetching()
                if self._frontier.is_closed and not loop.running and (companion is None or companion.is_over):
                    return
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._frontier.on_change(lambda: None)
            if companion is not None:
                companion.end(error)
            self._threads.stop()
            loop.close()

    def _round(self, loop: GreenletLoop, ready: Sequence[int]) -> float:
        """Go on with what is ready, and begin what is due; return for how long nothing is."""
        loop.continue_all(ready)
        while (wait := self._begin(loop)) is None:
            loop.continue_all(loop.wait_for_any(0.0))
        if self._companion is not None:
            wait = min(wait, self._companion.work())
        if self._is_aborted:
            loop.end_pauses()
        return wait

    def carry_out(self, job: Job) -> None:
        """Carry out one job, from the send to what becomes of it."""
        self._tasks[job.kind].run(job)

    def abort(self) -> None:
        """Let nothing wait any longer. From any thread."""
        self._is_aborted = True
        if self._loop is not None:
            self._loop.wake()

    def wait(self, seconds: float) -> None:
        """Wait for the threads of what blocks."""
        self._threads.wait(seconds)

    def _begin(self, loop: GreenletLoop) -> float | None:
        """Begin what is due; return the seconds until there may be more, or None where there is."""
        for _ in range(_BEGUN_AT_ONCE):
            job, until_due = self._frontier.take()
            if job is None:
                return _LONGEST if until_due is None else max(0.0, min(until_due, _LONGEST))
            if self._blocks or job.blocks:
                self._threads.put(job)
            else:
                loop.start(lambda job=job: self.carry_out(job))  # type: ignore[misc]
        return None


class _Threads:
    """Threads for jobs that block; started as there is work for them."""

    def __init__(
        self,
        work: Callable[[Job], None],
        spawn: Callable[[Callable[[], None], str], threading.Thread],
        most: int,
    ) -> None:
        self._work = work
        self._spawn = spawn
        self._most = most
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._started: list[threading.Thread] = []
        self._lock = threading.Lock()
        #: Jobs that wait or are carried out.
        self._count = 0

    def put(self, job: Job) -> None:
        """Carry out a job as soon as a thread is free."""
        with self._lock:
            self._count += 1
            needs_another = self._count > len(self._started) and len(self._started) < self._most
        self._jobs.put(job)
        if needs_another:
            self._started.append(self._spawn(self._run, f"fetch-{len(self._started) + 1}"))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._work(job)
            finally:
                with self._lock:
                    self._count -= 1

    def stop(self) -> None:
        """End each thread after the job that it is at."""
        for _ in self._started:
            self._jobs.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for them, so many seconds each at the most."""
        for thread in self._started:
            thread.join(seconds)
