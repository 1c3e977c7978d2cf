"""Which domain is next, and which one runs low."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from scraper.config import DomainSettings
from scraper.engine.agenda import Agenda, Supply
from scraper.engine.domain import Domain
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


def agenda_of(domains: Iterable[Domain]) -> Agenda:
    agenda = Agenda()
    for each in domains:
        agenda.put(each)
    return agenda


def taken(agenda: Agenda, until: float, *, with_doubtful: bool = True) -> list[str]:
    names = []
    while (found := agenda.next(until, with_doubtful=with_doubtful)[0]) is not None:
        names.append(found.name)
    return names


class TestAgenda:
    def test_the_one_that_is_due_first(self):
        agenda = agenda_of([domain("late", 3.0), domain("early", 1.0), domain("later", 9.0)])
        assert taken(agenda, 5.0) == ["early", "late"]
        assert agenda.next(5.0, with_doubtful=True) == (None, 9.0)

    def test_those_that_are_due_at_once_in_the_order_in_which_they_came(self):
        assert taken(agenda_of(domain(name) for name in "cab"), 1.0) == ["c", "a", "b"]

    def test_nothing_to_hand_out_is_not_entered(self):
        agenda = agenda_of([domain("empty", ready=0)])
        assert not agenda
        assert agenda.next(1.0, with_doubtful=True) == (None, None)

    def test_entered_once_however_often_it_is_put(self):
        one = domain("one")
        agenda = agenda_of([one, one, one])
        assert taken(agenda, 1.0) == ["one"]

    def test_doubtful_ones_can_be_passed_over(self):
        agenda = agenda_of([domain("doubtful", 1.0, proven=False), domain("proven", 2.0)])
        assert taken(agenda, 5.0, with_doubtful=False) == ["proven"]
        assert taken(agenda, 5.0) == ["doubtful"]

    def test_one_that_answered_is_entered_anew(self):
        one = domain("one", proven=False)
        agenda = agenda_of([one])
        one.has_answered = True
        agenda.put_anew(one)
        assert taken(agenda, 1.0, with_doubtful=False) == ["one"]
        assert taken(agenda, 1.0) == []

    @given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40), st.integers(0, 50))
    def test_all_that_are_due_come_once_and_in_order(self, dues: list[tuple[int, bool]], until: int):
        domains = [domain(str(number), due, proven=proven) for number, (due, proven) in enumerate(dues)]
        names = taken(agenda_of(domains), until)
        due_at = {each.name: each.due for each in domains}
        assert sorted(names) == sorted(each.name for each in domains if each.due <= until)
        assert [due_at[name] for name in names] == sorted(due_at[name] for name in names)


class TestSupply:
    def test_hungry_ones_once_and_in_order(self):
        supply, a, b, c = Supply(), domain("a"), domain("b"), domain("c")
        assert [supply.add_hungry(each) for each in (a, b, a, c)] == [True, True, False, True]
        assert supply.take_hungry(2) == [a, b]
        assert supply.take_hungry(2) == [c]
        assert not supply
        assert supply.add_hungry(a)

    def test_tries_when_they_are_due(self):
        supply, a, b = Supply(), domain("a"), domain("b")
        a.again_at, b.again_at = 20.0, 10.0
        supply.note_tries(a)
        supply.note_tries(b)
        assert supply.take_due(15.0, enough=5, most=9) == [b]
        assert supply.take_due(25.0, enough=5, most=9) == [a]
        assert supply.take_due(99.0, enough=5, most=9) == []

    def test_tries_whose_time_changed(self):
        supply, a = Supply(), domain("a")
        a.again_at = 10.0
        supply.note_tries(a)
        a.again_at = 30.0
        supply.note_tries(a)
        assert supply.take_due(20.0, enough=5, most=9) == []
        a.again_at = None
        supply.note_tries(a)
        assert supply.take_due(99.0, enough=5, most=9) == []

    def test_no_tries_while_enough_is_at_hand(self):
        supply, full = Supply(), domain("full", ready=6)
        full.again_at = 10.0
        supply.note_tries(full)
        assert supply.take_due(10.0, enough=5, most=9) == []
        full.ready.clear()
        assert supply.take_due(10.5, enough=5, most=9) == [full]

    def test_no_more_than_asked_for(self):
        supply, domains = Supply(), [domain(str(number)) for number in range(5)]
        for each in domains:
            each.again_at = 1.0
            supply.note_tries(each)
        assert len(supply.take_due(2.0, enough=5, most=3)) == 3
        assert len(supply.take_due(2.0, enough=5, most=3)) == 2
