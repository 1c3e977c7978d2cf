"""A cookie jar that many threads share, and its form in the store."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from copy import copy
from http.cookiejar import Cookie
from typing import Any

import requests
from requests.cookies import RequestsCookieJar, get_cookie_header

_FIELDS = (
    "version",
    "name",
    "value",
    "port",
    "port_specified",
    "domain",
    "domain_specified",
    "domain_initial_dot",
    "path",
    "path_specified",
    "secure",
    "expires",
    "discard",
    "comment",
    "comment_url",
    "rfc2109",
)


#: The cookies that a jar keeps, which is those of one domain; browsers keep as many. All are sent in one header.
MAX_COOKIES = 180
#: The characters of a cookie's name and value, of each attribute (RFC 6265 section 6.1).
MAX_COOKIE = 4_096
#: What a header cannot carry, or a server would refuse: a cookie with such a character is left out, as browsers do.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ORIGIN = re.compile(r"https?://[^/?#]+")


class _KnownHeaders:
    """The Cookie headers worked out for a jar as it was after so many changes, good until then."""

    def __init__(self, changes: int = -1, until: float = 0.0, *, are_for_every_path: bool = False) -> None:
        self.changes = changes
        self.until = until
        self.are_for_every_path = are_for_every_path
        self.by_origin: dict[str, str | None] = {}


class LockedJar(RequestsCookieJar):
    """requests' jar, whose iteration does not break when another thread sets a cookie, and which stays small.

    The jar has a lock for all else that it does; only iterating goes without it. Of more than `MAX_COOKIES` the
    ones set longest ago go; one that is too long, or has control characters, is not taken.
    """

    # http.cookiejar's own.
    _cookies_lock: threading.RLock
    _cookies: dict[str, Any]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        #: Domain, path and name of what was set, oldest first; some of it may be gone.
        self._ages: dict[tuple[str, str, str], None] = {}
        #: Grows with every change, so that an unchanged jar need not be stored again.
        self.changes = 0
        self._headers = _KnownHeaders()

    def __iter__(self) -> Iterator[Cookie]:  # type: ignore[override]
        with self._cookies_lock:
            return iter(list(super().__iter__()))

    def set_cookie(self, cookie: Cookie, *args: Any, **keywords: Any) -> Any:
        if not _is_acceptable(cookie):
            return None
        with self._cookies_lock:
            before = self._cookies.get(cookie.domain, {}).get(cookie.path, {}).get(cookie.name)
            if before is None or vars(before) != vars(cookie):
                self.changes += 1
            result = super().set_cookie(cookie, *args, **keywords)
            age = (cookie.domain, cookie.path, cookie.name)
            self._ages.pop(age, None)
            self._ages[age] = None
            if len(self._ages) > MAX_COOKIES:
                self._forget_the_oldest()
            return result

    def add_missing(self, cookies: Iterable[Any]) -> None:
        """Take in those of which there is none of that name, domain and path yet."""
        have = {(cookie.domain, cookie.path, cookie.name) for cookie in self}
        for cookie in cookies:
            if (cookie.domain, cookie.path, cookie.name) not in have:
                self.set_cookie(copy(cookie))

    def header_for(self, request: requests.PreparedRequest) -> str | None:
        """Return the Cookie header for a request, None where it gets none; as requests' `get_cookie_header`.

        http.cookiejar takes 20 us a cookie, so what it answered for an origin holds as long as the jar is the same,
        nothing in it expires, and all its cookies are for every path.
        """
        if not self._cookies:
            return None
        url, headers = request.url or "", request.headers
        found = None if "Cookie" in headers or "Host" in headers else _ORIGIN.match(url)
        if found is None:
            return _cookie_header(self, request)
        known = self._headers
        if known.changes != self.changes or time.time() >= known.until:
            known = self._headers = self._begin_headers()
        if not known.are_for_every_path:
            return _cookie_header(self, request)
        origin = found[0]
        if origin not in known.by_origin:
            known.by_origin[origin] = _cookie_header(self, request)
        return known.by_origin[origin]

    def _begin_headers(self) -> _KnownHeaders:
        with self._cookies_lock:
            self.clear_expired_cookies()
            cookies: list[Any] = list(self)
            until = min((cookie.expires for cookie in cookies if cookie.expires is not None), default=float("inf"))
            return _KnownHeaders(self.changes, until, are_for_every_path=all(c.path == "/" for c in cookies))

    def _forget_the_oldest(self) -> None:
        kept = {(cookie.domain, cookie.path, cookie.name) for cookie in self}
        self._ages = {age: None for age in self._ages if age in kept}
        while len(self._ages) > MAX_COOKIES:
            oldest = next(iter(self._ages))
            del self._ages[oldest]
            super().clear(*oldest)

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        with self._cookies_lock:
            self.changes += 1
            super().clear(domain, path, name)

    def dump(self) -> str:
        """Return all cookies, those of a session too, as JSON."""
        return json.dumps([_record(cookie) for cookie in self], separators=(",", ":"))

    def load(self, text: str) -> None:
        """Take in what `dump` gave, leaving out what has expired since."""
        for record in json.loads(text):
            rest = record.pop("rest", {})
            cookie = Cookie(**record, rest=rest)
            if not cookie.is_expired():
                self.set_cookie(cookie)
        self.changes = 0


def _cookie_header(jar: LockedJar, request: requests.PreparedRequest) -> str | None:
    header: str | None = get_cookie_header(jar, request)  # type: ignore[no-untyped-call]
    return header


def _is_acceptable(cookie: Cookie) -> bool:
    size = len(cookie.name) + len(cookie.value or "")
    if size > MAX_COOKIE or len(cookie.path) > MAX_COOKIE or len(cookie.domain) > MAX_COOKIE:
        return False
    return not any(_CONTROL.search(part) for part in (cookie.name, cookie.value or "", cookie.path, cookie.domain))


def _record(cookie: Cookie) -> dict[str, Any]:
    record = {name: getattr(cookie, name) for name in _FIELDS}
    record["rest"] = cookie._rest  # type: ignore[attr-defined]
    return record
