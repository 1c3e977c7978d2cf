"""How long servers keep what idles: from what they say, and from what they do."""

from __future__ import annotations

import time

import pytest

from scraper.fetch.transport.idle_limits import IdleLimits

HERE = "https://example.com"


class Clock:
    """time.monotonic and time.time, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "time", lambda: 1e9 + self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def closed(limits: IdleLimits, clock: Clock, *idled: float) -> float | None:
    """The limit after the server closed what had idled so long, a minute apart."""
    for seconds in idled:
        clock.now += 60
        limits.closed(HERE, seconds)
    # It is for the next run.
    later = IdleLimits()
    later.load(limits.dump())
    return later.of(HERE)


def test_a_server_is_believed(clock: Clock):
    limits = IdleLimits()
    limits.announced(HERE, 5.0)
    limits.announced(HERE, 5.0)
    assert (limits.of(HERE), limits.of("https://other.example"), limits.changes) == (5.0, None, 1)


@pytest.mark.parametrize(
    ("idled", "limit"), [((6.2,), None), ((6.2, 6.9), 6.9), ((0.2, 0.3, 0.1), None), ((30.0, 6.2), 30.0)]
)
def test_two_closings_teach(clock: Clock, idled: tuple[float, ...], limit: float | None):
    assert closed(IdleLimits(), clock, *idled) == limit


def test_a_restart_is_one_closing(clock: Clock):
    limits = IdleLimits()
    for seconds in (5.0, 6.0, 7.0):
        limits.closed(HERE, seconds)
    assert limits.of(HERE) is None


def test_what_lived_longer_says_otherwise(clock: Clock):
    limits = IdleLimits()
    limits.survived(HERE, 10.0)
    assert closed(limits, clock, 6.0, 6.0) is None
    assert closed(limits, clock, 12.0, 12.0) == 12.0
    limits.survived(HERE, 14.0)
    assert limits.of(HERE) is None


def test_comes_back_from_the_store_for_a_week(clock: Clock):
    limits, again, late = IdleLimits(), IdleLimits(), IdleLimits()
    limits.announced(HERE, 5.0)
    again.load(limits.dump())
    clock.now += 8 * 24 * 3600
    late.load(limits.dump())
    assert (late.of(HERE), again.of(HERE)) == (None, None)
    clock.now -= 8 * 24 * 3600
    assert (again.of(HERE), again.changes) == (5.0, 0)
