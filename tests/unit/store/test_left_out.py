"""What the store keeps of items that were put aside or dropped, of what items held, and of keys that are unique."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from scraper.health import Quarantined, Shape
from scraper.pipes import DUPLICATE
from scraper.store import Store
from scraper.store.history.quarantine import LONGEST_REASON, MOST_REASONS, OTHER_REASONS
from scraper.store.outcomes import Batch, Done, Failed, Unchanged
from scraper.store.values import Counts, Queued, RunRow, StoredItem, Yielded
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where
from tests.unit.store.test_store import SITE, done, pages, start

FULL = Shape("book", ("title", "price"), (), ())
NO_PRICE = Shape("book", ("title",), ("price",), ())
ASIDE = Quarantined("book", "https://example.com/a", '{"sku":1}', '[{"field":"price","message":"bad"}]')


@pytest.fixture
def store(path: Where) -> Iterator[Store]:
    with Store(path, lock=True) as store:
        store.join(ME)
        store.claim(ME, [SITE])
        yield store


def begun(store: Store, *names: str) -> tuple[RunRow, list[Queued]]:
    run = store.begin_run("books", "", {})
    start(store, run.id, *pages(*names))
    return run, store.ready(run.id, SITE, 100)


def commit(store: Store, run: RunRow, *outcomes: Done | Unchanged | Failed) -> Counts:
    return store.commit(run.id, Batch(outcomes=list(outcomes)), ME, {SITE: 1}).counts


def page(queued: Queued, *shapes: Shape, aside: tuple[Quarantined, ...] = (), dropped: tuple[str, ...] = ()) -> Done:
    yielded = Yielded(aside=list(aside), dropped=list(dropped), shapes=list(shapes))
    return replace(done(queued, identity=b"x"), yielded=yielded)


def unique(queued: Queued, *keys: int) -> Done:
    items = [StoredItem("book", json.dumps(["book", key]), json.dumps({"sku": key}), unique=True) for key in keys]
    return replace(done(queued), yielded=Yielded(items=items))


def skus(store: Store, run: RunRow) -> list[int]:
    return [row.data["sku"] for row in store.stream_items(run.id)]


class TestHealth:
    def test_batches_add_up(self, store: Store) -> None:
        run, (one, two, three) = begun(store, "a", "b", "c")
        commit(store, run, page(one, FULL, FULL, NO_PRICE), page(two, NO_PRICE))
        commit(store, run, page(three, FULL))
        book = store.health(run.id)["book"]
        assert book.figures()["price"] == {"filled": 3, "empty": 2, "failed": 0}

    def test_a_page_that_did_not_change_counts_as_it_did(self, store: Store) -> None:
        run, (queued,) = begun(store, "a")
        commit(store, run, page(queued, FULL, NO_PRICE, NO_PRICE, aside=(ASIDE,)))
        store.end_run(run.id, "finished", "", finished=True)
        for _ in range(2):
            again, (queued,) = begun(store, "a")
            assert queued.visit is not None
            commit(store, again, Unchanged(queued, queued.visit, Yielded(), fetched_at=2.0))
            store.end_run(again.id, "finished", "", finished=True)
            assert store.health(again.id) == store.health(run.id)
            assert [row.url for row in store.quarantine(again.id)] == [ASIDE.url]

    def test_a_field_that_died_names_pages_that_lack_it(self, store: Store) -> None:
        names = [f"p{number}" for number in range(12)]
        run, queued = begun(store, *names)
        commit(store, run, *(page(each, FULL) for each in queued))
        store.end_run(run.id, "finished", "", finished=True)
        later, queued = begun(store, *names)
        commit(store, later, page(queued[0], FULL), *(page(each, NO_PRICE) for each in queued[1:]))
        (death,) = store.died(later)
        assert (death.field, death.run, death.filled, death.items) == ("price", run.id, 1, 12)
        assert len(death.examples) == 3
        assert f"https://{SITE}/p0" not in death.examples

    def test_a_run_outside_its_gate_is_no_measure(self, store: Store) -> None:
        names = [f"p{number}" for number in range(12)]
        run, queued = begun(store, *names)
        commit(store, run, *(page(each, FULL) for each in queued))
        store.end_run(run.id, "outside-gate", "", finished=True)
        later, queued = begun(store, *names)
        commit(store, later, *(page(each, NO_PRICE) for each in queued))
        assert store.died(later) == []

    def test_all_of_it_goes_with_its_run(self, store: Store) -> None:
        for number in range(3):
            run, (queued,) = begun(store, "a")
            commit(
                store, run, page(queued, Shape("book", (f"of{number}",), (), ()), aside=(ASIDE,), dropped=("old",))
            )
            store.end_run(run.id, "finished", "", finished=True)
        assert store.prune("books", 1) == [1, 2]
        assert store.health(1) == {}
        assert store.left_out(1) == (0, {})
        assert list(store.quarantine(1)) == []
        assert list(store.health(3)["book"].fields) == ["of2"]
        assert store.left_out(3) == (1, {"old": 1})


class TestLeftOut:
    def test_what_was_put_aside_is_kept_whole_and_is_no_item(self, store: Store) -> None:
        run, (queued,) = begun(store, "a")
        assert commit(store, run, page(queued, NO_PRICE, aside=(ASIDE,))).items == 0
        (row,) = store.quarantine(run.id)
        assert (row.url, row.type, row.data, row.problems) == (ASIDE.url, "book", {"sku": 1}, (("price", "bad"),))

    def test_drops_are_counted_by_reason_over_batches(self, store: Store) -> None:
        run, (one, two) = begun(store, "a", "b")
        commit(store, run, page(one, dropped=("old", "old", "x" * 1_000)))
        counts = commit(store, run, page(two, dropped=("old", "\ud800")))
        assert store.left_out(run.id)[1] == {"old": 3, "?": 1, "x" * LONGEST_REASON: 1}
        assert counts.dropped == 5

    def test_of_very_many_reasons_the_most_frequent_are_told(self, store: Store) -> None:
        run, (queued,) = begun(store, "a")
        commit(store, run, page(queued, dropped=("old", "old", *(f"r{number:03}" for number in range(100)))))
        reasons = store.left_out(run.id)[1]
        assert (reasons["old"], reasons[OTHER_REASONS], len(reasons)) == (2, 51, MOST_REASONS + 1)


class TestUnique:
    def test_the_first_of_a_key_stays_within_a_batch_and_over_batches(self, store: Store) -> None:
        run, (one, two, three) = begun(store, "a", "b", "c")
        commit(store, run, unique(one, 1, 1, 2), unique(two, 2, 3))
        counts = commit(store, run, unique(three, 3, 4, 1))
        assert skus(store, run) == [1, 2, 3, 4]
        assert (counts.items, counts.dropped) == (4, 4)
        assert store.left_out(run.id)[1] == {DUPLICATE: 4}

    def test_another_run_and_items_that_need_not_be_unique_are_not_asked(self, store: Store) -> None:
        run, (one,) = begun(store, "a")
        commit(store, run, unique(one, 1))
        store.end_run(run.id, "finished", "", finished=True)
        later, (two,) = begun(store, "b")
        plain = [StoredItem("book", '["book", 1]', '{"sku":1}'), StoredItem("book", None, '{"sku":1}', unique=True)]
        mixed = unique(two, 1)
        mixed.yielded.items.extend([*plain, plain[1]])
        commit(store, later, mixed)
        assert skus(store, later) == [1, 1, 1, 1]
