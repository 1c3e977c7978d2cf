"""Which domain is next, and which one runs low."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from scraper.config import DomainSettings
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.ready_queue import ReadyQueue, RefillQueue
from scraper.engine.frontier.window import Turn
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.request import Request
from scraper.store.values import Queued

SETTINGS = DomainSettings()
REQUEST = Request("https://example.com/")


def domain(name: str, due: float = 0.0, *, ready: int = 1, proven: bool = True) -> Domain:
    made = Domain(name, 1, SETTINGS, cast(DomainSession, None), RetryPolicy(SETTINGS.retry), Pace(0.0), due=due)
    made.ready.extend(Queued(number, REQUEST, b"", name) for number in range(ready))
    made.has_answered = proven
    return made


def agenda_of(domains: Iterable[Domain]) -> ReadyQueue:
    ready_queue = ReadyQueue()
    for each in domains:
        ready_queue.put(each)
    return ready_queue


def with_turn(domain: Domain) -> Domain:
    domain.turn = Turn()
    return domain


def taken(ready_queue: ReadyQueue, until: float, *, with_doubtful: bool = True, is_full: bool = False) -> list[str]:
    names = []
    while (found := ready_queue.next(until, with_doubtful=with_doubtful, is_full=lambda: is_full)[0]) is not None:
        names.append(found.name)
    return names


class TestAgenda:
    def test_the_one_that_is_due_first(self):
        ready_queue = agenda_of([domain("late", 3.0), domain("early", 1.0), domain("later", 9.0)])
        assert taken(ready_queue, 5.0) == ["early", "late"]
        assert ready_queue.next(5.0, with_doubtful=True) == (None, 9.0)

    def test_those_that_are_due_at_once_in_the_order_in_which_they_came(self):
        assert taken(agenda_of(domain(name) for name in "cab"), 1.0) == ["c", "a", "b"]

    def test_nothing_to_hand_out_is_not_entered(self):
        ready_queue = agenda_of([domain("empty", ready=0)])
        assert not ready_queue
        assert ready_queue.next(1.0, with_doubtful=True) == (None, None)

    def test_entered_once_however_often_it_is_put(self):
        one = domain("one")
        ready_queue = agenda_of([one, one, one])
        assert taken(ready_queue, 1.0) == ["one"]

    def test_doubtful_ones_can_be_passed_over(self):
        ready_queue = agenda_of([domain("doubtful", 1.0, proven=False), domain("proven", 2.0)])
        assert taken(ready_queue, 5.0, with_doubtful=False) == ["proven"]
        assert taken(ready_queue, 5.0) == ["doubtful"]

    def test_one_that_answered_is_entered_anew(self):
        one = domain("one", proven=False)
        ready_queue = agenda_of([one])
        one.has_answered = True
        ready_queue.put_anew(one)
        assert taken(ready_queue, 1.0, with_doubtful=False) == ["one"]
        assert taken(ready_queue, 1.0) == []

    @given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40), st.integers(0, 50))
    def test_all_that_are_due_come_once_and_in_order(self, dues: list[tuple[int, bool]], until: int):
        domains = [domain(str(number), due, proven=proven) for number, (due, proven) in enumerate(dues)]
        names = taken(agenda_of(domains), until)
        due_at = {each.name: each.due for each in domains}
        assert sorted(names) == sorted(each.name for each in domains if each.due <= until)
        assert [due_at[name] for name in names] == sorted(due_at[name] for name in names)


class TestTurns:
    def test_those_with_a_turn_go_before_those_that_wait_once_there_are_enough(self):
        warm, cold = with_turn(domain("warm", 2.0)), domain("cold", 1.0)
        assert taken(agenda_of([warm, cold]), 5.0) == ["cold", "warm"]
        assert taken(agenda_of([warm, cold]), 5.0, is_full=True) == ["warm", "cold"]

    def test_one_that_waits_is_next_while_none_with_a_turn_is_due(self):
        ready_queue = agenda_of([with_turn(domain("warm", 9.0)), domain("cold", 1.0)])
        assert taken(ready_queue, 5.0, is_full=True) == ["cold"]
        assert ready_queue.next(5.0, is_full=lambda: True) == (None, 9.0)

    def test_those_that_wait_come_in_the_order_in_which_they_began_to(self):
        first, second = domain("first", 3.0), domain("second", 1.0)
        first.waits_since, second.waits_since = 5.0, 6.0
        assert taken(agenda_of([second, first]), 9.0) == ["first", "second"]

    def test_doubtful_ones_among_those_that_wait_can_be_passed_over(self):
        ready_queue = agenda_of([domain("doubtful", 1.0, proven=False), with_turn(domain("warm", 2.0))])
        assert taken(ready_queue, 5.0, with_doubtful=False, is_full=True) == ["warm"]


class TestSupply:
    def test_hungry_ones_once_and_in_order(self):
        refill_queue, a, b, c = RefillQueue(), domain("a"), domain("b"), domain("c")
        assert [refill_queue.add_hungry(each) for each in (a, b, a, c)] == [True, True, False, True]
        assert refill_queue.take_hungry(2) == [a, b]
        assert refill_queue.take_hungry(2) == [c]
        assert not refill_queue
        assert refill_queue.add_hungry(a)

    def test_tries_when_they_are_due(self):
        refill_queue, a, b = RefillQueue(), domain("a"), domain("b")
        a.again_at, b.again_at = 20.0, 10.0
        refill_queue.note_tries(a)
        refill_queue.note_tries(b)
        assert refill_queue.take_due(15.0, enough=lambda _: 5, most=9) == [b]
        assert refill_queue.take_due(25.0, enough=lambda _: 5, most=9) == [a]
        assert refill_queue.take_due(99.0, enough=lambda _: 5, most=9) == []

    def test_tries_whose_time_changed(self):
        refill_queue, a = RefillQueue(), domain("a")
        a.again_at = 10.0
        refill_queue.note_tries(a)
        a.again_at = 30.0
        refill_queue.note_tries(a)
        assert refill_queue.take_due(20.0, enough=lambda _: 5, most=9) == []
        a.again_at = None
        refill_queue.note_tries(a)
        assert refill_queue.take_due(99.0, enough=lambda _: 5, most=9) == []

    def test_no_tries_while_enough_is_at_hand(self):
        refill_queue, full = RefillQueue(), domain("full", ready=6)
        full.again_at = 10.0
        refill_queue.note_tries(full)
        assert refill_queue.take_due(10.0, enough=lambda _: 5, most=9) == []
        full.ready.clear()
        assert refill_queue.take_due(10.5, enough=lambda _: 5, most=9) == [full]

    def test_no_more_than_asked_for(self):
        refill_queue, domains = RefillQueue(), [domain(str(number)) for number in range(5)]
        for each in domains:
            each.again_at = 1.0
            refill_queue.note_tries(each)
        assert len(refill_queue.take_due(2.0, enough=lambda _: 5, most=3)) == 3
        assert len(refill_queue.take_due(2.0, enough=lambda _: 5, most=3)) == 2
