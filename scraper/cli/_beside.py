"""What a page in a browser fetches, where no crawl is running: for `shell`, `rules test`, `record`, `probe`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from scraper.config import SiteConfig
from scraper.fetch import redirects
from scraper.fetch.base import Fetcher, FetchResult
from scraper.fetch.cookies import LockedJar
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.exchange import OpenSendGate, request_context
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.recorder import WireRecorder
from scraper.request import Request
from scraper.response import Response
from scraper.urls import domain_of

_LONGEST = 3600.0


class VisitTraffic:
    """The `Beside` of a page that somebody looks at.

    Args:
        session_of: returns the domain of a URL with its Session.
        before: called before each request, one at a time; it keeps robots.txt and delay, where they are kept, returns
            the seconds that the request may take at most, or raises.
    """

    def __init__(
        self,
        config: SiteConfig,
        guard: Guard,
        session_of: Callable[[str], DomainSession],
        before: Callable[[Request], float],
    ) -> None:
        self._config = config
        self._guard = guard
        self._session_of = session_of
        self._before = before
        self._turn = threading.Lock()
        self._waited = 0.0

    @contextlib.contextmanager
    def begun(self) -> Iterator[Deadline]:
        yield Deadline(_LONGEST)

    def jar(self, url: str) -> LockedJar:
        return self._session_of(url).jar

    def send(
        self, fetcher: Fetcher, request: Request, *, most: int, recorders: list[WireRecorder] | None
    ) -> FetchResult:
        began = time.monotonic()
        with self._turn:
            seconds = self._before(request)
            self._waited += time.monotonic() - began
            domain = self._session_of(request.url)
        with request_context(min(seconds, domain.settings.timeout.total), self._guard, OpenSendGate()) as context:
            context.recorders = recorders
            return fetcher.fetch(request, domain, context, body_limit=most)

    def redirected(self, response: Response, cookies_sent: str) -> Request:
        url = response.request.url
        secret = self._config.for_domain(domain_of(url)).session.secret_headers
        most = self._config.limits.redirects
        return redirects.target_of(response, cookies_sent, self.jar(url), most, secret)[0]

    def waited(self) -> float:
        return self._waited
