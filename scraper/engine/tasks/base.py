"""The protocol of a kind of request, and the steps that all kinds share.

A job of the frontier is carried out by the task of its kind, which alone knows what is sent along, where the body
goes, and what becomes of an answer, of a redirect, of a failure and of a request that is not sent after all.
`registry.py` names the task of each kind.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import ClassVar, Protocol

from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Job
from scraper.engine.frontier.preflight import CHALLENGE
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.sender import NO_ROOM_SECONDS, Sender, Sending
from scraper.errors import (
    BytesOver,
    FetchError,
    InternalError,
    LeaseLost,
    NoRoom,
    NotCached,
    RunBytesOver,
    StoreError,
)
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import challenge_in
from scraper.fetch.retry import asked_wait
from scraper.fetch.robots import Robots
from scraper.observe import events
from scraper.request import Request
from scraper.response import Response
from scraper.store.backends import wait_clock
from scraper.store.outcomes import Failed, Outcome, Redirected, Refused, RetryLater
from scraper.store.values import Found, Queued, Refusal, Yielded

_log = logging.getLogger(__name__)

_NOTHING_SENT = FetchResult(None, None, None, 0.0, 0)
_NO_CONDITIONS = Sending()


class JobTask(Protocol):
    """A task carries out one kind of job. It has no state of its own: fetch threads share it."""

    def run(self, job: Job) -> None:
        """Carry out a job, from the send to what becomes of it."""


class RequestTask:
    """A kind of request of the frontier: the order of its steps, in which each kind fills in its own.

    The order is: `begin` says what is sent along; the request is sent; `take_in` looks at what came; the frontier is
    told that the answer was read; `decide` says what becomes of it.
    """

    #: What events call this kind.
    purpose: ClassVar[str]
    #: A page that sends its reader on by itself is a redirect.
    follows_refresh: ClassVar[bool] = False

    def __init__(self, sender: Sender, logins: LoginTask, admission: Admission) -> None:
        self.sender = sender
        self.logins = logins
        self.admission = admission

    # What each kind fills in -----------------------------------------------------------------------------

    def begin(self, queued: Queued) -> Sending | Outcome:
        """Return what is sent along, or an outcome where nothing need be sent.

        Raises:
            FetchError: it cannot be sent.
        """
        return _NO_CONDITIONS

    def take_in(self, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        """Look at what came before anybody else does.

        Raises:
            FetchError: it counts as failed.
            StoreError: it could not be kept.
        """

    def unparsed_bytes(self, sending: Sending, fetch: FetchResult) -> int:
        """Return how many bytes are held in memory until they are parsed."""
        return len(fetch.response.body) if fetch.response is not None else 0

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        """Settle an answer that is what was requested, or hand it on; return False for any other."""
        raise NotImplementedError

    def judge_redirect(self, target: Request, record: str) -> Found | Refusal:
        """Return the verdict on the target of a redirect, whose JSON is `record`."""
        return self.admission.judge(target, record)

    def given_up(self, failed: Failed, response: Response | None) -> None:
        """Settle a request that failed for good."""
        raise NotImplementedError

    def answered_unsent(self, queued: Queued, origin: str, robots: Robots | None) -> Outcome | None:
        """Return what a request comes to without being sent; None where it is sent.

        Called under the frontier's lock.

        Args:
            robots: the robots.txt of its origin; None where it is ignored.
        """
        return None

    def unsent(self, outcome: Outcome) -> Outcome | None:
        """Return the outcome to commit of a request that was not sent; None where it was handed on."""
        return outcome

    # The steps -------------------------------------------------------------------------------------------

    def run(self, job: Job) -> None:
        """Send a request and settle what becomes of it."""
        queued, frontier = job.queued, self.sender.frontier
        assert queued is not None
        sending, fetch = _NO_CONDITIONS, _NOTHING_SENT
        try:
            if not queued.request.may_be_repeated:
                self.sender.mark_sent(queued.id)
            begun = self.begin(queued)
            if isinstance(begun, Outcome):
                frontier.fetched(job)
                self.sender.settle(begun)
                return
            sending = begun
            fetch = self.sender.send(queued.request, job, sending)
            self.take_in(queued, sending, fetch)
        except LeaseLost:
            # Not sent. If the lease is another shard's by now, the commit leaves this out.
            frontier.fetched(job)
            self.sender.settle(RetryLater(queued, wait_clock.now(), queued.attempts))
            return
        except (InternalError, StoreError):
            raise
        except FetchError as error:
            fetch = replace(fetch, error=error)
        except Exception as error:
            _log.exception("%s could not be fetched", queued.request.url)
            ours = FetchError(f"{type(error).__name__}: {error}", reason="internal")
            fetch = FetchResult(None, ours, None, 0.0, 0)
        frontier.fetched(job, body_bytes=self.unparsed_bytes(sending, fetch))
        if fetch.seconds or (fetch.error is not None and fetch.error.reason == "internal"):
            self.sender.report(fetch, queued.request, job.domain, queued.attempts + 1, self.purpose)
            if self._is_held(job, queued, fetch) or self._is_challenged(job, queued, fetch):
                return
            if job.domain.pace.is_adaptive:
                self.sender.adapt(job.domain, fetch, is_first_try=queued.attempts == 0)
            self.sender.note_health(job.domain, fetch, is_first_try=queued.attempts == 0)
        self.decide(job, queued, sending, fetch)

    def _is_held(self, job: Job, queued: Queued, fetch: FetchResult) -> bool:
        """Tell whether its domain is held since its server is down; then it is settled, and no attempt is used."""
        error, served = fetch.error, fetch.served
        if error is None or (served is not None and served.sent_at and not queued.request.may_be_repeated):
            return False
        wait = self.sender.hold(
            job.domain, error, fetch.seconds, is_first_try=queued.attempts == 0, request=queued.id
        )
        if wait is None:
            return False
        attempt = attempt_of(fetch, queued.attempts + 1, "held", error.message, wait)
        self.sender.settle(RetryLater(queued, wait_clock.now() + wait, queued.attempts, attempt=attempt))
        return True

    def _is_challenged(self, job: Job, queued: Queued, fetch: FetchResult) -> bool:
        """Tell whether a challenge came in the place of an answer; then it is settled, and its domain is held.

        A status that the request itself names goes to the callback, whatever comes with it.
        """
        response = fetch.response
        if response is None or response.status in queued.request.statuses:
            return False
        challenge = challenge_in(response)
        if challenge is None:
            return False
        wait = self.sender.challenged(job.domain, challenge)
        message, number = f"a challenge of {challenge.whose} came in its place", queued.attempts + 1
        if job.domain.circuit.is_given_up or not queued.request.may_be_repeated:
            attempt = attempt_of(fetch, number, CHALLENGE, message)
            failed = Failed(queued, CHALLENGE, message, response.status, attempts=number, attempt=attempt)
            self.given_up(failed, response)
        else:
            attempt = attempt_of(fetch, number, CHALLENGE, message, wait)
            again = RetryLater(queued, wait_clock.now() + wait, queued.attempts, attempt=attempt)
            self.sender.settle(again, len(response.body))
        return True

    def decide(self, job: Job, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        """Settle what came: a page fetched logged out, an answer, a redirect, a failure."""
        domain, response = job.domain, fetch.response
        if fetch.error is not None or response is None:
            error = fetch.error or FetchError("no answer")
            self.fail(queued, domain, fetch, error.reason, str(error))
        elif (
            (domain.login is not None and self._was_turned_away(job, queued, fetch))
            or (self.follows_refresh and self._refreshed(queued, domain, response, fetch))
            or self.answered(queued, sending, response, fetch)
        ):
            return
        elif redirects.is_redirect(response):
            self._redirected(queued, domain, response, fetch)
        else:
            self._refused_by_server(queued, domain, response, fetch)

    def distrusted(self, queued: Queued, fetch: FetchResult) -> None:
        """Send a request again without conditions: its 304 contradicts what is known."""
        attempt = attempt_of(fetch, queued.attempts + 1, "distrusted", "304, though the page changed", 0.0)
        self.sender.settle(RetryLater(queued, wait_clock.now(), queued.attempts, distrust=True, attempt=attempt))

    def _was_turned_away(self, job: Job, queued: Queued, fetch: FetchResult) -> bool:
        """Tell whether it was fetched logged out; then it is settled, and nobody parses it."""
        away = self.logins.turned_away(job, queued, fetch.response)
        if away is None:
            return False
        if away.again:
            attempt = attempt_of(fetch, queued.attempts + 1, "logged-out", away.message, 0.0)
            body_bytes = len(fetch.response.body) if fetch.response is not None else 0
            self.sender.settle(RetryLater(queued, wait_clock.now(), queued.attempts, attempt=attempt), body_bytes)
        else:
            self.fail(queued, job.domain, fetch, "login-failed", away.message)
        return True

    def _refreshed(self, queued: Queued, domain: Domain, response: Response, fetch: FetchResult) -> bool:
        """Tell whether a page sends its reader on, and not in a circle; then it is settled as a redirect."""
        if not (response.ok and self.sender.most_redirects and domain.settings.pages.refresh):
            return False
        place = redirects.refresh_of(response)
        return place is not None and self._redirected(queued, domain, response, fetch, refresh=place)

    def _redirected(
        self, queued: Queued, domain: Domain, response: Response, fetch: FetchResult, refresh: str | None = None
    ) -> bool:
        """Settle a redirect, or a page that sends its reader on; False for such a page that shows itself again."""
        try:
            target, came_before = redirects.target_of(
                response,
                fetch.cookies_sent,
                domain.session.jar,
                self.sender.most_redirects,
                domain.settings.session.secret_headers,
                refresh=refresh,
            )
        except FetchError as error:
            if refresh is not None and error.reason == "redirect-loop":
                return False
            self.fail(queued, domain, fetch, error.reason, str(error))
            return True
        if target.depth == 0 and not target.listed and queued.request.method == "GET":
            self.admission.allow_host_of(target.url)
        request = queued.request
        # What such a request redirects to in turn is not a duplicate either.
        target.dont_filter = request.method != "GET" or request.dont_filter or came_before
        record = target.to_json()
        verdict = self.judge_redirect(target, record)
        yielded = Yielded(outgoing=[record])
        if isinstance(verdict, Refusal):
            yielded.refusals.append(verdict)
            self.sender.emit(events.Refused(verdict.url, verdict.reason, verdict.message))
        else:
            yielded.found.append(verdict)
        attempt = attempt_of(fetch, queued.attempts + 1, "redirect", target.url)
        self.sender.settle(Redirected(queued, yielded, attempt=attempt), len(response.body))
        return True

    def _refused_by_server(self, queued: Queued, domain: Domain, response: Response, fetch: FetchResult) -> None:
        """Settle a status that is neither an answer of this kind nor a redirect."""
        asked = asked_wait(response.headers, time.time())
        self.sender.cool_down(domain, response, asked)
        reason, message = f"http-{response.status}", f"the server answered {response.status}"
        self.fail(queued, domain, fetch, reason, message, asked)

    def fail(
        self,
        queued: Queued,
        domain: Domain,
        fetch: FetchResult,
        reason: str,
        message: str,
        asked_wait: float | None = None,
    ) -> None:
        """Send a request again later, or give it up, as `retry` says.

        Args:
            asked_wait: the seconds that the server asked to wait.
        """
        attempt, response = queued.attempts + 1, fetch.response
        request = queued.request
        is_ours = isinstance(fetch.error, NoRoom | RunBytesOver)
        if is_ours and (request.may_be_repeated or not _was_sent(fetch)):
            # Not the server's: no attempt is used, and what the end of the run cut off stays queued.
            self.sender.settle(RetryLater(queued, wait_clock.now() + NO_ROOM_SECONDS, queued.attempts))
            return
        if reason in (NotCached.reason, BytesOver.reason):
            # Nothing was sent, or no more of it may come; nothing failed.
            refusal = Refusal(request.url, queued.fingerprint, reason, message)
            self.sender.settle(self.unsent(Refused(queued, refusal)) or Refused(queued, refusal))
            return
        verdict = domain.retry.judge(reason, attempt, repeatable=request.may_be_repeated, asked_wait=asked_wait)
        sending = attempt_of(fetch, attempt, reason, message, verdict.wait)
        if verdict.wait is not None:
            domain.session.ledger.retried()
            emit = self.sender.emit
            emit(events.Retrying(request.url, reason, message, attempt, domain.retry.attempts, verdict.wait))
            again = RetryLater(queued, wait_clock.now() + verdict.wait, attempt, attempt=sending)
            self.sender.settle(again, len(response.body) if response is not None else 0)
            return
        if verdict.reason == "wait-too-long":
            message += f" and asks to wait {asked_wait:.0f} s, more than retry.max_wait"
        status = response.status if response is not None else None
        self.given_up(Failed(queued, verdict.reason, message, status, attempts=attempt, attempt=sending), response)


def _was_sent(fetch: FetchResult) -> bool:
    """Tell whether a head went out, or may have."""
    return fetch.served is not None and fetch.served.sent_at > 0
