"""The status that a shard reports now and then: why domains wait, and a callback that does not return."""

from __future__ import annotations

import time

from scraper.config import Limits
from scraper.engine.coordination.messages import Report
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.spider_runner import SpiderRunner
from scraper.observe import events
from scraper.observe.events import Events, Waiting

#: How often it is told, in seconds.
TICK_SECONDS = 0.25
#: Waiting domains that are named, at the most.
MOST_WAITING = 8
#: To find them is looking at every domain; with many of them that is done this rarely (seconds).
_MANY, _LOOK_SECONDS = 500, 2.0


class StatusReporter:
    """Fills in how a shard stands."""

    def __init__(self, frontier: Frontier, parser: SpiderRunner, limits: Limits, emit: Events) -> None:
        self._frontier = frontier
        self._parser = parser
        self._limits = limits
        self._emit = emit
        self._told_at = 0.0
        self._looked_at = float("-inf")
        self._waiting: tuple[Waiting, ...] = ()
        self._slow: tuple[str, float] | None = None

    def is_time(self) -> bool:
        """Tell whether something should be said again."""
        return time.monotonic() - self._told_at >= TICK_SECONDS

    def describe(self, report: Report) -> None:
        """Put the state of the shard into a report."""
        now = time.monotonic()
        report.in_flight = self._frontier.in_flight
        if self.is_time():
            self._told_at = now
            if self._frontier.size <= _MANY or now - self._looked_at >= _LOOK_SECONDS:
                self._waiting, self._looked_at = tuple(self._frontier.waiting(MOST_WAITING)), now
        report.waiting = self._waiting
        report.parsing = self._slow_callback(now)

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
