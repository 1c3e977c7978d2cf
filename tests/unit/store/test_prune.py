"""Which runs are pruned, what goes with them, and that the file gets smaller."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from scraper.store import Store
from scraper.store import tables as t
from scraper.store.backends import sqlite
from scraper.store.backends.sqlite import SqliteBackend
from scraper.store.history import prune
from scraper.store.values import ChangeCounts
from tests.unit.store.looking import Where, rows
from tests.unit.store.test_changes import item, row, run_of, store

__all__ = ["store"]

BODY = "x" * 2_000


def large(store: Store, count: int = 60, *, result: str = "finished") -> int:
    """A run with so many pages, a fat item on each; one page failed."""
    site = {str(number): [item(str(number), BODY)] for number in range(count)}
    return run_of(store, {**site, "failed": 500}, result=result).id


def numbers(store: Store) -> list[int]:
    return [run.id for run in reversed(store.all_runs("books"))]


def rows_of(path: Where, run: int) -> dict[str, int]:
    """How many rows each table that knows of runs has of this one."""
    tables = [table.name for table in t.metadata.tables.values() if any(each.name == "run" for each in table.c)]
    tables.remove(t.schedule_runs.name)
    counts = ", ".join(f"(select count(*) from {name} where run = {run})" for name in tables)
    return dict(zip(tables, rows(path, f"select {counts}")[0], strict=True))


class TestWhich:
    def test_the_newest_are_kept(self, store: Store):
        made = [large(store, 1) for _ in range(5)]
        assert store.prune("books", 2) == made[:3]
        assert numbers(store) == made[3:]
        assert store.prune("books", 2) == []

    def test_the_newest_inside_its_gate_is_kept(self, store: Store):
        good = [large(store, 1) for _ in range(2)]
        bad = [large(store, 1, result="outside-gate") for _ in range(3)]
        assert store.prune("books", 1) == [good[0], *bad[:2]]
        assert numbers(store) == [good[1], bad[2]]

    def test_what_is_unfinished_or_of_another_name_is_kept(self, store: Store):
        old = large(store, 1)
        other = store.begin_run("films", "identity", {}).id
        store.end_run(other, "finished", "", finished=True)
        large(store, 1)
        unfinished = store.begin_run("books", "identity", {}).id
        assert store.prune("books", 1) == [old]
        assert {run.id for run in store.all_runs()} == {other, old + 2, unfinished}


class TestWhatGoes:
    def test_every_row_of_the_run(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(prune, "PORTION", 7)
        first, second = large(store, 20), large(store, 20)
        store.keep_changes(row(store, first), row(store, second), ChangeCounts(first))
        kept = rows_of(store.location, second)
        assert rows_of(store.location, first)["items"] == 20
        third = large(store, 20)
        assert store.prune("books", 2) == [first]
        assert set(rows_of(store.location, first).values()) == {0}
        assert (rows_of(store.location, second), numbers(store)) == (kept, [second, third])

    def test_visits_that_point_into_it(self, store: Store):
        first = run_of(store, {"a": [item("a")], "only": [item("b")]})
        run_of(store, {"a": [item("a")]})
        store.prune("books", 1)
        dangling = "select count(*) from visits where page not in (select request from pages)"
        assert rows(store.location, dangling) == [(0,)]
        assert rows(store.location, "select count(*) from visits") == [(1,)]
        assert store.run(first.id) is None

    def test_a_kill_in_between_is_made_good(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        first, second = large(store, 20), large(store, 20)
        monkeypatch.setattr(prune, "_delete_requests", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.prune("books", 1)
        assert numbers(store) == [second], "it is not seen any more"
        monkeypatch.undo()
        assert store.prune("books", 1) == [first]
        assert set(rows_of(store.location, first).values()) == {0}


@pytest.mark.sqlite
class TestSpace:
    def test_it_is_given_back(self, store: Store):
        full = self.filled(store)
        assert store.prune("books", 1) == [1, 2, 3]
        assert store.location.path.stat().st_size < 0.5 * full

    def test_of_a_store_that_was_made_without_that_ability_too(self, store: Store):
        self.filled(store)
        store.close()
        with closing(sqlite3.connect(store.location.path)) as older:
            older.execute("PRAGMA auto_vacuum=NONE")
            older.execute("VACUUM")
            assert older.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        full = store.location.path.stat().st_size
        with Store(store.location.path, lock=True) as opened:
            opened.prune("books", 1)
            assert store.location.path.stat().st_size < 0.5 * full
        with closing(sqlite3.connect(store.location.path)) as look:
            assert look.execute("PRAGMA auto_vacuum").fetchone() == (2,)
            assert look.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_where_there_is_no_room_the_store_stays_as_it_is(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        full = self.filled(store)
        with closing(sqlite3.connect(store.location.path)) as older:
            older.execute("PRAGMA auto_vacuum=NONE")
            older.execute("VACUUM")
        monkeypatch.setattr(sqlite.shutil, "disk_usage", lambda _path: SimpleNamespace(free=full))
        store.prune("books", 1)
        assert store.location.path.stat().st_size >= 0.9 * full

    def filled(self, store: Store) -> int:
        """Four runs; returns the bytes of the file with all of them in it."""
        for _ in range(4):
            large(store)
        SqliteBackend(store.location.path).give_space_back()
        return store.location.path.stat().st_size
