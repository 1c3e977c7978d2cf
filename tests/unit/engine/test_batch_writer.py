"""When a batch is full."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from scraper.engine.batch_writer import BATCH_OUTCOMES, BATCH_ROWS, BatchWriter
from scraper.request import Request
from scraper.store.outcomes import Outcome, Redirected, StartTaken
from scraper.store.values import Found, Queued, Yielded

REQUEST = Request("https://example.com/")
QUEUED = Queued(1, REQUEST, b"1", "example.com")


def writer() -> BatchWriter:
    nothing = cast(Any, None)
    others = [nothing] * 7
    return BatchWriter(nothing, cast(Any, SimpleNamespace(id=1)), *others)


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
