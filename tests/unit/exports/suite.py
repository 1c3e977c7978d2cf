"""What every export promises, whatever it writes: killed at any step and resumed, it holds what it would hold.

A kill is simulated by an exception before or after each thing that outlives the process, after which every object is
dropped as it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scraper.exports.destinations import RemoteDestination
from scraper.exports.follow import Follower
from scraper.exports.part_file import PartFile
from scraper.exports.sqlite import SqliteExport

Titles = dict[str, list[str]]


class Killed(BaseException):
    """The process is gone."""


class Reaper:
    """Kills at the step of a number; steps are the beginnings and ends of what is patched."""

    def __init__(self) -> None:
        self.steps = 0
        self.kills_at = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.kills_at:
            raise Killed

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = function(*args, **kwargs)
            self.step()
            return result

        return wrapped

    def half(self, append: Callable[..., None]) -> Callable[..., None]:
        """A write may end half-way."""

        def wrapped(file: PartFile, data: bytes) -> None:
            self.steps += 1
            if self.steps == self.kills_at:
                append(file, data[: len(data) // 2])
                raise Killed
            append(file, data)
            self.step()

        return wrapped


@contextmanager
def reaping(store: Any) -> Iterator[Reaper]:
    reaper = Reaper()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartFile, "append", reaper.half(PartFile.append))
        patch.setattr(Path, "replace", reaper.around(Path.replace))
        patch.setattr(os, "fsync", reaper.around(os.fsync))
        patch.setattr(RemoteDestination, "deliver", reaper.around(RemoteDestination.deliver))
        for name in ("_begin", "_flush", "_write_note", "_commit"):
            patch.setattr(SqliteExport, name, reaper.around(getattr(SqliteExport, name)))
        patch.setattr(store, "save_export_position", reaper.around(store.save_export_position))
        patch.setattr(store, "items_after", reaper.around(store.items_after))
        # What is killed closes nothing.
        patch.setattr(Follower, "close", lambda _: None)
        yield reaper


class ExportSuite:
    """Subclasses say where to, with what keys, and how to read it without us."""

    path: str
    settings: dict[str, Any] = {}
    #: What the target holds of an earlier run.
    earlier = ("old",)
    #: What becomes of that.
    keeps_earlier = False

    def titles(self, folder: Path) -> list[str]:
        """The titles in the complete target, in order; nothing where there is none."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _tools(self, follow: Callable[..., Follower], tmp_path: Path) -> None:
        self.follow, self.folder = follow, tmp_path / "out"

    def follower(self, store: Any, **settings: Any) -> Follower:
        return self.follow(store, self.folder, self.path, **{**self.settings, **settings})

    def write_earlier_run(self, store: Any) -> None:
        """A run before the one that is looked at."""
        kept, store.rows = store.rows, []
        store.commit(*({"title": title, "price": -1} for title in self.earlier))
        self.follower(store, run=8).finish(complete=True)
        store.rows = kept

    def expected(self, store: Any) -> list[str]:
        titles = [row.data["title"] for row in store.rows]
        return [*self.earlier, *titles] if self.keeps_earlier else titles

    def attempt(self, store: Any, reaper: Reaper, kills_at: int) -> bool:
        """Crawl up to the kill at that step; True where there were fewer steps."""
        reaper.steps, reaper.kills_at = 0, kills_at
        follower = self.follower(store, run=9)
        try:
            for _ in range(3):
                follower.catch_up(limit_rows=10)
            follower.finish(complete=True)
        except Killed:
            return False
        finally:
            del follower
            self.drop()
        return True

    def test_it_holds_the_run(self, books):
        paths = self.follower(books).finish(complete=True)
        assert paths
        assert self.titles(self.folder) == self.expected_of_first(books)

    def expected_of_first(self, store: Any) -> list[str]:
        return [row.data["title"] for row in store.rows]

    def test_killed_at_every_step(self, books):
        self.write_earlier_run(books)
        before = dict(books.positions)
        assert self.titles(self.folder) == list(self.earlier)
        with reaping(books) as reaper:
            for step in range(1, 500):
                if self.attempt(books, reaper, step):
                    break
                # A kill may follow a kill.
                self.attempt(books, reaper, 1 + step % 7)
                assert self.attempt(books, reaper, 0), "it was not resumed"
                assert self.titles(self.folder) == self.expected(books), f"killed at step {step}"
                self.begin_again(books, before)
            else:
                pytest.fail("the steps do not end")
            assert step > 5
        assert self.titles(self.folder) == self.expected(books)

    def drop(self) -> None:
        """Close what a process that is gone has open, where that matters."""

    def begin_again(self, store: Any, positions: dict) -> None:
        """As before the run that was killed."""
        self.wipe()
        store.positions.clear()
        self.write_earlier_run(store)
        assert self.titles(self.folder) == list(self.earlier)

    def wipe(self) -> None:
        for path in self.folder.glob("*"):
            path.unlink()

    def test_a_run_that_ends_badly_changes_nothing(self, books):
        self.write_earlier_run(books)
        self.follower(books, run=9).finish(complete=False)
        assert self.titles(self.folder) == list(self.earlier)

    def test_failures_that_were_tried_again_are_added(self, books):
        rows, books.rows = books.rows, books.rows[:30]
        self.follower(books).finish(complete=True)
        books.rows = rows
        self.follower(books).finish(complete=True)
        assert sorted(self.titles(self.folder)) == sorted(row.data["title"] for row in rows)

    def test_no_items(self, store):
        self.follower(store).finish(complete=True)
        assert self.titles(self.folder) == []


def rows_of(path: Path, query: str) -> list[Any]:
    """What a SQLite file says; nothing where it is not there."""
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error)
        return []
    finally:
        connection.close()
