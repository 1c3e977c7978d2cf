"""The note of the page that is being parsed: what a process that comes later reads in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.engine.crash_marker import CrashMarker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crawl.db.parsing-0"


def found_in(path: Path, run: int) -> int | None:
    """What another process would find, while the one that wrote it may still have the file open."""
    other = CrashMarker(path, run)
    return other.noted()


def test_names_the_page_that_is_being_parsed(path: Path) -> None:
    note = CrashMarker(path, 3)
    assert found_in(path, 3) is None
    note.write(2**40)
    assert found_in(path, 3) == 2**40
    assert found_in(path, 4) is None, "it is of another run"
    note.clear()
    assert found_in(path, 3) is None


def test_is_in_the_file_itself(path: Path) -> None:
    note = CrashMarker(path, 3)
    note.write(7)
    assert path.read_bytes()[:16] == (3).to_bytes(8, "little") + (7).to_bytes(8, "little")


def test_a_file_that_was_cut_off_names_nothing(path: Path) -> None:
    path.write_bytes(b"\3\0\0")
    note = CrashMarker(path, 3)
    assert note.noted() is None
    note.write(9)
    assert found_in(path, 3) == 9


def test_is_gone_once_it_is_closed_and_takes_no_more(path: Path) -> None:
    note = CrashMarker(path, 3)
    note.write(7)
    note.close()
    assert not path.exists()
    note.write(8)  # by a callback that outlasts the shard
    assert not path.exists()
