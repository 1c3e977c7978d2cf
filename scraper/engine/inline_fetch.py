"""Fetching in the parse thread, where the CPU is what holds the crawl up.

With no delay to keep, pages come as fast as they are parsed, and then the threads that fetch them spend more time on
getting the interpreter from each other than on their work. So the parse thread fetches as well: between two callbacks
it sends what is due, and what came meanwhile is read, each request in a greenlet with cooperative sockets. While
callbacks take long, which would hold the requests up, the fetch threads do it as they always do elsewhere.
"""

from __future__ import annotations

import os
import select
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.request import getproxies

from scraper.config import SiteConfig
from scraper.engine.fetch_worker import FetchWorker
from scraper.engine.frontier.frontier import Frontier

if TYPE_CHECKING:
    from scraper.fetch.transport.event_loop import GreenletLoop

#: Callbacks that take longer than the first (seconds, the mean of those of late) hand fetching over to the threads;
#: when they take less than the second, it comes back.
_SLOW, _QUICK = 0.03, 0.01
_NEWEST_COUNTS = 1 / 16
#: How long the requests that are in flight at the end are given, in seconds, once they were told to end.
_LAST_SECONDS = 1.0
_PLAIN = "requests.Session"


def can_fetch_inline(config: SiteConfig) -> bool:
    """Tell whether all that such a crawl waits for can be waited for aside.

    Classes of a user's (Sessions, auth) may wait for what they like, and a TLS context of urllib3's own (for a client
    certificate, or to a proxy) has other sockets. A delay, which is what most crawls wait for, is kept more exactly
    by threads, since no callback is in their way.
    """
    settings = [config.for_domain(""), *config.domains.values()]
    return (
        not any(each.politeness.delay for each in settings)
        and all(each.session.class_ == _PLAIN for each in settings)
        and not any(each.session.proxies for each in settings)
        and not getproxies()
        and not any(origin.auth is not None or origin.cert is not None for origin in config.origins.values())
        and _has_greenlets()
    )


def _has_greenlets() -> bool:
    """Tell whether this is Linux, with what it takes installed."""
    return hasattr(select, "epoll") and hasattr(os, "eventfd") and find_spec("greenlet") is not None


class InlineFetch:
    """Used by the parse thread alone, but for `wake`."""

    def __init__(self, frontier: Frontier, worker: FetchWorker, most: int) -> None:
        self._frontier = frontier
        self._worker = worker
        self._most = most
        self._greenlets: GreenletLoop | None = None
        self._mean = 0.0
        self._until_due: float | None = None

    def __enter__(self) -> None:
        from scraper.fetch.transport.event_loop import GreenletLoop

        self._greenlets = GreenletLoop()
        self._frontier.reserve(self.wake)

    def __exit__(self, *_: object) -> None:
        self._frontier.reserve(None)
        until = time.monotonic() + _LAST_SECONDS
        while self._loop.running and time.monotonic() < until:
            self._loop.turn(until - time.monotonic())
        self._loop.close()

    @property
    def _loop(self) -> GreenletLoop:
        assert self._greenlets is not None
        return self._greenlets

    def wake(self) -> None:
        """There may be something to do. From any thread."""
        if self._greenlets is not None:
            self._greenlets.wake()

    @property
    def is_busy(self) -> bool:
        """Tell whether it has to be asked again soon."""
        return self._frontier.is_reserved or self._loop.running > 0

    def begin(self) -> None:
        """Send what is due."""
        while self._frontier.is_reserved and self._loop.running < self._most:
            job, self._until_due = self._frontier.take_now()
            if job is None:
                return
            self._loop.start(lambda job=job: self._worker.work(job))  # type: ignore[misc]

    def go_on(self, *, at_once: bool = False) -> None:
        """Read what came; waits for that, unless something else is to be done `at_once`."""
        wait = 1.0 if self._until_due is None else self._until_due
        self._loop.turn(0.0 if at_once else max(0.0, wait))

    def note(self, seconds: float) -> None:
        """Note how long a callback took."""
        self._mean += (seconds - self._mean) * _NEWEST_COUNTS
        if self._frontier.is_reserved and self._mean > _SLOW:
            self._frontier.reserve(None)
        elif not self._frontier.is_reserved and self._mean < _QUICK:
            self._frontier.reserve(self.wake)
