"""How many connections the system lets a process have open, and what it does where that is too little."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, ECONNREFUSED, EMFILE, ENFILE, ENOBUFS, ENOMEM
from socket import EAI_MEMORY, gaierror
from typing import Any

import pytest

from scraper.errors import ScraperError
from scraper.fetch.transport import open_files
from scraper.fetch.transport.open_files import Shortage, is_ours


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`limit(soft, hard)` says what the system allows to a process with ten open files."""
    monkeypatch.setattr(open_files, "_open_now", lambda: 10)
    monkeypatch.setattr(open_files, "_others", 10)
    raised: list[int] = []
    monkeypatch.setattr(open_files, "_raise_to", raised.append)

    def say(soft: int | None, hard: int | None = None) -> list[int]:
        monkeypatch.setattr(open_files, "_limits", lambda: (soft, hard or soft))
        return raised

    return say


@pytest.mark.parametrize(("files", "expected"), [(1_024, 768), (256, 192), (100, 66), (30, 8), (None, 2_000)])
def test_connections_have_what_others_do_not_need(files: int | None, expected: int, limit: Any):
    limit(files)
    assert open_files.most_connections() == expected


@pytest.mark.parametrize(("files", "expected"), [(1_024, 256), (300, 150), (None, 256)])
def test_what_is_in_flight_fits(files: int | None, expected: int, limit: Any):
    limit(files)
    most, why = open_files.most_in_flight(256)
    assert most == expected
    assert bool(why) is (most < 256)
    assert not why or ("ulimit -n" in why and "engine.in_flight" in why)


def test_downloads_have_a_file_beside_their_connection(limit: Any):
    limit(256)
    assert open_files.most_in_flight(256, 2)[0] == 64


class TestRaising:
    def test_to_the_hard_limit_where_more_is_wanted(self, limit: Any):
        raised = limit(256, 4_096)
        assert open_files.raise_limit(1_000) == "raised the limit of open files from 256 to 4096"
        assert raised == [4_096]

    def test_not_where_there_are_enough(self, limit: Any):
        raised = limit(2_000, 4_096)
        assert open_files.raise_limit(1_000) == ""
        assert raised == []

    def test_not_where_it_is_not_allowed(self, limit: Any):
        raised = limit(256, 256)
        assert open_files.raise_limit(1_000) == ""
        assert raised == []

    def test_what_the_system_refuses_is_said(self, limit: Any, monkeypatch: pytest.MonkeyPatch):
        def refuse(files: int) -> None:
            raise ValueError("not permitted")

        limit(256, 4_096)
        monkeypatch.setattr(open_files, "_raise_to", refuse)
        assert "could not be raised to 4096: not permitted" in open_files.raise_limit(1_000)

    def test_too_few_to_work_with_is_an_error_with_a_remedy(self, limit: Any):
        limit(41)
        with pytest.raises(ScraperError) as raised:
            open_files.raise_limit(1_000)
        assert "41 files" in raised.value.message
        assert raised.value.remedy == "raise the limit: ulimit -n 256"
        limit(42)
        assert open_files.raise_limit(1_000) == ""


@pytest.mark.parametrize("number", [EMFILE, ENFILE, ENOBUFS, ENOMEM])
def test_what_is_ours(number: int):
    assert is_ours(OSError(number, "no"))
    assert is_ours(Shortage(EADDRNOTAVAIL, "no port"))


def test_what_is_not():
    assert not is_ours(OSError(ECONNREFUSED, "no"))
    # With IPv6 turned off an address of it cannot be reached, whatever is closed here.
    assert not is_ours(OSError(EADDRNOTAVAIL, "no"))
    assert not is_ours(gaierror(EAI_MEMORY, "no"))
    assert not is_ours(ValueError("no"))
