"""Choose how each page is fetched: over HTTP alone, or drawn by a browser as well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from scraper import urls
from scraper.config import MatchConfig, SiteConfig
from scraper.config.types.selectors import read_regex
from scraper.fetch.base import NO_CONDITIONS, FetchResult, Writable
from scraper.fetch.browser import Browser, can_draw
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins
from scraper.fetch.transport.exchange import RequestContext
from scraper.patterns import REGEX_SECONDS, search
from scraper.request import Request

HTTP, BROWSER, AUTO = "http", "browser", "auto"


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


class BrowsingFetcher:
    """Fetches over HTTP, and has pages drawn for which that is chosen."""

    is_cooperative = True

    def __init__(self, config: SiteConfig, origins: Origins) -> None:
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
        # That its frame is as it was says nothing of what scripts put into it.
        result = self._http.fetch(request, domain, context, **how)
        response = result.response
        if response is None or result.error is not None or not can_draw(response, request):
            return result
        return self._browser.drawn(request, result, domain, context, wait_for)

    def close(self) -> None:
        self._browser.close()
