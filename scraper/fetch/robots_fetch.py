"""Fetching a robots.txt, with its redirects: the same for a crawl, for `scraper.Sessions` and for the commands."""

from __future__ import annotations

import time
from collections.abc import Callable

from scraper import urls
from scraper.errors import FetchError
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import challenge_in
from scraper.fetch.cookies import LockedJar
from scraper.fetch.robots import MAX_REDIRECTS, Robots, RobotsState
from scraper.request import Request


def fetch_robots(
    origin: str, send: Callable[[Request], FetchResult], jar_of: Callable[[Request], LockedJar], token: str
) -> tuple[Robots, str]:
    """Return the robots.txt of an origin, and the reason where it is unreachable.

    Up to five redirects are followed, to whatever host (RFC 9309 section 2.3.1.2), but not to what the robots.txt of
    that host closes; with more of them, or one to nowhere, it counts as if there were none. No secrets of `origins`
    are sent.

    Args:
        send: sends one request, throttled and guarded like any other; of the body, `robots.MAX_BYTES` count.
        jar_of: the cookie jar of the Session that a request was sent on.
        token: our name in robots.txt.
    """
    request = _bare(f"{origin}/robots.txt")
    for _ in range(MAX_REDIRECTS + 1):
        fetch = send(request)
        response = fetch.response
        if response is None:
            error = fetch.error or FetchError("no answer")
            why = f"robots.txt could not be fetched ({error.reason}): {error}"
            return Robots(RobotsState.UNREACHABLE, "", why, time.time()), error.reason
        if not redirects.is_redirect(response):
            if (challenge := challenge_in(response)) is not None:
                return Robots(RobotsState.UNREACHABLE, "", challenge.message, time.time()), challenge.reason
            robots = Robots.of_answer(response.status, response.body, time.time())
            return robots, f"http-{response.status}"
        try:
            target, _ = redirects.target_of(response, fetch.cookies_sent, jar_of(request), MAX_REDIRECTS)
        except FetchError as error:
            return Robots(RobotsState.NONE, "", f"robots.txt: {error.message}", time.time()), error.reason
        if not _may_be_asked(target.url, request.url, send, token):
            why = f"robots.txt redirects to {target.url}, which the robots.txt there closes"
            return Robots(RobotsState.NONE, "", why, time.time()), "robots"
        request = target
    return Robots(RobotsState.NONE, "", "robots.txt redirects too often", time.time()), "too-many-redirects"


def _bare(url: str) -> Request:
    request = Request(url)
    request.bare = True
    return request


def _may_be_asked(target: str, before: str, send: Callable[[Request], FetchResult], token: str) -> bool:
    """Tell whether another origin lets us have what a redirect names; its own robots.txt it does."""
    there = urls.origin_of(target)
    if there == urls.origin_of(before) or target == f"{there}/robots.txt":
        return True
    response = send(_bare(f"{there}/robots.txt")).response
    if response is None:
        return False
    return redirects.is_redirect(response) or Robots.of_answer(response.status, response.body, time.time()).allows(
        target, token
    )
