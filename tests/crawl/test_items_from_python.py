"""The items of a run in Python: a sequence that keeps its store, and crawls of a class in many threads at once."""

from __future__ import annotations

import gc
import importlib
import operator
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Response, Spider
from scraper.demo.shop import Shop
from tests.crawl.crawling import SETTINGS, merged
from tests.servers.keepalive import PageServer

COUNT = 1_203
GENTLE: dict[str, Any] = {name: SETTINGS[name] for name in ("network", "politeness", "retry")}


@dataclass
class Lamp:
    size: str


class Numbers(Spider):
    def parse(self, response: Response) -> Any:
        yield from ({"n": number} for number in range(COUNT))


class Titles(Spider):
    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)


def numbers(server: PageServer) -> scraper.Run:
    return scraper.crawl(Numbers, start_urls=[server.url + "/"], **GENTLE)


def test_items_outlive_the_run_that_nobody_keeps() -> None:
    with PageServer({"/": "x"}) as server:
        items = numbers(server).items
        gc.collect()
        assert list(items) == [{"n": number} for number in range(COUNT)]
        assert list(numbers(server).items)[-1] == {"n": COUNT - 1}


def test_items_are_a_sequence() -> None:
    truth = [{"n": number} for number in range(COUNT)]
    with PageServer({"/": "x"}) as server:
        items = numbers(server).items
    assert len(items) == COUNT
    assert repr(items) == "<Items of run 1: 1,203>"
    for place in (0, 1, 499, 500, 501, COUNT - 1, -1, -COUNT):
        assert items[place] == truth[place]
    for part in (slice(3), slice(-2, None), slice(498, 503), slice(None, None, 400), slice(None, None, -1),
                 slice(700, 100, -7), slice(5, 5), slice(COUNT, None), slice(2_000, 3_000)):  # fmt: skip
        assert items[part] == truth[part]
    for place in (COUNT, -COUNT - 1):
        with pytest.raises(IndexError):
            operator.getitem(items, place)
    assert {"n": 7} in items
    assert list(reversed(items[:3])) == truth[2::-1]


def test_items_make_a_data_frame() -> None:
    pandas = importlib.import_module("pandas")  # it takes a second, which the other tests here do not need
    with PageServer({"/": "x"}) as server:
        frame = pandas.DataFrame(numbers(server).items)
    assert frame["n"].tolist() == list(range(COUNT))


class OfTwoTypes(Spider):
    def parse(self, response: Response) -> Any:
        yield Lamp("small")
        yield {"n": 1}


def test_a_table_is_of_one_type_of_item_which_is_to_be_named() -> None:
    pytest.importorskip("pyarrow")
    with PageServer({"/": "x"}) as server:
        run = scraper.crawl(OfTwoTypes, start_urls=[server.url + "/"], **GENTLE)
    with pytest.raises(scraper.UsageError, match=r"several types: Lamp, item \(name one, as run.to_arrow\('Lamp'\)"):
        run.to_arrow()
    assert run.to_arrow("item").to_pylist() == [{"n": 1}]


@pytest.mark.parametrize("source", [None, 3, [], int, Numbers()])
def test_what_is_no_crawl_is_refused_in_a_line(source: Any) -> None:
    with pytest.raises(scraper.UsageError, match=r"crawl\(\) takes the path of a YAML file"):
        scraper.crawl(source)


def test_items_are_read_while_another_crawl_writes_to_their_store(tmp_path: Path) -> None:
    settings = merged(SETTINGS, {"name": "t", "spider": f"{__name__}:Titles", "store": str(tmp_path / "t.db")})
    with Shop() as shop:
        settings = merged(settings, {"start_urls": [shop.url], "limits": {"pages": 5}})
        items = scraper.crawl(settings).items
        seen: list[int] = []
        scraper.crawl(settings, observers=[lambda event: seen.append(len(items[:]))])
    assert len(items) == 5
    assert set(seen) == {5}


def test_a_class_is_crawled_in_twenty_threads_at_once_and_writes_no_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with PageServer({"/": "<a href=/b>b</a>", "/b": "b"}) as server, ThreadPoolExecutor(20) as threads:
        runs = [threads.submit(scraper.crawl, Titles, start_urls=[server.url + "/"], **GENTLE) for _ in range(20)]
        assert [len(run.result().items) for run in runs] == [2] * 20
        assert list(tmp_path.iterdir()) == []
        scraper.crawl(Titles, start_urls=[server.url + "/"], exports=["mine.jsonl"], **GENTLE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]


class Kinds(Spider):
    def parse(self, response: Response) -> Any:
        yield {"name": "<b>tea</b>", "price": 9.5, "tags": ["a", "b"], "facts": {"weight": 2}}
        yield {"name": "pot", "price": "on request"}


@pytest.fixture(scope="module")
def run() -> scraper.Run:
    with PageServer({"/": "x"}) as server:
        return scraper.crawl(Kinds, start_urls=[server.url + "/"], **GENTLE)


class TestTables:
    def test_pandas_has_the_values_as_they_are(self, run: scraper.Run) -> None:
        pytest.importorskip("pandas")
        table = run.to_pandas()
        assert table["price"].tolist() == [9.5, "on request"]
        assert table["facts"][0] == {"weight": 2}
        assert len(run.to_pandas("Other")) == 0

    def test_arrow_and_polars_have_the_columns_of_parquet(self, run: scraper.Run) -> None:
        pytest.importorskip("pyarrow")
        table = run.to_arrow("item")
        assert table.column("price").to_pylist() == ["9.5", "on request"]
        assert table.column("tags").to_pylist() == [["a", "b"], None]
        assert table.column("facts").to_pylist() == ['{"weight":2}', None]
        polars = pytest.importorskip("polars")
        assert isinstance(run.to_polars(), polars.DataFrame)
        assert run.to_polars()["name"].to_list() == ["<b>tea</b>", "pot"]

    def test_a_notebook_shows_run_and_items_and_runs_nothing_of_a_page(self, run: scraper.Run) -> None:
        shown = run.items._repr_html_()
        assert "2 of 2 items" in shown and "&lt;b&gt;tea&lt;/b&gt;" in shown and "<b>" not in shown
        assert "<th>facts</th>" in shown
        assert "<td>finished</td>" in run._repr_html_() and "<td>1</td>" in run._repr_html_()

    def test_what_is_not_installed_is_named(self, run: scraper.Run, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, extra in (("pandas", "pandas"), ("polars", "polars"), ("pyarrow", "parquet")):
            monkeypatch.setitem(sys.modules, name, None)
            with pytest.raises(scraper.UsageError, match=f"needs {name}") as error:
                {"pandas": run.to_pandas, "polars": run.to_polars, "pyarrow": run.to_arrow}[name]()
            assert f"[{extra}]" in str(error.value.remedy)

    def test_of_a_run_that_the_store_has_forgotten_there_is_none(self, tmp_path: Path) -> None:
        with PageServer({"/": "x"}) as server:
            settings = {
                "start_urls": [server.url + "/"],
                "store": str(tmp_path / "a.db"),
                "exports": [],
                "keep_runs": 1,
            }
            first, _ = (scraper.crawl(Kinds, **settings, **GENTLE) for _ in range(2))
        for table in (first.to_pandas, first.to_arrow):
            with pytest.raises(scraper.StoreError, match="does not keep run 1"):
                table()
