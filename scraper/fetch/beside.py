"""The seam for what a page that a browser draws fetches beside itself: scripts, data, frames."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from scraper.fetch.base import Fetcher, FetchResult
from scraper.fetch.cookies import LockedJar
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.recorder import WireRecorder
from scraper.request import Request
from scraper.response import Response


class Beside(Protocol):
    """Sends the requests of one page, each on the Session of its domain and by its manners; from any thread."""

    def begun(self) -> AbstractContextManager[Deadline]:
        """Return a deadline that expires when the page is to be given up; entered while it is drawn."""

    def jar(self, url: str) -> LockedJar:
        """Return the cookies of the domain of a URL."""

    def send(
        self, fetcher: Fetcher, request: Request, *, most: int, recorders: list[WireRecorder] | None
    ) -> FetchResult:
        """Send a request as soon as its domain is due; follow no redirect.

        Args:
            most: bytes of body that are read at most.
            recorders: where the exchange is kept, if it is.

        Raises:
            FetchError: robots.txt does not allow it.
            LeaseLost: the domain is another shard's by now.
        """

    def redirected(self, response: Response, cookies_sent: str) -> Request:
        """Return the request that a redirect asks for.

        Raises:
            FetchError: it leads nowhere.
        """

    def waited(self) -> float:
        """Return how long its requests have waited for their turns, in seconds."""
