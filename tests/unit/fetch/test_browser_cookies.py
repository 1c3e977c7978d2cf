"""The cookies of a browser's context are those of the jar: what is new there, renewed, deleted, not taken."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from scraper.fetch.browser.cookies import ContextCookies
from scraper.fetch.cookies import LockedJar

_URL = "https://shop.example/"


class _Context:
    """A context as Playwright has them, as far as cookies go."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    async def add_cookies(self, cookies: list[dict[str, Any]]) -> None:
        if any(each["name"].startswith("__Host-") and not each["secure"] for each in cookies):
            raise ValueError("Storage.setCookies: Invalid cookie fields")
        for each in cookies:
            self.kept.pop(each["name"], None)
            # As Chromium: what has expired is gone, and nothing is kept for more than 400 days.
            if each["expires"] == -1 or each["expires"] > time.time():
                self.kept[each["name"]] = each | {"expires": min(each["expires"], time.time() + 400 * 86_400.0)}

    async def cookies(self) -> list[dict[str, Any]]:
        return list(self.kept.values())


class _Both:
    """A jar and a context, and pages between them."""

    def __init__(self) -> None:
        self.jar, self.context = LockedJar(), _Context()
        self._cookies = ContextCookies(self.context)

    def page(self, *lines: str) -> dict[str, str]:
        """Draw a page after the server has sent these cookies; return what the browser sends then."""
        for line in lines:
            self.jar.take(line, _URL)

        async def drawn() -> dict[str, str]:
            await self._cookies.put(self.jar, "shop.example")
            sent = {name: str(each["value"]) for name, each in self.context.kept.items()}
            await self._cookies.take_back(self.jar, "shop.example")
            return sent

        return asyncio.run(drawn())


def test_what_the_server_deletes_the_browser_does_not_send_again() -> None:
    both = _Both()
    assert both.page("session=1; Path=/", "other=2; Path=/") == {"session": "1", "other": "2"}
    assert both.page("session=; Max-Age=0; Path=/") == {"other": "2"}
    assert both.jar.header_of(_URL) == "other=2"


def test_a_session_that_is_renewed_does_not_end_in_the_browser() -> None:
    both = _Both()
    both.page("session=1; Max-Age=60; Path=/")
    both.page("session=1; Max-Age=1800; Path=/")
    assert both.context.kept["session"]["expires"] > time.time() + 1700
    both.page("session=1; Max-Age=99999999; Path=/")
    changes = both.jar.changes
    assert both.page() == {"session": "1"}
    # That browsers keep nothing for so long is no change.
    assert both.jar.changes == changes


def test_a_cookie_that_the_browser_does_not_take_costs_no_other() -> None:
    both = _Both()
    assert both.page("__Host-odd=1; Path=/", "session=2; Path=/") == {"session": "2"}
    assert both.page("late=3; Path=/") == {"session": "2", "late": "3"}
    assert both.jar.header_of(_URL) == "__Host-odd=1; session=2; late=3"
