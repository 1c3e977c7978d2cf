"""A spreadsheet runs no cell of a CSV, unless told otherwise."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from scraper.config.values import ExportConfig
from scraper.exports import open_export
from scraper.exports.follow import Follower


def rows_of(store, folder: Path, **settings) -> list[list[str]]:
    config = ExportConfig(path="x.csv", **settings)
    export = open_export(config, folder.joinpath, io.BytesIO())
    path = Path(Follower(store, 1, config, export, "x").finish(complete=True))
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "--1", "+1-1", "-", "-1e", "+٣"]
)
def test_what_a_spreadsheet_would_run_becomes_text(store, tmp_path, text):
    store.commit({"t": text})
    assert rows_of(store, tmp_path) == [["t"], [f"'{text}"]]


@pytest.mark.parametrize("text", ["-1", "+49", "-1.5", "+.5", "-1e-7", "a=1", " =1", "'=1", "", "1-2", "Grüße"])
def test_numbers_and_other_text_stay(store, tmp_path, text):
    store.commit({"t": text, "n": 1})
    assert rows_of(store, tmp_path) == [["t", "n"], [text, "1"]]


def test_negative_numbers_stay(store, tmp_path):
    store.commit({"a": -5, "b": -1.5e-7})
    assert rows_of(store, tmp_path)[1] == ["-5", "-1.5e-07"]


def test_the_header_too(store, tmp_path):
    store.commit({"=A1": 1})
    assert rows_of(store, tmp_path) == [["'=A1"], ["1"]]


def test_they_stay_where_that_is_wanted(store, tmp_path):
    store.commit({"=A1": "=1+1"})
    assert rows_of(store, tmp_path, formulas="keep") == [["=A1"], ["=1+1"]]
