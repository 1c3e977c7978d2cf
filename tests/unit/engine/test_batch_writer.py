"""When a batch is full, and when it may wait."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scraper.engine.batch_writer import BATCH_OUTCOMES, BATCH_ROWS, BatchWriter
from scraper.request import Request
from scraper.store.outcomes import Outcome, Redirected, StartTaken
from scraper.store.values import Found, Queued, Yielded

REQUEST = Request("https://example.com/")
QUEUED = Queued(1, REQUEST, b"1", "example.com")


def writer(**frontier: object) -> BatchWriter:
    nothing = cast(Any, None)
    others = [nothing] * 5
    return BatchWriter(
        nothing, cast(Any, SimpleNamespace(id=1)), nothing, cast(Any, SimpleNamespace(**frontier)), *others
    )


def links(count: int) -> Yielded:
    return Yielded(found=[Found(REQUEST, b"2", "example.com")] * count)


def test_by_outcomes() -> None:
    full = writer()
    for _ in range(BATCH_OUTCOMES - 1):
        full.take(Outcome(QUEUED))
    assert not full.is_full
    full.take(Outcome(QUEUED))
    assert full.is_full


def test_by_rows_of_few_pages() -> None:
    full = writer()
    full.take(Redirected(QUEUED, links(BATCH_ROWS // 2 - 1)))
    assert not full.is_full
    full.take(Redirected(QUEUED, links(BATCH_ROWS // 2 - 1)))
    assert full.is_full


def test_by_rows_of_start() -> None:
    full = writer()
    full.take(StartTaken(links(BATCH_ROWS), BATCH_ROWS, False))
    assert full.is_full


@pytest.mark.parametrize(
    ("frontier", "seconds", "waits"),
    [
        # Nobody needs it: it may wait for more.
        ({"is_starving": lambda names: False, "is_out_of_work": False, "in_flight": 1}, 0.1, True),
        # Others have something to send meanwhile.
        ({"is_starving": lambda names: True, "is_out_of_work": False, "in_flight": 1}, 0.0, True),
        ({"is_starving": lambda names: True, "is_out_of_work": False, "in_flight": 1}, 0.1, False),
        # All others wait for their answers.
        ({"is_starving": lambda names: True, "is_out_of_work": True, "in_flight": 1}, 0.0, True),
        ({"is_starving": lambda names: True, "is_out_of_work": True, "in_flight": 1}, 0.011, False),
        # There is nothing else to wait for.
        ({"is_starving": lambda names: True, "is_out_of_work": True, "in_flight": 0}, 0.0, False),
    ],
)
def test_more_may_come_together(
    frontier: dict[str, object], seconds: float, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    waiting = writer(**frontier)
    waiting.take(Outcome(QUEUED))
    now += seconds
    assert waiting.can_wait is waits
