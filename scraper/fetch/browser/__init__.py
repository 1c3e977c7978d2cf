"""Fetch pages that scripts draw: over HTTP like any other, then drawn by a browser that gets all it asks for from us.

The page comes over the domain's Session, so that robots.txt, throttle, guard, retries, redirects, cookies and the
ledger hold for it as they do without a browser. The browser is handed what came. Whatever it asks for then is sent on
the Sessions of those domains likewise, and it is handed the answers: it has no way to the network of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scraper.config import SiteConfig
from scraper.errors import FetchError, InternalError, UsageError
from scraper.fetch.base import Fetcher, FetchResult
from scraper.fetch.beside import Beside
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport import waiting
from scraper.fetch.transport.exchange import RequestContext
from scraper.media import is_download
from scraper.request import Request
from scraper.response import Response
from scraper.response.rendering import Rendering

if TYPE_CHECKING:
    from scraper.fetch.browser.host import Host

_LOOK_SECONDS = 0.5


class Browser:
    """Draws what a fetcher has fetched. The process of a browser is started for the first page."""

    def __init__(self, config: SiteConfig, fetcher: Fetcher) -> None:
        self._config = config
        self._fetcher = fetcher
        self._host: Host | None = None

    def drawn(
        self,
        request: Request,
        result: FetchResult,
        domain: DomainSession,
        context: RequestContext,
        wait_for: str | None,
    ) -> FetchResult:
        """Return the result with what a browser made of its page, or with why it could make nothing of it.

        Raises:
            InternalError: there is no browser, or it does not start.
        """
        import time

        response = result.response
        assert response is not None
        assert context.beside is not None
        began = time.monotonic()
        try:
            response.drawn(self._draw(response, domain, context, wait_for))
        except FetchError as error:
            error.request = request
            return replace(result, response=None, error=error, seconds=result.seconds + time.monotonic() - began)
        if response.connection is not None:
            response.connection = replace(response.connection, fetcher="browser")
        return replace(result, served=response.connection, seconds=result.seconds + time.monotonic() - began)

    def _draw(
        self, response: Response, domain: DomainSession, context: RequestContext, wait_for: str | None
    ) -> Rendering:
        from scraper.fetch.browser.drawing import Drawing

        host = self._started()
        assert context.beside is not None
        beside: Beside = context.beside()
        came: list[Any] = []
        done = waiting.signal()
        with beside.begun() as deadline:
            drawing = Drawing(
                response, domain, beside, deadline, self._fetcher, self._config, wait_for, context.recorders
            )

            def tell(outcome: Any) -> None:
                came.append(outcome)
                done.set()

            if domain.kept is None:
                domain.kept = _Kept(host, domain.domain)
            cancel = host.draw(drawing, tell)
            try:
                while not done.wait(_LOOK_SECONDS):
                    pass
            except BaseException:
                cancel()
                raise
        outcome: Rendering | BaseException = came[0]
        if isinstance(outcome, FetchError | InternalError):
            raise outcome
        if isinstance(outcome, BaseException):
            raise FetchError(f"{type(outcome).__name__}: {outcome}"[:500], reason="not-drawn") from outcome
        return outcome

    def _started(self) -> Host:
        if self._host is None:
            from scraper.fetch.browser.executable import require_browser

            try:
                require_browser(self._config.browser)
            except UsageError as error:
                raise InternalError(error.message, remedy=error.remedy) from None
            from scraper.fetch.browser.host import Host

            self._host = Host(self._config.browser)
        return self._host

    def close(self) -> None:
        """End the browser."""
        if self._host is not None:
            self._host.close()


class _Kept:
    """Lets the browser forget a domain when its Session is closed."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self._name = name

    def close(self) -> None:
        self._host.leave(self._name)


def can_draw(response: Response, request: Request) -> bool:
    """Tell whether an answer is a page that a browser could draw."""
    is_page = response.ok or response.status in request.statuses
    return is_page and bool(response.body) and response.is_html and not is_download(response.headers)
