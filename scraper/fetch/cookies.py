"""A cookie jar that many threads share, and its form in the store."""

from __future__ import annotations

import json
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


class LockedJar(RequestsCookieJar):
    """requests' jar, whose iteration does not break when another thread sets a cookie.

    The jar has a lock for all else that it does; only iterating goes without it.
    """

    # http.cookiejar's own.
    _cookies_lock: threading.RLock
    _cookies: dict[str, Any]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        #: Grows with every change, so that an unchanged jar need not be stored again.
        self.changes = 0

    def __iter__(self) -> Iterator[Cookie]:  # type: ignore[override]
        with self._cookies_lock:
            return iter(list(super().__iter__()))

    def set_cookie(self, cookie: Cookie, *args: Any, **keywords: Any) -> Any:
        with self._cookies_lock:
            self.changes += 1
            return super().set_cookie(cookie, *args, **keywords)

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


def _record(cookie: Cookie) -> dict[str, Any]:
    record = {name: getattr(cookie, name) for name in _FIELDS}
    record["rest"] = cookie._rest  # type: ignore[attr-defined]
    return record
