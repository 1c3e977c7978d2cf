"""Looking at a few pages of a site, for `suggest` and `init`: as robots.txt allows, with a delay between requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from scraper import urls
from scraper.cli._one_shot import Visitor, check_robots, request_of
from scraper.cli._output import Tell
from scraper.config import SiteConfig
from scraper.errors import NotHtml, NotJson, ScraperError, UsageError
from scraper.fetch.politeness import CallerThrottle, Pace
from scraper.fetch.robots import Robots, product_token
from scraper.observe.text import plain
from scraper.request import Request
from scraper.response import Response
from scraper.rules.page import Page


class Looker:
    """Fetches pages one after the other, by what robots.txt of each site allows.

    Args:
        config: the settings; `politeness.delay`, or a longer Crawl-delay, lies between two requests.
        typed: the address that was typed; its host may be private.
        tell: told of each page.
    """

    def __init__(self, config: SiteConfig, typed: str, tell: Tell) -> None:
        self._config = config
        self._tell = tell
        self._throttle = CallerThrottle(Pace.of(config.for_domain(urls.domain_of(typed)).politeness))
        self._visitor = Visitor(config, urls.host_of(typed), self._allow)
        self._robots: dict[str, Robots] = {}

    def close(self) -> None:
        """Close all connections."""
        self._visitor.close()

    def robots_of(self, url: str) -> Robots | None:
        """Return the robots.txt of an address that was fetched; None where it is not asked."""
        return self._robots.get(urls.origin_of(url))

    def look(self, url: str) -> Page:
        """Return the page or the JSON at an address, as `fetch` does.

        Raises:
            NotHtml: it is neither.
        """
        page = Page(self.fetch(url))
        try:
            page.response.css_first("body")
        except NotHtml as error:
            try:
                page.response.json()
            except NotJson:
                raise NotHtml(error.message, remedy="name a page, or an address of an API") from None
        return page

    def fetch(self, url: str) -> Response:
        """Return what is at an address, where redirects lead.

        Raises:
            RobotsRefused: robots.txt does not allow it.
            FetchError: it cannot be fetched.
            ScraperError: it was answered with an error.
        """
        response, _ = self._visitor.follow(request_of(url), lambda request, outcome: None, before=self._ask_robots)
        if not response.ok:
            raise ScraperError(f"{response.url} answered {response.status}", remedy="name a page that is there")
        self._tell(f"looked at {plain(response.url)}")
        return response.in_encoding(self._config.for_domain(urls.domain_of(response.url)).pages.encoding)

    def _allow(self) -> float:
        time.sleep(self._throttle.left)
        self._throttle.started()
        return float("inf")

    def _ask_robots(self, request: Request) -> None:
        politeness = self._config.for_domain(urls.domain_of(request.url)).politeness
        if politeness.robots == "ignore":
            return
        origin = urls.origin_of(request.url)
        token = product_token(self._config.user_agent)
        if origin not in self._robots:
            robots = self._robots[origin] = self._visitor.robots_of(request.url)
            self._throttle.pace = self._throttle.pace.slowed_to(robots.crawl_delay(token))
        robots = self._robots[origin]
        check_robots(robots, request.url, token, do="name")


def look_at(
    config: SiteConfig,
    typed: Sequence[str],
    tell: Tell,
    more: Callable[[Sequence[Page], Collection[str]], Sequence[str]],
    most: int,
) -> list[Page]:
    """Return the pages that were typed, and up to `most` with those that `more` names of them, again and again.

    Of the others one that cannot be fetched, or is neither HTML nor JSON, is left out.

    Args:
        more: called with the pages and the addresses that were tried in vain; returns addresses to look at next.

    Raises:
        UsageError: what was typed is not of one site.
        NotHtml: a page that was typed is neither HTML nor JSON.
    """
    for url in typed:
        request_of(url)
        if urls.domain_of(url) != urls.domain_of(typed[0]):
            raise UsageError(f"{url} is not of the site of {typed[0]}", remedy="name pages of one site")
    looker = Looker(config, typed[0], tell)
    tried: set[str] = set()
    try:
        pages = [looker.look(url) for url in typed]
        while wanted := [url for url in more(pages, tried) if url not in tried][: max(0, most - len(pages))]:
            for url in wanted:
                tried.add(url)
                try:
                    pages.append(looker.look(url))
                except (ScraperError, NotHtml) as error:
                    tell(f"left out: {plain(error.message)}")
            # An address that leads where another led says nothing more.
            pages = list({page.response.url: page for page in pages}.values())
        return pages
    finally:
        looker.close()
