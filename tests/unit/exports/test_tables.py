"""Parquet and SQLite in their details: the columns, and what becomes of earlier runs."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.errors import ExportError
from scraper.exports.columns import Columns, kind_of, wider
from tests.unit.exports.conftest import BEGAN

# Kinds of columns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, None),
        (True, "bool"),
        (1, "int"),
        (2**63, "text"),
        (-(2**63), "int"),
        (1.0, "float"),
        ("", "text"),
        ([], "list:"),
        ([None, 1], "list:int"),
        ([1, 2.5], "list:float"),
        (["a", "b"], "list:text"),
        ([1, "a"], "json"),
        ([[1]], "json"),
        ([{}], "json"),
        ({}, "json"),
    ],
)
def test_the_kind_of_a_value(value, kind):
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, "int", "int"),
        ("int", "float", "float"),
        ("int", "bool", "text"),
        ("text", "float", "text"),
        ("list:", "list:int", "list:int"),
        ("list:int", "list:float", "list:float"),
        ("list:int", "list:text", "json"),
        ("list:int", "json", "json"),
        ("json", "int", "text"),
        ("list:text", "text", "text"),
    ],
)
def test_the_kind_that_holds_both(one, other, both):
    assert wider(one, other) == wider(other, one) == both


def test_columns_come_as_they_are_met_or_are_those_named():
    free, fixed = Columns(None), Columns(("b",))
    assert [free.add(data) for data in ({"a": 1}, {"a": 2}, {"b": "x", "a": 2.5}, {"b": None})] == [
        True,
        False,
        True,
        False,
    ]
    assert free.kinds == {"a": "float", "b": "text"}
    assert fixed.add({"a": 1, "b": 2}) and fixed.kinds == {"b": "int"}


# Parquet ---------------------------------------------------------------------------------------------


@pytest.fixture
def parquet(store, tmp_path, follow) -> Callable[..., Any]:
    """The table of a finished export, or the tables of several files."""
    reader = pytest.importorskip("pyarrow.parquet")

    def write(**settings) -> Any:
        found = follow(store, tmp_path, "x.parquet", **settings).finish(complete=True)
        tables = [reader.ParquetFile(path).read() for path in found]
        return tables if "max_bytes" in settings else tables[0]

    return write


def test_parquet_has_the_types_of_what_it_holds(store, parquet):
    store.commit({"n": 1, "f": 1, "s": "é", "yes": True, "l": [1], "d": {"k": [1]}, "mixed": 1, "none": None})
    store.commit({"n": 2**62, "f": 0.5, "l": [None, 2], "d": None, "mixed": "x", "late": [[1]]})
    table = parquet()
    assert {field.name: str(field.type) for field in table.schema} == {
        "n": "int64",
        "f": "double",
        "s": "string",
        "yes": "bool",
        "l": "list<element: int64>",
        "d": "string",
        "mixed": "string",
        "none": "string",
        "late": "string",
    }
    rows = table.to_pylist()
    assert rows[0] | {"late": None} == rows[0]
    assert (rows[0]["d"], rows[0]["mixed"], rows[0]["f"]) == ('{"k":[1]}', "1", 1.0)
    assert (rows[1]["l"], rows[1]["late"], rows[1]["n"]) == ([None, 2], "[[1]]", 2**62)


def test_parquet_whose_columns_grow_after_the_first_rows_were_written(store, parquet, monkeypatch):
    monkeypatch.setattr("scraper.exports.parquet._ROWS", 10)
    for number in range(30):
        store.commit({"n": number} | ({"late": "x"} if number == 25 else {}))
    table = parquet()
    assert table.column("n").to_pylist() == list(range(30))
    assert table.column("late").to_pylist().count(None) == 29


def test_parquet_by_size(store, parquet):
    for number in range(1000):
        store.commit({"n": number, "t": hashlib.sha256(str(number).encode()).hexdigest()})
    tables = parquet(max_bytes=10_000)
    assert len(tables) > 2
    assert [n for table in tables for n in table.column("n").to_pylist()] == list(range(1000))
    assert len({str(table.schema) for table in tables}) == 1


def test_parquet_of_two_types_asks_for_one(store, parquet):
    store.commit({"a": 1}, type="Book")
    store.commit({"b": 1}, type="Author")
    with pytest.raises(ExportError, match=r"Book, Author.*\{type\}"):
        parquet()
    assert parquet(item="Author").to_pylist() == [{"b": 1}]


def test_parquet_of_a_run_that_ends_badly_is_a_part(store, tmp_path, follow):
    reader = pytest.importorskip("pyarrow.parquet")
    store.commit({"a": 1})
    (part,) = follow(store, tmp_path, "x.parquet").finish(complete=False)
    assert Path(part).name == "x.parquet.part"
    assert reader.ParquetFile(part).read().to_pylist() == [{"a": 1}]


def test_nothing_is_written_while_the_run_goes_on(store, tmp_path, follow):
    pytest.importorskip("pyarrow")
    store.commit({"a": 1})
    for path in ("x.parquet", "x.sqlite"):
        assert follow(store, tmp_path, path).catch_up() == 0
    assert list(tmp_path.iterdir()) == []


# SQLite ----------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite(store, tmp_path, follow) -> Callable[..., Any]:
    """`sqlite("select …")` of the file, after a finished export where a run is named."""

    def run(query: str, **settings) -> list[tuple]:
        if settings:
            follow(store, tmp_path, "x.sqlite", **settings).finish(complete=True)
        with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
            return connection.execute(query).fetchall()

    return run


def test_sqlite_keeps_every_value_as_it_is(store, sqlite):
    store.commit(
        {"t": "007", "n": 7, "f": 7.0, "yes": True, "l": [1, "é"], "d": {}, "big": 2**70, "none": None, 'a"b': 1}
    )
    (row,) = sqlite("select * from item", run=1)
    assert row == ("007", 7, 7.0, 1, '[1,"é"]', "{}", str(2**70), None, 1)
    assert [type(value) for value in row[:4]] == [str, int, float, int]


def test_sqlite_has_a_table_a_type_whose_columns_come(store, sqlite):
    store.commit({"a": 1}, type="Book")
    store.commit({"b": 2}, {}, type="Author")
    store.commit({"c": 3, "a": 4}, type="Book")
    assert sqlite("select * from book", run=1) == [(1, None), (4, 3)]
    assert sqlite("select * from author") == [(2,)]


def test_sqlite_replaces_what_an_earlier_run_wrote_and_nothing_else(store, sqlite, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        connection.execute("create table mine (x)")
        connection.execute("insert into mine values (1)")
        connection.commit()
    store.commit({"a": 1}, type="Book")
    store.commit({"a": 1}, type="Author")
    sqlite("select 1", run=1)
    store.rows = []
    store.commit({"a": 2}, type="Book")
    assert sqlite("select a from book", run=2) == [(2,)]
    assert sqlite("select a from author") == []
    assert sqlite("select x from mine") == [(1,)]


def test_sqlite_never_replaces_rows_of_others(store, sqlite, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        connection.execute("create table Item (a)")
        connection.execute("insert into Item values ('mine')")
        connection.commit()
    store.commit({"a": 1})
    with pytest.raises(ExportError, match=r"table item has rows.*mode: append"):
        sqlite("select 1", run=1)
    assert sqlite("select a from item") == [("mine",)]
    assert sqlite("select a from item", run=1, mode="append") == [("mine",), (1,)]


def test_sqlite_knows_a_run_of_another_store_from_its_own(store, sqlite):
    store.commit({"a": 1})
    sqlite("select 1", run=1, mode="append")
    assert sqlite("select a from item", run=1, mode="append") == [(1,)]
    assert sqlite("select a from item", run=1, began=BEGAN + 1, mode="append") == [(1,), (1,)]


def test_sqlite_upserts_whole_items_and_leaves_the_columns_of_others(store, sqlite, tmp_path):
    keys = {"item": ["id"]}
    store.commit({"id": 1, "price": 5, "note": "x"}, {"id": 2, "price": 6}, {"price": 7})
    sqlite("select 1", run=1, keys=keys)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        connection.execute("alter table item add column mine")
        connection.execute("update item set mine = 'kept'")
        connection.commit()
    store.rows = []
    store.commit({"id": 1, "price": 8}, {"id": 3, "price": 9, "late": 1}, {"price": 10}, {"id": 1, "price": 11})
    query = "select id, price, note, late, mine from item order by price"
    assert sqlite(query, run=2, keys=keys) == [
        (2, 6, None, None, "kept"),
        (None, 7, None, None, "kept"),
        (3, 9, None, 1, None),
        (None, 10, None, None, None),
        (1, 11, None, None, "kept"),
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "upsert"}, r"have no key.*items: \{item: \{key"),
        ({"mode": "upsert", "keys": {"item": ["id"]}, "fields": ("a",)}, r"without their key: id.*fields"),
    ],
)
def test_an_upsert_needs_a_key(store, sqlite, settings, said):
    store.commit({"a": 1})
    with pytest.raises(ExportError, match=said):
        sqlite("select 1", run=1, **settings)


def test_fields_that_are_one_column_to_sqlite(store, sqlite):
    store.commit({"Title": 1, "title": 2})
    assert sqlite("select Title, _others from item", run=1) == [(1, '{"title":2}')]
    with pytest.raises(ExportError, match=r"Title and title.*fields"):
        sqlite("select 1", run=2, fields=("Title", "title"))
    assert sqlite("select Title from item", run=2, fields=("Title",)) == [(1,)]


def test_what_is_no_database_is_left_alone(store, tmp_path, follow):
    (tmp_path / "x.db").write_bytes(b"notes, and no database at all\n" * 100)
    store.commit({"a": 1})
    with pytest.raises(ExportError, match=r"not a database.*another path"):
        follow(store, tmp_path, "x.db").finish(complete=True)
    assert (tmp_path / "x.db").read_bytes().startswith(b"notes")


def test_a_table_with_keys_twice_is_told(store, sqlite, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection:
        connection.execute("create table item (id)")
        connection.executemany("insert into item values (?)", [(1,), (1,)])
        connection.commit()
    store.commit({"id": 1})
    with pytest.raises(ExportError, match="several rows of one key"):
        sqlite("select 1", run=1, keys={"item": ["id"]})
