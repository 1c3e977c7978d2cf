"""Pages choose names of fields and types, and how many there are: no export fails, and none grows without end."""

from __future__ import annotations

import contextlib
import csv
import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.errors import ExportError
from scraper.exports.columns import MOST_COLUMNS, OTHERS

MANY = {f"f{number}": number for number in range(3_000)}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What a file or database holds of items, what its columns have no value for left out."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            # A longer one is no line of a CSV file to Python.
            csv.field_size_limit(10_000_000)
            found: list[dict[str, Any]] = list(csv.DictReader(file))
    elif path.suffix == ".parquet":
        import pyarrow.parquet

        found = pyarrow.parquet.read_table(path).to_pylist()
    elif path.suffix == ".xlsx":
        # Read only, since it would make a cell for each place of the table.
        book = pytest.importorskip("openpyxl").load_workbook(path, read_only=True)
        header, *lines = book.worksheets[0].iter_rows(values_only=True)
        found = [dict(zip(header, line, strict=False)) for line in lines]
    else:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute("SELECT * FROM item")
            names = [column[0] for column in cursor.description]
            # A sqlite3.Row looks each of its thousand names up by reading all of them.
            found = [dict(zip(names, row, strict=True)) for row in cursor]
    return [{name: value for name, value in row.items() if value not in (None, "")} for row in found]


PATHS = ["x.csv", "x.sqlite", "x.parquet", "x.xlsx"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("at_once", [True, False])
def test_fields_without_end_share_one_column(store, follow, tmp_path: Path, path: str, at_once: bool, caplog) -> None:
    for package in {"parquet": ("pyarrow",), "xlsx": ("xlsxwriter", "openpyxl")}.get(path[2:], ()):
        pytest.importorskip(package)
    if at_once:
        store.commit(MANY)
    else:
        for number in range(0, 3_000, 100):
            store.commit(*({f"f{each}": each} for each in range(number, number + 100)))
    with caplog.at_level(logging.WARNING):
        follow(store, tmp_path, path, meta=("run",)).finish(complete=True)
    rows = rows_of(tmp_path / path)
    names = {name for row in rows for name in row}
    assert len(names) == MOST_COLUMNS + 1
    assert names >= {"f0", "_run", OTHERS}
    found: dict[str, int] = {}
    for row in rows:
        others = json.loads(row.pop(OTHERS, "{}"))
        assert str(row.pop("_run")) == "1"
        found |= {name: int(value) for name, value in (row | others).items()}
    assert found == MANY
    (said,) = [record.getMessage() for record in caplog.records if OTHERS in record.getMessage()]
    assert "`fields`" in said


@pytest.mark.parametrize("path", PATHS)
def test_named_fields_are_the_columns_however_many_there_are(store, follow, tmp_path: Path, path: str) -> None:
    for package in {"parquet": ("pyarrow",), "xlsx": ("xlsxwriter", "openpyxl")}.get(path[2:], ()):
        pytest.importorskip(package)
    store.commit(MANY)
    fields = tuple(f"f{number}" for number in range(1_200))
    follow(store, tmp_path, path, fields=fields).finish(complete=True)
    assert [list(row) for row in rows_of(tmp_path / path)] == [list(fields)]


def test_a_csv_that_goes_on_after_a_kill_has_the_same_columns(store, follow, tmp_path: Path) -> None:
    store.commit(MANY)
    first = follow(store, tmp_path, "x.csv")
    first.catch_up()
    first.close()
    store.commit({"late": 1, "f5": 2}, {OTHERS: 3, "f2999": 4})
    follow(store, tmp_path, "x.csv").finish(complete=True)
    _, later, last = rows_of(tmp_path / "x.csv")
    assert later == {"f5": "2", OTHERS: '{"late":1}'}
    assert json.loads(last[OTHERS]) == {OTHERS: 3, "f2999": 4}


TWINS = [{"Title": 1, "title": 2, "TITLE": 3}, {"URL": "x", "url": "y"}, {OTHERS: {"a": 1}}, {"": 1}]


def test_fields_that_differ_in_case_alone_fail_no_database(store, follow, tmp_path: Path) -> None:
    for item in TWINS:
        store.commit({"url": "u", **item})
    follow(store, tmp_path, "x.sqlite", keys={"item": ["url"]}).finish(complete=True)
    rows = rows_of(tmp_path / "x.sqlite")
    # What a crawl goes by is a column, whatever comes before it.
    assert {"url": "u", OTHERS: '{"":1}'} in rows
    assert {"url": "y", OTHERS: '{"URL":"x"}'} in rows
    with pytest.raises(ExportError, match=r"Title and title.*fields"):
        follow(store, tmp_path, "y.sqlite", fields=("Title", "title")).finish(complete=True)


TYPES = ["sqlite_master", "sqlite_x", "_scraper_exports", "Item", "ITEM", "é" * 100, "pg_class", "a b;--", '"']


def test_no_name_of_a_type_fails_a_database_or_reaches_a_table_of_its_own(store, follow, tmp_path: Path) -> None:
    for type in TYPES:
        store.commit({"a": type}, type=type)
    for run in (1, 2):
        follow(store, tmp_path, "x.sqlite", run=run).finish(complete=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        quoted = ['"' + name.replace('"', '""') + '"' for name in tables if name != "_scraper_exports"]
        found = [a for name in quoted for (a,) in connection.execute(f"SELECT a FROM {name}")]
    assert sorted(found) == sorted(TYPES)


def test_runs_whose_pages_name_ever_new_fields_widen_no_table_any_more(
    store, follow: Callable[..., Any], tmp_path: Path
) -> None:
    for run in range(1, 4):
        store.rows = []
        store.commit({f"f{run}-{number}": 1 for number in range(900)})
        follow(store, tmp_path, "x.sqlite", run=run, mode="append").finish(complete=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        assert len(connection.execute("PRAGMA table_info(item)").fetchall()) == MOST_COLUMNS + 1
