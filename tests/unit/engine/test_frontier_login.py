"""A login before the pages of its domain, in the frontier."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from scraper.config import LoginConfig
from scraper.engine.frontier.domain import Domain, Prerequisite
from scraper.engine.frontier.login_state import LoginState, Verdict
from scraper.fetch.robots import Robots, RobotsState
from scraper.store.outcomes import Failed
from tests.unit.engine.test_frontier import ORIGIN, Table, queued

CONFIG = LoginConfig.model_validate({"url": f"{ORIGIN}/login", "form": {"user": "ada", "password": "x"}})


@pytest.fixture
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.frontier.close()


def members(table: Table, *, robots: str = "ignore", concurrency: int = 2) -> Domain:
    """A domain with a login, and three pages."""
    domain = table.domain(concurrency=concurrency, robots=robots)
    domain.login = LoginState(CONFIG, "")
    table.fill(domain, *(queued(number, name) for number, name in enumerate("abc", 1)))
    return domain


def log_in(table: Table, domain: Domain) -> None:
    """The login that was handed out last ends."""
    table.frontier.fetched(table.jobs[-1])
    table.frontier.throttle.logged_in(domain)


def test_nothing_else_until_it_is_done(table: Table):
    domain = members(table)
    table.take()
    assert (table.jobs[0].before, table.jobs[0].queued, domain.waits_for(time.monotonic())) == (
        Prerequisite.LOGIN,
        None,
        "login",
    )
    assert (table.take(), table.frontier.in_flight) == (None, 1)


def test_then_the_pages_in_its_generation(table: Table):
    domain = members(table)
    table.take()
    log_in(table, domain)
    assert [table.take(), table.take()] == ["a", "b"]
    assert [job.generation for job in table.jobs[1:]] == [1, 1]


def test_its_robots_txt_first(table: Table):
    domain = members(table, robots="obey")
    assert (table.take(), table.jobs[0].before) == ("robots", Prerequisite.ROBOTS)
    table.frontier.fetched(table.jobs[0])
    table.frontier.throttle.robots_known(domain, ORIGIN, Robots(RobotsState.NONE, asked_at=time.time()))
    table.take()
    assert table.jobs[1].before is Prerequisite.LOGIN


def test_what_robots_txt_closes_is_given_up(table: Table):
    domain = members(table, robots="obey")
    domain.robots[ORIGIN] = Robots(RobotsState.RULES, "User-agent: *\nDisallow: /login\n", asked_at=time.time())
    assert table.take() is None
    reasons = [outcome.reason for outcome in table.settled if isinstance(outcome, Failed)]
    assert reasons == ["login-failed"] * 3


def test_again_only_once_nothing_of_the_old_session_is_in_flight(table: Table):
    domain = members(table)
    table.take()
    log_in(table, domain)
    assert [table.take(), table.take()] == ["a", "b"]
    first = table.jobs[1]
    table.frontier.throttle.looks_logged_in(domain, 1, 1)
    table.frontier.fetched(first)
    assert table.frontier.throttle.looks_logged_out(domain, 1, 1) is Verdict.ENDED
    assert table.take() is None


def test_and_then_it_is(table: Table):
    domain = members(table, concurrency=1)
    table.take()
    log_in(table, domain)
    table.take()
    table.frontier.throttle.looks_logged_in(domain, 1, 1)
    table.frontier.fetched(table.jobs[1])
    assert table.frontier.throttle.looks_logged_out(domain, 1, 1) is Verdict.ENDED
    table.take()
    assert table.jobs[2].before is Prerequisite.LOGIN


def test_later_where_it_could_not_be_had(table: Table):
    domain = members(table)
    table.take()
    table.frontier.fetched(table.jobs[0])
    table.frontier.throttle.log_in_again(domain, 30.0)
    assert domain.login is not None and domain.login.attempts == 1
    assert 29 < domain.due_at - time.monotonic() <= 30
