"""A running browser: started, its contexts one a domain, its tabs, its end. All of it in the browser's thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.async_api import Error as BrowserError

from scraper.config.model.browser import BrowserConfig
from scraper.errors import InternalError
from scraper.fetch.browser.cookies import ContextCookies
from scraper.fetch.browser.executable import executable_of
from scraper.fetch.browser.folder import Folder
from scraper.fetch.browser.kept_parts import KeptParts
from scraper.fetch.browser.memory import Use, exact_use_of, use_of
from scraper.fetch.browser.tab import Tab
from scraper.fetch.domain_session import DomainSession

#: Nothing reaches the network but by us: names are not resolved, and the proxy is a port where nobody listens.
_ARGUMENTS = (
    "--disable-quic",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-gpu",
    "--mute-audio",
    "--js-flags=--max-old-space-size=384",
)
#: Pages of a tab, and of a context, after which another takes its place.
_TAB_PAGES, _CONTEXT_PAGES = 50, 150
#: How long what was drawn in a tab may run on, in seconds: mostly, another page takes its place.
_IDLE_SECONDS = 0.5
_START_SECONDS, _CLOSE_SECONDS = 60.0, 5.0


def _why(told: str) -> str:
    """Return of all that Playwright tells of a start the line that says why there was none."""
    said = [line.partition("[err]")[2].strip() for line in told.splitlines() if "[err]" in line]
    lines = [*said, *(line.strip(" -") for line in told.splitlines() if "[err]" not in line)]
    errors = [line for line in lines if "error" in line.lower() and "<launching>" not in line and "kill" not in line]
    return next(iter([*errors[-1:], *said, "it ended at once, so that it may be no browser"]))


class Context:
    """What pages of one domain share: cookies, storage, scripts."""

    def __init__(self, context: Any, kept: KeptParts) -> None:
        self.context = context
        self.cookies = ContextCookies(context)
        self.kept = kept
        self.idle: list[Tab] = []
        self.in_use = 0
        self.pages = 0
        #: It is to be closed once it is not in use.
        self.is_leaving = False


class Chromium:
    """One browser, from its start to its end."""

    def __init__(self, config: BrowserConfig, pool: ThreadPoolExecutor) -> None:
        self._config = config
        self._pool = pool
        self._contexts: dict[str, Context] = {}
        self._making: dict[str, asyncio.Lock] = {}
        #: By domain: storage of a context that was closed, and its scripts.
        self._left: dict[str, tuple[Any, KeptParts]] = {}
        #: Tabs whose pages are being left.
        self._leaving: set[asyncio.Future[None]] = set()
        self._folder = Folder()
        self._nowhere = socket.socket()
        self._playwright: Any = None
        self._browser: Any = None
        self.is_dead = asyncio.Event()
        #: Pages that are being drawn.
        self.drawing = 0
        #: Pages that were being drawn when it died.
        self.victims = 0
        #: It was ended by us: of the pages that were drawn by it none is to blame.
        self.was_ended = False
        #: It has taken too much memory: another takes its place.
        self.is_spent = False

    async def start(self) -> None:
        """Start it.

        Raises:
            InternalError: it does not start.
        """
        from playwright.async_api import async_playwright

        self._nowhere.bind(("127.0.0.1", 0))
        with self._folder.driver():
            self._playwright = await async_playwright().start()
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        try:
            self._browser = await self._playwright.chromium.launch(
                executable_path=self._folder.browser(executable_of(self._config)),
                headless=True,
                chromium_sandbox=self._config.sandbox and not is_root,
                args=list(_ARGUMENTS),
                proxy={"server": f"http://127.0.0.1:{self._nowhere.getsockname()[1]}", "bypass": "<-loopback>"},
                timeout=_START_SECONDS * 1000,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except BrowserError as error:
            raise InternalError(
                f"the browser does not start: {_why(str(error))[:300]}",
                remedy="look at browser.executable; where a container has no sandbox: browser.sandbox: false",
            ) from None
        self._browser.on("disconnected", lambda _: self.died())

    def died(self) -> None:
        """Note that it is gone, and how many pages were drawn by it then."""
        if not self.is_dead.is_set():
            self.victims = self.drawing
            self.is_dead.set()

    def kill(self) -> None:
        """End it at once: it does not answer, and the page for which it does not is known."""
        self.was_ended = True
        self.died()
        self._end_by_guardian()

    def memory(self) -> Use:
        """Return what its processes take."""
        guardian = self._folder.guardian()
        use = use_of(guardian) if guardian else Use()
        return use._replace(total=exact_use_of(guardian)) if use.total > self._config.memory / 2 else use

    # Contexts and tabs -----------------------------------------------------------------------------------

    async def take(self, domain: DomainSession) -> tuple[Context, Tab]:
        """Return a tab for a page of a domain."""
        name = domain.domain
        async with self._making.setdefault(name, asyncio.Lock()):
            context = self._contexts.get(name)
            if context is not None and context.pages >= _CONTEXT_PAGES:
                await self._retire(name, context)
                context = None
            if context is None:
                context = self._contexts[name] = await self._new_context(domain)
        context.in_use += 1
        context.pages += 1
        try:
            while context.idle:
                tab = context.idle.pop()
                if not tab.crashed.done():
                    return context, tab
                await self._close(tab.page)
            tab = Tab(await context.context.new_page(), context.cookies, context.kept, self._pool)
            return context, await tab.open()
        except BaseException:
            context.in_use -= 1
            raise

    async def give_back(self, context: Context, tab: Tab, *, is_well: bool) -> None:
        """Take back a tab; one that failed, or has had its pages, is closed."""
        context.in_use -= 1
        if is_well and tab.pages < _TAB_PAGES and not context.is_leaving:
            context.idle.append(tab)
            asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._quiet, context, tab, tab.pages)
            await self._close_surplus()
        else:
            await self._close(tab.page)
        if context.is_leaving and not context.in_use:
            await self._close(context.context)

    def _quiet(self, context: Context, tab: Tab, pages: int) -> None:
        """Leave the page of a tab that nothing was drawn in since: its scripts would run on."""
        if tab in context.idle and tab.pages == pages and not self.is_dead.is_set():
            context.idle.remove(tab)
            leaving = asyncio.ensure_future(self._left_page(context, tab))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _left_page(self, context: Context, tab: Tab) -> None:
        if await tab.leave() and not context.is_leaving:
            context.idle.append(tab)
        else:
            await self._close(tab.page)

    async def leave(self, name: str) -> None:
        """Close the context of a domain, of which nothing is fetched for a while."""
        context = self._contexts.get(name)
        if context is not None:
            await self._retire(name, context)

    async def _new_context(self, domain: DomainSession) -> Context:
        width, height = map(int, self._config.viewport.split("x"))
        storage, kept = self._left.pop(domain.domain, (None, None))
        headers = domain.session.headers
        context = await self._browser.new_context(
            user_agent=str(headers.get("User-Agent") or "") or None,
            viewport={"width": width, "height": height},
            locale=self._config.locale,
            timezone_id=self._config.timezone,
            accept_downloads=False,
            service_workers="block",
            storage_state=storage,
            # Certificates are looked at by our own connections.
            ignore_https_errors=True,
        )
        context.set_default_timeout(0)
        await context.route("**/*", lambda route: route.abort())
        return Context(context, kept or KeptParts())

    async def _retire(self, name: str, context: Context) -> None:
        """Let another context take the place of this one, with what its pages have stored."""
        self._contexts.pop(name, None)
        context.is_leaving = True
        storage = None
        with contextlib.suppress(Exception):
            state = await asyncio.wait_for(context.context.storage_state(), _CLOSE_SECONDS)
            # Cookies are the jar's.
            storage = {"cookies": [], "origins": state["origins"]} if state["origins"] else None
        if len(self._left) > 100:
            self._left.clear()
        self._left[name] = storage, context.kept
        for tab in context.idle:
            await self._close(tab.page)
        context.idle.clear()
        if not context.in_use:
            await self._close(context.context)

    async def _close_surplus(self) -> None:
        """Close tabs and contexts beyond those that are of use, first of domains that were begun longest ago.

        Some more than can be in use at once: where pages of several domains take turns, theirs differ in number.
        """
        pages = self._config.pages
        surplus = sum(len(each.idle) + each.in_use for each in self._contexts.values()) - pages - pages // 2
        unwanted = len(self._contexts) - 2 * pages
        for name, context in list(self._contexts.items()):
            if unwanted > 0 and not context.in_use:
                unwanted -= 1
                surplus -= len(context.idle)
                await self._retire(name, context)
            while surplus > 0 and context.idle:
                surplus -= 1
                await self._close(context.idle.pop(0).page)

    async def _close(self, what: Any) -> None:
        """Close a page or a context; a browser that does not is ended."""
        try:
            await asyncio.wait_for(what.close(), _CLOSE_SECONDS)
        except BrowserError:
            pass
        except TimeoutError:
            self.kill()

    async def close(self) -> None:
        """End it, whatever state it is in, and remove what it has left."""
        try:
            with contextlib.suppress(Exception):
                if self._browser is not None:
                    await asyncio.wait_for(self._browser.close(), _CLOSE_SECONDS)
            with contextlib.suppress(Exception):
                if self._playwright is not None:
                    await asyncio.wait_for(self._playwright.stop(), _CLOSE_SECONDS)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, self._wait_for_end)
            self._nowhere.close()
            self._folder.remove()

    def _end_by_guardian(self) -> None:
        if guardian := self._folder.guardian():
            with contextlib.suppress(OSError):
                os.kill(guardian, signal.SIGTERM)

    def _wait_for_end(self) -> None:
        """Wait until its guardian has ended all that is left."""
        self._end_by_guardian()
        until = time.monotonic() + _CLOSE_SECONDS
        while self._folder.guardian() and time.monotonic() < until:
            time.sleep(0.01)
