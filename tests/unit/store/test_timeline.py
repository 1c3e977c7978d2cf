"""How a run went: rows that commits write, in a bounded number, with all that came in them."""

from __future__ import annotations

import pytest

from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.state import timeline
from scraper.store.state.timeline import Came
from scraper.store.values import Counts, Moment


def came(store: Store, run: int, seconds: float, *, pages: int = 0, queued: int = 0) -> None:
    """One commit, of a page whose request took half a second."""
    new = Came(answers=1, answer_seconds=0.5)
    new.count(ConnectionStats(requests=2, connections=1, bytes=100, retries=1))
    with store._database.writing() as connection:
        timeline.add(connection, run, seconds, 1000.0 + seconds, Counts(pages=pages, queued=queued), new)


def test_row_holds_the_newest_counts_and_the_sums_of_its_second(store: Store, run: int):
    came(store, run, 2.1, pages=1, queued=9)
    came(store, run, 2.9, pages=2, queued=8)
    came(store, run, 5.0, pages=3, queued=7)
    first, second = store.timeline(run)
    assert first == Moment(
        begins=2,
        width=1,
        at=1002.9,
        pages=2,
        items=0,
        failed=0,
        refused=0,
        queued=8,
        answers=2,
        answer_seconds=1.0,
        requests=4,
        connections=2,
        retries=2,
        bytes=200,
    )
    assert (second.begins, second.pages, second.requests) == (5, 3, 2)


def test_two_processes_add_to_one_row(store: Store, run: int):
    with Store(store.location) as other:
        came(store, run, 1.0, pages=1)
        came(other, run, 1.5, pages=2)
    assert [(row.begins, row.pages, row.answers) for row in store.timeline(run)] == [(1, 2, 2)]


def test_rows_are_bounded_and_nothing_of_their_sums_is_lost(store: Store, run: int, monkeypatch: pytest.MonkeyPatch):
    most = 72
    monkeypatch.setattr(timeline, "MOST_ROWS", most)
    seconds = range(3 * most)
    with store._database.writing() as connection:
        for each in seconds:
            timeline.add(connection, run, each, float(each), Counts(pages=each), Came(answers=1, bytes=3))
    rows = store.timeline(run)
    assert most / 2 <= len(rows) <= most
    assert {row.width for row in rows} == {4}
    assert (sum(row.answers for row in rows), sum(row.bytes for row in rows)) == (len(seconds), 3 * len(seconds))
    assert [row.begins for row in rows] == sorted({each // 4 * 4 for each in seconds})
    assert rows[-1].pages == seconds[-1]


def test_another_run_has_rows_of_its_own(store: Store, run: int):
    other = store.begin_run("films", "identity", {}).id
    came(store, run, 1.0, pages=1)
    came(store, other, 1.0, pages=5)
    assert [row.pages for row in store.timeline(run)] == [1]
