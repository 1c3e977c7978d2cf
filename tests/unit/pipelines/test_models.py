"""Item models: what each kind of model makes of an item, and what it says of one that is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest
from pydantic import BaseModel

from scraper import Response, items
from scraper.config import ItemConfig
from scraper.errors import UsageError
from scraper.pipelines.models import ItemCheck


class Offer(BaseModel):
    price: float


class Book(BaseModel):
    title: str
    price: Decimal
    published: date | None = None
    offers: list[Offer] = []


@dataclass
class Lamp:
    title: str
    watts: int
    tags: list[str] = field(default_factory=list)
    label: str = field(init=False)

    def __post_init__(self) -> None:
        if self.watts > 9_000:
            raise ValueError("too bright")
        self.label = f"{self.title} {self.watts}"


@attrs.define
class Pot:
    title: str = attrs.field(validator=attrs.validators.matches_re("..+"))
    litres: float = attrs.field(default=1.0, converter=float)
    _code: int = 7


class Untyped(BaseModel):
    sum: float


HERE = {"Book": Book, "Lamp": Lamp, "Pot": Pot, "Sum": Untyped, "text": "Book", "plain": object}
PAGE = Response("https://shop.example/a/b", headers={"Content-Type": "text/html"}, body=b"")


def check(item: Any, **config: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What is stored, and what is wrong by field."""
    made = ItemCheck(ItemConfig(**config), lambda reference: HERE[reference.partition(":")[2]])
    data, problems = made.check(item, items.record_of(item)[1], PAGE)
    return data, {problem.field: problem.message for problem in problems}


@pytest.mark.parametrize(
    ("model", "item", "stored"),
    [
        (
            "Book",
            {"title": "A", "price": "5.10", "published": date(2026, 11, 21), "offers": [{"price": "3"}]},
            {"title": "A", "price": "5.10", "published": "2026-11-21", "offers": [{"price": 3.0}]},
        ),
        (
            "Book",
            Book(title="A", price=Decimal(1)),
            {"title": "A", "price": "1", "published": None, "offers": []},
        ),
        ("Lamp", {"title": "L", "watts": "40"}, {"title": "L", "watts": 40, "tags": [], "label": "L 40"}),
        ("Lamp", Lamp("L", 40, ["x"]), {"title": "L", "watts": 40, "tags": ["x"], "label": "L 40"}),
        ("Pot", {"title": "Pot", "litres": "2.5"}, {"title": "Pot", "litres": 2.5, "_code": 7}),
        ("Pot", Pot("Pot", 2, 8), {"title": "Pot", "litres": 2.0, "_code": 8}),
    ],
)
def test_what_is_stored_is_what_the_model_made(model: str, item: Any, stored: dict[str, Any]) -> None:
    assert check(item, model=f"m:{model}") == (stored, {})


@pytest.mark.parametrize(
    ("model", "item", "problems"),
    [
        ("Book", {"title": None, "price": "free"}, {"title": "valid string", "price": "valid decimal"}),
        ("Book", {"title": "A", "price": 1, "offers": [{"price": "x"}]}, {"offers[0].price": "valid number"}),
        ("Lamp", {"title": "L"}, {"watts": "required"}),
        ("Lamp", {"title": "L", "watts": 1, "wats": 2}, {"wats": "Extra"}),
        ("Lamp", {"title": "L", "watts": 10_000}, {"": "ValueError: too bright"}),
        ("Pot", {"title": "P"}, {"title": "ValueError: 'title' must match"}),
        ("Pot", {"title": "Pot", "litres": "many"}, {"": "could not convert"}),
        ("Sum", {"sum": "nan"}, {"": "which JSON cannot say"}),
    ],
)
def test_what_is_wrong_is_said_by_field_and_the_item_stays_as_it_was(
    model: str, item: dict[str, Any], problems: dict[str, str]
) -> None:
    data, found = check(item, model=f"m:{model}")
    assert data == item
    assert found.keys() == problems.keys()
    assert all(part in found[name] for name, part in problems.items()), found


def test_an_object_of_a_dataclass_is_checked_though_python_did_not() -> None:
    loose: Any = Lamp("L", 3)
    loose.watts = "many"
    data, found = check(loose, model="m:Lamp")
    assert data["watts"] == "many"
    assert found.keys() == {"watts"}


def test_required_fields_are_filled_in_what_is_stored() -> None:
    required = {"model": "m:Book", "required": ["published", "offers"]}
    found = check({"title": "A", "price": 1, "published": "2026-11-21"}, **required)[1]
    assert found == {"offers": "is required, and is empty"}
    found = check({"title": " ", "price": "x"}, model="m:Book", required=["title", "price", "stock"])[1]
    assert found["title"] == "is required, and is empty"
    assert found["stock"] == "is required, and is missing"
    assert "valid decimal" in found["price"]


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("price", "£1,234.50", 1234.5),
        ("price", 3, 3.0),
        ("int", "22 left", 22),
        ("int", 4.0, 4),
        ("date", "21 November 2026", "2026-11-21"),
        ("bool", "yes", True),
        ("bool", False, False),
        ("url", "../c", "https://shop.example/c"),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", [1], [1]),
        ("float", ["1.5", None, "2"], [1.5, None, 2.0]),
        ("text", "", ""),
        ("price", " ", None),
        ("price", None, None),
    ],
)
def test_declared_types(kind: str, given: Any, stored: Any) -> None:
    data, problems = check({"field": given, "other": 1}, fields={"field": kind})
    assert (data, problems) == ({"field": stored, "other": 1}, {})
    assert type(data["field"]) is type(stored)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("price", "free"),
        ("price", True),
        ("int", 4.5),
        ("date", 20261121),
        ("bool", 1),
        ("text", 5),
        ("url", "http://["),
        ("json", "{"),
        ("float", ["1", "x"]),
        ("int", {"a": 1}),
    ],
)
def test_what_is_not_of_a_declared_type(kind: str, given: Any) -> None:
    data, problems = check({"field": given}, fields={"field": kind})
    assert data == {"field": given}
    assert problems.keys() == {"field"}
    assert problems["field"]


def test_a_url_of_no_page_has_to_be_whole() -> None:
    made = ItemCheck(ItemConfig(fields={"url": "url"}), lambda _: None)
    assert made.check({}, {"url": "https://a.example/"}, None) == ({"url": "https://a.example/"}, [])
    assert [problem.field for problem in made.check({}, {"url": "/a"}, None)[1]] == ["url"]


@dataclass
class Strange:
    name: NoSuchType  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("found", "words"), [("text", "is not a class"), (object, "is not an item model"), (Strange, "cannot be checked")]
)
def test_what_is_no_model_is_refused_with_a_remedy(found: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        ItemCheck(ItemConfig(model="m:X"), lambda _: found)
    assert error.value.remedy
