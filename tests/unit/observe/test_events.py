from __future__ import annotations

import logging

from scraper.observe.events import Events, Notice


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
