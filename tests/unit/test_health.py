"""Selector health without a store: what counts as filled, the sums, and when a field has died."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.health import LEAST_ITEMS, MOST_FIELDS, Health, Shape, TypeHealth, deaths, health_of, is_filled, shape_of


@pytest.mark.parametrize("value", [0, 0.0, False, "0", " x ", [0], {"a": None}])
def test_filled(value: Any) -> None:
    assert is_filled(value)


@pytest.mark.parametrize("value", [None, "", " \n\t\u00a0", [], {}])
def test_empty(value: Any) -> None:
    assert not is_filled(value)


def test_the_shape_of_an_item() -> None:
    data = {"title": "A", "price": None, "stock": 0, "tags": []}
    assert shape_of("book", data) == Shape("book", ("title", "stock"), ("price", "tags"), ())
    assert shape_of("book", data, ("price",)) == Shape("book", ("title", "stock"), ("tags",), ("price",))


def test_of_an_item_with_very_many_fields_some_are_looked_at() -> None:
    shape = shape_of("row", {str(number): number for number in range(10_000)})
    assert len(shape.filled) == MOST_FIELDS


def test_the_sums_count_what_is_missing_as_empty() -> None:
    shapes = [
        (Shape("book", ("title", "price"), (), ()), 7),
        (Shape("book", ("title",), ("price",), ()), 2),
        (Shape("book", ("title",), (), ("price",)), 1),
        (Shape("book", ("title", "note"), (), ()), 1),
    ]
    book = health_of(shapes)["book"]
    assert book.items == 11
    assert book.figures() == {
        "note": {"filled": 1, "empty": 10, "failed": 0},
        "price": {"filled": 7, "empty": 3, "failed": 1},
        "title": {"filled": 11, "empty": 0, "failed": 0},
    }
    assert (book.share("price"), book.share("never")) == (7 / 11, 0.0)


def books(filled: int, items: int) -> Health:
    """Books of which so many have a price."""
    with_price, without = Shape("book", ("price", "sku"), (), ()), Shape("book", ("sku",), (), ())
    return health_of([(with_price, filled), (without, items - filled)])


@pytest.mark.parametrize(
    ("before", "now", "died"),
    [
        ((100, 100), (0, 100), True),
        ((100, 100), (9, 100), True),
        ((100, 100), (10, 100), False),
        ((50, 100), (4, 100), True),
        ((50, 100), (5, 100), False),
        ((49, 100), (0, 100), False),
        ((100, 100), (0, LEAST_ITEMS), True),
        ((100, 100), (0, LEAST_ITEMS - 1), False),
    ],
)
def test_a_field_dies_where_it_lived_and_next_to_nothing_has_it(
    before: tuple[int, int], now: tuple[int, int], died: bool
) -> None:
    found = deaths(books(*now), [(3, 1_000.0, books(*before))])
    assert [(death.type, death.field, death.run) for death in found] == ([("book", "price", 3)] if died else [])


def test_a_death_stays_known_and_names_the_run_in_which_the_field_lived_last() -> None:
    earlier = [(5, 500.0, books(0, 90)), (4, 400.0, books(80, 80)), (3, 300.0, books(70, 70))]
    (death,) = deaths(books(1, 100), earlier)
    assert (death.run, death.lived_at, death.share, death.filled, death.items) == (4, 400.0, 1.0, 1, 100)
    assert death.record()["lived_at"] == "1970-01-01T00:06:40+00:00"


def test_a_type_without_items_tells_nothing_of_its_fields() -> None:
    assert deaths({}, [(3, 1_000.0, books(100, 100))]) == []
    assert TypeHealth().share("price") == 0.0
