"""When the write-ahead log is brought into the database, and by whom."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scraper.store import Store
from scraper.store.backends import checkpoints


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crawl.db"


def large(number: int) -> str:
    """100 kB, of which all changes with the number: SQLite writes no page that did not change."""
    return f"{number:05}" * 20_000


def log_size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0


def test_no_commit_brings_the_log_in(path: Path):
    """It would wait for the disk; SQLite by itself does so every 4 MB."""
    with Store(path) as store:
        for number in range(100):
            store.keep_cookies({"a.example": large(number)})
        assert log_size(path) > 10_000_000
    assert log_size(path) == 0
    with Store(path) as store:
        assert store.cookies() == {"a.example": large(99)}


def test_the_log_begins_again_while_commits_go_on(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 1_000_000)
    monkeypatch.setattr(checkpoints, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(checkpoints, "_TOO_LONG_BYTES", 1e12)
    with Store(path, lock=True) as store:
        sizes = [0]
        while len(sizes) < 2 or sizes[-1] >= sizes[-2]:
            store.keep_cookies({"a.example": large(len(sizes))})
            sizes.append(log_size(path))
            assert len(sizes) < 5_000, f"the log was never begun again: {sizes[-1]} bytes"
        assert sizes[-2] >= 1_000_000
        assert store.cookies() == {"a.example": large(len(sizes) - 1)}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


def test_who_reads_on_does_not_hold_up_commits_and_sees_one_picture(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 1_000_000)
    monkeypatch.setattr(checkpoints, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(checkpoints, "_BUSY_SECONDS", 0.01)
    with Store(path, lock=True) as store:
        store.keep_cookies({"a.example": "first"})
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("begin")
            count = "select cookies from domains"
            assert reader.execute(count).fetchall() == [("first",)]
            for number in range(50):
                store.keep_cookies({"a.example": large(number)})
            assert reader.execute(count).fetchall() == [("first",)]
    with Store(path) as store:
        assert store.cookies() == {"a.example": large(49)}


class Waits:
    """A clock that goes on where somebody sleeps, and what happens to the log meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, log: Path, *, begins_again_after: float) -> None:
        self.seconds = 0.0
        self._log, self._after = log, begins_again_after
        monkeypatch.setattr(checkpoints.time, "sleep", self._sleep)
        monkeypatch.setattr(checkpoints.time, "monotonic", lambda: self.seconds)

    def grow(self, size: int) -> None:
        with self._log.open("wb") as file:
            file.truncate(size)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= self._after:
            self.grow(0)


def test_who_writes_gives_way_where_the_log_is_too_long(path: Path, monkeypatch: pytest.MonkeyPatch):
    waits = Waits(monkeypatch, checkpoints.log_of(path), begins_again_after=0.5)
    giving_way = checkpoints.GivingWay(path)
    giving_way.wait()
    waits.grow(checkpoints.LOG_BYTES)
    giving_way.wait()
    assert waits.seconds == 0
    waits.grow(3 * checkpoints.LOG_BYTES)
    giving_way.wait()
    assert waits.seconds == pytest.approx(0.5, abs=0.1)
    assert log_size(path) == 0


def test_who_writes_gives_way_in_vain_but_once(path: Path, monkeypatch: pytest.MonkeyPatch):
    """Somebody reads on, and the log cannot begin again."""
    waits = Waits(monkeypatch, checkpoints.log_of(path), begins_again_after=1e9)
    giving_way = checkpoints.GivingWay(path)
    waits.grow(4 * checkpoints.LOG_BYTES)
    for _ in range(3):
        giving_way.wait()
    once = waits.seconds
    assert 0 < once < 3
    waits.grow(6 * checkpoints.LOG_BYTES)
    giving_way.wait()
    assert waits.seconds == pytest.approx(2 * once, abs=0.1)


def test_at_its_end_a_crawl_brings_the_log_in_though_others_have_the_store_open(path: Path):
    with Store(path, lock=True) as store, closing(sqlite3.connect(path)) as reader:
        store.keep_cookies({"a.example": large(1)})
        reader.execute("select count(*) from runs").fetchall()
        assert log_size(path) > 0
        store.close()
        assert log_size(path) == 0


def test_who_opens_a_store_twice_loses_nothing_when_another_process_closes_it(path: Path):
    """Of POSIX locks a process has one for each file, and closing any descriptor of it ends them."""
    with Store(path) as first:
        first.keep_cookies({"a.example": "before"})
        with Store(path):
            look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('select * from meta').fetchall()"
            subprocess.run([sys.executable, "-c", look, str(path)], check=True)
            first.keep_cookies({"a.example": "after"})
            read = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('select cookies from domains'))"
            seen = subprocess.run([sys.executable, "-c", read, str(path)], check=True, capture_output=True, text=True)
    assert seen.stdout == "('after',)\n"
