"""The cookies of a browser's context: those of the Session's jar, put in before a page and taken back after it."""

from __future__ import annotations

import logging
import time
from http.cookiejar import Cookie
from typing import Any, NamedTuple

from requests.cookies import create_cookie

from scraper import urls
from scraper.fetch.browser.driver_errors import is_gone
from scraper.fetch.cookies import LockedJar

_log = logging.getLogger(__name__)

#: What a host without a dot is called in a jar, as http.cookiejar has it.
_LOCAL = ".local"
#: Further ahead than this browsers let nothing expire (RFC 6265bis: 400 days); in seconds, with a day to spare.
_FAR = 399 * 86_400.0
_Key = tuple[str, str, str]


class _State(NamedTuple):
    """What is compared of a cookie."""

    value: str
    #: In seconds since the epoch; None at the session's end.
    expires: float | None

    def is_like(self, other: _State | None) -> bool:
        """Tell whether another is the same, as far as a browser keeps it."""
        if other is None or self.value != other.value:
            return False
        if self.expires is None or other.expires is None:
            return self.expires is other.expires
        far = time.time() + _FAR
        return abs(min(self.expires, far) - min(other.expires, far)) < 1


class ContextCookies:
    """Keeps a context's cookies and a jar alike.

    Args:
        context: Playwright's.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        #: What the context has of each jar, as far as this is known.
        self._known: dict[_Key, _State] = {}
        #: What it does not take.
        self._refused: dict[_Key, _State] = {}

    async def put(self, jar: LockedJar, domain: str) -> None:
        """Give the context what changed in the jar of a domain: what is new, or expires later, or is gone."""
        wanted = {_key(cookie): cookie for cookie in jar}
        new = {
            key: cookie
            for key, cookie in wanted.items()
            if not _state(cookie).is_like(self._known.get(key) or self._refused.get(key))
        }
        if gone := [key for key in self._known if key not in wanted and _is_of(key, domain)]:
            # Its own clear_cookies takes all away for a moment, which pages that are drawn beside this would see.
            await self._context.add_cookies([_expired(key) for key in gone])
            for key in gone:
                self._known.pop(key, None)
        if new:
            await self._add(new)

    async def _add(self, cookies: dict[_Key, Cookie]) -> None:
        try:
            await self._context.add_cookies([_for_browser(cookie) for cookie in cookies.values()])
        except Exception as error:
            if is_gone(error):
                raise
            # One that it does not take, such as __Host- without https, would cost all others.
            if len(cookies) > 1:
                for key, cookie in cookies.items():
                    await self._add({key: cookie})
            else:
                self._refused |= {key: _state(cookie) for key, cookie in cookies.items()}
                _log.debug("the browser does not take the cookies %s: %s", [*cookies], error)
        else:
            self._known |= {key: _state(cookie) for key, cookie in cookies.items()}

    async def take_back(self, jar: LockedJar, domain: str) -> None:
        """Give the jar what pages have changed of the cookies of a domain."""
        found: dict[_Key, _State] = {}
        for each in await self._context.cookies():
            if urls.domain_of_host(each["domain"].lstrip(".")) != domain:
                continue
            key = _in_jar(each["domain"]), each["path"], each["name"]
            found[key] = _State(each["value"], None if each["expires"] == -1 else each["expires"])
            if not found[key].is_like(self._known.get(key)):
                jar.set_cookie(_for_jar(each))
        for key in [key for key in self._known if _is_of(key, domain) and key not in found]:
            # A page has deleted it, or it has expired there.
            del self._known[key]
            if any(_key(cookie) == key for cookie in jar):
                jar.clear(*key)
        self._known |= found


def _state(cookie: Cookie) -> _State:
    return _State(cookie.value or "", cookie.expires)


def _key(cookie: Cookie) -> _Key:
    return cookie.domain, cookie.path, cookie.name


def _is_of(key: _Key, domain: str) -> bool:
    return urls.domain_of_host(_of_browser(key[0]).lstrip(".")) == domain


def _of_browser(domain: str) -> str:
    bare = domain.removesuffix(_LOCAL)
    return bare if "." not in bare.lstrip(".") else domain


def _in_jar(domain: str) -> str:
    return domain if "." in domain.lstrip(".") or ":" in domain else f"{domain}{_LOCAL}"


def _for_browser(cookie: Cookie) -> dict[str, Any]:
    found = {
        "name": cookie.name,
        "value": cookie.value or "",
        "domain": _of_browser(cookie.domain),
        "path": cookie.path,
        "expires": -1 if cookie.expires is None else cookie.expires,
        "httpOnly": cookie.has_nonstandard_attr("HttpOnly"),
        "secure": cookie.secure,
    }
    same_site = cookie.get_nonstandard_attr("SameSite")
    return found if same_site is None else found | {"sameSite": same_site}


def _expired(key: _Key) -> dict[str, Any]:
    domain, path, name = key
    return {"name": name, "value": "", "domain": _of_browser(domain), "path": path, "expires": 1, "secure": True}


def _for_jar(cookie: dict[str, Any]) -> Cookie:
    rest = {"HttpOnly": ""} if cookie.get("httpOnly") else {}
    if cookie.get("sameSite"):
        rest["SameSite"] = cookie["sameSite"]
    made: Cookie = create_cookie(  # type: ignore[no-untyped-call]
        cookie["name"],
        cookie["value"],
        domain=_in_jar(cookie["domain"]),
        path=cookie["path"],
        secure=cookie["secure"],
        expires=None if cookie["expires"] == -1 else int(cookie["expires"]),
        rest=rest,
    )
    return made
