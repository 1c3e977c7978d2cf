"""Samples of a run: the first URLs of each reason, and the pages that took longest."""

from __future__ import annotations

from dataclasses import replace

from scraper.store import Store
from scraper.store.outcomes import Batch, Done
from scraper.store.values import Attempt
from tests.unit.store.conftest import ME
from tests.unit.store.test_changes import KEYED, SITE, item, outcome, pages, run_of, start, store

__all__ = ["store"]


def test_first_failures_of_a_reason_of_this_run(store: Store):
    run_of(store, {"z": 404})
    run = run_of(store, {"a": 404, "b": 404, "c": 404, "d": 500, "e": [item("e")]}).id
    found = store.failure_examples(run, "http-404", 2)
    assert [example.url for example in found] == [f"https://{SITE}/a", f"https://{SITE}/b"]
    assert [example.url for example in store.failure_examples(run, "http-500", 2)] == [f"https://{SITE}/d"]
    assert store.failure_examples(run, "timeout", 2) == store.refusal_examples(run, "offsite", 2) == []


def test_slowest_pages_count_what_came_at_a_later_try(store: Store):
    run_of(store, {"old": [item("old")]})
    run = store.begin_run("books", "identity", KEYED).id
    start(store, run, *pages("a", "b", "c"))
    took = {"a": (1, 0.5), "b": (2, 3.0), "c": (1, 1.5)}
    done = []
    for queued in store.ready(run, SITE, 10):
        name = queued.request.url.rpartition("/")[2]
        ended = outcome(queued, [item(name)])
        assert isinstance(ended, Done)
        number, seconds = took[name]
        attempt = Attempt(number, 1.0, ended.connection, False, ended.status, "", "", None, seconds, ended.size)
        done.append(replace(ended, attempt=attempt))
    store.commit(run, Batch(outcomes=done), ME, {SITE: 1})
    slow = store.slowest_pages(run, 2)
    assert [(page.url[-1], page.seconds) for page in slow] == [("b", 3.0), ("c", 1.5)]
    (row,) = store.timeline(run)
    assert (row.pages, row.answers, row.answer_seconds) == (3, 3, 5.0)
