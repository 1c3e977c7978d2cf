"""What a seed is to miss where it is left out: each of these keeps a fleet from harm."""

from __future__ import annotations

from collections.abc import Callable

from scraper.engine.coordination.domain_scheduler import DomainScheduler
from scraper.engine.frontier import heartbeat
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.engine.frontier.leases import DomainLeases
from scraper.fetch.politeness import Pace
from scraper.store.backends import wait_clock
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.state import domains
from scraper.store.state.domains import Lease


def _lease() -> None:
    """Whoever lost its lease goes on sending."""
    LeaseHeartbeat.check = lambda self: None  # type: ignore[method-assign]
    LeaseHeartbeat.holds = property(lambda self: True)  # type: ignore[assignment, method-assign]


def _fence() -> None:
    """Whoever lost its lease goes on committing."""
    domains.lost = lambda connection, owner, epochs: set()


def _delay() -> None:
    """A domain is due at once."""
    Pace.next_start = lambda self, sent_at, chance=0.0: sent_at  # type: ignore[method-assign]


def _margin() -> None:
    """Leases are believed for longer than they hold."""
    heartbeat._MARGIN = -LEASE_SECONDS / 2


def _delay_of_others() -> None:
    """Whoever takes a domain over sends to it at once."""
    made = DomainLeases._domain

    def at_once(self: DomainLeases, lease: Lease) -> Domain:
        domain = made(self, lease)
        domain.due = 0.0
        return domain

    DomainLeases._domain = at_once  # type: ignore[method-assign]


def _clock() -> None:
    """Each machine counts waits by its own wall clock."""
    wait_clock.count_from = lambda seconds: None


def _take_over() -> None:
    """The domains of a shard that died are nobody's, and nobody looks for what was forgotten."""
    left = DomainScheduler.left

    def forget(self: DomainScheduler, *arguments: object) -> None:
        left(self, *arguments)  # type: ignore[arg-type]
        self._unclaimed.clear()

    DomainScheduler.left = forget  # type: ignore[method-assign]
    DomainScheduler._find_forgotten = lambda self, now: None  # type: ignore[method-assign]


def _places() -> None:
    """Each shard gives itself as many pages as it likes."""
    Frontier.wants_places = property(lambda self: False)  # type: ignore[assignment, method-assign]
    has_room = Frontier._has_room

    def always(self: Frontier) -> bool:
        self._places = None
        return has_room(self)

    Frontier._has_room = always  # type: ignore[method-assign]


LEFT_OUT: dict[str, Callable[[], None]] = {
    "lease": _lease,
    "margin": _margin,
    "delay-of-others": _delay_of_others,
    "clock": _clock,
    "fence": _fence,
    "delay": _delay,
    "take-over": _take_over,
    "places": _places,
}
