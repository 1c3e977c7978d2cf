"""How many processes a crawl takes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scraper import Spider
from scraper.config import Loaded, load
from scraper.engine.coordination.process_count import parser_count, process_count
from scraper.errors import ConfigError


class Importable(Spider):
    pass


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)


def loaded(processes: Any, *start_urls: str, **more: Any) -> Loaded:
    source = {"name": "site", "spider": "x:Y", "engine": {"processes": processes}, **more}
    return load({**source, "start_urls": list(start_urls or ["https://example.com/"])})


def count(processes: Any, *start_urls: str, spider: type[Spider] | None = None, work: Any = (), **more: Any) -> int:
    return process_count(loaded(processes, *start_urls, **more), spider, lambda: list(work))


def test_as_many_as_it_says():
    assert [count(number) for number in (1, 2, 7)] == [1, 2, 7]


def test_a_crawl_of_kept_pages_does_its_work_itself_where_workers_would():
    given = loaded(0, store="postgresql://user@db.internal/crawls")
    assert process_count(given, None, list) == 0
    assert process_count(replace(given, is_cached=True), None, list) == 1


def test_auto_takes_one_for_one_domain():
    assert count("auto", "https://example.com/", "https://www.example.com/a", "http://example.com:8080/") == 1


def test_auto_takes_the_cores_for_many_domains():
    many = [f"https://example{number}.com/" for number in range(9)]
    assert count("auto", *many) == 4
    assert count("auto", *many[:3]) == 3
    assert count("auto", allowed_domains=["a.com", "b.com", "www.b.com"]) == 3


def test_auto_counts_what_is_left_of_a_run():
    assert count("auto", work=["example.com", "a.com", "b.com"]) == 3


def test_auto_knows_where_it_may_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert count("auto", *(f"https://example{number}.com/" for number in range(9))) == 2
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count("auto", "https://a.com/", "https://b.com/") == 1


@pytest.mark.parametrize("place", ["local", "main"])
def test_class_that_other_processes_cannot_import(place: str):
    class Local(Spider):
        pass

    kind = Local if place == "local" else type("Main", (Spider,), {"__module__": "__main__"})
    assert count(1, spider=kind) == 1
    assert count("auto", "https://a.com/", "https://b.com/", spider=kind) == 1
    with pytest.raises(ConfigError, match=r"engine\.processes") as caught:
        count(2, spider=kind)
    assert "put it into a module of its own, or write 1" in str(caught.value)
    assert caught.value.exit_code == 2


def test_class_of_a_module():
    assert count(2, spider=Importable) == 2


def test_nothing_is_asked_of_the_store_for_a_number(tmp_path: Path):
    assert process_count(loaded(3), None, lambda: pytest.fail("the store was asked")) == 3


def parsers(engine: dict[str, Any], shards: int = 1, spider: type[Spider] | None = None) -> int:
    source = {"name": "site", "spider": "x:Y", "start_urls": ["https://example.com/"], "engine": engine}
    return parser_count(load(source), spider, shards)


needs_posix = pytest.mark.skipif(os.name != "posix", reason="this system cannot hand open files to a process")


def test_no_parsers_unless_somebody_says_so():
    assert parsers({}) == 0
    assert parsers({"processes": 2}, 2) == 0


@needs_posix
def test_as_many_parsers_as_it_says():
    assert parsers({"parsers": 3}) == 3
    assert parsers({"parsers": 3, "processes": 2}, 2) == 3


@needs_posix
def test_cores_that_no_domain_needs_parse():
    assert parsers({"processes": "auto"}, 1) == 4
    assert parsers({"processes": "auto"}, 2) == 2
    assert parsers({"processes": "auto"}, 3) == 0
    assert parsers({"processes": "auto", "parsers": 0}, 1) == 0
    assert parsers({"parsers": "auto"}, 1) == 4


@needs_posix
def test_parsers_have_to_import_the_class():
    kind = type("Main", (Spider,), {"__module__": "__main__"})
    assert parsers({"processes": "auto"}, spider=kind) == 0
    with pytest.raises(ConfigError, match=r"engine\.parsers"):
        parsers({"parsers": 1}, spider=kind)
