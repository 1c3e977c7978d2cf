"""What a shard tells those who watch: the state of the crawl, and a callback that does not come back."""

from __future__ import annotations

import time
from collections.abc import Mapping

from scraper.config import Limits
from scraper.engine.frontier import Frontier
from scraper.engine.parser import Parser
from scraper.figures import Figures
from scraper.observe import events
from scraper.observe.events import Events
from scraper.store.values import Counts

_TICK_SECONDS = 0.25
#: Waiting domains that are named, at the most.
_MOST_WAITING = 8


class Watch:
    """Emits a Tick about four times a second."""

    def __init__(self, frontier: Frontier, parser: Parser, limits: Limits, emit: Events) -> None:
        self._frontier = frontier
        self._parser = parser
        self._limits = limits
        self._emit = emit
        self._last_tick = 0.0
        self._slow: tuple[str, float] | None = None

    def look(self, counts: Counts, domains: Mapping[str, Figures], worked: float) -> None:
        """Called all the time; tells when it is time to. `worked` is in seconds."""
        now = time.monotonic()
        if now - self._last_tick < _TICK_SECONDS:
            return
        self._last_tick = now
        total = Figures()
        for figures in domains.values():
            total += figures
        self._emit(
            events.Tick(
                pages=counts.pages,
                items=counts.items,
                queued=counts.queued,
                in_flight=self._frontier.in_flight,
                failed=counts.failed,
                refused=counts.refused,
                requests=total.requests,
                reused=total.reused,
                connections=total.connections,
                retries=total.retries,
                bytes=total.bytes,
                seconds=worked,
                pages_limit=self._limits.pages,
                waiting=tuple(self._frontier.waiting(_MOST_WAITING)),
                parsing=self._slow_callback(now),
            )
        )

    def _slow_callback(self, now: float) -> tuple[str, float] | None:
        """The callback that runs over `limits.parse`, if one does; the log names it once."""
        current = self._parser.current
        if current is None or now - current[1] <= self._limits.parse:
            return None
        url, began = current
        if self._slow != current:
            self._slow = current
            self._emit(events.SlowParse(url, now - began))
        return url, now - began
