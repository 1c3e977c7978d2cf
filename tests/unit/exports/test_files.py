"""Text files in their details: arrays, numbers, compression, what an append begins with."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper import optional_dependencies
from scraper.errors import ExportError, UsageError
from scraper.exports.base import ItemSource
from tests.unit.exports.conftest import BEGAN


@pytest.fixture
def written(store, tmp_path, follow) -> Callable[..., list[bytes]]:
    """The bytes of the files of a finished export, in order."""

    def write(path: str, **settings) -> list[bytes]:
        return [Path(found).read_bytes() for found in follow(store, tmp_path, path, **settings).finish(complete=True)]

    return write


# One array -------------------------------------------------------------------------------------------


def test_json_is_one_array_an_object_a_line(store, written):
    assert written("x.json") == [b"[]\n"]
    store.commit({"t": "é"}, {"t": None})
    assert written("y.json") == ['[\n{"t":"é"},\n{"t":null}\n]\n'.encode()]


def test_a_part_of_an_array_is_whole_when_a_run_stops(books, tmp_path, follow):
    (part,) = follow(books, tmp_path, "x.json").finish(complete=False)
    assert len(json.loads(Path(part).read_text("utf-8"))) == len(books.rows)


# Files by size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
def test_no_file_is_larger_than_it_may_be(books, written, ending):
    files = written(f"x.{ending}", max_bytes=300)
    assert all(100 < len(data) <= 300 for data in files[:-1])
    heads = {data[: data.index(b"\n") + 1] for data in files}
    assert (ending == "jsonl") != (len(heads) == 1), "each file begins like the others"


def test_a_record_that_is_larger_has_a_file_for_itself(store, written):
    store.commit({"t": "a"}, {"t": "b" * 500}, {"t": "c"})
    assert [len(data) for data in written("x.jsonl", max_bytes=100)] == [10, 509, 10]


def test_compressed_files_are_nearly_as_large_as_they_may_be(store, written):
    for number in range(3000):
        store.commit({"t": f"{zlib.crc32(str(number).encode()):x}" * 4})
    files = written("x.jsonl.gz", max_bytes=20_000)
    assert len(files) > 1
    assert all(17_000 < len(data) <= 20_000 for data in files[:-1])


def test_files_of_an_earlier_run_that_had_more_are_removed(store, tmp_path, follow):
    store.commit(*({"t": "x" * 50} for _ in range(10)))
    follow(store, tmp_path, "x.jsonl", max_bytes=100).finish(complete=True)
    assert len(list(tmp_path.glob("x-*"))) == 10
    store.rows = store.rows[:2]
    follow(store, tmp_path, "x.jsonl", max_bytes=100, run=2).finish(complete=True)
    assert sorted(path.name for path in tmp_path.glob("x-*")) == ["x-00001.jsonl", "x-00002.jsonl"]


# Compression -----------------------------------------------------------------------------------------


def test_the_same_items_are_the_same_bytes(books, written):
    first = written("x.jsonl.gz")
    assert written("y.jsonl.gz") == first
    assert gzip.decompress(first[0]) == written("z.jsonl")[0]


def test_a_package_that_is_missing_says_how_to_install_it(store, tmp_path, follow, monkeypatch):
    def missing(name: str):
        if name.startswith("scraper."):  # a format's own module
            return importing(name)
        raise ImportError(name=name)

    importing = optional_dependencies.importlib.import_module
    monkeypatch.setattr(optional_dependencies.importlib, "import_module", missing)
    for path, extra in {
        "x.jsonl.zst": "zstd",
        "x.parquet": "parquet",
        "{type}.parquet": "parquet",
        "s3://b/x.csv": "s3",
        "memory://x.csv": "fsspec",
        "postgresql://h/d": "postgres",
    }.items():
        with pytest.raises(UsageError) as caught:
            follow(store, tmp_path, path)
        assert caught.value.remedy == f"pip install 'persistent-scraper[{extra}]'"


# Appending -------------------------------------------------------------------------------------------


def test_a_csv_has_one_header_however_often_it_grows(store, tmp_path, follow):
    store.commit({"a": 1})
    for run in (1, 2, 3):
        follow(store, tmp_path, "x.csv", mode="append", fields=("a", "b"), run=run).finish(complete=True)
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\r\n1,\r\n1,\r\n1,\r\n"


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_another_header_is_not_appended_to(store, tmp_path, follow, name):
    store.commit({"a": 1})
    follow(store, tmp_path, name, mode="append", fields=("a",)).finish(complete=True)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(ExportError, match=r"does not begin with b,a.*fields"):
        follow(store, tmp_path, name, mode="append", fields=("b", "a"), run=2).catch_up()
    assert (tmp_path / name).read_bytes() == before


def test_what_is_not_compressed_is_not_appended_to(store, tmp_path, follow):
    (tmp_path / "x.csv.gz").write_bytes(b"a\r\n1\r\n")
    with pytest.raises(ExportError, match=r"x\.csv\.gz"):
        follow(store, tmp_path, "x.csv.gz", mode="append", fields=("a",)).catch_up()


def test_a_last_line_without_its_end_gets_one(store, tmp_path, follow):
    (tmp_path / "x.jsonl").write_bytes(b'{"a":0}')
    store.commit({"a": 1})
    follow(store, tmp_path, "x.jsonl", mode="append").finish(complete=True)
    assert (tmp_path / "x.jsonl").read_bytes() == b'{"a":0}\n{"a":1}\n'


def test_other_fields_after_a_kill_still_know_what_was_there_before(store, tmp_path, follow):
    (tmp_path / "x.jsonl").write_bytes(b'{"a":0}\n')
    store.commit({"a": 1, "b": 2})
    first = follow(store, tmp_path, "x.jsonl", mode="append")
    first.finish(complete=True)
    # As after a kill right behind the renaming, and a change of the configuration.
    follow(store, tmp_path, "x.jsonl", mode="append", fields=("b",)).finish(complete=True)
    assert (tmp_path / "x.jsonl").read_bytes() == b'{"a":0}\n{"b":2}\n'


# Paths and provenance --------------------------------------------------------------------------------


def test_paths_are_those_of_the_run(store, tmp_path, follow):
    path = "{name}/{run}/{date}/{time}-{type}.jsonl"
    store.commit({"a": 1}, type="Book")
    store.commit({"a": 2}, type="we/ird ../x")
    found = follow(store, tmp_path, path, run=7, began=BEGAN).finish(complete=True)
    names = ["123045-Book.jsonl", "123045-we_ird_.._x-fa6085d6.jsonl"]
    assert found == [str(tmp_path / "shop/7/2026-03-01" / name) for name in names]
    assert [Path(each).read_text() for each in found] == ['{"a":1}\n', '{"a":2}\n']


def test_each_type_has_columns_of_its_own(store, tmp_path, follow):
    store.commit({"a": 1}, type="Book")
    store.commit({"b": 2}, type="Author")
    store.commit({"c": 3}, type="Book")
    follow(store, tmp_path, "{type}.csv").finish(complete=True)
    assert (tmp_path / "Book.csv").read_text() == "a,c\n1,\n,3\n"
    assert (tmp_path / "Author.csv").read_text() == "b\n2\n"


def test_provenance_is_added_where_it_is_asked_for(store, tmp_path, follow):
    store.commit({"a": 1, "b": 2}, source=ItemSource("http://x/", BEGAN + 0.25, "x#1"))
    store.commit({"a": 3})
    meta = ("url", "run", "fetched_at", "connection")
    follow(store, tmp_path, "x.csv", fields=("a",), meta=meta, run=5).finish(complete=True)
    assert (tmp_path / "x.csv").read_text().splitlines() == [
        "a,_url,_run,_fetched_at,_connection",
        "1,http://x/,5,2026-03-01T12:30:45.250+00:00,x#1",
        "3,,5,,",
    ]


def test_what_the_store_keeps_has_no_secrets(store, tmp_path, follow):
    pytest.importorskip("fsspec")
    store.commit({"a": 1})
    options = {"token": "not-to-be-told"}
    follow(store, tmp_path, "memory://me:not-to-be-told@bucket/x.jsonl", options=options).catch_up()
    assert store.positions
    assert "not-to-be-told" not in repr(store.positions)
