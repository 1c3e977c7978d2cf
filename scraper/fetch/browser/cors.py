"""Redirects to another origin of what the scripts of a page fetch: by the rules that browsers keep. Pure.

The browser is handed the answer at their end as that of the URL that was asked for. It would let scripts of that
URL's origin read all of it, so that what the Fetch Standard asks of such an answer is asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scraper.errors import FetchError

#: Headers that scripts may set for another origin unasked ("CORS-safelisted request-header"), and the browser's own.
_SIMPLE = frozenset(
    {"accept", "accept-language", "content-language", "content-type", "cookie", "origin", "referer", "user-agent",
     "cache-control", "pragma", "dnt", "priority", "purpose", "upgrade-insecure-requests"}
)  # fmt: skip
#: Headers that scripts of another origin may read ("CORS-safelisted response-header name").
_READABLE = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}
)


def require_simple(method: str, headers: Iterable[str], url: str) -> None:
    """Raise FetchError where a request may not go to another origin unasked: nobody is asked here (no preflight)."""
    more = [name for name in headers if name.lower() not in _SIMPLE and not name.lower().startswith("sec-")]
    if method not in ("GET", "HEAD") or more:
        what = f"with {more[0]}" if more else f"by {method}"
        raise FetchError(f"it redirects to another origin, {url}, {what}", reason="cross-origin")


def require_shared(headers: Mapping[str, str], origin: str, url: str) -> None:
    """Raise FetchError where an answer is not for scripts of an origin; `null` is one of which nothing is known."""
    allowed = str(headers.get("Access-Control-Allow-Origin") or "").strip()
    if allowed != "*" and (allowed != origin or origin == "null"):
        raise FetchError(f"it redirects to another origin, {url}, which does not share it", reason="cross-origin")


def readable(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that scripts of another origin may read."""
    named = str(headers.get("Access-Control-Expose-Headers") or "").lower().split(",")
    exposed = {name.strip() for name in named}
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in _READABLE or name.lower() in exposed or ("*" in exposed and name.lower() != "set-cookie")
    }
