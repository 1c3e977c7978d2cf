from __future__ import annotations

import logging
from dataclasses import is_dataclass

import pytest

from scraper.observe import events as module
from scraper.observe.events import KINDS, Draining, Events, Fetched, Notice, PageDone
from scraper.observe.log import LogObserver


def test_every_observer_sees_every_event():
    first, second = [], []
    events = Events((first.append, second.append))
    events(Notice("a"))
    events(Notice("b"))
    assert first == second == [Notice("a"), Notice("b")]


def test_an_observer_that_fails_is_left_out_and_the_rest_go_on(caplog):
    calls, seen = [], []

    def broken(event: object) -> None:
        calls.append(event)
        raise RuntimeError("no")

    events = Events((broken, seen.append))
    with caplog.at_level(logging.ERROR, logger="scraper"):
        events(Notice("a"))
        events(Notice("b"))
    assert calls == [Notice("a")]
    assert seen == [Notice("a"), Notice("b")]
    assert "watches no longer" in caplog.text


class Picky:
    """An observer of drainings alone."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def wants(self, kind: type) -> bool:
        return kind is Draining

    def __call__(self, event: object) -> None:
        self.seen.append(event)


def test_an_observer_that_says_what_it_wants_gets_nothing_else():
    picky = Picky()
    events = Events((picky,))
    events(Notice("a"))
    events(Draining(1, 2.0))
    assert picky.seen == [Draining(1, 2.0)]
    assert (events.wants(Draining), events.wants(Notice)) == (True, False)
    assert events.wanted == {Draining}


def test_an_observer_that_does_not_say_wants_all():
    events = Events((Picky(), print))
    assert events.wanted == set(KINDS)
    assert not Events().wants(Notice)


def test_all_kinds_of_events_are_known():
    own = [kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__]
    assert set(KINDS) == {kind for kind in own if is_dataclass(kind)} - {module.Waiting}


@pytest.mark.parametrize(
    ("level", "wanted"),
    [(logging.DEBUG, {Fetched, PageDone}), (logging.INFO, {Fetched}), (logging.WARNING, set())],
)
def test_the_log_wants_what_it_would_write(level: int, wanted: set[type], caplog):
    with caplog.at_level(level, logger="scraper"):
        unwanted = set(KINDS) - Events((LogObserver(),)).wanted
    assert {Fetched, PageDone} - unwanted == wanted
    assert unwanted <= {Fetched, PageDone}, "the levels of others are not the same for all of them"


def test_an_observer_that_cannot_say_what_it_wants_gets_all():
    class Broken(Picky):
        def wants(self, kind: type) -> bool:
            raise RuntimeError("no")

    broken = Broken()
    events = Events((broken,))
    events(Notice("a"))
    assert (broken.seen, events.wants(Fetched)) == ([Notice("a")], True)
