"""Our dataclasses are the standard library's in all that can be seen."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from scraper import lazy_dataclass

T = TypeVar("T")


@lazy_dataclass.dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    COUNT: ClassVar[int] = 2
    x: int
    y: int = 0

    @property
    def both(self) -> tuple[int, int]:
        return self.x, self.y


@lazy_dataclass.dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "-"
    why: str | None = dataclasses.field(default=None, kw_only=True)


@lazy_dataclass.dataclass(slots=True)
class Open(Generic[T]):
    value: T
    parts: list[int] = dataclasses.field(default_factory=list)
    hidden: int = dataclasses.field(default=1, repr=False)


@lazy_dataclass.dataclass(frozen=True)
class Loose:
    x: int = 1
    parts: list[int] = dataclasses.field(default_factory=list)


@lazy_dataclass.dataclass(frozen=True, slots=True, eq=False)
class Itself:
    x: int


class TestInit:
    def test_arguments_and_defaults(self):
        assert (Point(1).both, Point(1, 2).both, Point(y=3, x=2).both) == ((1, 0), (1, 2), (2, 3))
        assert (Named(1, why="so").why, Named(1, 2, "n").name) == ("so", "n")

    @pytest.mark.parametrize("make", [lambda: Point(), lambda: Point(1, z=2), lambda: Named(1, 2, "n", "so")])
    def test_wrong_arguments(self, make: Callable[[], Any]):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            make()

    def test_each_object_has_a_default_of_its_own(self):
        one, other = Open(1), Open(2)
        one.parts.append(1)
        assert (one.parts, other.parts, Loose().parts) == ([1], [], [])
        given: list[int] = []
        assert Open(1, given).parts is given


class TestEqual:
    def test_by_the_fields_and_the_class(self):
        assert Point(1, 2) == Point(1, 2) != Point(1, 3)
        assert Point(1, 0) != Named(1, 0)
        assert Open(1) == Open(1) != Open(2)
        assert Point(1) != (1, 0)

    def test_hashes(self):
        assert len({Point(1), Point(1), Point(2), Named(1)}) == 3
        with pytest.raises(TypeError, match="unhashable"):
            hash(Open(1))

    def test_without_eq_each_is_itself(self):
        one = Itself(1)
        assert one == one != Itself(1)
        assert len({one, Itself(1)}) == 2


class TestFrozen:
    @pytest.mark.parametrize("value", [Point(1), Named(1), Loose()])
    def test_nothing_can_be_changed(self, value: Any):
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
            value.x = 5
        with pytest.raises(dataclasses.FrozenInstanceError):
            del value.x

    def test_slots_have_no_dict(self):
        assert not hasattr(Named(1), "__dict__")
        assert Named.__slots__ == ("name", "why")
        with pytest.raises(AttributeError):
            Open(1).other = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [Point(1, 2), Named(1, 2, "n", why="so"), Open(1, [2]), Loose(3, [4]), Loose()])
def test_copies_and_pickles(value: Any):
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301
        assert other == value and other is not value and type(other) is type(value)


class TestTheStandardLibrary:
    def test_fields_replace_and_asdict(self):
        assert [field.name for field in dataclasses.fields(Named)] == ["x", "y", "name", "why"]
        assert dataclasses.replace(Named(1, why="so"), x=2) == Named(2, why="so")
        assert dataclasses.asdict(Open(Point(1), [2])) == {"value": {"x": 1, "y": 0}, "parts": [2], "hidden": 1}
        assert dataclasses.is_dataclass(Itself)
        assert [field.name for field in dataclasses.fields(Point)] == ["x", "y"]

    def test_a_standard_dataclass_may_follow(self):
        @dataclasses.dataclass(frozen=True)
        class Further(Point):
            z: int = 3

        assert Further(1) == Further(1, 0, 3)
        assert repr(Further(1)).endswith("Further(x=1, y=0, z=3)")


def test_it_is_shown_as_a_dataclass_is():
    assert repr(Named(1)) == "Named(x=1, y=0, name='-', why=None)"
    assert repr(Open("v")) == "Open(value='v', parts=[])"


def test_match():
    match Named(1, 2, "n"):
        case Point(x, y):
            assert (x, y) == (1, 2)
        case _:
            raise AssertionError
    assert (Point.__match_args__, Named.__match_args__) == (("x", "y"), ("x", "y", "name"))  # type: ignore[attr-defined]


def test_nothing_is_compiled_before_it_is_called(monkeypatch: pytest.MonkeyPatch):
    compiled: list[str] = []
    true = lazy_dataclass._compiled

    def note(text: str, names: dict[str, Any]) -> Any:
        compiled.append(text)
        return true(text, names)

    monkeypatch.setattr(lazy_dataclass, "_compiled", note)

    @lazy_dataclass.dataclass(frozen=True, slots=True)
    class Late:
        x: int

    assert compiled == []
    assert [Late(number).x for number in range(3)] == [0, 1, 2]
    assert len(compiled) == 1
