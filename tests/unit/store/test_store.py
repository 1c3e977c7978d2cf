"""The store: what one commit writes, who may commit, and what is handed out in which order."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from scraper.errors import StoreError, StoreLocked
from scraper.request import Request
from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.backends import lease_clock, sqlite
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.outcomes import Batch, Done, Failed, Redirected, RetryLater, StartTaken
from scraper.store.values import (
    DomainUpdate,
    Found,
    Pause,
    ProxyPause,
    Queued,
    Refusal,
    RobotsRow,
    StoredItem,
    Yielded,
)
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where

SITE = "example.com"


def found(url: str, *, unfiltered: bool = False, **keywords: Any) -> Found:
    request = Request(url, **keywords)
    domain = url.split("/")[2]
    return Found(request, request.fingerprint(), domain, unfiltered)


def start(store: Store, run: int, *requests: Found, epochs: dict[str, int] | None = None, **batch: Any) -> Any:
    """Take in first requests."""
    taken = StartTaken(Yielded(found=list(requests)), len(requests), True)
    return store.commit(run, Batch(starts=[taken], **batch), ME, epochs or {})


def done(queued: Queued, *items: dict[str, Any], found: tuple[Found, ...] = (), **changes: Any) -> Done:
    yielded = Yielded(found=list(found), items=[StoredItem("item", None, json.dumps(item)) for item in items])
    values: dict[str, Any] = {
        "url": queued.request.url,
        "status": 200,
        "fetched_at": 1.0,
        "connection": None,
        "size": 1,
        "etag": None,
        "last_modified": None,
        "content_hash": b"",
    }
    return Done(queued, yielded, **values | changes)


def queue(store: Store, run: int, domain: str = SITE) -> list[str]:
    return [queued.request.url.rpartition("/")[2] for queued in store.ready(run, domain, 100)]


def pages(*names: str, **keywords: Any) -> list[Found]:
    return [found(f"https://{SITE}/{name}", **keywords) for name in names]


class TestQueue:
    def test_by_priority_then_first_found_first(self, store: Store, run: int):
        requests = [*pages("a", "b"), *pages("high", priority=5), *pages("low", priority=-5), *pages("c")]
        committed = start(store, run, *requests)
        assert queue(store, run) == ["high", "a", "b", "c", "low"]
        assert dict(committed.added) == {SITE: -5}

    def test_a_domain_has_its_own(self, store: Store, run: int):
        start(store, run, *pages("a"), found("https://other.example/x"))
        assert (queue(store, run), queue(store, run, "other.example")) == (["a"], ["x"])
        assert store.domains_with_work(run) == [SITE, "other.example"]

    def test_a_request_comes_back_as_it_went_in(self, store: Store, run: int):
        request = Request(
            f"https://{SITE}/form",
            "parse_form",
            "POST",
            {"X-Plain": "é"},
            data=b"\0\xff",
            cookies={"a": "1"},
            meta={"deep": [1, {"x": None}]},
            priority=3,
            errback="failed",
            statuses=[404],
            retry_unsafe=True,
        )
        request.depth, request.redirected_from, request.cookie_marks = 2, ("https://a/",), ("mark",)
        start(store, run, Found(request, request.fingerprint(), SITE))
        (queued,) = store.ready(run, SITE, 1)
        assert queued.request.to_record() == request.to_record()
        assert (queued.fingerprint, queued.rank, queued.attempts) == (request.fingerprint(), -3, 0)

    def test_duplicates_within_a_page_and_over_commits(self, store: Store, run: int):
        first = start(store, run, *pages("a", "a", "b"))
        second = start(store, run, *pages("b", "c"))
        assert (first.counts.duplicates, second.counts.duplicates, second.counts.queued) == (1, 2, 3)
        start(store, run, *pages("a", unfiltered=True), *pages("a", unfiltered=True))
        assert queue(store, run) == ["a", "b", "c", "a", "a"]

    def test_duplicates_are_known_to_the_next_process(self, path: Where):
        with Store(path, lock=True) as first:
            run = first.begin_run("books", "i", {}).id
            first.join(ME)
            start(first, run, *pages("a"))
        with Store(path, lock=True) as second:
            assert start(second, run, *pages("a")).counts.duplicates == 1

    def test_another_run_begins_with_nothing_known(self, store: Store, run: int):
        start(store, run, *pages("a"))
        other = store.begin_run("books", "identity", {}).id
        assert start(store, other, *pages("a")).counts.queued == 1

    def test_more_than_sql_takes_at_once(self, store: Store, run: int):
        many = pages(*map(str, range(2_500)))
        assert start(store, run, *many).counts.queued == 2_500
        assert start(store, run, *many).counts.duplicates == 2_500

    def test_a_refused_request_is_counted_once(self, store: Store, run: int):
        refusal = Refusal("https://far.example/", b"f" * 16, "offsite", "far")
        taken = StartTaken(Yielded(refusals=[refusal, refusal]), 2, True)
        for _ in range(2):
            committed = store.commit(run, Batch(starts=[taken]), ME, {})
        assert committed.counts.refused == 1
        assert store.counts_by_reason(run) == ({}, {"offsite": 1})


class TestAgain:
    def test_waits_and_comes_back_with_its_attempts(self, store: Store, run: int):
        start(store, run, *pages("a", "b"))
        epoch = store.claim(ME, [SITE])[0].epoch
        a, b = store.ready(run, SITE, 2)
        store.mark_sent(a.id)
        store.commit(run, Batch(outcomes=[RetryLater(a, 1.0, 3), RetryLater(b, 9e9, 1)]), ME, {SITE: epoch})
        due, next_at = store.due_again(run, SITE, 10)
        assert [(queued.id, queued.attempts, queued.sent) for queued in due] == [(a.id, 3, False)]
        assert (next_at, queue(store, run), store.run(run).counts.queued) == (9e9, [], 2)

    def test_what_is_due_beyond_the_limit_is_not_forgotten(self, store: Store, run: int):
        start(store, run, *pages(*map(str, range(150))))
        epoch = store.claim(ME, [SITE])[0].epoch
        outcomes = [RetryLater(queued, 1.0, 1) for queued in store.ready(run, SITE, 150)]
        store.commit(run, Batch(outcomes=outcomes), ME, {SITE: epoch})
        due, next_at = store.due_again(run, SITE, 100)
        assert len(due) == 150 or (next_at is not None and next_at <= time.time())

    def test_a_strike_goes_behind_all_others(self, store: Store, run: int):
        start(store, run, *pages("bad", priority=9), *pages("a", "low", priority=-99))
        bad = store.ready(run, SITE, 1)[0]
        assert [store.strike(bad.id), store.strike(bad.id)] == [1, 2]
        assert queue(store, run)[-1] == "bad"
        assert store.ready(run, SITE, 9)[-1].strikes == 2


class TestCommit:
    def test_everything_at_once(self, store: Store, run: int):
        start(store, run, *pages("page", "gone", "moved"))
        epoch = store.claim(ME, [SITE])[0].epoch
        page, gone, moved = store.ready(run, SITE, 3)
        outcomes = [
            done(page, {"n": 1}, {"n": 2}, found=tuple(pages("next", "gone"))),
            Failed(
                gone, "http-404", "it is gone", 404, "a traceback", 1, Yielded(items=[StoredItem("item", None, "{}")])
            ),
            Redirected(moved, Yielded(found=pages("target"))),
        ]
        batch = Batch(
            outcomes=outcomes,
            domains={SITE: DomainUpdate(5.0, "[]")},
            robots=[RobotsRow(f"https://{SITE}", SITE, "rules", "User-agent: *", "", 7.0)],
            figures={SITE: ConnectionStats(requests=3, reasons={"first": 1})},
            hosts=["www.example.com"],
        )
        counts = store.commit(run, batch, ME, {SITE: epoch}).counts
        assert (counts.pages, counts.items, counts.failed, counts.redirects) == (1, 3, 1, 1)
        assert (counts.duplicates, counts.queued) == (1, 2)
        assert queue(store, run) == ["next", "target"]
        failure = store.failures(run)[0]
        assert (failure.reason, failure.status, failure.traceback) == ("http-404", 404, "a traceback")
        assert store.failures(run, "timeout") == []
        row = store.run(run)
        assert row.hosts == ("www.example.com",)
        store.void_leases_of(ME)
        store.join(ME)
        lease = store.claim(ME, [SITE])[0]
        assert (lease.last_send, lease.cookies, lease.robots[0].text) == (5.0, "[]", "User-agent: *")

    def test_figures_add_up(self, store: Store, run: int):
        for number in (1, 2):
            figures = ConnectionStats(requests=number, handshake_seconds=0.5, reasons={"first": 1, "idle": number})
            store.commit(run, Batch(figures={SITE: figures}), ME, {})
        assert store.figures(run)[SITE] == ConnectionStats(
            requests=3, handshake_seconds=1.0, reasons={"first": 2, "idle": 3}
        )

    def test_nothing_of_a_batch_that_fails(self, store: Store, run: int):
        start(store, run, *pages("a", "b"))
        epoch = store.claim(ME, [SITE])[0].epoch
        a, b = store.ready(run, SITE, 2)
        broken = done(b, {"n": 2}, url=object())
        with pytest.raises(Exception, match="object"):
            store.commit(run, Batch(outcomes=[done(a, {"n": 1}, found=tuple(pages("c"))), broken]), ME, {SITE: epoch})
        assert (queue(store, run), store.items_after(run, 0, 10)) == (["a", "b"], [])
        # What was rolled back is not taken for known.
        assert start(store, run, *pages("c")).counts.queued == 3

    def test_only_under_the_current_epoch(self, store: Store, run: int):
        start(store, run, *pages("a"), found("https://mine.example/x"))
        epochs = {lease.domain: lease.epoch for lease in store.claim(ME, [SITE, "mine.example"])}
        (a,), (x,) = store.ready(run, SITE, 1), store.ready(run, "mine.example", 1)
        batch = Batch(
            outcomes=[done(a, {"n": "lost"}, found=tuple(pages("b"))), done(x, {"n": "kept"})],
            domains={SITE: DomainUpdate(5.0, "[1]")},
            robots=[RobotsRow(f"https://{SITE}", SITE, "rules", "", "", 7.0)],
        )
        committed = store.commit(run, batch, ME, epochs | {SITE: epochs[SITE] - 1})
        assert committed.lost == {a.id}
        assert (committed.counts.pages, committed.counts.queued, queue(store, run)) == (1, 1, ["a"])
        assert [row.data for row in store.items_after(run, 0, 10)] == [{"n": "kept"}]
        store.void_leases_of(ME)
        store.join(ME)
        lease = store.claim(ME, [SITE])[0]
        assert (lease.last_send, lease.cookies, lease.robots) == (None, None, ())

    def test_figures_of_a_lost_domain_are_its_new_holder_s(self, store: Store, run: int):
        epoch = store.claim(ME, [SITE])[0].epoch
        store.commit(run, Batch(figures={SITE: ConnectionStats(requests=1)}), ME, {SITE: epoch - 1})
        assert store.figures(run) == {}

    def test_an_outcome_without_an_epoch_is_refused(self, store: Store, run: int):
        start(store, run, *pages("a"))
        (a,) = store.ready(run, SITE, 1)
        committed = store.commit(run, Batch(outcomes=[done(a, {"n": 1})]), ME, {})
        assert (committed.lost, committed.counts.pages) == ({a.id}, 0)


class TestLeases:
    def test_one_holder_at_a_time(self, store: Store):
        mine = store.claim(ME, [SITE])
        store.join("you")
        assert (mine[0].epoch, store.claim("you", [SITE])) == (1, [])
        store.void_leases_of(ME)
        assert store.claim("you", [SITE])[0].epoch > mine[0].epoch

    def test_the_lock_voids_every_older_lease(self, path: Where):
        with Store(path, lock=True) as first:
            run = first.begin_run("books", "i", {}).id
            first.join(ME)
            start(first, run, *pages("a"))
            old = first.claim(ME, [SITE])[0].epoch
            (a,) = first.ready(run, SITE, 1)
        with Store(path, lock=True) as second:
            assert second.commit(run, Batch(outcomes=[done(a, {"n": 1})]), ME, {SITE: old}).lost == {a.id}
            second.join("you")
            assert second.claim("you", [SITE])[0].epoch > old

    def test_reading_voids_none(self, store: Store, path: Where):
        epoch = store.claim(ME, [SITE])[0].epoch
        with Store.open_existing(path):
            pass
        run = store.begin_run("books", "i", {}).id
        start(store, run, *pages("a"))
        (a,) = store.ready(run, SITE, 1)
        assert store.commit(run, Batch(outcomes=[done(a)]), ME, {SITE: epoch}).lost == frozenset()

    def test_the_lock_is_one_s(self, store: Store, path: Where):
        with pytest.raises(StoreLocked, match="already running"):
            Store(path, lock=True)
        store.close()
        Store(path, lock=True).close()

    @pytest.mark.sqlite
    def test_a_store_that_is_not_there(self, path: Path):
        with pytest.raises(StoreError, match="no store"):
            Store.open_existing(path)
        assert not path.exists()


class TestItems:
    def test_whole_commits_in_order(self, store: Store, run: int):
        for size in (2, 3, 1):
            items = [StoredItem("item", None, json.dumps({"n": n})) for n in range(size)]
            store.commit(run, Batch(starts=[StartTaken(Yielded(items=items), size, False)]), ME, {})
        rows = store.items_after(run, 0, 100)
        commits = sorted({row.commit for row in rows})
        assert [[row.data["n"] for row in rows if row.commit == commit] for commit in commits] == [
            [0, 1],
            [0, 1, 2],
            [0],
        ]
        assert len(store.items_after(run, 0, 1)) == 2
        assert len(store.items_after(run, 0, 3)) == 5
        assert [row.data["n"] for row in store.items_after(run, commits[1], 100)] == [0]
        assert store.items_after(run, commits[-1], 100) == []
        assert [row.data["n"] for row in store.stream_items(run, chunk=1)] == [0, 1, 0, 1, 2, 0]

    def test_positions_are_of_run_and_name(self, store: Store, run: int):
        store.save_export_position(run, "out.jsonl", {"commit": 1})
        store.save_export_position(run, "out.jsonl", {"commit": 2})
        assert store.export_position(run, "out.jsonl") == {"commit": 2}
        assert store.export_position(run, "out.csv") is None
        assert store.export_position(run + 1, "out.jsonl") is None


class TestPauses:
    def test_a_pause_is_known_to_who_takes_over(self, store: Store, run: int):
        epoch = store.claim(ME, [SITE])[0].epoch
        pause = Pause(2e9, 3, 1)
        store.commit(run, Batch(domains={SITE: DomainUpdate(pause=pause)}), ME, {SITE: epoch})
        store.commit(run, Batch(domains={SITE: DomainUpdate(last_send=5.0)}), ME, {SITE: epoch})
        (lease,) = store.claim(ME, [SITE])
        assert (lease.pause, lease.last_send) == (pause, 5.0)

    def test_proxies_that_are_left_alone_are_known_until_they_answer(self, store: Store, run: int):
        ill, worse = ProxyPause("http://p1:80", 2e9, 1, "proxy"), ProxyPause("http://p1:80", 3e9, 2, "proxy")
        over = ProxyPause("http://p2:80", 5.0, 1, "proxy")
        for known in ([ill, over], [worse], [ProxyPause("http://p1:80", 0.0, 0, "")]):
            store.commit(run, Batch(proxies=known), ME, {})
            assert store.paused_proxies() == store.status(store.unfinished_run("books")).proxies
            assert store.paused_proxies() == [each for each in known if each.until > 6.0]

    def test_it_ends_with_an_answer(self, store: Store, run: int):
        epoch = store.claim(ME, [SITE])[0].epoch
        for pause in (Pause(2e9, 1), Pause()):
            store.commit(run, Batch(domains={SITE: DomainUpdate(pause=pause)}), ME, {SITE: epoch})
        assert store.claim(ME, [SITE])[0].pause is None


@pytest.mark.sqlite
class TestLeaseClock:
    @pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
    def test_steps_of_the_wall_clock_neither_end_nor_prolong_a_lease(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, step: float
    ):
        store.claim(ME, [SITE])
        wall, even = time.time, time.monotonic
        monkeypatch.setattr(time, "time", lambda: wall() + step)
        store.join("other")
        assert store.claim("other", [SITE]) == []
        assert not store.void_expired_leases_of(ME)
        monkeypatch.setattr(time, "monotonic", lambda: even() + LEASE_SECONDS + 1)
        assert store.void_expired_leases_of(ME)

    @pytest.mark.parametrize("named", [True, False])
    def test_no_lease_outlives_the_machine(self, store: Store, monkeypatch: pytest.MonkeyPatch, named: bool):
        store.claim(ME, [SITE])
        # The clock began again, so that the lease seems to last for long.
        even = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: even() - 1_000_000)
        if named:
            monkeypatch.setattr(lease_clock, "boot", lambda: "the next")
        store.join("other")
        assert [lease.domain for lease in store.claim("other", [SITE])] == [SITE]


class TestRuns:
    def test_a_kill_is_told_from_a_stop(self, path: Where):
        with Store(path, lock=True) as store:
            row = store.begin_run("books", "i", {"a": 1})
        with Store(path, lock=True) as store:
            killed = store.resume_run(store.unfinished_run("books"), {"a": 2})
            assert (killed.id, killed.interrupted, killed.config) == (row.id, 1, {"a": 2})
            store.end_run(row.id, "stopped", "by request", finished=False)
            stopped = store.resume_run(store.unfinished_run("books"), {})
            assert (stopped.interrupted, stopped.is_finished, stopped.result) == (1, False, None)
            store.end_run(row.id, "finished", "all done", finished=True)
            assert store.run(row.id).is_finished
            assert store.unfinished_run("books") is None

    @pytest.mark.sqlite
    def test_working_time_is_written_down_unless_somebody_else_writes(self, store: Store, run: int, path: Path):
        assert store.add_seconds_now(run, 2.0, ME)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            assert not store.add_seconds_now(run, 3.0, ME)
            assert time.monotonic() - began < 1.0
            writer.execute("ROLLBACK")
        row = store.run(run)
        assert row is not None and row.seconds == 2.0
        # Who waits for others does so as before.
        store.add_seconds(run, 3.0)
        row = store.run(run)
        assert row is not None and row.seconds == 5.0

    def test_start_is_counted(self, store: Store, run: int):
        store.commit(run, Batch(starts=[StartTaken(Yielded(), 500, False)]), ME, {})
        store.commit(run, Batch(starts=[StartTaken(Yielded(), 3, True)]), ME, {})
        row = store.run(run)
        assert (row.start_taken, row.start_done) == (503, True)


@pytest.mark.sqlite
def test_a_reader_does_not_wait_for_who_writes(store: Store, run: int, path: Path, monkeypatch: pytest.MonkeyPatch):
    """`scraper runs` beside a crawl in the midst of a long commit."""
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with Store.open_existing(path) as reader:
            found = reader.run(run)
            assert found is not None and found.name == "books"
        writer.execute("ROLLBACK")
