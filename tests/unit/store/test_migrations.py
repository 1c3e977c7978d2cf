"""A store of an older version is brought to this one with all that it holds, and a copy of it is kept."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
from pathlib import Path

import pytest

from scraper.errors import StoreError, StoreLocked
from scraper.request import Request
from scraper.store import Store, tables
from scraper.store.backends import migrations
from scraper.store.backends.lock import StoreLock
from tests.unit.store import old_store
from tests.unit.store.conftest import ME
from tests.unit.store.test_explain_and_retry import attempt
from tests.unit.store.test_store import SITE, queue

STORES = {number: Path(__file__).parent / f"version{number}.db.gz" for number in (2, 3, 4, 6, 8)}


@pytest.fixture(params=STORES)
def number(request: pytest.FixtureRequest) -> int:
    """The version of an old store."""
    found: int = request.param
    return found


@pytest.fixture
def old(tmp_path: Path, number: int) -> Path:
    """A store that an older version wrote, its shard killed."""
    path = tmp_path / "crawl.db"
    path.write_bytes(gzip.decompress(STORES[number].read_bytes()))
    return path


def columns(path: Path) -> dict[str, object]:
    """The columns of each table, and its indexes."""
    with contextlib.closing(sqlite3.connect(path)) as look:
        names = [name for (name,) in look.execute("select name from sqlite_master where type = 'table'")]
        return {
            name: (
                [row[1:4] for row in look.execute(f"pragma table_info('{name}')")],
                sorted(row[1:] for row in look.execute(f"pragma index_list('{name}')")),
            )
            for name in names
        }


def version(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as look:
        (found,) = look.execute("select value from meta where key = 'version'").fetchone()
    return str(found)


class TestMigrated:
    def test_nothing_is_lost(self, old: Path):
        with Store(old, lock=True) as store:
            unfinished = store.unfinished_run("books")
            assert unfinished is not None and unfinished.id == 2
            assert (unfinished.counts.pages, unfinished.counts.queued) == (1, 2)
            assert queue(store, 2) == ["c"]
            assert [each.request.url for each in store.due_again(2, SITE, 10)[0]] == [f"https://{SITE}/b"]
            first = store.run_before(unfinished)
            assert first is not None and (first.counts.items, first.counts.failed) == (2, 1)
            assert [row.data["sku"] for row in store.items_after(1, 0, 10)] == [1, 2]
            assert store.export_position(1, "out.jsonl") == {"commit": 2}
            assert store.figures(1)[SITE].requests == 2
            store.join(ME)
            (lease,) = store.claim(ME, [SITE])
            assert (lease.last_send, lease.cookies, lease.pause) == (1_000.0, old_store.COOKIES, None)
            assert (lease.profile, lease.robots) == (old_store.PROFILE, (old_store.ROBOTS,))

    def test_it_is_as_if_it_had_been_made_today(self, old: Path, tmp_path: Path):
        Store(old).close()
        Store(tmp_path / "new.db").close()
        assert columns(old) == columns(tmp_path / "new.db")
        assert version(old) == str(tables.VERSION)

    def test_what_was_known_of_a_page_still_is(self, old: Path):
        request = Request(f"https://{SITE}/a")
        with Store(old, lock=True) as store:
            (known,) = store.history(1, request, request.fingerprint()).known
        assert known.attempts == (attempt(),)

    def test_a_copy_is_kept_as_it_was(self, old: Path, number: int):
        before = old.read_bytes()
        Store(old).close()
        copy = old.with_name(f"crawl.db.v{number}")
        assert version(copy) == str(number)
        assert copy.stat().st_mode & 0o777 == 0o600
        with (
            contextlib.closing(sqlite3.connect(copy)) as kept,
            contextlib.closing(sqlite3.connect(":memory:")) as was,
        ):
            was.deserialize(before.replace(b"\x02\x02", b"\x01\x01", 1))
            assert list(kept.iterdump()) == list(was.iterdump())

    def test_it_is_done_once(self, old: Path, number: int):
        Store(old).close()
        copy = old.with_name(f"crawl.db.v{number}")
        copy.unlink()
        Store(old).close()
        assert not copy.exists()


class TestNotMigrated:
    def test_all_of_it_or_nothing(self, old: Path, number: int, monkeypatch: pytest.MonkeyPatch):
        before = columns(old)
        last = tables.VERSION - 1
        steps = (*migrations._STEPS[last], "ALTER TABLE nowhere ADD COLUMN x INTEGER")
        monkeypatch.setitem(migrations._STEPS, last, steps)
        with pytest.raises(StoreError):
            Store(old)
        assert (columns(old), version(old)) == (before, str(number))

    def test_nothing_changes_while_another_version_crawls_with_it(self, old: Path, number: int):
        lock = StoreLock(old)
        try:
            with pytest.raises(StoreLocked):
                Store(old)
        finally:
            lock.release()
        assert version(old) == str(number)
        assert not old.with_name(f"crawl.db.v{number}").exists()

    def test_without_a_copy_nothing_changes(self, old: Path, number: int, monkeypatch: pytest.MonkeyPatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(migrations, "keep_copy", full)
        with pytest.raises(StoreError, match="cannot be copied") as caught:
            Store(old)
        assert "make room" in str(caught.value.remedy)
        assert version(old) == str(number)

    def test_a_newer_version_is_refused(self, old: Path):
        with contextlib.closing(sqlite3.connect(old)) as newer:
            newer.execute("update meta set value = '999' where key = 'version'")
            newer.commit()
        with pytest.raises(StoreError, match="999"):
            Store(old)
