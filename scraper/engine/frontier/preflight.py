"""Every reason for which a request that is due is not sent after all, in order, in one place."""

from __future__ import annotations

from scraper.config.types.units import format_size
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.login_state import LoginState, Stage
from scraper.fetch.robots import Robots, RobotsState
from scraper.store.outcomes import Failed, Outcome, Refused
from scraper.store.values import Queued, Refusal

#: The reason of what a challenge came for.
CHALLENGE = "challenge"
#: Crashes after which a page is given up.
MAX_STRIKES = 2


def before_robots(domain: Domain, queued: Queued) -> Outcome | None:
    """Return what ends a request whatever robots.txt says, so that it need not be fetched; None where nothing
    does.
    """
    if queued.sent and not queued.request.may_be_repeated:
        message = "it was sent before a kill; whether it was answered is unknown: Request(retry_unsafe=True)"
        return Failed(queued, "unknown-outcome", message)
    if queued.strikes >= MAX_STRIKES:
        return Failed(queued, "crashed", crashed(queued.strikes))
    if domain.circuit.is_given_up and domain.circuit.is_challenged:
        message = f"{domain.name} showed nothing but challenges: given up after {domain.circuit.PAUSES} pauses"
        return Failed(queued, CHALLENGE, message, attempts=queued.attempts)
    if domain.circuit.is_given_up:
        message = f"{domain.name} did nothing but fail: given up after {domain.circuit.PAUSES} pauses"
        return Failed(queued, "circuit", message, attempts=queued.attempts)
    if domain.has_had_its_bytes:
        message = f"limits.per_domain.bytes: {format_size(domain.most_bytes or 0)} of {domain.name} are reached"
        return Refused(queued, Refusal(queued.request.url, queued.fingerprint, "byte-limit", message))
    return None


def crashed(strikes: int) -> str:
    """Return why a page is given up that brought its process down so often."""
    return f"the process died {strikes} times while this page was parsed"


def by_robots(queued: Queued, origin: str, robots: Robots, token: str) -> Outcome | None:
    """Return what the robots.txt of its origin makes of a request; None where it may be sent."""
    if robots.state is RobotsState.UNREACHABLE:
        return Failed(queued, "robots-unreachable", robots.why, attempts=0)
    if robots.allows(queued.request.url, token):
        return None
    message = f"robots.txt of {origin} does not allow it for {token}: politeness.robots"
    return Refused(queued, Refusal(queued.request.url, queued.fingerprint, "robots", message))


def forbids_login(login: LoginState, robots: Robots, origin: str, token: str) -> str | None:
    """Return why the robots.txt of its origin keeps a login from being tried; None where it does not."""
    if robots.state is RobotsState.UNREACHABLE:
        return robots.why
    if robots.allows(login.config.url, token):
        return None
    return (
        f"robots.txt of {origin} does not allow {login.config.url} for {token}: politeness.robots, which can be set "
        "for this domain alone, under domains"
    )


def without_login(queued: Queued, login: LoginState) -> Outcome | None:
    """Return what ends a request where the login was given up."""
    if login.stage is not Stage.FAILED:
        return None
    return Failed(queued, "login-failed", f"logging in failed: {login.message}", attempts=queued.attempts)
