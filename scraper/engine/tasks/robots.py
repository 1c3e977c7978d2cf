"""The robots.txt of an origin: fetched before the first request to it, throttled like any page."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from scraper import urls
from scraper.engine.frontier.frontier import Job
from scraper.engine.tasks.sender import NO_ROOM_SECONDS, Sender
from scraper.errors import Challenged, InternalError, LeaseLost, NoRoom
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import challenge_in
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Pace
from scraper.fetch.robots import MAX_BYTES, Robots, RobotsState
from scraper.fetch.robots_fetch import fetch_robots
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.waiting import pause
from scraper.observe import events
from scraper.request import Request
from scraper.store.state.spool import Archived

_log = logging.getLogger(__name__)

#: Gates of domains that are not held here, at most.
_MOST_STRANGERS = 1_000


class RobotsTask:
    """Fetch the robots.txt of an origin.

    Args:
        make_session: makes the Session of a domain that another shard has, or nobody.
        pace_of: tells how such a domain is to be treated.
        token: our name in robots.txt.
    """

    def __init__(
        self,
        sender: Sender,
        make_session: Callable[[str], DomainSession],
        pace_of: Callable[[str], Pace],
        token: str,
    ) -> None:
        self._sender = sender
        self._make_session = make_session
        self._pace_of = pace_of
        self._token = token
        self._strangers: dict[str, StrangerGate] = {}

    def run(self, job: Job) -> None:
        """Fetch the robots.txt of an origin; transient failures are tried again through the frontier."""
        domain, origin = job.domain, job.origin
        attempt = domain.robots_attempts.get(origin, 0) + 1
        url = f"{origin}/robots.txt"
        fetch: FetchResult | None = None
        try:
            robots, reason, fetch = self._fetch(job, origin, attempt)
        except LeaseLost:
            self._sender.frontier.fetched(job)
            self._sender.frontier.throttle.ask_robots_again(domain, origin, 1.0, counts=False)
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
        if reason == NoRoom.reason:
            self._sender.frontier.throttle.ask_robots_again(domain, origin, NO_ROOM_SECONDS, counts=False)
            return
        if robots.state is RobotsState.UNREACHABLE:
            if fetch is not None and self._is_held(job, fetch, is_first_try=attempt == 1):
                return
            if fetch is not None and reason == Challenged.reason and self._is_challenged(job, fetch):
                return
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

    def _is_held(self, job: Job, fetch: FetchResult, *, is_first_try: bool) -> bool:
        """Tell whether the domain is held since its server is down; then it is asked again after that."""
        if fetch.error is None:
            return False
        if self._sender.hold(job.domain, fetch.error, fetch.seconds, is_first_try=is_first_try) is None:
            return False
        self._sender.frontier.throttle.ask_robots_again(job.domain, job.origin, 0.0, counts=False)
        return True

    def _is_challenged(self, job: Job, fetch: FetchResult) -> bool:
        """Tell whether the domain is held since it showed a challenge, as for any request; then it is asked again."""
        if fetch.response is None or urls.domain_of(fetch.response.url) != job.domain.name:
            return False
        challenge = challenge_in(fetch.response)
        if challenge is None:
            return False
        self._sender.challenged(job.domain, challenge)
        self._sender.frontier.throttle.ask_robots_again(job.domain, job.origin, 0.0, counts=False)
        return True

    def _fetch(self, job: Job, origin: str, attempt: int) -> tuple[Robots, str, FetchResult | None]:
        """Fetch a robots.txt on this domain's Session; each request waits for its turn like any other.

        Where it redirects to another domain, that one's Session sends it, when that domain is due: settings, cookies
        and delay are a domain's own.
        Returns the reason where it is unreachable besides, and the request that was answered last or not at all.
        """
        sender = self._sender
        fetch: FetchResult | None = None
        sessions = {job.domain.name: job.domain.session}
        with sender.context(job) as context, contextlib.ExitStack() as closing:
            own_gate = context.gate

            def session_of(request: Request) -> DomainSession:
                name = urls.domain_of(request.url)
                if name not in sessions:
                    known = sender.frontier.get(name)
                    sessions[name] = known.session if known is not None else self._make_session(name)
                    if known is None:
                        closing.callback(lambda: job.domain.session.ledger.add(sessions[name].ledger.take()))
                        closing.callback(sessions[name].close)
                return sessions[name]

            def send(request: Request) -> FetchResult:
                nonlocal fetch
                session, name = session_of(request), urls.domain_of(request.url)
                context.gate, held = own_gate, None
                if name != job.domain.name:
                    held = sender.frontier.get(name)
                    context.gate = sender.gate(held, job) if held is not None else self._gate_of(name)
                fetch = sender.fetcher.fetch(request, session, context, body_limit=MAX_BYTES, truncate=True)
                if held is not None:
                    sender.frontier.throttle.give_back(held, job)
                if fetch.records:
                    sender.sink.settled(Archived(job.domain.name, fetch.records))
                sender.report(fetch, request, job.domain, attempt, "robots")
                sender.reached(job.domain, fetch)
                return fetch

            robots, reason = fetch_robots(origin, send, lambda request: session_of(request).jar, self._token)
        return robots, reason, fetch

    def _gate_of(self, name: str) -> StrangerGate:
        if len(self._strangers) > _MOST_STRANGERS:
            self._strangers.clear()
        return self._strangers.setdefault(name, StrangerGate(self._pace_of(name)))


class StrangerGate:
    """The gate of a domain that is not held here: when it was asked last is not known, so the first waits as well."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._due = pace.next_start(time.monotonic())

    def wait(self, limit: Deadline) -> None:
        """Sleep until the next turn, and take it."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._due)
            if turn - now > limit.left:
                raise TimeoutError("no turn within session.timeout.total: the domain's delay is longer")
            self._due = self._pace.next_start(turn)
        pause(turn - now)

    def sending(self) -> None:
        """Do nothing: its turn has come."""

    def sent(self) -> None:
        """Note the send: the delay runs from here."""
        with self._lock:
            self._due = max(self._due, self._pace.next_start(time.monotonic()))
