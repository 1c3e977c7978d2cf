"""What another database was told stays true after a power cut, which takes back the store's newest commits."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scraper.exports.follow import Follower
from scraper.store import Store
from scraper.store.outcomes import Batch
from tests.unit.store.conftest import ME
from tests.unit.store.test_store import SITE, done, pages, start


class Disk:
    """What of a store's files is on the disk: as they were at the last fsync."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self._folder = path, folder
        folder.mkdir()
        self.syncs = 0

    def synced(self) -> None:
        self.syncs += 1
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        for file in self._files():
            shutil.copy(file, self._folder)

    def cut_power(self) -> None:
        for file in self._files():
            file.unlink()
        for file in self._folder.iterdir():
            shutil.copy(file, self.path.parent)

    def _files(self) -> Iterator[Path]:
        return (file for end in ("", "-wal") if (file := Path(f"{self.path}{end}")).exists())


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that notices each fsync."""
    (tmp_path / "store").mkdir()
    disk = Disk(tmp_path / "store" / "crawl.db", tmp_path / "disk")
    sync = os.fsync

    def fsync(file: int) -> None:
        sync(file)
        disk.synced()

    monkeypatch.setattr(os, "fsync", fsync)
    return disk


@contextlib.contextmanager
def crawling(disk: Disk) -> Iterator[Store]:
    with Store(disk.path) as store:
        store.void_leases_of(ME)
        store.join(ME)
        yield store


def commit(store: Store, run: int, *names: str) -> None:
    """One commit with an item of each of these pages."""
    epoch = store.claim(ME, [SITE])[0].epoch
    queued = {each.request.url.rpartition("/")[2]: each for each in store.ready(run, SITE, 100)}
    store.commit(run, Batch(outcomes=[done(queued[name], {"name": name}) for name in names]), ME, {SITE: epoch})


def test_a_database_holds_each_item_once(disk: Disk, tmp_path: Path, follow: Callable[..., Follower]) -> None:
    with crawling(disk) as store:
        run = store.begin_run("books", "identity", {}).id
        start(store, run, *pages("a", "b", "c"))
        commit(store, run, "a")
        disk.synced()
        commit(store, run, "b", "c")
        follow(store, tmp_path, "x.sqlite", run=run, mode="append").finish(complete=True)
    disk.cut_power()
    with crawling(disk) as store:
        # What the store has lost is crawled again, in other batches.
        for each in store.ready(run, SITE, 100):
            commit(store, run, each.request.url.rpartition("/")[2])
        follow(store, tmp_path, "x.sqlite", run=run, mode="append").finish(complete=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as look:
        assert sorted(look.execute("select name from item")) == [("a",), ("b",), ("c",)]


def test_what_must_not_be_sent_twice_is_marked_on_the_disk(disk: Disk) -> None:
    with crawling(disk) as store:
        run = store.begin_run("books", "identity", {}).id
        start(store, run, *pages("form"))
        store.claim(ME, [SITE])
        store.mark_sent(store.ready(run, SITE, 1)[0].id)
    disk.cut_power()
    with crawling(disk) as store:
        assert [each.sent for each in store.ready(run, SITE, 1)] == [True]


def test_commits_alone_wait_for_no_disk(disk: Disk) -> None:
    with crawling(disk) as store:
        run = store.begin_run("books", "identity", {}).id
        start(store, run, *pages("a"))
        commit(store, run, "a")
        assert disk.syncs == 0
