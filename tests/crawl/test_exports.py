"""What a crawl exports: provenance, paths, and the tables of a real PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import ExportError, Request, Spider
from tests.crawl.crawling import crawl
from tests.servers.keepalive import PageServer
from tests.servers.postgres import Postgres, postgres_bin
from tests.servers.s3 import S3

Start = Callable[..., PageServer]


class Shelf(Spider):
    """Each page is an item, whose fields its body holds as JSON."""

    def start(self) -> Iterator[Any]:
        yield {"id": "from start"}
        yield from (Request(url, errback="failed") for url in self.start_urls)

    def parse(self, response: scraper.Response) -> Any:
        yield response.json()

    def failed(self, failure: Any) -> Any:
        yield {"id": "failed"}


def page(**fields: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(fields).encode()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_provenance_is_that_of_the_ledger(page_server: Start, tmp_path: Path):
    server = page_server({"/1": page(id="one")})
    export = {"path": str(tmp_path / "a.jsonl"), "fields": ["id"], "meta": ["url", "run", "fetched_at", "connection"]}
    store = str(tmp_path / "s.db")
    run = crawl(Shelf, f"{server.url}/1", f"{server.url}/gone", store=store, exports=[export])
    by_id = {item["id"]: item for item in lines(tmp_path / "a.jsonl")}
    one = by_id["one"]
    assert list(one) == ["id", "_url", "_run", "_fetched_at", "_connection"]
    assert (one["_url"], one["_run"], one["_connection"]) == (f"{server.url}/1", run.id, "127.0.0.1#1")
    age = datetime.now(UTC) - datetime.fromisoformat(one["_fetched_at"])
    assert 0 <= age.total_seconds() < 60
    assert by_id["from start"] == {
        "id": "from start",
        "_url": None,
        "_run": 1,
        "_fetched_at": None,
        "_connection": None,
    }
    assert (by_id["failed"]["_url"], by_id["failed"]["_fetched_at"]) == (f"{server.url}/gone", None)


def test_a_run_that_goes_on_finds_its_path_again(page_server: Start, tmp_path: Path, monkeypatch: Any):
    server = page_server({"/1": page(id="one")})
    path = str(tmp_path / "{name}-{run}-{date}T{time}.jsonl")
    store = str(tmp_path / "s.db")
    Path(tmp_path / "blocked").write_text("")
    broken = {"store": store, "exports": [path, str(tmp_path / "blocked" / "b.csv")]}
    with pytest.raises(ExportError):
        crawl(Shelf, f"{server.url}/1", **broken)
    (part,) = tmp_path.glob("*.jsonl.part")
    run = crawl(Shelf, f"{server.url}/1", store=store, exports=[path])
    assert run.stats["exports"] == [str(part.with_suffix(""))]
    assert part.name.startswith(f"{Shelf.name}-1-20")
    assert len(lines(part.with_suffix(""))) == 2


def test_a_run_outside_its_gate_leaves_a_database_as_it_was(page_server: Start, tmp_path: Path):
    good = page_server({"/1": page(id="one", price=3)})
    settings: dict[str, Any] = {
        "store": str(tmp_path / "s.db"),
        "exports": [str(tmp_path / "a.sqlite")],
        "items": {"item": {"key": ["id"]}},
        "revisit": {"conditional": False},
    }
    crawl(Shelf, f"{good.url}/1", **settings)
    bad = page_server({"/1": page(id="one", price=None)})
    run = crawl(Shelf, f"{bad.url}/1", gate={"min_items": 10}, **settings)
    assert (run.result, run.stats["exports"]) == ("outside-gate", [])
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection:
        assert connection.execute("select id, price from item where id = 'one'").fetchall() == [("one", 3)]


def test_what_is_sent_is_not_in_the_store_or_the_figures(page_server: Start, tmp_path: Path, servers: ExitStack):
    pytest.importorskip("s3fs")
    s3 = servers.enter_context(S3())
    server = page_server({"/1": page(id="one")})
    options = {**s3.options, "secret": "not-to-be-told"}
    run = crawl(
        Shelf,
        f"{server.url}/1",
        store=str(tmp_path / "s.db"),
        exports=[{"path": "s3://shop/{run}/a.jsonl.gz", "options": options}],
    )
    assert (run.stats["exports"], s3.keys()) == (["s3://shop/1/a.jsonl.gz"], ["1/a.jsonl.gz"])
    assert list((tmp_path / "s.db-exports").iterdir()) == []
    assert all(b"not-to-be-told" not in path.read_bytes() for path in tmp_path.glob("s.db*") if path.is_file())


def test_a_bucket_that_is_not_there(page_server: Start, tmp_path: Path, servers: ExitStack):
    pytest.importorskip("s3fs")
    s3 = servers.enter_context(S3())
    server = page_server({"/1": page(id="one")})
    settings: dict[str, Any] = {"store": str(tmp_path / "s.db")}
    bad = {"path": "s3://elsewhere/a.jsonl", "options": s3.options}
    with pytest.raises(ExportError, match=r"cannot write s3://elsewhere/a.jsonl.*goes on"):
        crawl(Shelf, f"{server.url}/1", exports=[bad], **settings)
    crawl(Shelf, f"{server.url}/1", exports=[{**bad, "path": "s3://shop/a.jsonl"}], **settings)
    assert s3.read("a.jsonl").count(b"\n") == 2
    assert len(server.log) == 1


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a database."""
    pytest.importorskip("psycopg")
    if postgres_bin() is None:
        pytest.skip("PostgreSQL is not installed")
    with Postgres() as server:
        yield server.url


class TestPostgres:
    @pytest.fixture(autouse=True)
    def _empty(self, database: str, tmp_path: Path) -> Iterator[None]:
        import psycopg

        self.url, self.folder = database, tmp_path
        with psycopg.connect(database, autocommit=True) as self.connection:
            self.connection.execute("drop schema public cascade")
            self.connection.execute("create schema public")
            yield

    def crawl(self, page_server: Start, *items: dict[str, Any], **settings: Any) -> scraper.Run:
        server = page_server({f"/{number}": page(**item) for number, item in enumerate(items)})
        urls = [f"{server.url}/{number}" for number in range(len(items))]
        settings = {"exports": [self.url], "items": {"item": {"key": ["id"]}}} | settings
        store = str(self.folder / "s.db")
        return crawl(Shelf, *urls, store=store, revisit={"conditional": False}, fresh=True, **settings)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(query).fetchall()
        return found

    def types(self) -> dict[str, str]:
        query = "select column_name, data_type from information_schema.columns where table_name = 'item'"
        return dict(self.rows(query))

    def test_columns_have_the_types_of_what_they_hold(self, page_server: Start):
        values = {
            "n": 2**40,
            "f": 1.5,
            "yes": True,
            "l": [1, {"a": None}],
            "d": {"k": "\0x"},
            "s": "a\0b",
            "big": 2**70,
        }
        run = self.crawl(page_server, {"id": "one", **values, 'we"ird %s': None})
        assert run.stats["exports"] == [self.url]
        expected = {"n": "bigint", "f": "double precision", "yes": "boolean", "l": "jsonb", "d": "jsonb"}
        texts = dict.fromkeys(("id", "s", "big", 'we"ird %s'), "text")
        assert self.types() == expected | texts
        one = "select n, f, yes, l, d, s, big from item where id = 'one'"
        assert self.rows(one) == [(2**40, 1.5, True, [1, {"a": None}], {"k": "\ufffdx"}, "a\ufffdb", str(2**70))]

    def test_a_column_widens_and_what_is_gone_is_emptied(self, page_server: Start):
        self.crawl(page_server, {"id": "one", "price": 3, "old": "x"}, {"id": "two", "price": 4})
        self.connection.execute("alter table item add column mine text default 'kept'")
        self.connection.execute("update item set mine = 'changed' where id = 'one'")
        self.crawl(page_server, {"id": "one", "price": 2.5}, {"id": "three", "price": "sold out"})
        assert self.types()["price"] == "text"
        query = "select id, price, old, mine from item where id != 'from start' order by id"
        assert self.rows(query) == [
            ("one", "2.5", None, "changed"),
            ("three", "sold out", None, "kept"),
            ("two", "4", None, "kept"),
        ]

    def test_a_type_that_somebody_chose_stays(self, page_server: Start):
        self.connection.execute("create table item (id text primary key, price numeric(8,2), day date)")
        self.crawl(page_server, {"id": "one", "price": 3, "day": "2026-02-03"})
        assert self.rows("select price::text, day::text from item where id = 'one'") == [("3.00", "2026-02-03")]

    def test_what_cannot_be_cast_says_where(self, page_server: Start):
        self.connection.execute("create table item (id text primary key, day date)")
        with pytest.raises(ExportError, match=r"table item.*invalid input syntax for type date"):
            self.crawl(page_server, {"id": "one", "day": "someday"})
        assert self.rows("select count(*) from item") == [(0,)]

    def test_of_the_same_key_the_last_holds(self, page_server: Start):
        self.crawl(page_server, {"id": "one", "n": 1}, {"id": "one", "n": 2}, {"n": 3}, {"n": 4})
        found = self.rows("select id, n from item where n is not null order by n")
        assert len(found) == 3 and found[0][0] == "one" and found[1:] == [(None, 3), (None, 4)]

    def test_rows_that_are_not_ours_are_not_replaced(self, page_server: Start):
        self.connection.execute("create table item (id text)")
        self.connection.execute("insert into item values ('mine')")
        export = {"path": self.url, "mode": "replace"}
        with pytest.raises(ExportError, match=r"table item has rows.*mode: append"):
            self.crawl(page_server, {"id": "one"}, exports=[export])
        assert self.rows("select id from item") == [("mine",)]

    def test_it_is_not_there(self, page_server: Start):
        url = "postgresql://me:not-to-be-told@127.0.0.1:1/shop"
        with pytest.raises(ExportError, match="connection") as caught:
            self.crawl(page_server, {"id": "one"}, exports=[url])
        assert "not-to-be-told" not in str(caught.value)
        assert "***@127.0.0.1:1/shop" in str(caught.value)
