"""Where the tasks of a shard put what they bring: its inbox, its parse thread, its thread for sitemaps."""

from __future__ import annotations

import queue
from typing import IO, TYPE_CHECKING, Any

from scraper.engine.frontier.domain import Domain
from scraper.engine.parse_worker import ParseWorker
from scraper.engine.tasks.sitemap_worker import SitemapWorker
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.robots import Robots
from scraper.response import Response
from scraper.store.outcomes import DomainPaused, Failed, Outcome
from scraper.store.state.spool import Archived
from scraper.store.values import Queued, RobotsRow, Visit

if TYPE_CHECKING:
    from scraper.engine.parsers.pool import ParserPool


class ShardSink:
    """The `ResultSink` of a shard. Its methods may be called from any thread.

    Args:
        inbox: the shard's, for what its main loop commits.
    """

    def __init__(
        self, inbox: queue.SimpleQueue[Any], parse_worker: ParseWorker | ParserPool, sitemaps: SitemapWorker
    ) -> None:
        self._inbox = inbox
        self._parse_worker = parse_worker
        self._sitemaps = sitemaps

    def settled(self, outcome: Outcome | Archived | DomainPaused) -> None:
        """Queue an outcome that needs no parsing, or what was exchanged beside one, for the archive."""
        self._inbox.put(outcome)

    def parse(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        """Queue a page for the parse thread."""
        self._parse_worker.put_page(queued, response, fetch, content_hash)

    def parse_failure(self, failed: Failed, response: Response | None) -> None:
        """Queue a failure whose errback is to be called."""
        self._parse_worker.put_failure(failed, response)

    def carry(self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool) -> None:
        """Queue a page that is the same as in an earlier run."""
        self._parse_worker.put_carried(queued, visit, fetch, was_not_modified=was_not_modified)

    def sitemap(self, queued: Queued, fetch: Fetch, body: IO[bytes]) -> None:
        """Queue a file that lists pages."""
        self._sitemaps.put(queued, fetch, body)

    def robots(self, domain: Domain, origin: str, robots: Robots) -> None:
        """Queue a robots.txt for the store."""
        self._inbox.put(RobotsRow(origin, domain.name, robots.state.value, robots.text, robots.why, robots.asked_at))
