"""Statements that write many rows: as many as were given, in few steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from scraper.store.backends.statements import Prepared, inserting, portions
from scraper.store.sql import Column, Connection, Integer, MetaData, Table

_COLUMNS = ("number", "twice")
_TABLE = Table("numbers", MetaData(), Column("number", Integer, primary_key=True), Column("twice", Integer))
_ADD = Prepared(inserting(_TABLE, _COLUMNS).on_conflict_do_nothing(index_elements=["number"]), _COLUMNS)
_adding = inserting(_TABLE, _COLUMNS)
_REPLACE = Prepared(
    _adding.on_conflict_do_update(index_elements=["number"], set_={"twice": _adding.excluded.twice}), _COLUMNS
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as driver:
        for statement in _TABLE.create_statements():
            driver.execute(statement)
        yield Connection(driver)


def rows_in(connection: Connection) -> list[tuple[int, int]]:
    return [tuple(row) for row in connection.run("select number, twice from numbers order by number")]


@pytest.mark.parametrize("count", [1, 3, 4, 63, 64, 65, 200])
def test_every_row_is_written_once(connection: Connection, count: int) -> None:
    rows = [(number, 2 * number) for number in range(count)]
    assert _ADD.many(connection, rows) == count
    assert rows_in(connection) == rows


def test_rows_that_are_there_already_are_not_counted(connection: Connection) -> None:
    _ADD.many(connection, [(number, 0) for number in range(0, 90, 2)])
    assert _ADD.many(connection, [(number, 1) for number in range(90)]) == 45
    assert _ADD.many(connection, [(100, 1), (100, 2), (100, 3), (100, 4)]) == 1
    assert [twice for number, twice in rows_in(connection) if number < 4 or number == 100] == [0, 1, 0, 1, 1]


def test_of_rows_that_replace_each_other_the_last_one_stays(connection: Connection) -> None:
    _REPLACE.many(connection, [(1, number) for number in range(10)])
    assert rows_in(connection) == [(1, 9)]


def test_nothing_is_nothing(connection: Connection) -> None:
    assert _ADD.many(connection, []) == 0


def test_many_rows_take_few_steps(connection: Connection) -> None:
    steps: list[str] = []
    connection.driver.set_trace_callback(steps.append)
    _ADD.many(connection, [(number, 0) for number in range(200)])
    assert sum(step.startswith("INSERT") for step in steps) == 5  # 3 of 64 and 2 of 4


@pytest.mark.parametrize("width", [1, 7, 15, 40, 1_000])
def test_no_portion_has_too_many_parameters(width: int) -> None:
    values = list(range(333))
    parts = list(portions(values, width))
    assert [value for part in parts for value in part] == values
    assert all(len(part) * width <= 999 or len(part) == 1 for part in parts)
