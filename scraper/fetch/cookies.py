"""A cookie jar that many threads share, and its form in the store."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterable, Iterator
from copy import copy
from http.cookiejar import Cookie, CookieJar
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.cookies import RequestsCookieJar, get_cookie_header

from scraper.errors import StoreError
from scraper.fetch.set_cookie import domain_matches, host_in_jar, path_matches, read_set_cookie

_log = logging.getLogger(__name__)

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
#: The longest Cookie header that is sent, in characters: many servers refuse all headers of more than 16 to 32 kB.
MAX_HEADER = 16_384


class LockedJar(RequestsCookieJar):
    """requests' jar with the rules of browsers (RFC 6265 section 5), shared by threads, and which stays small.

    http.cookiejar drops a cookie for an odd attribute, and sends those of a host to the hosts below it. Of more than
    `MAX_COOKIES` the ones set longest ago go; one that is too long, or has control characters, is not taken.
    """

    # http.cookiejar's own.
    _cookies_lock: threading.RLock
    _cookies: dict[str, Any]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        #: Domain, path and name of what was set, oldest first; some of it may be gone.
        self._ages: dict[tuple[str, str, str], None] = {}
        #: The same in the order in which they were first set, which is the order in which they are sent.
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._next_number = 0
        #: Grows with every change, so that an unchanged jar need not be stored again.
        self.changes = 0
        self._has_told_of_length = False

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
            # requests' own takes escaped quotes out of values.
            CookieJar.set_cookie(self, cookie)
            age = (cookie.domain, cookie.path, cookie.name)
            self._ages.pop(age, None)
            self._ages[age] = None
            if age not in self._numbers:
                self._numbers[age] = self._next_number
                self._next_number += 1
            if len(self._ages) > MAX_COOKIES:
                self._forget_the_oldest()

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take the cookies of a response, as http.cookiejar's method does for requests."""
        for line in response.info().get_all("Set-Cookie", []):
            self.take(line, request.get_full_url())

    def take(self, line: str, url: str) -> None:
        """Take the cookie of a Set-Cookie line in a response for `url`; one that has expired deletes its like."""
        now = int(time.time())
        cookie = read_set_cookie(line, url, now)
        if cookie is None or not _is_acceptable(cookie):
            return
        name = cookie.domain.removeprefix(".")
        # Of the host alone or for its subdomains too: one cookie takes the place of the other.
        twin = (name if cookie.domain_specified else f".{name}", cookie.path, cookie.name)
        with self._cookies_lock:
            number = self._numbers.get(twin)
            self._delete(twin)
            if cookie.is_expired(now):
                self._delete((cookie.domain, cookie.path, cookie.name))
                return
            if number is not None:
                self._numbers[cookie.domain, cookie.path, cookie.name] = number
            self.set_cookie(cookie)

    def _delete(self, key: tuple[str, str, str]) -> None:
        if key in self._numbers:
            self.clear(*key)

    def _place(self, cookie: Any) -> int:
        return self._numbers[cookie.domain, cookie.path, cookie.name]

    def add_missing(self, cookies: Iterable[Any]) -> None:
        """Add the cookies whose name, domain and path are not in the jar yet."""
        have = {(cookie.domain, cookie.path, cookie.name) for cookie in self}
        for cookie in cookies:
            if (cookie.domain, cookie.path, cookie.name) not in have:
                self.set_cookie(copy(cookie))

    def header_for(self, request: requests.PreparedRequest) -> str | None:
        """Return the Cookie header for a request, None where it gets none; as requests' `get_cookie_header`."""
        if not self._cookies:
            return None
        header: str | None = get_cookie_header(self, request)  # type: ignore[no-untyped-call]
        return header

    def add_cookie_header(self, request: Any) -> None:
        """Add the Cookie header to a request, as http.cookiejar's method does for requests."""
        if not request.has_header("Cookie") and (header := self.header_of(request.get_full_url())):
            request.add_unredirected_header("Cookie", header)

    def header_of(self, url: str) -> str:
        """Return the Cookie header for a URL (RFC 6265 section 5.4), empty where there is no cookie for it.

        Of more than `MAX_HEADER` characters the longest cookies are left out, which is logged once.
        """
        parts = urlsplit(url)
        host, path, is_secure = host_in_jar(url), parts.path or "/", parts.scheme == "https"
        now = int(time.time())
        with self._cookies_lock:
            found = [
                cookie
                for domain, by_path in self._cookies.items()
                if not domain or domain_matches(host, domain.removeprefix("."))
                for cookie_path, by_name in by_path.items()
                if path_matches(path, cookie_path)
                for cookie in by_name.values()
                if (is_secure or not cookie.secure)
                and (cookie.domain_specified or not domain or domain == host)
                and _is_for_port(cookie, parts.port)
            ]
            current = [cookie for cookie in found if not cookie.is_expired(now)]
            if len(current) < len(found):
                self.clear_expired_cookies()
            current.sort(key=lambda cookie: (-len(cookie.path), self._place(cookie)))
        sent = [c.name if c.value is None else f"{c.name}={c.value}" for c in current]
        return "; ".join(self._bounded(sent, host))

    def _bounded(self, sent: list[str], host: str) -> list[str]:
        """Leave out the longest until the header fits: it is the short ones that logins and settings live in."""
        length = sum(len(pair) + 2 for pair in sent)
        for pair in sorted(sent, key=len, reverse=True) if length > MAX_HEADER else ():
            if length <= MAX_HEADER:
                break
            length -= len(pair) + 2
            sent.remove(pair)
            if not self._has_told_of_length:
                self._has_told_of_length = True
                name = pair.partition("=")[0]
                _log.warning(
                    "cookies of %s exceed %d characters: the longest, such as %.80r, are not sent",
                    host,
                    MAX_HEADER,
                    name,
                )
        return sent

    def copy(self) -> LockedJar:
        """Return a jar with the same cookies."""
        jar = LockedJar()
        jar.update(self)
        return jar

    def _forget_the_oldest(self) -> None:
        while len(self._ages) > MAX_COOKIES:
            self.clear(*next(iter(self._ages)))

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        with self._cookies_lock:
            self.changes += 1
            super().clear(domain, path, name)
            asked = (domain, path, name)
            for age in [*self._ages] if name is None else [asked]:
                if all(part is None or part == own for part, own in zip(asked, age, strict=True)):
                    self._ages.pop(age, None)  # type: ignore[arg-type]
                    self._numbers.pop(age, None)  # type: ignore[arg-type]

    def dump(self) -> str:
        """Return all cookies, those of a session too, as JSON, in the order in which they were first set."""
        with self._cookies_lock:
            cookies: list[Any] = list(self)
            cookies.sort(key=self._place)
        return json.dumps([_record(cookie) for cookie in cookies], separators=(",", ":"))

    def load(self, text: str) -> None:
        """Take in what `dump` gave, leaving out what has expired since.

        Raises:
            StoreError: it is something else.
        """
        try:
            for record in json.loads(text):
                rest = record.pop("rest", {})
                cookie = Cookie(**record, rest=rest)
                if not cookie.is_expired():
                    self.set_cookie(cookie)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise StoreError(
                f"the store holds cookies that cannot be read: {error}", remedy="scraper cookies SITE.yaml --clear"
            ) from None
        self.changes = 0


def _is_for_port(cookie: Any, port: int | None) -> bool:
    """Only cookies that a user made name ports."""
    return cookie.port is None or str(port or 80) in cookie.port.split(",")


def _is_acceptable(cookie: Cookie) -> bool:
    size = len(cookie.name) + len(cookie.value or "")
    if size > MAX_COOKIE or len(cookie.path) > MAX_COOKIE or len(cookie.domain) > MAX_COOKIE:
        return False
    return not any(_CONTROL.search(part) for part in (cookie.name, cookie.value or "", cookie.path, cookie.domain))


def _record(cookie: Cookie) -> dict[str, Any]:
    record = {name: getattr(cookie, name) for name in _FIELDS}
    record["rest"] = cookie._rest  # type: ignore[attr-defined]
    return record
