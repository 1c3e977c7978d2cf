"""Figures of a run, and consoles that are a terminal or not."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, ConsoleDimensions

from scraper.observe.events import Tick
from scraper.observe.run_stats import run_stats
from scraper.stats import ConnectionStats, Reason, RunSummary, Served

START = 1_700_000_000.0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(Console, "size", property(lambda self: ConsoleDimensions(80, 25)))
    return Terminal()


@pytest.fixture
def make_stats():
    def make(domains: dict[str, ConnectionStats] | None = None, **summary) -> dict:
        values = {
            "run": 3,
            "name": "shop",
            "result": "finished",
            "why": "the frontier is empty",
            "pages": 412,
            "items": 60,
            "failed": 0,
            "refused": 0,
            "duplicates": 0,
            "dropped": 0,
            "redirects": 0,
            "seconds": 82.4,
            "started_at": START,
            "ended_at": START + 82.4,
            "interrupted": 0,
            "failures": {},
            "refusals": {},
            "traps": {},
            "exports": (),
        }
        if domains is None:
            domains = {
                "a.example": ConnectionStats(
                    requests=100,
                    connections=4,
                    unused=1,
                    reused=97,
                    stale=1,
                    retries=2,
                    bytes=1_000_000,
                    handshake_seconds=0.4,
                    seconds_saved=9.7,
                    reasons={"first": 1, "concurrency": 3},
                ),
                "b.example": ConnectionStats(
                    requests=10,
                    connections=5,
                    reused=5,
                    handshake_seconds=5.0,
                    seconds_saved=5.0,
                    reasons={"first": 2, "idle": 3},
                ),
            }
        return run_stats(RunSummary(**values | summary), domains)

    return make


@pytest.fixture
def served() -> Served:
    return Served("shop.example#2", False, 1, Reason.FIRST, 0.012, 0.02, 0.018, 0.002)


@pytest.fixture
def make_tick():
    def make(seconds: float, pages: int = 0, **values) -> Tick:
        fields = {
            "items": 7,
            "queued": 20,
            "in_flight": 2,
            "failed": 3,
            "refused": 4,
            "requests": 50,
            "reused": 45,
            "connections": 5,
            "retries": 0,
            "bytes": 1_000_000,
            "pages_limit": None,
            "waiting": (),
        }
        return Tick(pages=pages, seconds=seconds, **fields | values)

    return make
