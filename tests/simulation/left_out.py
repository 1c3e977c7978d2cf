"""What a seed is to miss where it is left out: each of these keeps a fleet from harm."""

from __future__ import annotations

from collections.abc import Callable

from scraper.engine.coordination.domain_scheduler import DomainScheduler
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.fetch.politeness import Pace
from scraper.store.state import domains


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
    "fence": _fence,
    "delay": _delay,
    "take-over": _take_over,
    "places": _places,
}
