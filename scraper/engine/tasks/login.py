"""Logging in, as a fetch thread does it: beside the frontier, through the same door as every request."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Job
from scraper.engine.frontier.login_state import LoginState, Verdict
from scraper.engine.tasks.sender import NO_ROOM_SECONDS, Sender
from scraper.errors import Challenged, FetchError, InternalError, LeaseLost, NoRoom
from scraper.fetch import login_form as logging_in
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import refuse_challenge
from scraper.fetch.login_form import MAX_REDIRECTS, LoginError
from scraper.fetch.retry import asked_wait
from scraper.observe import events
from scraper.request import Request
from scraper.response import Response
from scraper.store.values import Queued

_log = logging.getLogger(__name__)


class TurnedAway(NamedTuple):
    """A page that was fetched logged out."""

    #: It is fetched again; else it fails.
    again: bool
    #: The sign, or why it fails.
    message: str


class LoginTask:
    """Log in to a domain; has no state of its own: that of a domain's login is in `Domain.login`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._frontier = sender.frontier
        self._emit = sender.emit

    # Logging in ------------------------------------------------------------------------------------------

    def run(self, job: Job) -> None:
        """Do what a login asks for; transient failures are tried again through the frontier."""
        domain, began = job.domain, time.monotonic()
        login = _login_of(domain)
        throttle = self._frontier.throttle
        try:
            how = self._take_steps(job, login)
        except LeaseLost:
            self._frontier.fetched(job)
            throttle.log_in_again(domain, 1.0, counts=False)
            return
        except FetchError as error:
            self._frontier.fetched(job)
            self._not_had(domain, login, error)
            return
        except LoginError as error:
            message = str(error)
        except InternalError:
            raise
        except Exception as error:
            _log.exception("%s could not be logged in to", login.config.url)
            message = f"{type(error).__name__}: {error}"
        else:
            self._frontier.fetched(job)
            throttle.logged_in(domain)
            self._emit(events.LoggedIn(domain.name, login.config.url, how, time.monotonic() - began))
            return
        self._frontier.fetched(job)
        self._give_up(domain, login, message)

    def _take_steps(self, job: Job, login: LoginState) -> str:
        """Fetch the form, fill it in, send it, look where that leads; returns in words how it went.

        Raises:
            FetchError: an answer could not be fetched.
            LoginError: it is no use.
        """
        config = login.config
        page = self._follow(job, login, Request(config.url), is_first=True)
        try:
            request = logging_in.filled_in(config, page, login.named)
        except LoginError:
            if config.ok is not None and logging_in.is_logged_in(config, page):
                return "it was before"
            raise
        page = self._follow(job, login, request, is_first=False)
        if not logging_in.is_logged_in(config, page):
            raise logging_in.why_not(config, page)
        return f"the form led to {page.url}"

    def _follow(self, job: Job, login: LoginState, request: Request, *, is_first: bool) -> Response:
        """Return the page at the end of the redirects, all of them at its origin, or at one that is named."""
        domain = job.domain
        while True:
            try:
                fetch = self._fetch(request, job, is_first)
            except TimeoutError as error:
                raise FetchError(str(error), reason="timeout") from error
            response = fetch.response
            if response is None:
                raise fetch.error or FetchError("no answer")
            refuse_challenge(response)
            if response.status in domain.settings.retry.statuses:
                raise _Unready(response)
            if not redirects.is_redirect(response):
                return response
            secret = domain.settings.session.secret_headers
            jar = domain.session.jar
            request, _ = redirects.target_of(response, fetch.cookies_sent, jar, MAX_REDIRECTS, secret)
            logging_in.refuse_elsewhere(login.config, request.url, login.named)
            is_first = False

    def _fetch(self, request: Request, job: Job, is_first: bool) -> FetchResult:
        """Send one of the requests of a login; all but the first wait until the domain is due again."""
        sender = self._sender
        with sender.context(job) as context:
            if not is_first:
                context.gate.wait(context.deadline)
            fetch = sender.fetcher.fetch(request, job.domain.session, context)
        sender.reached(job.domain, fetch)
        sender.report(fetch, request, job.domain, _login_of(job.domain).attempts + 1, "login")
        return fetch

    def _not_had(self, domain: Domain, login: LoginState, error: FetchError) -> None:
        """Try again later after a failure, or give the login up."""
        if isinstance(error, NoRoom):
            self._frontier.throttle.log_in_again(domain, NO_ROOM_SECONDS, counts=False)
            return
        if isinstance(error, Challenged):
            self._sender.challenged(domain, error)
            self._frontier.throttle.log_in_again(domain, 0.0, counts=False)
            return
        attempt = login.attempts + 1
        if self._sender.hold(domain, error, 0.0, is_first_try=attempt == 1) is not None:
            self._frontier.throttle.log_in_again(domain, 0.0, counts=False)
            return
        asked = error.asked if isinstance(error, _Unready) else None
        verdict = domain.retry.judge(error.reason, attempt, asked_wait=asked)
        if verdict.wait is None:
            self._give_up(domain, login, f"{login.config.url} or where it leads could not be fetched: {error}")
            return
        domain.session.ledger.retried()
        self._emit(
            events.Retrying(
                login.config.url, error.reason, error.message, attempt, domain.retry.attempts, verdict.wait
            )
        )
        self._frontier.throttle.log_in_again(domain, verdict.wait)

    def _give_up(self, domain: Domain, login: LoginState, message: str) -> None:
        self._emit(events.LoginFailed(domain.name, login.config.url, message))
        self._frontier.throttle.login_failed(domain, message)

    # Logged out ------------------------------------------------------------------------------------------

    def turned_away(self, job: Job, queued: Queued, response: Response | None) -> TurnedAway | None:
        """Return what becomes of a page that was fetched logged out; None for one that was not, as far as can
        be told.
        """
        domain, throttle = job.domain, self._frontier.throttle
        login = _login_of(domain)
        sign = logging_in.sign_of(login.config, response) if response is not None else None
        if sign is None:
            if response is not None and response.status < 400 and not login.is_content:
                throttle.looks_logged_in(domain, queued.id, job.generation)
            return None
        verdict = throttle.looks_logged_out(domain, queued.id, job.generation)
        if verdict is Verdict.ENDED:
            self._emit(events.SessionEnded(domain.name, queued.request.url, sign))
        if verdict in (Verdict.AGAIN, Verdict.ENDED):
            return TurnedAway(True, sign)
        if verdict is Verdict.GIVE_UP:
            message = f"it went well, and pages look logged out all the same: {sign} (check login.ok and login.when)"
            self._give_up(domain, login, message)
        if login.message:
            return TurnedAway(False, login.message)
        return TurnedAway(
            False,
            f"{sign}, and again when it was asked once more (this user may not see it, or login.when is also true of "
            "pages that were fetched logged in)",
        )


class _Unready(FetchError):
    """The server asks to come back later."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the server answered {response.status}", reason=f"http-{response.status}")
        #: Seconds that it asks to wait.
        self.asked = asked_wait(response.headers, time.time())


def _login_of(domain: Domain) -> LoginState:
    assert domain.login is not None
    return domain.login
