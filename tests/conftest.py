"""What holds for all tests."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import urllib3  # noqa: F401 (it binds a socket when it is first imported, to see whether there is IPv6)
from hypothesis import HealthCheck, settings

from scraper import hiding

# A loaded machine is no fault of a strategy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_UNIT = Path(__file__).parent / "unit"

_MEMORY, _MUCH = Path("/dev/shm"), 4_000_000_000
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MUCH:
    # Thousands of stores are synced to a disk for a minute.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.fixture(autouse=True)
def _no_sockets_no_sleep(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test that opens a connection, listens, asks DNS or sleeps is stopped right there."""
    if not request.path.is_relative_to(_UNIT):
        return

    others = set(threading.enumerate()) - {threading.current_thread()}
    sleep = time.sleep

    def refuse(what: str) -> NoReturn:
        pytest.fail(f"a unit test {what}; such a test belongs to tests/crawl")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, lambda *_, name=name: refuse(f"called socket.{name}"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: refuse("asked for an address"))
    # A watchdog that a crawl in this process has left is none of this test's.
    monkeypatch.setattr(
        time, "sleep", lambda seconds: sleep(seconds) if threading.current_thread() in others else refuse("slept")
    )


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> Iterator[None]:
    """What one test's configuration says to hide is no secret of the next."""
    yield
    hiding.forget()
