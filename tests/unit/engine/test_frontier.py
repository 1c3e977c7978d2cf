"""Whose turn it is: the frontier in memory, with domains that have no Session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from scraper.config import DomainSettings
from scraper.engine.frontier.backlog import MAX_WAITING
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import MAX_AHEAD, Frontier, Job
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.robots import Robots, RobotsState
from scraper.request import Request
from scraper.store.outcomes import Failed, Outcome, Refused, RetryLater
from scraper.store.values import Queued

ORIGIN = "https://example.com"


class Table:
    """A frontier with what it settled, and its domains filled by hand."""

    def __init__(self, *, pages: int | None = None, **limits: int) -> None:
        self.settled: list[Outcome] = []
        #: What was handed out, in order.
        self.jobs: list[Job] = []
        self.wakes = 0
        #: Pages that wait for the parse thread.
        self.ahead = 0
        #: The leases were renewed in time.
        self.holds = True
        self.frontier = Frontier(
            self.settled.append,
            self._wake,
            pages,
            "acme",
            ahead=lambda: self.ahead,
            holds=lambda: self.holds,
            **limits,
        )

    def _wake(self) -> None:
        self.wakes += 1

    def domain(
        self, name: str = "example.com", *, concurrency: int = 1, delay: float = 0, robots: str = "ignore"
    ) -> Domain:
        politeness = {"concurrency": concurrency, "delay": delay, "jitter": 0, "robots": robots}
        settings = DomainSettings.model_validate({"politeness": politeness})
        session = cast(DomainSession, None)
        domain = Domain(name, 1, settings, session, RetryPolicy(settings.retry), Pace(delay), again_at=None)
        self.frontier.add(domain)
        return domain

    def fill(self, domain: Domain, *queued: Queued) -> None:
        self.frontier.hungry()
        self.frontier.fill(domain, list(queued), asked=100)

    def take(self) -> str | None:
        """The name of the page that is handed out next; `robots` for a robots.txt, None for nothing in a while."""
        until = time.monotonic() + 0.05
        job, wait = self.frontier.take()
        while job is None and wait is not None and time.monotonic() + wait < until:
            job, wait = self.frontier.take()
        if job is not None:
            self.jobs.append(job)
        if job is None:
            return None
        return job.queued.request.url.rpartition("/")[2] if job.queued is not None else "robots"


@pytest.fixture
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.frontier.close()


def queued(number: int, name: str, domain: str = "example.com", **changes: Any) -> Queued:
    keywords = changes.pop("request", {})
    request = Request(f"https://{domain}/{name}", **keywords)
    return Queued(number, request, request.fingerprint(), domain, **changes)


class TestStarving:
    def test_one_that_could_send_and_has_nothing(self, table: Table):
        table.domain()
        assert table.frontier.is_starving(["example.com"])

    def test_not_while_it_waits_for_an_answer(self, table: Table):
        table.fill(table.domain(), queued(1, "a"))
        table.take()
        assert not table.frontier.is_starving(["example.com"])
        table.frontier.fetched(table.jobs[0])
        assert table.frontier.is_starving(["example.com"])

    def test_not_during_its_delay(self, table: Table):
        domain = table.domain(delay=9)
        table.fill(domain, queued(1, "a"))
        table.take()
        table.frontier.throttle.sent(domain, table.jobs[0])
        table.frontier.fetched(table.jobs[0])
        assert not table.frontier.is_starving(["example.com"])

    def test_one_that_is_not_held(self, table: Table):
        assert table.frontier.is_starving(["example.org"])


class TestTake:
    def test_none_while_enough_pages_wait_to_be_parsed(self):
        table = Table(most_in_flight=2)
        domain = table.domain(concurrency=8)
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        table.ahead = MAX_AHEAD - 1
        assert table.take() == "a"
        table.ahead = MAX_AHEAD
        assert table.take() is None

    def test_as_many_may_wait_to_be_parsed_as_may_be_in_flight(self):
        table = Table(most_in_flight=2 * MAX_AHEAD)
        table.fill(table.domain(concurrency=8), queued(1, "a"), queued(2, "b"))
        table.ahead = 2 * MAX_AHEAD - 1
        assert table.take() == "a"
        table.ahead = 2 * MAX_AHEAD
        assert table.take() is None

    def test_a_change_is_told_when_a_page_was_parsed(self):
        table = Table(most_in_flight=2)
        domain = table.domain(concurrency=8)
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        table.take()
        table.ahead = MAX_AHEAD
        told: list[int] = []
        table.frontier.on_change(lambda: told.append(table.ahead))
        table.frontier.parsed(page=True)
        table.ahead = MAX_AHEAD - 1
        table.frontier.parsed(page=True)
        assert told == [MAX_AHEAD - 1]

    def test_no_more_in_flight_than_may_be(self):
        table = Table(most_in_flight=2)
        domain = table.domain(concurrency=8)
        table.frontier.throttle.answered(domain, well=True)
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert [table.take(), table.take(), table.take()] == ["a", "b", None]
        table.frontier.fetched(table.jobs[0])
        assert table.take() == "c"

    def test_half_of_what_may_be_in_flight_is_for_domains_that_answer(self):
        table = Table(most_in_flight=2)
        hanging, well = table.domain("hanging.org", concurrency=8), table.domain("well.org", concurrency=8)
        table.frontier.throttle.answered(well, well=True)
        table.fill(hanging, queued(1, "a", "hanging.org"), queued(2, "b", "hanging.org"))
        table.fill(well, queued(3, "c", "well.org"))
        assert sorted([str(table.take()), str(table.take())]) == ["a", "c"]

    def test_all_of_it_is_for_others_while_none_is_known_to_answer(self):
        table = Table(most_in_flight=2)
        one, other = table.domain("one.org", concurrency=8), table.domain("other.org", concurrency=8)
        table.fill(one, queued(1, "a", "one.org"))
        table.fill(other, queued(2, "b", "other.org"), queued(3, "c", "other.org"))
        assert sorted([str(table.take()), str(table.take())]) == ["a", "b"]
        table.frontier.throttle.answered(one, well=True)
        table.frontier.fetched(next(job for job in table.jobs if job.domain is one))
        assert table.take() is None

    def test_no_more_that_block_than_there_are_threads(self):
        table = Table(most_blocking=1)
        blocking, other = table.domain("blocking.org", concurrency=8), table.domain("other.org")
        blocking.blocks = True
        table.fill(blocking, queued(1, "a", "blocking.org"), queued(2, "b", "blocking.org"))
        table.fill(other, queued(3, "c", "other.org"))
        assert {table.take(), table.take(), table.take()} == {"a", "c", None}
        assert [job.blocks for job in table.jobs if job.domain is blocking] == [True]

    def test_none_while_too_many_rows_wait_to_be_committed(self, table: Table):
        domain = table.domain(concurrency=8)
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert table.take() == "a"
        table.frontier.parsed(page=True, rows=MAX_WAITING)
        assert table.take() is None

    def test_none_while_the_leases_are_overdue(self, table: Table):
        table.fill(table.domain(), queued(1, "a"))
        table.holds = False
        job, wait = table.frontier.take()
        assert job is None and wait is not None and 0 < wait < 1
        table.holds = True
        assert table.take() == "a"

    def test_again_once_they_are_committed(self, table: Table):
        domain = table.domain(concurrency=8)
        one = queued(1, "a")
        table.fill(domain, one, queued(2, "b"))
        table.take()
        table.frontier.parsed(page=True, rows=MAX_WAITING)
        table.frontier.committed([Outcome(one)], {}, MAX_WAITING)
        assert table.take() == "b"

    def test_few_at_once_of_pages_that_bring_many_rows(self, table: Table):
        domain = table.domain(concurrency=50)
        pages = [queued(number, str(number)) for number in range(60)]
        table.fill(domain, *pages)
        for page in pages[:20]:
            table.take()
            table.frontier.fetched(table.jobs[-1])
            table.frontier.parsed(page=True, rows=20_000)
            table.frontier.committed([Outcome(page)], {}, 20_000)
        taken = [table.take() for _ in range(5)]
        assert taken == ["20", "21", "22", "23", None]

    def test_in_order_and_no_more_at_once_than_concurrency(self, table: Table):
        domain = table.domain(concurrency=2)
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert [table.take(), table.take(), domain.may_take] == ["a", "b", False]
        table.frontier.fetched(table.jobs[0])
        assert [table.take(), table.take()] == ["c", None]

    def test_only_what_is_due(self, table: Table):
        early, late = table.domain("early.example"), table.domain("late.example")
        late.due = time.monotonic() + 60
        table.fill(late, queued(1, "late", "late.example"))
        table.fill(early, queued(2, "early", "early.example"))
        assert [table.take(), table.take()] == ["early", None]

    def test_waits_until_it_is_due(self, table: Table):
        domain = table.domain(delay=0.01)
        domain.due = time.monotonic() + 0.02
        table.fill(domain, queued(1, "a"))
        assert table.take() == "a"
        # It is handed out a little early, the time that preparing it takes.
        assert domain.due - time.monotonic() < 0.005

    def test_with_a_delay_nothing_between_take_and_send(self, table: Table):
        domain = table.domain(concurrency=4, delay=0.001)
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        assert [table.take(), domain.may_take] == ["a", False]
        table.frontier.throttle.sent(domain, table.jobs[-1])
        assert table.take() == "b"

    def test_the_end_of_another_request_frees_no_turn(self, table: Table):
        domain = table.domain(concurrency=4, delay=0.001)
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert table.take() == "a"
        table.frontier.throttle.sent(domain, table.jobs[-1])
        assert table.take() == "b"
        # `a` is answered while `b` is still on its way to its connection.
        table.frontier.fetched(table.jobs[0])
        assert table.take() is None

    def test_a_request_that_was_never_sent_frees_its_turn_and_keeps_the_delay(self, table: Table):
        domain = table.domain(delay=30)
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        assert table.take() == "a"
        table.frontier.fetched(table.jobs[0])
        assert domain.may_take and 29 < domain.due - time.monotonic() <= 30

    def test_a_turn_beside_the_frontier(self, table: Table):
        domain = table.domain(delay=60)
        table.fill(domain, queued(1, "a"))
        mine, other = object(), object()
        assert table.frontier.throttle.reserve(domain, mine) is None
        assert table.frontier.throttle.reserve(domain, other) is not None
        table.frontier.throttle.sent(domain, mine)
        wait = table.frontier.throttle.reserve(domain, other)
        assert wait is not None and 59 < wait <= 60
        assert table.take() is None

    def test_a_closed_frontier_hands_out_nothing_and_tells(self, table: Table):
        table.fill(table.domain(), queued(1, "a"))
        told: list[bool] = []
        table.frontier.on_change(lambda: told.append(True))
        table.frontier.close()
        assert (table.take(), table.frontier.is_closed, told) == (None, True, [True])


class TestPlaces:
    def test_one_a_page_and_back_for_what_is_none(self):
        table = Table(pages=1)
        domain = table.domain(concurrency=4)
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert [table.take(), table.frontier.wants_places] == ["a", True]
        table.frontier.fetched(table.jobs[-1])
        table.frontier.parsed(page=False)
        assert [table.take(), table.frontier.wants_places] == ["b", True]
        table.frontier.parsed(page=True)
        assert [table.take(), table.frontier.wants_places] == [None, True]

    def test_more_of_them_and_those_not_in_use_back(self):
        table = Table(pages=0)
        table.fill(table.domain(concurrency=4), queued(1, "a"), queued(2, "b"))
        assert table.frontier.wants_places
        table.frontier.add_places(3)
        assert (table.take(), table.frontier.wants_places) == ("a", False)
        assert (table.frontier.give_places_back(), table.frontier.give_places_back()) == (2, 0)
        assert (table.take(), table.frontier.wants_places) == (None, True)


class TestSettled:
    def test_an_unknown_outcome(self, table: Table):
        post = {"method": "POST", "data": "x"}
        again = queued(2, "again", sent=True, request=post | {"retry_unsafe": True})
        table.fill(table.domain(), queued(1, "form", sent=True, request=post), again)
        assert table.take() == "again"
        (failed,) = table.settled
        assert isinstance(failed, Failed) and failed.reason == "unknown-outcome"
        assert "retry_unsafe" in failed.message

    def test_a_page_that_crashed_twice(self, table: Table):
        table.fill(table.domain(), queued(1, "bad", strikes=2), queued(2, "once", strikes=1))
        assert table.take() == "once"
        (failed,) = table.settled
        assert isinstance(failed, Failed) and failed.reason == "crashed"

    def test_robots_txt_first_and_what_it_refuses(self, table: Table):
        domain = table.domain(robots="obey")
        table.fill(domain, queued(1, "closed"), queued(2, "open"))
        assert [table.take(), domain.may_take] == ["robots", False]
        table.frontier.fetched(table.jobs[-1])
        text = "User-agent: acme\nDisallow: /closed\nCrawl-delay: 0.01"
        table.frontier.throttle.robots_known(domain, ORIGIN, Robots(RobotsState.RULES, text, asked_at=time.time()))
        assert (table.take(), domain.pace.delay) == ("open", 0.01)
        (refused,) = table.settled
        assert isinstance(refused, Refused) and refused.refusal.reason == "robots"
        assert "politeness.robots" in refused.refusal.message

    def test_robots_txt_that_could_not_be_had(self, table: Table):
        domain = table.domain(robots="obey")
        domain.robots[ORIGIN] = Robots(RobotsState.UNREACHABLE, why="it answered 500", asked_at=time.time())
        table.fill(domain, queued(1, "a"))
        assert table.take() is None
        (failed,) = table.settled
        assert isinstance(failed, Failed) and failed.reason == "robots-unreachable"

    def test_robots_txt_of_yesterday_is_asked_for_again(self, table: Table):
        domain = table.domain(robots="obey")
        domain.robots[ORIGIN] = Robots(RobotsState.RULES, asked_at=time.time() - 25 * 3600)
        table.fill(domain, queued(1, "a"))
        assert table.take() == "robots"


class TestFilling:
    def test_a_domain_with_little_at_hand_is_hungry(self, table: Table):
        domain = table.domain()
        assert [(found.name, count > 0) for found, count, _ in table.frontier.hungry()] == [("example.com", True)]
        assert table.frontier.hungry() == []
        table.frontier.fill(domain, [queued(number, str(number)) for number in range(4)], asked=4)
        wakes = table.wakes
        assert table.take() == "0"
        assert (table.frontier.hungry() != [], table.wakes > wakes) == (True, True)

    def test_what_is_under_way_is_not_taken_twice(self, table: Table):
        domain = table.domain(concurrency=4)
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        assert table.take() == "a"
        table.fill(domain, queued(1, "a"), queued(2, "b"), queued(3, "c"))
        assert [table.take(), table.take(), table.take()] == ["b", "c", None]

    def test_something_better_is_read_first(self, table: Table):
        domain = table.domain()
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        table.frontier.found("example.com", rank=-5)
        table.fill(domain, queued(3, "better", rank=-5), queued(1, "a"), queued(2, "b"))
        assert table.take() == "better"

    def test_something_better_does_not_lose_a_retry_that_lies_ready(self, table: Table):
        domain = table.domain()
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        table.frontier.fill_again(domain, [queued(9, "retry", attempts=1)], None)
        table.frontier.found("example.com", rank=-5)
        # Either it is still at hand, or the store is asked for it again: `ready` of the store never gives it.
        at_hand = [one.id for one in domain.ready]
        assert 9 in at_hand or [found for found, *_ in table.frontier.tries_due(time.time())] == [domain]

    def test_a_retry_whose_time_has_come_goes_first(self, table: Table):
        domain = table.domain()
        table.fill(domain, queued(1, "a"))
        table.frontier.fill_again(domain, [queued(8, "r1"), queued(9, "r2")], None)
        assert domain.ready[0].id == 8 and table.take() == "r1"

    def test_idle_when_nothing_is_left(self, table: Table):
        domain = table.domain()
        assert not table.frontier.is_idle
        one = queued(1, "a")
        table.fill(domain, one)
        assert (table.take(), table.frontier.is_idle, table.frontier.in_flight) == ("a", False, 1)
        table.frontier.fetched(table.jobs[-1])
        table.frontier.parsed(page=False)
        again = RetryLater(one, time.time() + 60, 1)
        table.frontier.committed([again], {1: again.not_before}, 1)
        assert not table.frontier.is_idle
        table.frontier.fill_again(domain, [one], None)
        assert table.take() == "a"
        table.frontier.fetched(table.jobs[-1])
        table.frontier.parsed(page=True)
        table.frontier.committed([Outcome(one)], {}, 1)
        assert (table.frontier.is_idle, table.frontier.in_flight) == (True, 0)


class TestFinished:
    @pytest.fixture
    def done(self, table: Table) -> Domain:
        """A domain whose one page was fetched, parsed and committed."""
        domain, one = table.domain(), queued(1, "a")
        table.fill(domain, one)
        table.take()
        table.frontier.throttle.sent(domain, table.jobs[-1])
        table.frontier.fetched(table.jobs[-1])
        table.frontier.parsed(page=True)
        table.frontier.committed([Outcome(one)], {}, 1)
        return domain

    def finished(self, table: Table, seconds: float = 0.0) -> list[Domain]:
        return table.frontier.finished(time.monotonic() - seconds)

    def test_one_that_is_done_is_let_go(self, table: Table, done: Domain):
        assert self.finished(table) == [done]
        assert (table.frontier.get(done.name), table.frontier.size, table.frontier.awake()) == (None, 0, [])
        assert self.finished(table) == []

    def test_not_at_once(self, table: Table, done: Domain):
        assert self.finished(table, 60.0) == []

    def test_not_while_something_may_be_left(self, table: Table, done: Domain):
        table.frontier.found(done.name, 0)
        assert self.finished(table) == []

    def test_not_before_all_is_committed(self, table: Table):
        domain = table.domain()
        table.fill(domain, queued(1, "a"))
        assert (self.finished(table), table.take()) == ([], "a")
        table.frontier.fetched(table.jobs[-1])
        table.frontier.parsed(page=True)
        assert self.finished(table) == []

    def test_not_while_one_waits_for_another_try(self, table: Table, done: Domain):
        table.frontier.fill_again(done, [], time.time() + 60)
        assert self.finished(table) == []

    def test_not_one_that_does_nothing_but_fail(self, table: Table, done: Domain):
        for _ in range(done.circuit.THRESHOLD):
            table.frontier.throttle.failed(done, time.monotonic())
        assert self.finished(table) == []


class TestCoolDown:
    def test_holds_the_whole_domain_and_no_other(self, table: Table):
        domain, other = table.domain(concurrency=4), table.domain("other.example")
        table.fill(domain, queued(1, "a"), queued(2, "b"))
        assert table.take() == "a"
        table.frontier.fetched(table.jobs[-1])
        assert 29 < table.frontier.throttle.cool_down(domain, time.monotonic(), 30.0) <= 30
        table.fill(other, queued(3, "x", "other.example"))
        assert [(one.domain, one.reason) for one in table.frontier.waiting(8)[0]] == [("example.com", "cool-down")]
        assert [table.take(), table.take()] == ["x", None]
