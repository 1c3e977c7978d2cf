"""What is known already: for certain in memory, in truth in the store; and over several processes on one store."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from scraper.request import Request
from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.outcomes import Batch, StartTaken
from scraper.store.state.outgoing import pack, unpack
from scraper.store.state.seen import Recent, Seen
from scraper.store.values import Refusal, StoredItem, Yielded
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where
from tests.unit.store.test_store import SITE, done, pages, start


class TestRecent:
    def test_is_bounded_and_keeps_what_is_asked_for(self):
        recent: Recent[int, str] = Recent(10)
        recent.put(-1, "asked for")
        for number in range(100):
            recent.put(number, "passing by")
            assert recent.get(-1) == "asked for"
            assert len(recent) <= 10
        assert (recent.get(99), recent.get(0)) == ("passing by", None)

    def test_a_frontier_s_and_a_refusal_s_are_told_apart(self):
        seen = Seen()
        seen.add([b"queued"], [b"refused"])
        assert (seen.is_queued(b"queued"), seen.is_refused(b"queued")) == (True, False)
        assert (seen.is_queued(b"refused"), seen.is_refused(b"refused")) == (False, True)


class TestWhatACommitMakesKnown:
    def test_is_known_once_it_is_committed(self, store: Store, run: int):
        (a,) = pages("a")
        refusal = Refusal("https://far.example/", b"f" * 16, "offsite", "far")
        store.commit(run, Batch(starts=[StartTaken(Yielded(found=[a], refusals=[refusal]), 2, True)]), ME, {})
        seen = store.seen(run)
        assert (seen.is_queued(a.fingerprint), seen.is_refused(refusal.fingerprint)) == (True, True)
        assert not store.seen(run + 1).is_queued(a.fingerprint)

    def test_what_fails_makes_nothing_known(self, store: Store, run: int):
        start(store, run, *pages("a"))
        epoch = store.claim(ME, [SITE])[0].epoch
        (queued,) = store.ready(run, SITE, 1)
        (b,) = pages("b")
        with pytest.raises(Exception, match="object"):
            store.commit(run, Batch(outcomes=[done(queued, found=(b,), url=object())]), ME, {SITE: epoch})
        assert not store.seen(run).is_queued(b.fingerprint)

    def test_duplicates_told_from_memory_are_counted(self, store: Store, run: int):
        yielded = Yielded(found=pages("a"), duplicates=59)
        committed = store.commit(run, Batch(starts=[StartTaken(yielded, 1, True)]), ME, {})
        assert (committed.counts.queued, committed.counts.duplicates) == (1, 59)

    def test_only_what_was_new_is_said_to_be_added(self, store: Store, run: int):
        assert dict(start(store, run, *pages("a")).added) == {SITE: 0}
        assert dict(start(store, run, *pages("a")).added) == {}


class TestSeveralProcesses:
    def test_what_another_one_found_is_a_duplicate(self, store: Store, run: int, path: Where):
        with Store(path) as other:
            start(store, run, *pages("a", "b"))
            counts = start(other, run, *pages("b", "c")).counts
            assert (counts.queued, counts.duplicates) == (3, 1)
            refusal = Refusal("https://far.example/", b"f" * 16, "offsite", "far")
            taken = StartTaken(Yielded(refusals=[refusal]), 1, True)
            for each in (store, other):
                counts = each.commit(run, Batch(starts=[taken]), ME, {}).counts
            assert counts.refused == 1

    def test_counts_and_sums_add_up(self, store: Store, run: int, path: Where):
        rounds, each = 20, 10
        errors: list[BaseException] = []

        def work(mine: Store) -> None:
            try:
                for number in range(rounds):
                    found = pages(*(str(number * each + place) for place in range(each)))
                    items = [StoredItem("item", None, "{}")]
                    figures = {SITE: ConnectionStats(requests=1, handshake_seconds=0.5, reasons={"first": 1})}
                    batch = Batch(starts=[StartTaken(Yielded(found=found, items=items), 1, False)], figures=figures)
                    mine.commit(run, batch, ME, {})
            except BaseException as error:
                errors.append(error)

        with Store(path) as other:
            threads = [threading.Thread(target=work, args=(mine,)) for mine in (store, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert errors == []
        row = store.run(run)
        assert row is not None
        counts = row.counts
        assert (counts.queued, counts.duplicates) == (rounds * each, rounds * each)
        assert (counts.items, row.start_taken, row.commits) == (2 * rounds, 2 * rounds, 2 * rounds)
        assert store.figures(run)[SITE] == ConnectionStats(
            requests=2 * rounds, handshake_seconds=float(rounds), reasons={"first": 2 * rounds}
        )
        # Each commit has a number of its own, so an export that follows them misses none.
        assert sorted(item.commit for item in store.items_after(run, 0, 1_000)) == list(range(1, 2 * rounds + 1))


class TestWithout:
    def test_what_is_at_hand_is_not_read_again(self, store: Store, run: int):
        start(store, run, *pages("a", "b", "c", "d"))
        first = store.ready(run, SITE, 2)
        second = store.ready(run, SITE, 2, without={queued.id for queued in first})
        assert [queued.request.url[-1] for queued in first + second] == ["a", "b", "c", "d"]
        assert store.ready(run, SITE, 2, without={queued.id for queued in first + second}) == []


class TestOutgoing:
    def test_comes_back_as_it_was_yielded(self):
        requests = [
            Request(f"https://{SITE}/a"),
            Request(f"https://{SITE}/b?x=%20y", "parse_b"),
            Request(f"https://{SITE}/a"),
            Request(f"https://{SITE}/form", "parse_form", "POST", data=b"\0\xff", meta={"text": "line\nbreak ä"}),
        ]
        for request in requests:
            request.depth = 3
        blob = pack([request.short_form or request.to_json() for request in requests])
        assert [request.to_record() for request in unpack(blob, depth=2)] == [each.to_record() for each in requests]

    def test_nothing(self):
        assert (pack([]), unpack(None, depth=0)) == (None, [])

    def test_is_small(self):
        links = [f" https://{SITE}/category/{number}/index.html" for number in range(60)]
        blob = pack(links)
        assert blob is not None
        assert len(blob) < len("".join(links)) / 5


@pytest.mark.sqlite
class TestPlans:
    def test_going_on_reads_no_table_of_requests_from_end_to_end(self, store: Store, run: int):
        start(store, run, *pages("a", "b"))
        said: list[str] = []
        (driver,) = store._database._idle
        driver.set_trace_callback(said.append)
        row = store.unfinished_run("books")
        assert row is not None
        store.resume_run(row, {})
        store.figures(run)
        names = store.domains_with_work(run)
        epochs = {lease.domain: lease.epoch for lease in store.claim(ME, names)}
        (a, b) = store.ready(run, SITE, 2)
        store.due_again(run, SITE, 2)
        store.commit(run, Batch(outcomes=[done(a, {"n": 1}, found=tuple(pages("c")))]), ME, epochs)
        store.items_after(run, 0, 10)
        store.strike(b.id)
        plans = self._plans(store.location.path, said)
        assert any("frontier_queue" in plan for plan in plans)
        large = ("frontier", "pages", "items", "attempts", "failures", "refusals")
        scans = [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in large]
        assert (scans, [plan for plan in plans if "TEMP B-TREE" in plan]) == ([], [])

    def _plans(self, path: Path, statements: list[str]) -> list[str]:
        """What SQLite would do for each of these, a line a step."""
        database = sqlite3.connect(path)
        try:
            return [
                row[3]
                for statement in statements
                if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))
                for row in database.execute(f"EXPLAIN QUERY PLAN {statement}")
            ]
        finally:
            database.close()
