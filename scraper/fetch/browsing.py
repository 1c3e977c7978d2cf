"""Choose how each page is fetched: over HTTP alone, or drawn by a browser as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import TYPE_CHECKING, Any

from scraper import urls
from scraper.config import SiteConfig
from scraper.config.types.selectors import read_regex
from scraper.fetch.base import NO_CONDITIONS, FetchResult, Writable
from scraper.fetch.browser import Browser, can_draw
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.evidence import Lacking, is_empty, what_was_gained, why_drawn
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.ways import Ways
from scraper.patterns import REGEX_SECONDS, search
from scraper.request import Request
from scraper.response import Response

if TYPE_CHECKING:
    from scraper.config import MatchConfig

HTTP, BROWSER, AUTO = "http", "browser", "auto"
#: Why requests of a page are refused that would be the next time as well.
LASTING = (
    "robots:",
    "private-address",
    "WebSockets",
    "event streams",
    "pop-ups",
    "a POST",
    "download",
    "cross-origin",
)


class Choice:
    """Tells how a page is to be fetched: by what its request says, else its rule, its domain, the crawl."""

    def __init__(self, config: SiteConfig) -> None:
        self._config = config
        self._rules = [
            (_matcher_of(rule.match), rule.fetcher, rule.wait_for)
            for rule in config.rules
            if (rule.fetcher is not None or rule.wait_for is not None) and rule.match.selector is None
        ]

    def of(self, request: Request) -> tuple[str, str | None]:
        """Return the way, and the selector that is waited for in a browser."""
        way, wait_for = request.fetcher, request.wait_for
        for matches, its_way, its_wait in self._rules:
            if (way is None or wait_for is None) and matches(request.url):
                way, wait_for = way or its_way, wait_for or its_wait
        return way or self._config.for_domain(urls.domain_of(request.url)).fetcher, wait_for


def _matcher_of(match: MatchConfig) -> Callable[[str], bool]:
    if match.glob is not None:
        glob = re.compile(translate(match.glob)).match
        return lambda url: glob(path_of(url)) is not None
    pattern = read_regex(match.regex or "")

    def matches(url: str) -> bool:
        try:
            return search(pattern, url, REGEX_SECONDS) is not None
        except TimeoutError:
            return False

    return matches


def path_of(url: str) -> str:
    """Return the path of a URL, as globs are asked of it."""
    return url[len(urls.origin_of(url)) :].partition("?")[0].partition("#")[0] or "/"


def _copy_of(response: Response) -> Response:
    """Return the same page, whose trees and selectors are nobody else's."""
    copy = Response(response.url, response.status, response.headers, response.body, request=response.request)
    if response.rendering is not None:
        copy.drawn(response.rendering)
    return copy


def drawn_refused(response: Response) -> tuple[tuple[str, str], ...]:
    """Return the requests of a page that were refused or failed, each with why."""
    return response.rendering.refused if response.rendering is not None else ()


class BrowsingFetcher:
    """Fetches over HTTP, and has pages drawn for which that is chosen."""

    is_cooperative = True

    def __init__(self, config: SiteConfig, origins: Origins, lacking: Lacking = lambda response: "") -> None:
        self._lacking = lacking
        self._http = HttpFetcher(origins, config.limits.body)
        self._choice = Choice(config)
        self._browser = Browser(config, self._http)

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        conditions: Mapping[str, str] = NO_CONDITIONS,
        into: Writable | None = None,
        **how: Any,
    ) -> FetchResult:
        way, wait_for = self._choice.of(request) if context.beside is not None else (HTTP, None)
        if way == HTTP or into is not None:
            return self._http.fetch(request, domain, context, conditions=conditions, into=into, **how)
        known = ""
        if way == AUTO:
            domain.ways = domain.ways or Ways()
            known = domain.ways.of(request.url).decided
            if known == HTTP:
                return self._http.fetch(request, domain, context, conditions=conditions, **how)
        # That its frame is as it was says nothing of what scripts put into it.
        result = self._http.fetch(request, domain, context, **how)
        response = result.response
        if response is None or result.error is not None or not can_draw(response, request):
            return result
        if way == AUTO and known != BROWSER:
            return self._judged(request, result, domain, context, wait_for)
        return self._browser.drawn(request, result, domain, context, wait_for)

    def _judged(
        self,
        request: Request,
        result: FetchResult,
        domain: DomainSession,
        context: RequestContext,
        wait_for: str | None,
    ) -> FetchResult:
        """Have a page drawn where it seems to need that, and learn from what comes of it.

        Nothing is learned of a page that failed, that is empty either way, or parts of which failed in the browser.
        """
        assert result.response is not None
        assert domain.ways is not None
        plain, url = _copy_of(result.response), request.url
        why = why_drawn(plain, self._lacking)
        if not why:
            if not is_empty(plain):
                domain.ways.count(url, gained=False, why="it is whole over HTTP")
            return result
        result = self._browser.drawn(request, result, domain, context, wait_for)
        if result.response is None or result.response.rendering is None or "Refresh" in result.response.headers:
            return result
        drawn = _copy_of(result.response)
        if gained := what_was_gained(plain, drawn, self._lacking):
            domain.ways.count(url, gained=True, why=gained)
        elif not is_empty(drawn) and all(reason.startswith(LASTING) for _, reason in drawn_refused(result.response)):
            domain.ways.count(url, gained=False, why="a browser makes no more of it")
        return result

    def close(self) -> None:
        self._browser.close()
