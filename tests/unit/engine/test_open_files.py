"""How many connections the system lets a process have open."""

from __future__ import annotations

import pytest

from scraper.engine.frontier import open_files


@pytest.mark.parametrize(("files", "expected"), [(1_024, 512), (8, 16), (None, 500)])
def test_half_of_the_files_are_for_connections(files: int | None, expected: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_files, "_files", lambda: files)
    assert open_files.most_open() == expected


@pytest.mark.parametrize(("files", "expected"), [(1_024, 256), (300, 225), (None, 256)])
def test_what_is_in_flight_fits(files: int | None, expected: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_files, "_files", lambda: files)
    most, why = open_files.most_in_flight(256)
    assert most == expected
    assert bool(why) is (most < 256)
    assert not why or ("ulimit -n" in why and "engine.in_flight" in why)
