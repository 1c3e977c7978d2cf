"""Pipelines: functions and objects in their order, what they are called with, and how they are opened and closed."""

from __future__ import annotations

from typing import Any

import pytest

from scraper import DropItem
from scraper.errors import ItemError, ScraperError, UsageError
from scraper.items import NamedItem
from scraper.pipelines.running import Pipelines
from scraper.pipes import Unique


class Noted:
    """Notes its calls in `calls`, of the class."""

    calls: list[Any] = []

    def open(self, run: Any) -> None:
        self.calls.append(("open", run.run, run.name))

    def process(self, item: dict[str, Any], response: Any) -> dict[str, Any]:
        self.calls.append(("process", response))
        return {**item, "noted": True}

    def close(self) -> None:
        self.calls.append("close")


class Plain:
    def open(self) -> None:
        Noted.calls.append("plain open")

    def process(self, item: Any) -> Any:
        return item


class Broken:
    """Fails where `where` says."""

    where = ""

    def open(self) -> None:
        if self.where == "open":
            raise RuntimeError("no room")

    def process(self, item: Any) -> Any:
        return item

    def close(self) -> None:
        if self.where == "close":
            raise RuntimeError("no room")


class Demanding:
    def __init__(self, path: str) -> None: ...

    def process(self, item: Any) -> Any:
        return item


class Callable:
    """A class without `process` is called with the item."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item


@pytest.fixture(autouse=True)
def calls() -> list[Any]:
    Noted.calls = []
    return Noted.calls


def test_an_object_is_opened_called_and_closed(calls: list[Any]) -> None:
    pipelines = Pipelines([Noted, Plain, lambda item: {**item, "last": 1}])
    with pipelines.running(7, "shop"):
        assert pipelines.process(NamedItem("book", {"a": 1}), "page") == {"a": 1, "noted": True, "last": 1}  # type: ignore[arg-type]
    assert calls == [("open", 7, "shop"), "plain open", ("process", "page"), "close"]


def test_a_class_without_process_is_a_function() -> None:
    made = Pipelines([Callable]).process({"a": 1}, None)
    assert isinstance(made, Callable)
    assert made.item == {"a": 1}


@pytest.mark.parametrize("where", ["open", "close"])
def test_what_cannot_be_opened_or_closed_is_named_and_the_others_are_closed(
    where: str, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broken, "where", where)
    with (
        pytest.raises(ScraperError, match=f"Broken failed in {where}: RuntimeError: no room") as error,
        Pipelines([Noted, Broken]).running(1, "shop"),
    ):
        calls.append("running")
    assert error.value.remedy
    assert calls[-1] == "close"
    assert ("running" in calls) == (where == "close")


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (Demanding, "cannot be made: TypeError"),
        (3, "is not a function"),
        (lambda: 1, "takes 0 arguments"),
        (lambda a, b, c: 1, "takes 3 arguments"),
        (type("Odd", (Plain,), {"open": lambda self, a, b: None}), "takes 2 arguments"),
    ],
)
def test_what_is_no_pipeline_is_refused_before_the_crawl(pipeline: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Pipelines([pipeline])


def test_nothing_returned_is_a_mistake_and_drop_item_is_not() -> None:
    def drop(item: Any) -> Any:
        raise DropItem("old")

    with pytest.raises(ItemError, match="returned nothing"):
        Pipelines([lambda item: None]).process({}, None)
    with pytest.raises(DropItem, match="old"):
        Pipelines([drop, Plain]).process({}, None)


def test_unique_is_told_by_its_class_and_leaves_items_as_they_are() -> None:
    pipelines = Pipelines([Unique])
    assert pipelines.is_unique
    assert not Pipelines([Plain]).is_unique
    assert pipelines.process({"a": 1}, None) == {"a": 1}
