"""The parse thread: it alone calls into the spider."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.spider_runner import SpiderRunner
from scraper.engine.turns import Turns
from scraper.errors import Retry, SpiderFailed
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.conditional import validators_of
from scraper.observe import events
from scraper.observe.events import Events
from scraper.response import Response
from scraper.store.outcomes import Done, Failed, Outcome, RetryLater, StartTaken, Unchanged
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
        self._frontier = frontier
        self._emit = emit
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
        """End after what is queued."""
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
        self._put(lambda: self._page(queued, response, fetch, content_hash))

    def put_failure(self, failed: Failed, response: Response | None) -> None:
        """Queue a failure for its errback."""
        self._put(lambda: self._failure(failed, response))

    def put_carried(
        self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool = False
    ) -> None:
        """Queue a page that is the same as in an earlier run; `fetch` is None where nothing was sent."""
        self._put(lambda: self._carried(queued, visit, fetch, was_not_modified))

    def put_start(self, taken: int) -> None:
        """Queue the next portion of the spider's start(), whose first `taken` results are in the store."""
        self._put(lambda: self._take_start(taken))

    def _page(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        outcome: Outcome
        number = queued.attempts + 1
        try:
            outcome = self._runner.page(queued, response, fetch, content_hash)
        except Retry as wanted:
            outcome = self._again(queued, wanted, fetch)
        except SpiderFailed as failed:
            self._emit(events.PageFailed(queued.request.url, "spider", str(failed), failed.text))
            attempt = attempt_of(fetch, number, "spider", str(failed))
            outcome = Failed(queued, "spider", str(failed), response.status, failed.text, number, attempt=attempt)
        self._settle(outcome)
        self._frontier.parsed(body_bytes=len(response.body), page=isinstance(outcome, Done), rows=outcome.rows)

    def _carried(self, queued: Queued, visit: Visit, fetch: Fetch | None, was_not_modified: bool) -> None:
        response = fetch.response if fetch is not None else None
        etag, last_modified = visit.etag, visit.last_modified
        if response is not None:
            now = validators_of(response.headers)
            # A 304 may leave out what did not change.
            etag, last_modified = (now[0] or etag, now[1] or last_modified) if was_not_modified else now
        outcome = Unchanged(
            queued,
            visit,
            self._runner.carried(queued, visit),
            fetched_at=time.time() if fetch is not None else visit.fetched_at,
            connection=fetch.served.id if fetch is not None and fetch.served is not None else None,
            size=fetch.bytes if fetch is not None else 0,
            etag=etag,
            last_modified=last_modified,
            was_not_modified=was_not_modified,
            is_unstable=not was_not_modified and visit.etag is not None and etag != visit.etag,
            attempt=attempt_of(fetch, queued.attempts + 1) if fetch is not None else None,
        )
        self._settle(outcome)
        size = len(response.body) if response is not None else 0
        self._frontier.parsed(body_bytes=size, page=True, rows=outcome.rows)

    def _failure(self, failed: Failed, response: Response | None) -> None:
        try:
            outcome = replace(self._runner.failure(failed, response), attempt=failed.attempt)
        except (SpiderFailed, Retry) as error:
            text = error.text if isinstance(error, SpiderFailed) else None
            self._emit(events.PageFailed(failed.queued.request.url, "spider", f"its errback: {error}", text))
            outcome = failed
        self._settle(outcome)
        size = len(response.body) if response is not None else 0
        self._frontier.parsed(body_bytes=size, page=False, rows=outcome.rows)

    def _again(self, queued: Queued, wanted: Retry, fetch: Fetch) -> Outcome:
        """Retry takes one of the attempts, whatever the method: the spider knows what it asks for."""
        domain = self._frontier.get(queued.domain)
        assert domain is not None
        attempt = queued.attempts + 1
        message = wanted.message or "the spider raised Retry"
        verdict = domain.retry.judge("retry", attempt, asked_wait=wanted.wait)
        sending = attempt_of(fetch, attempt, "retry", message, verdict.wait)
        if verdict.wait is None:
            self._emit(events.PageFailed(queued.request.url, verdict.reason, message))
            return Failed(queued, verdict.reason, message, attempts=attempt, attempt=sending)
        domain.session.ledger.retried()
        self._emit(
            events.Retrying(queued.request.url, "retry", message, attempt, domain.retry.attempts, verdict.wait)
        )
        return RetryLater(queued, time.time() + verdict.wait, attempt, attempt=sending)

    def _take_start(self, taken: int) -> None:
        if self._start is None:
            self._start = self._runner.start_results(skip=taken)
        yielded, count, done = self._runner.start(self._start)
        self._settle(StartTaken(yielded, count, done))
