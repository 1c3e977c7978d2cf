from __future__ import annotations

import json
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import attrs
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, HttpUrl, SecretStr

from scraper.errors import ItemError
from scraper.items import is_item, key_of, record_of
from scraper.response import Response


@dataclass
class Price:
    amount: Decimal
    currency: str = "GBP"


@dataclass(slots=True)
class Book:
    title: str
    price: Price | None = None
    tags: set[str] = field(default_factory=set)


@attrs.define
class Author:
    name: str
    born: date | None = None


class Page(BaseModel):
    url: HttpUrl
    words: int = 0
    token: SecretStr = SecretStr("x")


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Mood(StrEnum):
    GOOD = "good"


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("item", "record"),
    [
        ({"a": 1, "b": [True, None, 1.5, "x"]}, ("item", {"a": 1, "b": [True, None, 1.5, "x"]})),
        (OrderedDict(a=1), ("item", {"a": 1})),
        ({}, ("item", {})),
        (
            Book("T", Price(Decimal("1.10")), {"b", "a"}),
            ("Book", {"title": "T", "price": {"amount": "1.10", "currency": "GBP"}, "tags": ["a", "b"]}),
        ),
        (Author("A", date(1900, 1, 2)), ("Author", {"name": "A", "born": "1900-01-02"})),
        (
            Page(url="http://example.com/x", words=2),  # type: ignore[arg-type]
            ("Page", {"url": "http://example.com/x", "words": 2, "token": "**********"}),
        ),
        ({"author": Author("A")}, ("item", {"author": {"name": "A", "born": None}})),
    ],
)
def test_an_item_becomes_its_type_and_plain_data(item: object, record: tuple[str, dict[str, Any]]) -> None:
    assert is_item(item)
    assert record_of(item) == record


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (datetime(2030, 1, 2, 3, 4, tzinfo=UTC), "2030-01-02T03:04:00+00:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (Decimal("12.30"), "12.30"),
        (Decimal("1e999"), "1E+999"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Size.BIG, 3),
        (Mood.GOOD, "good"),
        (Point(1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({(2, 1), "x"}, ["x", [2, 1]]),
        (PurePosixPath("a/b"), "a/b"),
        (PureWindowsPath("a\\b"), "a/b"),
        ("\ud83d\ude00", "😀"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_what_json_has_no_word_for_is_written_sensibly(value: object, plain: object) -> None:
    assert record_of({"v": value}) == ("item", {"v": plain})


def test_text_of_a_soup_is_made_plain_so_that_the_soup_can_go() -> None:
    tag = BeautifulSoup('<p class="a b" id=i>text</p>', "lxml").p
    assert tag is not None
    data = record_of({"text": tag.string, "class": tag["class"], tag.string: 1})[1]
    assert data == {"text": 1, "class": ["a", "b"]}
    assert all(type(name) is str for name in data)
    text = record_of({"text": tag.string})[1]["text"]
    assert (type(text), text) == (str, "text")
    assert type(data["class"]) is list


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"a": float("nan")}, "field a is nan"),
        ({"a": {"b": [0, float("inf")]}}, r"field a\.b\[1\] is inf"),
        ({"a": Decimal("sNaN")}, "field a is sNaN"),
        ({"a": b"x"}, r"field a holds a bytes.*decode"),
        ({"a": object()}, "field a holds an object"),
        ({"a": (n for n in "x")}, "field a holds a generator"),
        ({"a": len}, "field a holds a builtin_function"),
        ({1: 2}, "an item has the key 1"),
        ({"a": {None: 2}}, "field a has the key None"),
        ("text", "str is not an item"),
        (["a"], "list is not an item"),
        (Book, "type is not an item"),
        (None, "NoneType is not an item"),
    ],
)
def test_what_cannot_be_stored_says_where_and_what_to_do(item: object, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        record_of(item)
    assert caught.value.remedy


def test_elements_are_refused_as_values() -> None:
    answer = Response("http://example.com/", headers={"Content-Type": "text/html"}, body=b"<p>x")
    for element, name in ((answer.select_one("p"), "a Tag"), (answer.css_first("p"), "a LexborNode")):
        with pytest.raises(ItemError, match=f"field p holds {name}.*text"):
            record_of({"p": element})


def test_an_item_that_contains_itself_is_refused() -> None:
    item: dict[str, Any] = {}
    item["me"] = [item]
    with pytest.raises(ItemError, match="contains itself"):
        record_of(item)


def test_an_item_is_a_copy() -> None:
    item = {"a": [1]}
    _, data = record_of(item)
    item["a"].append(2)
    assert data == {"a": [1]}


def test_a_key_is_equal_for_equal_values_of_one_type_only() -> None:
    key = key_of("item", {"url": "u", "n": {"b": 1, "a": 2}, "x": 1}, ["url", "n"])
    assert key is not None
    assert key == key_of("item", {"n": {"a": 2, "b": 1}, "url": "u", "x": 2}, ("url", "n"))
    assert key != key_of("Book", {"url": "u", "n": {"b": 1, "a": 2}}, ["url", "n"])
    assert key != key_of("item", {"url": "u", "n": {"b": 1, "a": 3}}, ["url", "n"])
    assert key_of("item", {"a": 1}, ["a"]) != key_of("item", {"a": "1"}, ["a"])


def test_there_is_no_key_without_fields_or_without_their_values() -> None:
    assert key_of("item", {"a": 1}, []) is None
    assert key_of("item", {"a": 1}, ["a", "b"]) is None
    assert key_of("item", {"a": None}, ["a"]) is not None


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())) | st.dates() | st.datetimes() | st.uuids()
    | st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from([Colour.RED, Size.BIG, Mood.GOOD])
)  # fmt: skip
_NAMES = st.text(st.characters(exclude_categories=()))
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner) | st.tuples(inner), max_leaves=12
) | st.sets(_SCALARS, max_size=5)


@given(st.dictionaries(_NAMES, _VALUES, max_size=5))
def test_every_record_is_json_in_utf_8_and_comes_back_the_same(item: dict[str, Any]) -> None:
    _, data = record_of(item)
    encoded = json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert json.loads(encoded) == data
    assert record_of(data) == ("item", data)
