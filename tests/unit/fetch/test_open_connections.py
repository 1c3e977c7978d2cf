"""The connections of all domains together: the one that has idled longest gives way."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EADDRNOTAVAIL, ECONNREFUSED, EMFILE
from types import SimpleNamespace
from typing import Any

import pytest

from scraper.errors import NoRoom
from scraper.fetch.transport import domain_connections, open_connections
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.open_connections import OpenConnections
from scraper.fetch.transport.open_files import Shortage
from scraper.stats import Reason
from tests.unit.fetch.test_connections import Idle

TIME: Any = SimpleNamespace(left=1.0, seconds=1.0)


class Clock:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        self.left = 1.0
        self.seconds = 1.0

    def pause(self, seconds: float) -> None:
        self.left = max(0.0, self.left - seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(open_connections, "pause", clock.pause)
    return clock


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenConnections]:
    """Three may be open, over all domains."""
    three = OpenConnections(lambda: 3)
    monkeypatch.setattr(domain_connections, "open_connections", three)
    yield three
    assert three.open >= 0


def domain(name: str) -> Connections:
    from scraper.config import SessionConfig

    return Connections(Ledger(name), SessionConfig())


def opened(connections: Connections) -> Idle:
    """A connection of this domain, in use."""

    class _Fresh(Idle):
        def begin(self, exchange: Any) -> None:
            self.opened_at = self.idle_since
            self.address = None
            self.opening = object()  # type: ignore[assignment]

    pool: Any = SimpleNamespace(key="http://a", make=lambda: _Fresh(connections, "http://a"))
    exchange: Any = SimpleNamespace(fresh=False, deadline=TIME)
    made: Any = connections.acquire(pool, exchange)
    return made  # type: ignore[no-any-return]


def test_the_one_that_has_idled_longest_is_closed_whatever_its_domain(three: OpenConnections):
    closed: list[Reason] = []
    domains = [domain(name) for name in "abcd"]
    domains[1].ledger.closed = lambda origin, reason, *, unused: closed.append(reason)  # type: ignore[method-assign]
    first, second, third = (opened(each) for each in domains[:3])
    for one in (second, first):
        one.home.release(one)  # type: ignore[arg-type]
    fourth = opened(domains[3])
    assert [each.sock is None for each in (first, second, third, fourth)] == [False, True, False, False]
    assert closed == [Reason.ROOM]
    assert repr(three) == "<OpenConnections [2 active, 1 idle]>"
    assert domains[1].open == 0


def test_one_that_is_used_again_idles_no_more(three: OpenConnections):
    domains = [domain(name) for name in "ab"]
    first, second = (opened(each) for each in domains)
    for one in (first, second):
        one.home.release(one)  # type: ignore[arg-type]
    first.is_dropped = lambda: False  # type: ignore[attr-defined]
    exchange: Any = SimpleNamespace(fresh=False, deadline=TIME)
    again: Any = domains[0].acquire(SimpleNamespace(key="http://a"), exchange)
    assert again is first
    assert repr(three) == "<OpenConnections [1 active, 1 idle]>"


def test_while_none_idles_it_is_waited_for_until_the_time_is_up(three: OpenConnections, clock: Clock):
    held = [opened(domain(name)) for name in "abc"]
    waiting = domain("d")
    exchange: Any = SimpleNamespace(fresh=False, deadline=clock)
    with pytest.raises(NoRoom) as raised:
        waiting.acquire(SimpleNamespace(key="http://a"), exchange)
    assert "ulimit -n" in str(raised.value)
    assert waiting.open == 0
    assert clock.left == 0.0
    held[0].home.release(held[0])  # type: ignore[arg-type]
    assert opened(waiting) is not None


@pytest.mark.parametrize("error", [OSError(EMFILE, "no file"), Shortage(EADDRNOTAVAIL, "no port")])
def test_what_this_machine_lacks_is_tried_again(error: OSError, clock: Clock):
    errors = [error] * 3

    def attempt() -> str:
        if errors:
            raise errors.pop()
        return "connected"

    assert OpenConnections(lambda: 3).with_room(attempt, clock) == "connected"  # type: ignore[arg-type]
    assert 0.0 < clock.left < 1.0


def test_what_a_server_does_is_not(clock: Clock):
    def attempt() -> None:
        raise OSError(ECONNREFUSED, "no")

    with pytest.raises(ConnectionRefusedError):
        OpenConnections(lambda: 3).with_room(attempt, clock)  # type: ignore[arg-type]
    assert clock.left == 1.0


def test_room_is_made_before_it_is_tried_again(three: OpenConnections):
    idle = opened(domain("a"))
    idle.home.release(idle)  # type: ignore[arg-type]

    def attempt() -> bool:
        if idle.sock is not None:
            raise OSError(EMFILE, "no file")
        return True

    assert three.with_room(attempt, TIME)
