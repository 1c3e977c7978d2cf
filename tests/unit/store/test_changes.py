"""The comparison of two runs: which items are new, changed, gone, and which are only not known to be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from scraper import items
from scraper.request import Request
from scraper.store import Store
from scraper.store.history.changes import CHANGE_KINDS, Change, differing
from scraper.store.outcomes import Batch, Checked, Failed, Outcome, Redirected, StartTaken
from scraper.store.state.checks import state_of
from scraper.store.tables import Kind, RequestState
from scraper.store.values import ChangeCounts, Counts, Queued, RunRow, StoredItem, Yielded
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where
from tests.unit.store.test_store import SITE, done, pages, start

KEYED = {"items": {"item": {"key": ["sku"]}}}

#: What becomes of a page: its items, a status that it failed with, or a word.
Page = list[dict[str, Any]] | int | str


@pytest.fixture
def store(path: Where) -> Iterator[Store]:
    with Store(path, lock=True) as store:
        store.join(ME)
        store.claim(ME, [SITE])
        yield store


def stored(*found: dict[str, Any], kind: str = "item") -> list[StoredItem]:
    return [StoredItem(kind, items.key_of(kind, item, ["sku"]), json.dumps(item)) for item in found]


def outcome(queued: Queued, page: Page) -> Outcome:
    match page:
        case list():
            return replace(done(queued), yielded=Yielded(items=stored(*page)))
        case int():
            return Failed(queued, f"http-{page}", "it failed", page)
    return Redirected(queued, Yielded())


def run_of(store: Store, site: Mapping[str, Page], *, result: str = "finished", **config: Any) -> RunRow:
    """A run over these pages that ended; the page `queued` is left as it is."""
    run = store.begin_run("books", "identity", KEYED | config).id
    start(store, run, *pages(*site))
    by_name = {queued.request.url.rpartition("/")[2]: queued for queued in store.ready(run, SITE, 1_000)}
    ended = [outcome(by_name[name], page) for name, page in site.items() if page != "queued"]
    store.commit(run, Batch(outcomes=ended), ME, {SITE: 1})
    store.end_run(run, result, "", finished=True)
    return row(store, run)


def row(store: Store, run: int) -> RunRow:
    found = store.run(run)
    assert found is not None
    return found


def changes(store: Store, earlier: RunRow, later: RunRow) -> list[tuple[str, Any]]:
    found = list(store.changes(earlier, later))
    order = [CHANGE_KINDS.index(change.kind) for change in found]
    assert order == sorted(order)
    return [(change.kind, change.key[0]) for change in found]


def compare(store: Store, earlier: RunRow, later: RunRow) -> None:
    """What the end of a run does."""
    store.keep_changes(earlier, later, ChangeCounts(earlier.id))


def item(sku: str, price: Any = 1, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "price": price, **more}


class TestKinds:
    def test_new_changed_gone_and_the_same(self, store: Store):
        one = run_of(store, {"a": [item("a"), item("stays")], "b": [item("b")]})
        two = run_of(store, {"a": [item("a", 2), item("stays"), item("n")], "b": []})
        assert list(store.changes(one, two)) == [
            Change("new", "item", ("n",), f"https://{SITE}/a", None, item("n")),
            Change("changed", "item", ("a",), f"https://{SITE}/a", item("a"), item("a", 2), ("price",)),
            Change("gone", "item", ("b",), f"https://{SITE}/b", item("b"), None),
        ]
        assert store.known_items(one, two) == 3
        assert changes(store, two, one) == [("new", "b"), ("changed", "a"), ("gone", "n")]

    def test_an_item_may_move_to_another_page(self, store: Store):
        one = run_of(store, {"a": [item("x")], "b": []})
        assert changes(store, one, run_of(store, {"a": [], "b": [item("x")]})) == []

    def test_the_last_of_a_key_counts(self, store: Store):
        one = run_of(store, {"a": [item("x", 1), item("x", 2)]})
        two = run_of(store, {"a": [item("x", 2), item("x", 1)]})
        (change,) = store.changes(one, two)
        assert (change.before, change.after) == (item("x", 2), item("x", 1))
        assert store.known_items(one, two) == 1

    def test_types_are_apart_and_items_without_a_key_are_none(self, store: Store):
        one = run_of(store, {"a": [item("x"), {"price": 1}]})
        two = store.begin_run("books", "identity", KEYED).id
        start(store, two, *pages("a"))
        (queued,) = store.ready(two, SITE, 1)
        yielded = Yielded(items=[*stored(item("x"), kind="Book"), *stored({"price": 2})])
        store.commit(two, Batch(outcomes=[replace(done(queued), yielded=yielded)]), ME, {SITE: 1})
        assert [(change.kind, change.type) for change in store.changes(one, row(store, two))] == [
            ("new", "Book"), ("gone", "item"),
        ]  # fmt: skip

    def test_a_type_with_another_key_is_not_compared(self, store: Store):
        one = run_of(store, {"a": [item("a")]})
        two = run_of(store, {"a": [item("b")]}, items={"item": {"key": ["sku", "price"]}})
        assert (changes(store, one, two), store.known_items(one, two)) == ([], 0)

    @pytest.mark.parametrize(
        ("page", "expected"),
        [
            (404, [("gone", "x")]), (410, [("gone", "x")]), ([], [("gone", "x")]), (500, []), (403, []),
            ("redirected", []), ("queued", []),
        ],
    )  # fmt: skip
    def test_what_proves_that_an_item_is_gone(self, store: Store, page: Page, expected: Any):
        one = run_of(store, {"a": [item("x")]})
        assert changes(store, one, run_of(store, {"a": page})) == expected

    def test_an_item_of_start_is_gone_where_start_came_to_its_end(self, store: Store):
        def of_start(*found: dict[str, Any], done: bool) -> RunRow:
            run = store.begin_run("books", "identity", KEYED).id
            taken = StartTaken(Yielded(items=stored(*found)), len(found), done)
            store.commit(run, Batch(starts=[taken]), ME, {})
            return row(store, run)

        one = of_start(item("x"), done=True)
        assert changes(store, one, of_start(done=False)) == []
        assert changes(store, one, of_start(done=True)) == [("gone", "x")]


class TestLingering:
    def test_what_is_not_proved_gone_stays_known(self, store: Store):
        one = run_of(store, {"a": [item("x")], "b": [item("y")]})
        two = run_of(store, {"a": 500, "b": [item("y")]})
        compare(store, one, two)
        for page, expected in (([item("x")], []), ([item("x", 2)], [("changed", "x")]), ([], [("gone", "x")])):
            assert changes(store, two, run_of(store, {"a": page, "b": [item("y")]})) == expected
        assert store.known_items(two, two) == 2

    def test_it_is_kept_over_several_runs_and_until_it_is_proved(self, store: Store):
        runs = [run_of(store, {"a": [item("x")]})]
        for page in (500, 503, 404, []):
            runs.append(run_of(store, {"a": page}))
            compare(store, runs[-2], runs[-1])
        assert [changes(store, *pair) for pair in pairwise(runs)] == [[], [], [("gone", "x")], []]

    def test_comparing_once_more_changes_nothing(self, store: Store):
        one, two = run_of(store, {"a": [item("x")]}), run_of(store, {"a": 500})
        for _ in range(2):
            compare(store, one, two)
        assert store.known_items(two, two) == 1


class TestChecks:
    def everything(self, _page: Request) -> bool:
        return True

    def test_each_unreached_page_is_queued_once(self, store: Store):
        run_of(store, {"a": [item("x"), item("y")], "b": [item("z")], "none": [{"price": 1}]})
        two = run_of(store, {"b": []})
        assert store.queue_checks(two.id, self.everything).queued == 1
        (queued,) = store.ready(two.id, SITE, 10)
        assert (queued.request.url, queued.kind) == (f"https://{SITE}/a", Kind.CHECK)
        assert store.queue_checks(two.id, self.everything).queued == 1

    def test_out_of_scope_it_is_not_queued(self, store: Store):
        run_of(store, {"a": [item("x")]})
        two = run_of(store, {"b": []})
        assert store.queue_checks(two.id, lambda page: False) == row(store, two.id).counts

    def test_a_request_that_must_not_be_repeated_is_not_queued(self, store: Store):
        one = store.begin_run("books", "identity", KEYED).id
        start(store, one, *pages("a", method="POST"))
        (queued,) = store.ready(one, SITE, 1)
        store.commit(one, Batch(outcomes=[outcome(queued, [item("x")])]), ME, {SITE: 1})
        store.end_run(one, "finished", "", finished=True)
        two = run_of(store, {"b": []})
        assert store.queue_checks(two.id, self.everything).queued == 0

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(404, "gone"), (410, "gone"), (200, "unlinked"), (302, "unlinked"), (None, None)],
    )
    def test_what_the_answer_says(self, store: Store, status: int | None, expected: str | None):
        one = run_of(store, {"a": [item("x")]})
        two = run_of(store, {"b": []})
        store.queue_checks(two.id, self.everything)
        (queued,) = store.ready(two.id, SITE, 10)
        counts = store.commit(two.id, Batch(outcomes=[Checked(queued, status)]), ME, {SITE: 1}).counts
        assert counts == Counts(pages=1, checked=1)
        assert changes(store, one, two) == ([(expected, "x")] if expected else [])

    def test_statuses(self):
        states = [state_of(status) for status in (None, 200, 304, 404, 403, 410, 500)]
        unproven, alive, gone = RequestState.UNPROVEN, RequestState.ALIVE, RequestState.GONE
        assert states == [unproven, alive, alive, gone, unproven, gone, unproven]


class TestFields:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ()),
            ({"a": {"x": 1, "y": [1, 2]}}, {"a": {"y": [1, 2], "x": 1}}, ()),
            ({"a": [1, 2]}, {"a": [2, 1]}, ("a",)),
            ({"a": 1}, {"a": 1.0}, ()),
            ({"a": 1}, {"a": True}, ("a",)),
            ({"a": [0]}, {"a": [False]}, ("a",)),
            ({"a": None}, {}, ("a",)),
            ({"old": 1, "b": 1}, {"b": 2, "new": 1}, ("b", "new", "old")),
        ],
    )
    def test_values_are_compared_as_values(self, before: Any, after: Any, expected: tuple[str, ...]):
        assert differing(before, after) == expected

    def test_another_order_of_fields_is_no_change(self, store: Store):
        one = run_of(store, {"a": [{"sku": "x", "price": 1}]})
        assert changes(store, one, run_of(store, {"a": [{"price": 1, "sku": "x"}]})) == []
