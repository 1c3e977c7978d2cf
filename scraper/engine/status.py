"""The status that a shard reports now and then: its pace, why domains wait, a callback that does not return."""

from __future__ import annotations

import time
from collections.abc import Mapping

from scraper.config import Limits
from scraper.engine.coordination.messages import Report
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.spider_runner import SpiderRunner
from scraper.observe import events
from scraper.observe.events import Events, Waiting
from scraper.observe.rate import Rate
from scraper.store.state.presence import Doing

#: How often it is told, in seconds.
TICK_SECONDS = 0.25
#: The span of time over which pages a second are counted: a domain's delay is shorter, as a rule.
_RATE_SECONDS = 30.0
#: Waiting domains that are named, at the most.
MOST_WAITING = 8
#: To find them is looking at every domain; with many of them that is done this rarely (seconds).
_MANY, _LOOK_SECONDS = 500, 2.0


class StatusReporter:
    """Fills in how a shard stands, for its coordinator and for its row in the store."""

    def __init__(self, frontier: Frontier, parser: SpiderRunner, limits: Limits, emit: Events) -> None:
        self._frontier = frontier
        self._parser = parser
        self._limits = limits
        self._emit = emit
        self._told_at = 0.0
        self._looked_at = float("-inf")
        self._waiting: tuple[Waiting, ...] = ()
        self._waiting_counts: Mapping[str, int] = {}
        self._pages = 0
        self._rate = Rate(_RATE_SECONDS)
        self._parsing: tuple[str, float] | None = None
        self._slow: tuple[str, float] | None = None

    def is_time(self) -> bool:
        """Tell whether something should be said again."""
        return time.monotonic() - self._told_at >= TICK_SECONDS

    def committed(self, pages: int) -> None:
        """Count pages that are in the store."""
        self._pages += pages

    def doing(self) -> Doing:
        """Return what the shard does, as it was described last. From any thread."""
        return Doing(
            in_flight=self._frontier.in_flight,
            busy=self._frontier.busy,
            pages_per_second=round(self._rate.per_second, 2),
            waiting=self._waiting_counts,
            longest=self._waiting,
            parsing=self._parsing,
            wants_places=self._frontier.wants_places,
        )

    def describe(self, report: Report) -> None:
        """Put the state of the shard into a report."""
        now = time.monotonic()
        report.in_flight = self._frontier.in_flight
        if self.is_time():
            self._told_at = now
            if self._frontier.size <= _MANY or now - self._looked_at >= _LOOK_SECONDS:
                longest, self._waiting_counts = self._frontier.waiting(MOST_WAITING)
                self._waiting, self._looked_at = tuple(longest), now
            self._rate.note(now, self._pages)
        report.waiting = self._waiting
        report.parsing = self._parsing = self._slow_callback(now)

    def _slow_callback(self, now: float) -> tuple[str, float] | None:
        """Return the callback that runs over `limits.parse`, if one does; the log names it once."""
        current = self._parser.current
        if current is None or now - current[1] <= self._limits.parse:
            return None
        url, began = current
        if self._slow != current:
            self._slow = current
            self._emit(events.SlowParse(url, now - began))
        return url, now - began
