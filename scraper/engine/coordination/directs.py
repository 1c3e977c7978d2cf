"""The protocol of who directs the shards of a process: by itself, or together with other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from scraper.config import SiteConfig
from scraper.engine.coordination.messages import Order, Report
from scraper.engine.limits import ShardEnd
from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.values import RunRow


@dataclass(frozen=True, slots=True)
class Direction:
    """A run that is to be directed, and who is told how it goes.

    Attributes:
        owner: the name of who directs, among those at work.
        committed: called after shards committed: exports follow there.
        stop_asked: called once, when somebody asked the run to stop.
    """

    store: Store
    run: RunRow
    config: SiteConfig
    owner: str
    emit: Events
    committed: Callable[[], None]
    stop_asked: Callable[[], None]


class Directs(Protocol):
    """Takes reports, gives orders, and knows when it is the end. Used by one thread."""

    @property
    def kept_at(self) -> float:
        """Return when (monotonic) it last wrote to the store."""

    @property
    def end(self) -> ShardEnd | None:
        """Return how the crawl ends; None while it goes on."""

    def joined(self, number: int) -> None:
        """Note a new shard, which holds no domain yet."""

    def left(self, number: int) -> None:
        """Note that a shard is gone and its leases are void."""

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that start URLs added to the scope."""

    def orders(self) -> Iterator[tuple[int, Order]]:
        """Return what is to be done next, because time passed."""

    def take(self, number: int, report: Report) -> Iterator[tuple[int, Order]]:
        """Take in a shard's report; return the orders that follow, by shard."""

    def look(self) -> None:
        """Called all the time: tell how it goes, now and then."""

    def keep_time(self, *, interrupted: bool = False) -> None:
        """Write down how long the run has worked; `interrupted` where a shard was killed meanwhile."""

    def close(self) -> None:
        """Write down the rest: all shards of this process have left."""
