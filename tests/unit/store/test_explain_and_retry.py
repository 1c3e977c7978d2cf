"""What the store tells of one URL, and how a run's failures are put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from scraper.request import Request
from scraper.store import Store
from scraper.store.history.explain import History
from scraper.store.outcomes import Batch, Failed, Redirected, RetryLater
from scraper.store.tables import RequestState
from scraper.store.values import Attempt, Queued, Refusal, RobotsRow, Yielded
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where, change, rows
from tests.unit.store.test_store import SITE, done, found, pages, start

EPOCHS = {SITE: 1}


@pytest.fixture
def store(path: Where) -> Iterator[Store]:
    with Store(path, lock=True) as store:
        store.join(ME)
        yield store


@pytest.fixture
def run(store: Store) -> int:
    store.claim(ME, [SITE])
    return store.begin_run("books", "identity", {}).id


def attempt(number: int = 1, **changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "at": 100.0, "connection": f"{SITE}#1", "reused": True, "status": 200, "reason": "", "message": "",
        "wait": None, "seconds": 0.25, "bytes": 12,
    }  # fmt: skip
    return Attempt(number, **values | changes)


def commit(store: Store, run: int, *outcomes: Any, **batch: Any) -> None:
    store.commit(run, Batch(outcomes=list(outcomes), **batch), ME, EPOCHS)


def queued(store: Store, run: int, name: str) -> Queued:
    by_name = {each.request.url.rpartition("/")[2]: each for each in store.ready(run, SITE, 100)}
    return by_name[name]


def history(store: Store, run: int, name: str, **keywords: Any) -> History:
    request = Request(f"https://{SITE}/{name}", **keywords)
    return store.history(run, request, request.fingerprint())


def failed(queued: Queued, reason: str = "http-500", **changes: Any) -> Failed:
    return Failed(queued, reason, "it broke", 500, attempts=4, **changes)


class TestHistory:
    def test_a_page_with_its_tries_and_items(self, store: Store, run: int):
        start(store, run, *pages("home"))
        commit(store, run, done(queued(store, run, "home"), found=tuple(pages("a"))))
        page = queued(store, run, "a")
        refused = attempt(status=503, reason="http-503", message="busy", wait=1.5)
        commit(store, run, RetryLater(page, 0.5, 1, attempt=refused))
        answered = attempt(2, at=102.0, reused=False)
        commit(store, run, done(page, {"n": 1}, {"n": 2}, etag='"x"', attempt=answered))
        (known,) = history(store, run, "a").known
        assert (known.state, known.found_on_url) == (RequestState.DONE, f"https://{SITE}/home")
        assert known.attempts == (refused, answered)
        assert known.page is not None
        assert (known.page.status, known.page.etag, known.page.requests) == (200, '"x"', 0)
        assert known.items == (("item", None), ("item", None))

    @pytest.mark.parametrize("reused", [True, False])
    def test_a_page_that_came_at_the_first_try(self, store: Store, run: int, reused: bool):
        start(store, run, *pages("a"))
        page = done(queued(store, run, "a"))
        sent = attempt(connection=page.connection, status=page.status, bytes=page.size, reused=reused)
        commit(store, run, replace(page, attempt=sent))
        assert history(store, run, "a").known[0].attempts == (sent,)
        assert rows(store.location, "select count(*) from attempts") == [(0,)], "its page says it all"

    def test_a_page_that_came_once_its_failure_was_put_back(self, store: Store, run: int):
        start(store, run, *pages("a"))
        first = attempt(4, reason="http-500")
        commit(store, run, failed(queued(store, run, "a"), attempt=first))
        store.put_back(run, [])
        page = done(queued(store, run, "a"))
        sent = attempt(connection=page.connection, status=page.status, bytes=page.size)
        commit(store, run, replace(page, attempt=sent))
        assert history(store, run, "a").known[0].attempts == (first, sent)

    def test_a_failure_without_a_try(self, store: Store, run: int):
        start(store, run, *pages("a"))
        commit(store, run, Failed(queued(store, run, "a"), "robots-unreachable", "no robots.txt", attempts=0))
        (known,) = history(store, run, "a").known
        assert (known.state, known.attempts, known.found_on_url) == (RequestState.FAILED, (), None)
        assert known.failure is not None
        assert known.failure.reason == "robots-unreachable"

    def test_a_redirect_leads_somewhere(self, store: Store, run: int):
        start(store, run, *pages("old"))
        target = f"https://{SITE}/new"
        moved = attempt(status=301, reason="redirect", message=target)
        commit(store, run, Redirected(queued(store, run, "old"), Yielded(found=[found(target)]), attempt=moved))
        (old,) = history(store, run, "old").known
        (new,) = history(store, run, "new").known
        assert (old.leads_to, old.state) == (target, RequestState.REDIRECTED)
        assert (new.found_on, new.found_on_url, new.leads_to) == (old.id, f"https://{SITE}/old", None)

    def test_a_refusal(self, store: Store, run: int):
        request = Request("https://other.example/")
        refusal = Refusal(request.url, request.fingerprint(), "offsite", "not allowed")
        start(store, run, *pages("home"))
        outcome = done(queued(store, run, "home"))
        outcome.yielded.refusals.append(refusal)
        commit(store, run, outcome)
        found = store.history(run, request, request.fingerprint())
        assert (found.known, bool(found)) == ((), True)
        assert found.refused is not None
        assert (found.refused.reason, found.refused.found_on_url) == ("offsite", f"https://{SITE}/home")

    def test_the_same_url_by_another_method_and_not_by_another_case(self, store: Store, run: int):
        start(store, run, *pages("form", method="POST", data=b"x"), *pages("FORM", "form2"))
        assert [known.request.method for known in history(store, run, "form").known] == ["POST"]

    def test_another_run_s_is_not_told(self, store: Store, run: int):
        start(store, run, *pages("a"))
        assert not history(store, run + 1, "a")

    def test_text_that_utf_8_cannot_say(self, store: Store, run: int):
        start(store, run, *pages("a"))
        commit(store, run, failed(queued(store, run, "a"), attempt=attempt(message="a lone \ud800")))
        assert history(store, run, "a").known[0].attempts[0].message == "a lone ?"


class TestPutBack:
    def test_all_of_them(self, store: Store, run: int):
        start(store, run, *pages("a", "b", "c"))
        first = attempt(4, reason="http-500")
        commit(store, run, failed(queued(store, run, "a"), attempt=first), done(queued(store, run, "b")))
        commit(store, run, failed(queued(store, run, "c"), "timeout"))
        store.end_run(run, "finished", "all done", finished=True)
        assert store.unfinished_run("books") is None
        put = store.put_back(run, [])
        assert (put.count, put.left_alone) == (2, 0)
        row = store.unfinished_run("books")
        assert row is not None
        assert (row.id, row.result, row.counts.failed, row.counts.queued, row.counts.pages) == (run, None, 0, 2, 1)
        assert store.failures(run) == []
        assert [(each.request.url[-1], each.attempts) for each in store.ready(run, SITE, 9)] == [("a", 0), ("c", 0)]
        assert history(store, run, "a").known[0].attempts == (first,)

    def test_those_of_a_reason(self, store: Store, run: int):
        start(store, run, *pages("a", "b", "c"))
        outcomes = [failed(queued(store, run, name), reason) for name, reason in zip("abc", "xyz", strict=True)]
        commit(store, run, *outcomes)
        assert store.put_back(run, ["x", "z"]).count == 2
        assert store.counts_by_reason(run)[0] == {"y": 1}

    def test_nothing_changes_where_there_is_nothing(self, store: Store, run: int):
        start(store, run, *pages("a"))
        commit(store, run, failed(queued(store, run, "a")))
        store.end_run(run, "finished", "all done", finished=True)
        before = store.run(run)
        assert store.put_back(run, ["timeout"]).count == 0
        assert store.run(run) == before

    def test_what_must_not_be_repeated_only_by_its_reason(self, store: Store, run: int):
        start(store, run, *pages("form", method="POST"), *pages("safe", method="POST", retry_unsafe=True))
        store.mark_sent(queued(store, run, "form").id)
        commit(store, run, *(failed(queued(store, run, name), "timeout") for name in ("form", "safe")))
        put = store.put_back(run, [])
        assert (put.count, put.left_alone) == (1, 1)
        assert store.put_back(run, ["timeout"]).count == 1
        assert queued(store, run, "form").sent is False

    def test_a_page_that_crashed_is_tried_as_if_it_never_had(self, store: Store, run: int):
        start(store, run, *pages("a"))
        page = queued(store, run, "a")
        assert [store.strike(page.id), store.strike(page.id)] == [1, 2]
        commit(store, run, failed(queued(store, run, "a"), "crashed"))
        store.put_back(run, [])
        assert queued(store, run, "a").strikes == 0

    def test_robots_that_could_not_be_had_are_forgotten_for_these_origins(self, store: Store, run: int):
        rows = [
            RobotsRow(f"https://{SITE}", SITE, "unreachable", "", "timeout", 1.0),
            RobotsRow(f"https://static.{SITE}", SITE, "unreachable", "", "timeout", 1.0),
        ]
        start(store, run, *pages("a"))
        commit(store, run, failed(queued(store, run, "a"), "robots-unreachable"), robots=rows)
        assert store.robots_of(f"https://{SITE}") == rows[0]
        store.put_back(run, ["robots-unreachable"])
        assert store.robots_of(f"https://{SITE}") is None
        assert store.robots_of(f"https://static.{SITE}") == rows[1]


class TestRuns:
    def test_the_run_before_that_was_good(self, store: Store):
        for result in ("finished", "limit", "outside-gate", "abandoned"):
            row = store.begin_run("books", "i", {})
            store.end_run(row.id, result, "", finished=True)
        store.end_run(store.begin_run("other", "i", {}).id, "finished", "", finished=True)
        newest = store.begin_run("books", "i", {})
        before = store.run_before(newest)
        assert before is not None
        assert (before.id, before.result) == (2, "limit")
        first = store.run(1)
        assert first is not None
        assert store.run_before(first) is None


def test_store_that_was_made_without_a_table_gets_it(path: Where):
    with Store(path) as store:
        run = store.begin_run("books", "i", {}).id
    change(path, "drop table attempts")
    with Store(path, lock=True) as store:
        store.join(ME)
        store.claim(ME, [SITE])
        start(store, run, *pages("a"))
        commit(store, run, done(queued(store, run, "a"), attempt=attempt()))
        assert history(store, run, "a").known[0].attempts == (attempt(),)
