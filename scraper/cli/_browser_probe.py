"""Whether a page needs a browser, and what one makes of it: for `scraper probe`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from scraper import urls
from scraper.cli._one_shot import Visitor, answer_of
from scraper.cli._server_probe import Findings
from scraper.config import SiteConfig
from scraper.errors import RobotsRefused
from scraper.fetch.politeness import CallerThrottle, Pace
from scraper.fetch.robots import product_token
from scraper.observe.text import counted, plain
from scraper.request import Request
from scraper.response import Response


def seems_needed(response: Response) -> str:
    """Return why a page, as it came, seems to need a browser; empty where it does not."""
    from scraper.fetch.evidence import why_drawn

    return why_drawn(response, lambda page: "") if response.ok and response.is_html else ""


def of_browser(found: Findings, config: SiteConfig, *, is_drawn: bool) -> Iterator[str]:
    """Return whether the page needs a browser; and where it is drawn, what comes of that."""
    from scraper.fetch.evidence import is_empty, what_was_gained

    plain_page = found.response
    if plain_page is None or not (plain_page.ok and plain_page.is_html):
        return
    why = seems_needed(plain_page)
    yield f"seems needed: {why}" if why else "not needed, by how the page looks over HTTP"
    if not is_drawn:
        if why:
            yield "what it would gain: scraper probe URL --browser"
        return
    drawn = _drawn(found, config)
    assert drawn.rendering is not None
    gained = what_was_gained(plain_page, drawn, lambda response: "")
    nothing = "nothing: it is empty either way" if is_empty(drawn) else "nothing"
    yield f"drawn, it gains {plain(gained) or nothing}; {counted(drawn.rendering.requests, 'request')} of its own"
    for url, reason in drawn.rendering.refused:
        yield f"not fetched: {plain(url)}, {plain(reason)}"


def _drawn(found: Findings, config: SiteConfig) -> Response:
    """Return the page as a browser draws it; of what it asks for, robots.txt is obeyed."""
    robots = {urls.origin_of(found.url): found.robots}
    token = product_token(config.user_agent)
    throttle = CallerThrottle(Pace.of(config.politeness).slowed_to(found.robots.crawl_delay(token)))

    def obey(request: Request) -> None:
        if config.politeness.robots != "obey" or request.url.endswith("/robots.txt"):
            return
        origin = urls.origin_of(request.url)
        if origin not in robots:
            robots[origin] = visitor.robots_of(request.url)
        if not robots[origin].allows(request.url, token):
            raise RobotsRefused(f"robots.txt of {origin} does not allow it")

    def allow() -> float:
        time.sleep(throttle.left)
        throttle.started()
        return math.inf

    visitor = Visitor(config, urls.host_of(found.url), allow, obey=obey)
    try:
        request = Request(found.url, fetcher="browser")
        return answer_of(request, visitor.send(request))
    finally:
        visitor.close()
