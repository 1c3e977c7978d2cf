"""What becomes of pages once their callback was called, and of failures once their errback was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.spider_runner import SpiderRunner, usage_in_words
from scraper.errors import Retry, SpiderFailed
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.conditional import validators_of
from scraper.observe import events
from scraper.observe.events import Events
from scraper.response import Response
from scraper.store.backends import wait_clock
from scraper.store.outcomes import Done, Failed, Outcome, RetryLater, StartTaken, Unchanged
from scraper.store.values import Queued, Visit


class PageSettler:
    """Has the runner call into the spider and hands over the outcome. Used by one thread.

    Args:
        settle: takes outcomes for the next commit.
    """

    def __init__(
        self,
        runner: SpiderRunner,
        frontier: Frontier,
        emit: Events,
        settle: Callable[[Outcome | StartTaken], None],
    ) -> None:
        self._runner = runner
        self._frontier = frontier
        self._emit = emit
        self._settle = settle

    def page(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        """Call its callback, and settle what that yielded or why it failed."""
        outcome: Outcome
        number = queued.attempts + 1
        try:
            outcome = self._runner.page(queued, response, fetch, content_hash)
        except Retry as wanted:
            outcome = self._again(queued, wanted, fetch)
        except SpiderFailed as failed:
            reason, said, traceback = failed.reason, str(failed), failed.text or None
            self._emit(events.PageFailed(queued.request.url, reason, said, traceback))
            attempt = attempt_of(fetch, number, reason, said)
            outcome = Failed(queued, reason, said, response.status, traceback, number, attempt=attempt)
        self._settle(outcome)
        self._frontier.parsed(body_bytes=len(response.body), page=isinstance(outcome, Done), rows=outcome.rows)

    def carried(self, queued: Queued, visit: Visit, fetch: Fetch | None, was_not_modified: bool) -> None:
        """Settle a page that is the same as in an earlier run."""
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
            usage=usage_in_words(response) if response is not None else visit.usage,
            attempt=attempt_of(fetch, queued.attempts + 1) if fetch is not None else None,
        )
        self._settle(outcome)
        size = len(response.body) if response is not None else 0
        self._frontier.parsed(body_bytes=size, page=True, rows=outcome.rows)

    def failure(self, failed: Failed, response: Response | None) -> None:
        """Call the errback of a request that failed, and settle it."""
        try:
            outcome = replace(self._runner.failure(failed, response), attempt=failed.attempt)
        except (SpiderFailed, Retry) as error:
            text = error.text or None if isinstance(error, SpiderFailed) else None
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
        return RetryLater(queued, wait_clock.now() + verdict.wait, attempt, attempt=sending)

    def lost(self, queued: Queued, response: Response, fetch: Fetch, reason: str, message: str) -> Failed:
        """Return the outcome of a page whose callback did not come to its end."""
        number = queued.attempts + 1
        self._emit(events.PageFailed(queued.request.url, reason, message))
        attempt = attempt_of(fetch, number, reason, message)
        return Failed(queued, reason, message, response.status, attempts=number, attempt=attempt)

    def fail(self, failed: Failed, response: Response | None) -> None:
        """Settle a failure as it is, without an errback."""
        self._settle(failed)
        size = len(response.body) if response is not None else 0
        self._frontier.parsed(body_bytes=size, page=False, rows=failed.rows)
