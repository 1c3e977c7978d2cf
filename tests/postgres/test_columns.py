"""Exports to PostgreSQL whose names and keys a page chose: none fails, and none reaches the catalogue."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scraper.config.store_location import StoreLocation
from scraper.exports.columns import OTHERS
from tests.security.test_columns import MANY, TWINS, TYPES
from tests.unit.exports.conftest import MemoryStore, follow

__all__ = ["follow"]


@pytest.fixture
def items() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def exported(
    items: MemoryStore, follow: Callable[..., Any], path: StoreLocation, tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """Exports the items, and returns the rows of a table without what is NULL."""
    schema = f"{path.schema}_columns"
    url = f"{path.url}&options=-csearch_path%3D{schema}"
    with psycopg.connect(path.url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.execute(f"CREATE SCHEMA {schema}")

    def export(table: str = "item", **settings: Any) -> list[dict[str, Any]]:
        follow(items, tmp_path, url, **settings).finish(complete=True)
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
            found = connection.execute(f'SELECT * FROM "{table}"').fetchall()
        return [{name: value for name, value in row.items() if value is not None} for row in found]

    return export


def test_fields_without_end_share_one_column(items: MemoryStore, exported: Callable[..., Any]) -> None:
    items.commit({f"{'x' * 40}{name}": "y" * 24 + str(value) for name, value in MANY.items()})
    (row,) = exported()
    assert len(row) == 301
    assert len(row[OTHERS]) == 2_700


def test_names_that_are_no_columns_fail_nothing(items: MemoryStore, exported: Callable[..., Any]) -> None:
    odd = {"": 1, "ctid": 2, "xmin": 3, "é" * 40: 4, "x" * 70 + "a": 5, "x" * 70 + "b": 6, OTHERS: 7}
    items.commit({"url": "odd", **odd}, *({"url": str(number), **twin} for number, twin in enumerate(TWINS)))
    for run in (1, 2):
        assert {"url": "odd", OTHERS: odd} in exported(run=run, keys={"item": ["url"]})


def test_types_reach_no_table_but_their_own(items: MemoryStore, exported: Callable[..., Any]) -> None:
    types = [*TYPES, "pg_authid", "x" * 70 + "a", "x" * 70 + "b"]
    for type in types:
        items.commit({"rolname": type}, type=type)
    for run in (1, 2):
        tables = [
            row["tablename"] for row in exported("pg_tables", run=run) if row["schemaname"].endswith("_columns")
        ]
    assert len(tables) == len(types), "one is the notes, and Item and ITEM share one"
    assert "pg_authid" not in tables


def test_an_item_whose_key_is_too_long_for_an_index_is_left_out_and_told(
    items: MemoryStore, exported: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9_000))
    items.commit({"url": f"http://a/?{noise}"}, {"url": "http://a/"}, {"url": f"http://a/{noise[:2_000]}"})
    rows = exported(keys={"item": ["url"]})
    assert sorted(len(row["url"]) for row in rows) == [9, 2_009]
    assert [record.levelname for record in caplog.records if "too long" in record.getMessage()] == ["WARNING"]
