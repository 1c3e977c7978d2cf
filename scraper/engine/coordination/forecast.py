"""What a crawl that is watched tells of its end: when that comes, and the domains that take longest."""

from __future__ import annotations

import time
from dataclasses import replace

from scraper.observe.estimate import SlowDomain, estimate, follows_servers, slowest_domains
from scraper.observe.events import Tick
from scraper.observe.rate import Rate
from scraper.store import Store
from scraper.store.values import RunRow

#: Domains that are named.
_NAMED = 3
#: The span of time over which pages a second are counted.
_RATE_SECONDS = 30.0
#: Counting what is queued, by domain, is done this rarely: it takes a hundredth of the time, at the most.
_LOOK_SECONDS, _SHARE = 3.0, 100.0
#: With more than this queued nothing is counted.
_MOST_COUNTED = 100_000


class Forecast:
    """Adds to what a crawl tells of itself when it ends, if it goes on like this.

    Args:
        run: by whose configuration it is crawled.
    """

    def __init__(self, store: Store, run: RunRow) -> None:
        self._store, self._run = store, run
        self._rate = Rate(_RATE_SECONDS)
        self._slowest: tuple[SlowDomain, ...] = ()
        self._looked_at = time.monotonic()
        self._due = self._looked_at + _LOOK_SECONDS / 3

    def of(self, tick: Tick) -> Tick:
        """Return the same, with the end as it is to be expected."""
        now = time.monotonic()
        pace = self._rate.note(tick.seconds, tick.pages)
        if now >= self._due:
            self._look(tick, now)
        since = now - self._looked_at
        slowest = tuple(each._replace(seconds=max(0.0, each.seconds - since)) for each in self._slowest)
        left = estimate(tick.queued, pace, self._left(tick), slowest[:1])
        return replace(tick, left=left, slowest=slowest)

    def _look(self, tick: Tick, now: float) -> None:
        counted = self._store.queued_by_domain(self._run.id) if tick.queued <= _MOST_COUNTED else {}
        config = self._run.config
        figures = self._store.figures(self._run.id) if counted and follows_servers(config) else {}
        delays = {name: each.delay for name, each in figures.items() if each.delay is not None}
        self._slowest = slowest_domains(counted, config, delays, _NAMED)
        self._looked_at = time.monotonic()
        self._due = self._looked_at + max(_LOOK_SECONDS, (self._looked_at - now) * _SHARE)

    def _left(self, tick: Tick) -> dict[str, float]:
        limits = self._run.config.get("limits", {})
        used = {"pages": tick.pages, "duration": tick.seconds}
        return {key: max(0.0, limits[key] - count) for key, count in used.items() if limits.get(key) is not None}
