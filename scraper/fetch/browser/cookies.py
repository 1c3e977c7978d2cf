"""The cookies of a browser's context: those of the Session's jar, put in before a page and taken back after it."""

from __future__ import annotations

from http.cookiejar import Cookie
from typing import Any

from requests.cookies import create_cookie

from scraper import urls
from scraper.fetch.cookies import LockedJar

#: What a host without a dot is called in a jar, as http.cookiejar has it.
_LOCAL = ".local"
_Key = tuple[str, str, str]


class ContextCookies:
    """Keeps a context's cookies and a jar alike.

    Args:
        context: Playwright's.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        #: What the context has of each jar, as far as this is known.
        self._known: dict[_Key, str] = {}

    async def put(self, jar: LockedJar) -> None:
        """Give the context what changed in the jar."""
        wanted = {_key(cookie): cookie for cookie in jar}
        new = [cookie for key, cookie in wanted.items() if self._known.get(key) != cookie.value]
        if new:
            await self._context.add_cookies([_for_browser(cookie) for cookie in new])
            self._known |= {_key(cookie): cookie.value or "" for cookie in new}

    async def take_back(self, jar: LockedJar, domain: str) -> None:
        """Give the jar what pages have changed of the cookies of a domain."""
        found: dict[_Key, str] = {}
        for each in await self._context.cookies():
            if urls.domain_of_host(each["domain"].lstrip(".")) != domain:
                continue
            key = _in_jar(each["domain"]), each["path"], each["name"]
            found[key] = each["value"]
            if self._known.get(key) != each["value"]:
                jar.set_cookie(_for_jar(each))
        for key in [key for key in self._known if _is_of(key, domain) and key not in found]:
            # A page has deleted it, or it has expired there.
            del self._known[key]
            if any(_key(cookie) == key for cookie in jar):
                jar.clear(*key)
        self._known |= found


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
