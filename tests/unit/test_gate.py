"""The gate: which figures lie outside of it, and what it says of them."""

from __future__ import annotations

import pytest

from scraper.config import Gate
from scraper.gate import outside_gate
from scraper.health import Health, Shape, health_of
from scraper.store.values import ChangeCounts, Counts, RunRow


def previous(items: int) -> RunRow:
    return RunRow(
        id=3, name="books", identity="", config={}, hosts=(), started_at=0.0, ended_at=1.0, result="finished", why="",
        seconds=1.0, clean=True, interrupted=0, start_taken=0, start_done=True, commits=1,
        counts=Counts(items=items),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "counts"),
    [
        (Gate(), Counts(items=1)),
        (Gate(min_items=None), Counts()),
        (Gate(min_items=0, max_failed=0.0, max_dropped=0.0), Counts()),
        (Gate(max_failed=0.05), Counts(items=1, pages=95, failed=5)),
        (Gate(max_dropped=0.25), Counts(items=3, dropped=1)),
    ],
    ids=["an item", "nothing asked", "nothing done", "failed at the bound", "dropped at the bound"],
)
def test_inside(gate: Gate, counts: Counts):
    assert outside_gate(gate, counts) is None


@pytest.mark.parametrize(
    ("gate", "counts", "why"),
    [
        (Gate(), Counts(), "0 items, fewer than gate.min_items: 1"),
        (
            Gate(max_failed=0.05),
            Counts(items=1, pages=93, failed=7),
            "7 of 100 URLs failed (7.0%), more than gate.max_failed: 5.0%",
        ),
        (
            Gate(max_dropped=0.25),
            Counts(items=2, dropped=2),
            "2 of 4 items were dropped (50.0%), more than gate.max_dropped: 25.0%",
        ),
    ],
    ids=["items", "failed", "dropped"],
)
def test_outside(gate: Gate, counts: Counts, why: str):
    assert outside_gate(gate, counts) == why


class TestAgainstTheRunBefore:
    def test_fewer_than_the_share(self):
        why = outside_gate(Gate(min_items="80%"), Counts(items=963), previous(1_204))
        assert why == "963 items, fewer than gate.min_items: 80% of the 1,204 of run 3"

    @pytest.mark.parametrize(("share", "items", "before"), [("80%", 964, 1_204), ("7%", 7, 100), ("12.5%", 1, 8)])
    def test_the_share_or_more(self, share: str, items: int, before: int):
        gate = Gate(min_items=share)
        assert outside_gate(gate, Counts(items=items), previous(before)) is None
        assert outside_gate(gate, Counts(items=items - 1), previous(before)) is not None

    def test_without_one_every_number_will_do(self):
        assert outside_gate(Gate(min_items="80%"), Counts()) is None


class TestMaxGone:
    def test_more_than_the_share(self):
        why = outside_gate(Gate(max_gone=0.2, min_items=0), Counts(), None, ChangeCounts(3, known=40, gone=9))
        assert why == "9 of 40 items known since run 3 are gone (22.5%), more than gate.max_gone: 20.0%"

    @pytest.mark.parametrize("changes", [None, ChangeCounts(None), ChangeCounts(3, known=40, gone=8)])
    def test_the_share_or_less(self, changes: ChangeCounts | None):
        assert outside_gate(Gate(max_gone=0.2, min_items=0), Counts(), None, changes) is None


class TestFields:
    @staticmethod
    def health(kind: str, filled: int, items: int) -> Health:
        return health_of([(Shape(kind, ("price",), (), ()), filled), (Shape(kind, ("sku",), (), ()), items - filled)])

    def why(self, fields: dict[str, float], now: Health, before: Health | None = None) -> str | None:
        return outside_gate(Gate(fields=fields), Counts(items=1), None, None, now, before)

    def test_too_few_have_it(self):
        assert self.why({"price": 0.95}, self.health("book", 94, 100)) == (
            "book.price is filled in 94 of 100 items (94.0%), fewer than gate.fields.price: 95.0%"
        )

    def test_at_the_bound(self):
        assert self.why({"price": 0.95, "book.price": 0.07}, self.health("book", 95, 100)) is None
        assert self.why({"book.price": 0.07}, self.health("book", 7, 100)) is None

    def test_each_type_that_has_it_is_asked(self):
        now = (
            self.health("book", 100, 100)
            | self.health("map", 1, 2)
            | health_of([(Shape("author", ("name",), (), ()), 3)])
        )
        assert "map.price is filled in 1 of 2" in (self.why({"price": 0.9}, now) or "")
        assert self.why({"book.price": 0.9}, now) is None

    def test_a_field_that_no_item_has_any_more_is_known_from_the_run_before(self):
        now = health_of([(Shape("book", ("sku",), (), ()), 5), (Shape("author", ("name",), (), ()), 5)])
        why = self.why({"price": 0.5}, now, self.health("book", 9, 9))
        assert why == "book.price is filled in 0 of 5 items (0.0%), fewer than gate.fields.price: 50.0%"

    def test_a_field_that_nobody_knows_is_filled_nowhere(self):
        assert "book.prise is filled in 0 of 9" in (self.why({"prise": 0.5}, self.health("book", 9, 9)) or "")

    def test_without_items_the_other_bounds_tell(self):
        assert self.why({"price": 1.0, "book.price": 1.0}, {}) is None
