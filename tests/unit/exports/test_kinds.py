"""Every kind of export, by the suite that all of them inherit."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from pathlib import Path

import pytest

from tests.unit.exports.suite import ExportSuite, rows_of


def _lines(text: str) -> list[str]:
    return [json.loads(line)["title"] for line in text.splitlines()]


class TestJsonl(ExportSuite):
    path = "books.jsonl"

    def titles(self, folder: Path) -> list[str]:
        return _lines((folder / self.path).read_text("utf-8"))


class TestJson(ExportSuite):
    path = "books.json"

    def titles(self, folder: Path) -> list[str]:
        return [item["title"] for item in json.loads((folder / self.path).read_text("utf-8"))]


class TestCsv(ExportSuite):
    path = "books.csv"

    def titles(self, folder: Path) -> list[str]:
        return [row["title"] for row in csv.DictReader(io.StringIO((folder / self.path).read_text("utf-8")))]


class TestGzip(ExportSuite):
    path = "books.jsonl.gz"

    def titles(self, folder: Path) -> list[str]:
        return _lines(gzip.decompress((folder / self.path).read_bytes()).decode())


class TestZstd(ExportSuite):
    path = "books.csv.zst"

    def titles(self, folder: Path) -> list[str]:
        zstandard = pytest.importorskip("zstandard")
        with zstandard.open(folder / self.path, "rt", encoding="utf-8", newline="") as text:
            return [row["title"] for row in csv.DictReader(text)]

    @pytest.fixture(autouse=True)
    def _package(self) -> None:
        pytest.importorskip("zstandard")


class TestAppending(TestJsonl):
    settings = {"mode": "append"}
    keeps_earlier = True


class TestAppendingGzip(TestGzip):
    settings = {"mode": "append"}
    keeps_earlier = True


class TestAppendingCsv(TestCsv):
    settings = {"mode": "append", "fields": ("title",)}
    keeps_earlier = True


class TestNumbered(ExportSuite):
    path = "books.jsonl"
    settings = {"max_bytes": 1000}
    earlier = tuple(f"old {number}" for number in range(200))

    def titles(self, folder: Path) -> list[str]:
        files = sorted(folder.glob("books-*.jsonl"))
        assert [file.name for file in files] == [f"books-{number:05d}.jsonl" for number in range(1, len(files) + 1)]
        assert all(file.stat().st_size <= 1000 for file in files)
        return [title for file in files for title in _lines(file.read_text("utf-8"))]


class TestNumberedJsonGzip(ExportSuite):
    path = "books.json.gz"
    settings = {"max_bytes": 300}
    earlier = tuple(f"old {number}" for number in range(50))

    def titles(self, folder: Path) -> list[str]:
        files = sorted(folder.glob("books-*.json.gz"))
        return [item["title"] for file in files for item in json.loads(gzip.decompress(file.read_bytes()))]


class TestByType(TestCsv):
    path = "{type}s.csv"
    settings = {"mode": "append", "fields": ("title",)}
    keeps_earlier = True

    def titles(self, folder: Path) -> list[str]:
        path = folder / "items.csv"
        return [row["title"] for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))] if path.exists() else []


class TestCsvWithMark(TestCsv):
    settings = {"bom": True}

    def titles(self, folder: Path) -> list[str]:
        data = (folder / self.path).read_bytes()
        assert data == b"" or (data.startswith(b"\xef\xbb\xbf") and data.count(b"\xef\xbb\xbf") == 1)
        return [row["title"] for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig")))]


class TestAppendingCsvWithMark(TestCsvWithMark):
    settings = {"bom": True, "mode": "append", "fields": ("title",)}
    keeps_earlier = True


class TestXlsx(ExportSuite):
    path = "books.xlsx"

    @pytest.fixture(autouse=True)
    def _package(self) -> None:
        pytest.importorskip("xlsxwriter")
        pytest.importorskip("openpyxl")

    def titles(self, folder: Path) -> list[str]:
        import openpyxl

        lines = list(openpyxl.load_workbook(folder / self.path).worksheets[0].values)
        assert not list(folder.glob("*.rows"))
        header, *rows = lines or [()]
        return [str(row[header.index("title")]) for row in rows]


class TestParquet(ExportSuite):
    path = "books.parquet"

    @pytest.fixture(autouse=True)
    def _package(self) -> None:
        pytest.importorskip("pyarrow")

    def titles(self, folder: Path) -> list[str]:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(folder / self.path)
        return table.column("title").to_pylist() if table.num_rows else []


class TestSqlite(ExportSuite):
    path = "books.sqlite"

    @pytest.fixture(autouse=True)
    def _connections(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[sqlite3.Connection] = []
        connect = sqlite3.connect

        def connected(*args, **kwargs) -> sqlite3.Connection:
            self.opened.append(connect(*args, **kwargs))
            return self.opened[-1]

        monkeypatch.setattr(sqlite3, "connect", connected)

    def drop(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def titles(self, folder: Path) -> list[str]:
        return [title for (title,) in rows_of(folder / self.path, "select title from item order by rowid")]


class TestSqliteAppending(TestSqlite):
    settings = {"mode": "append"}
    keeps_earlier = True


class TestSqliteUpserting(TestSqlite):
    settings = {"keys": {"item": ["title"]}}
    earlier = ("Bücher 3.1", "old")

    def titles(self, folder: Path) -> list[str]:
        # Which row is the first is the database's affair.
        return sorted(super().titles(folder))

    def expected(self, store) -> list[str]:
        return sorted({*self.earlier, *(row.data["title"] for row in store.rows)})

    def expected_of_first(self, store) -> list[str]:
        return sorted(row.data["title"] for row in store.rows)

    def write_earlier_run(self, store) -> None:
        super().write_earlier_run(store)
        assert rows_of(self.folder / self.path, "select price from item") == [(-1,), (-1,)]

    def test_the_newest_of_a_key_holds(self, books):
        self.write_earlier_run(books)
        self.follower(books, run=9).finish(complete=True)
        query = "select title, price from item where title in ('old', 'Bücher 3.1') order by title"
        assert rows_of(self.folder / self.path, query) == [("Bücher 3.1", 3), ("old", -1)]


class TestRemote(ExportSuite):
    path = "memory://bucket/books.jsonl"

    @pytest.fixture(autouse=True)
    def _package(self):
        self.system = pytest.importorskip("fsspec").filesystem("memory")
        yield
        self.wipe()

    def wipe(self) -> None:
        self.system.store.clear()

    def titles(self, folder: Path) -> list[str]:
        names = [name for name in self.system.store if not name.endswith(".part")]
        return _lines(self.system.cat("/bucket/books.jsonl").decode()) if names else []


class TestRemoteParquet(TestRemote):
    path = "memory://bucket/books.parquet"

    @pytest.fixture(autouse=True)
    def _parquet(self) -> None:
        pytest.importorskip("pyarrow")

    def titles(self, folder: Path) -> list[str]:
        import pyarrow.parquet

        if not self.system.store:
            return []
        table = pyarrow.parquet.read_table(io.BytesIO(self.system.cat("/bucket/books.parquet")))
        return table.column("title").to_pylist() if table.num_rows else []
