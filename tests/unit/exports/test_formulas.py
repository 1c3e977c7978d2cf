"""A spreadsheet runs no cell of a CSV, unless told otherwise."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def rows_of(follow, store, tmp_path: Path) -> Callable[..., list[list[str]]]:
    def read(**settings) -> list[list[str]]:
        (path,) = follow(store, tmp_path, "x.csv", **settings).finish(complete=True)
        return list(csv.reader(io.StringIO(Path(path).read_bytes().decode(), newline="")))

    return read


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "--1", "+1-1", "-", "-1e", "+٣"]
)
def test_what_a_spreadsheet_would_run_becomes_text(store, rows_of, text):
    store.commit({"t": text})
    assert rows_of() == [["t"], [f"'{text}"]]


@pytest.mark.parametrize("text", ["-1", "+49", "-1.5", "+.5", "-1e-7", "a=1", " =1", "'=1", "", "1-2", "Grüße"])
def test_numbers_and_other_text_stay(store, rows_of, text):
    store.commit({"t": text, "n": 1})
    assert rows_of() == [["t", "n"], [text, "1"]]


def test_negative_numbers_stay(store, rows_of):
    store.commit({"a": -5, "b": -1.5e-7})
    assert rows_of()[1] == ["-5", "-1.5e-07"]


def test_the_header_too(store, rows_of):
    store.commit({"=A1": 1})
    assert rows_of() == [["'=A1"], ["1"]]


def test_they_stay_where_that_is_wanted(store, rows_of):
    store.commit({"=A1": "=1+1"})
    assert rows_of(formulas="keep") == [["=A1"], ["=1+1"]]
