"""A cookie jar that many threads share, and its form in the store."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.cookiejar import Cookie
from typing import Any

from requests.cookies import RequestsCookieJar

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

    def __iter__(self) -> Iterator[Cookie]:  # type: ignore[override]
        with self._cookies_lock:
            return iter(list(super().__iter__()))

    def set_cookie(self, cookie: Cookie, *args: Any, **keywords: Any) -> Any:
        if not _is_acceptable(cookie):
            return None
        with self._cookies_lock:
            self.changes += 1
            result = super().set_cookie(cookie, *args, **keywords)
            age = (cookie.domain, cookie.path, cookie.name)
            self._ages.pop(age, None)
            self._ages[age] = None
            if len(self._ages) > MAX_COOKIES:
                self._forget_the_oldest()
            return result

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

    @property
    def is_empty(self) -> bool:
        """Whether it holds no cookie."""
        with self._cookies_lock:
            return not self._cookies

    def dump(self) -> str:
        """All cookies, those of a session too, as JSON."""
        return json.dumps([_record(cookie) for cookie in self], separators=(",", ":"))

    def load(self, text: str) -> None:
        """Take in what `dump` gave, leaving out what has expired since."""
        for record in json.loads(text):
            rest = record.pop("rest", {})
            cookie = Cookie(**record, rest=rest)
            if not cookie.is_expired():
                self.set_cookie(cookie)
        self.changes = 0


def _is_acceptable(cookie: Cookie) -> bool:
    size = len(cookie.name) + len(cookie.value or "")
    if size > MAX_COOKIE or len(cookie.path) > MAX_COOKIE or len(cookie.domain) > MAX_COOKIE:
        return False
    return not any(_CONTROL.search(part) for part in (cookie.name, cookie.value or "", cookie.path, cookie.domain))


def _record(cookie: Cookie) -> dict[str, Any]:
    record = {name: getattr(cookie, name) for name in _FIELDS}
    record["rest"] = cookie._rest  # type: ignore[attr-defined]
    return record
