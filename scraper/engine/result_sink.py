"""The protocol by which tasks hand over what they fetched."""

from __future__ import annotations

from typing import IO, Protocol

from scraper.engine.frontier.domain import Domain
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.robots import Robots
from scraper.response import Response
from scraper.store.outcomes import DomainPaused, Failed, Outcome
from scraper.store.state.spool import Archived
from scraper.store.values import Queued, Visit


class ResultSink(Protocol):
    """Where a worker puts what it brings."""

    def settled(self, outcome: Outcome | Archived | DomainPaused) -> None:
        """Take an outcome that needs no parsing, or what was exchanged beside one, for the archive."""

    def parse(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        """Take a page for the parse thread, and `hash_of` its body."""

    def parse_failure(self, failed: Failed, response: Response | None) -> None:
        """Take a failure whose errback is to be called."""

    def carry(self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool) -> None:
        """Take a page that is the same as in an earlier run; `fetch` is None where nothing was sent."""

    def sitemap(self, queued: Queued, fetch: Fetch, body: IO[bytes]) -> None:
        """Take a file that lists pages."""

    def robots(self, domain: Domain, origin: str, robots: Robots) -> None:
        """Take a robots.txt for the store."""
