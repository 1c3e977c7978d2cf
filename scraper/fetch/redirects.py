"""Redirects (RFC 9110 section 15.4): the request that a 3xx answer asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from urllib.parse import quote

import requests
from requests.cookies import get_cookie_header

from scraper import urls
from scraper.config.secrets import is_secret_header
from scraper.errors import BadRequest, FetchError
from scraper.fetch.cookies import LockedJar
from scraper.parse.refresh import may_refresh, meta_refresh, refresh_place
from scraper.request import Request
from scraper.response import Response

STATUSES = frozenset({301, 302, 303, 307, 308})
#: How a place begins that is meant to be one by itself.
_BEGINNINGS = ("/", "http://", "https://")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
#: What to do where a redirect would take a body to another origin.
SEND_IT_THERE = "send it there in the first place, if that is meant"
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


def is_redirect(response: Response) -> bool:
    """Tell whether the answer names another place."""
    return response.status in STATUSES and bool(response.headers.get("Location"))


def becomes_get(method: str, status: int) -> bool:
    """Tell whether a redirect turns a request into a GET without body: 301 and 302 a POST, 303 all but HEAD."""
    return status not in (307, 308) and method != "HEAD" and (method == "POST" or status == 303)


def refresh_of(response: Response) -> str | None:
    """Return the absolute URL to which a page sends its reader by a refresh; None where it sends him nowhere."""
    place = refresh_place(response.headers.get("Refresh") or "")
    if place is None and may_refresh(response.body) and response.is_html:
        place = meta_refresh(response.text)
    if place is None:
        return None
    try:
        url = urls.without_fragment(response.urljoin(place))
    except BadRequest:
        return None
    return url if urls.scheme_of(url) in ("http", "https") else None


def target_of(
    response: Response,
    cookies_sent: str,
    jar: LockedJar,
    most: int,
    secret_headers: Iterable[str] = (),
    *,
    refresh: str | None = None,
) -> tuple[Request, bool]:
    """Return the request for the place that a redirect names, and whether it is in the chain already.

    It has the callback, errback, meta, depth and priority of the one redirected. 301, 302 and 303 turn POST into
    GET, 307 and 308 keep method and body, and lead to no other origin with them. A URL comes again in a chain only
    when the cookies for it have changed.

    Args:
        cookies_sent: the Cookie header of the request redirected.
        most: how long a chain may be.
        secret_headers: names of headers which, like those whose names tell, do not cross an origin.
        refresh: the place that the page names, where it is not the header Location that does.

    Raises:
        FetchError: the place is not an http or https URL, or another origin's for a body; the chain is too long, or
            it is a loop.
    """
    request = response.request
    location = refresh or location_of(response.headers.get("Location") or "")
    target = urls.resolve(location, request.url)
    if target is None or urls.scheme_of(target) not in ("http", "https"):
        raise FetchError(
            f"it redirects to {location[:200]!r}, which is not an http or https URL", reason="bad-redirect"
        )
    target = urls.without_fragment(target)
    if len(request.redirected_from) >= most:
        raise FetchError(
            f"more than {most} redirects in a row", reason="too-many-redirects", remedy="limits.redirects allows more"
        )
    chain = (*request.redirected_from, request.url)
    marks = (*request.cookie_marks, _mark(cookies_sent))
    came_before = target in chain
    if came_before and marks[len(chain) - 1 - chain[::-1].index(target)] == _mark(_cookies_for(target, jar)):
        raise FetchError(f"it redirects in a loop, to {target} again", reason="redirect-loop")
    followed = request.replace(url=target, redirected_from=chain, cookie_marks=marks)
    if refresh is not None or becomes_get(request.method, response.status):
        followed.method = "GET"
        followed.body = None
        followed.headers = {n: v for n, v in request.headers.items() if n.lower() not in _BODY_HEADERS}
    if not urls.keeps_secrets(request.url, target):
        # What a request carries of its own is not for another origin.
        if followed.body is not None or followed.method not in ("GET", "HEAD"):
            raise FetchError(body_for_another(request.method, target), reason="bad-redirect", remedy=SEND_IT_THERE)
        followed.cookies = {}
        followed.headers = without_secrets(followed.headers, secret_headers)
    followed.bare = request.bare or not urls.keeps_secrets(request.url, target)
    return followed, came_before


def body_for_another(method: str, target: str) -> str:
    """Return why a request that is no GET is not sent where a redirect leads."""
    return f"it redirects this {method} to {urls.origin_of(target)}, another origin"


def without_secrets(headers: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers that may be sent to another origin: not Authorization, Cookie, X-Api-Key and their like.

    Of Referer the origin is left, as browsers have it: a page's URL may hold what others should not have.

    Args:
        named: others that hold secrets.
    """
    secret = {name.lower() for name in named}
    kept = {n: v for n, v in headers.items() if n.lower() not in secret and not is_secret_header(n)}
    for name in [name for name in kept if name.lower() == "referer"]:
        page = urls.normalize(kept.pop(name))
        if page is not None and urls.scheme_of(page) in ("http", "https"):
            kept[name] = f"{urls.origin_of(page)}/"
    return kept


def location_of(header: str) -> str:
    """Return the place that a Location names, its bytes beyond ASCII escaped as they came, as browsers do.

    One that came several times stands there with commas between, and counts once where all are the same.

    Args:
        header: the value, whose bytes are Latin-1 characters as http.client reads them.

    Raises:
        FetchError: several headers name several places.
    """
    parts = header.strip().split(", ")
    if len(parts) > 1:
        for count in range(len(parts), 1, -1):
            size, left = divmod(len(parts), count)
            if not left and parts == parts[:size] * count:
                parts = parts[:size]
                break
        if len(parts) > 1 and all(part.startswith(_BEGINNINGS) for part in parts):
            raise FetchError(
                f"it redirects to several places at once: {', '.join(parts)[:200]}", reason="bad-redirect"
            )
    return _BEYOND_ASCII.sub(lambda found: quote(found[0], encoding="latin-1", errors="replace"), ", ".join(parts))


def _cookies_for(url: str, jar: LockedJar) -> str:
    return str(get_cookie_header(jar, requests.Request("GET", url).prepare()) or "")  # type: ignore[no-untyped-call]


def _mark(cookies: str) -> str:
    """Cookies as a digest, since a chain is kept in the store."""
    return blake2b(cookies.encode(errors="replace"), digest_size=8).hexdigest()
