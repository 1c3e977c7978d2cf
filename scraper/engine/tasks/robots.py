"""The robots.txt of an origin: fetched before the first request to it, throttled like any page."""

from __future__ import annotations

import logging
import time

from scraper.engine.frontier.frontier import Job
from scraper.engine.tasks.sender import Sender
from scraper.errors import FetchError, InternalError, LeaseLost
from scraper.fetch import redirects
from scraper.fetch.robots import MAX_BYTES, MAX_REDIRECTS, Robots, RobotsState
from scraper.observe import events
from scraper.request import Request
from scraper.store.state.spool import Archived

_log = logging.getLogger(__name__)


class RobotsTask:
    """Fetch the robots.txt of an origin; has no state of its own."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def run(self, job: Job) -> None:
        """Ask for an origin's robots.txt; transient failures are tried again through the frontier."""
        domain, origin = job.domain, job.origin
        attempt = domain.robots_attempts.get(origin, 0) + 1
        url = f"{origin}/robots.txt"
        try:
            robots, reason = self._fetch(job, url, attempt)
        except LeaseLost:
            self._sender.frontier.fetched(job)
            self._sender.frontier.throttle.ask_robots_again(domain, origin, 1.0)
            return
        except InternalError:
            raise
        except Exception as error:
            _log.exception("%s could not be fetched", url)
            robots, reason = (
                Robots(RobotsState.UNREACHABLE, "", f"{type(error).__name__}: {error}", time.time()),
                "internal",
            )
        self._sender.frontier.fetched(job)
        if robots.state is RobotsState.UNREACHABLE:
            verdict = domain.retry.judge(reason, attempt)
            if verdict.wait is not None:
                domain.session.ledger.retried()
                self._sender.emit(
                    events.Retrying(url, reason, robots.why, attempt, domain.retry.attempts, verdict.wait)
                )
                self._sender.frontier.throttle.ask_robots_again(domain, origin, verdict.wait)
                return
            self._sender.emit(events.Notice(f"{robots.why}: nothing of {origin} is fetched (RFC 9309)"))
        self._sender.sink.robots(domain, origin, robots)
        self._sender.frontier.throttle.robots_known(domain, origin, robots)

    def _fetch(self, job: Job, url: str, attempt: int) -> tuple[Robots, str]:
        """Fetch a robots.txt, following its redirects on this domain's Session, paced like any request."""
        request = Request(url)
        session = job.domain.session
        try:
            with self._sender.context(job) as context:
                for _ in range(MAX_REDIRECTS + 1):
                    fetch = self._sender.fetcher.fetch(request, session, context, body_limit=MAX_BYTES, truncate=True)
                    if fetch.records:
                        self._sender.sink.settled(Archived(job.domain.name, fetch.records))
                    self._sender.report(fetch, request, job.domain, attempt, "robots")
                    response = fetch.response
                    if response is None:
                        error = fetch.error or FetchError("no answer")
                        why = f"robots.txt could not be had: {error}"
                        return Robots(RobotsState.UNREACHABLE, "", why, time.time()), error.reason
                    if not redirects.is_redirect(response):
                        robots = Robots.of_answer(response.status, response.body, time.time())
                        return robots, f"http-{response.status}"
                    request, _ = redirects.target_of(response, fetch.cookies_sent, session.jar, MAX_REDIRECTS)
        except FetchError as error:
            # Too many redirects, or to nowhere: as if there were none (RFC 9309 section 2.3.1.2).
            return Robots(RobotsState.NONE, "", f"robots.txt: {error.message}", time.time()), error.reason
        return Robots(RobotsState.NONE, "", "robots.txt redirects too often", time.time()), "too-many-redirects"
