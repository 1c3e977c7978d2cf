"""The parse thread: it alone calls into the spider."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from scraper.engine.frontier.frontier import Frontier
from scraper.engine.page_settler import PageSettler
from scraper.engine.spider_runner import SpiderRunner
from scraper.engine.turns import Turns
from scraper.fetch.base import FetchResult as Fetch
from scraper.observe.events import Events
from scraper.response import Response
from scraper.store.outcomes import Failed, Outcome, StartTaken
from scraper.store.values import Queued, Visit


class ParseWorker:
    """Takes pages, failures and first requests one after the other; `run` is the thread.

    Args:
        settle: takes outcomes, and portions of start(), for the next commit.
        pipelines: within it, they are open.
        turns: with the thread that fetches.
    """

    def __init__(
        self,
        parser: SpiderRunner,
        frontier: Frontier,
        emit: Events,
        settle: Callable[[Outcome | StartTaken], None],
        pipelines: Callable[[], AbstractContextManager[None]],
        turns: Turns,
    ) -> None:
        self._turns = turns
        self._runner = parser
        self._pipelines = pipelines
        #: Nothing of the spider runs any more; pipelines may still be closing.
        self._has_left_spider = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._settler = PageSettler(parser, frontier, emit, settle)
        self._settle = settle
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._start: Iterator[Any] | None = None

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            ScraperError: a pipeline could not be opened or closed.
        """
        try:
            with self._pipelines():
                while (task := self._tasks.get()) is not None:
                    with self._turns:
                        task()
                self._has_left_spider.set()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._has_left_spider.set()
            self._ended.set()

    @property
    def waiting(self) -> int:
        """Return how much is queued."""
        return self._tasks.qsize()

    def _put(self, task: Callable[[], None] | None) -> None:
        self._tasks.put(task)

    def stop(self) -> None:
        """End after the task at work; pages that are queued stay so in the store."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()
        self._put(None)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; a call into the spider has so many seconds, closing pipelines takes its time.

        Raises what it did.
        """
        if self._has_left_spider.wait(seconds):
            self._ended.wait()
        if self._error is not None:
            raise self._error

    def put_page(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        """Queue a page for its callback."""
        self._put(lambda: self._settler.page(queued, response, fetch, content_hash))

    def put_failure(self, failed: Failed, response: Response | None) -> None:
        """Queue a failure for its errback."""
        self._put(lambda: self._settler.failure(failed, response))

    def put_carried(
        self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool = False
    ) -> None:
        """Queue a page that is the same as in an earlier run; `fetch` is None where nothing was sent."""
        self._put(lambda: self._settler.carried(queued, visit, fetch, was_not_modified))

    def put_start(self, taken: int) -> None:
        """Queue the next portion of the spider's start(), whose first `taken` results are in the store."""
        self._put(lambda: self._take_start(taken))

    def _take_start(self, taken: int) -> None:
        if self._start is None:
            self._start = self._runner.start_results(skip=taken)
        yielded, count, done = self._runner.start(self._start)
        self._settle(StartTaken(yielded, count, done))
