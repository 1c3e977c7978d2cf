"""A tab of the browser: what it draws, and how each of its requests is answered. All in the browser's thread."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.async_api import Error as BrowserError

from scraper import urls
from scraper.errors import FetchError, ScraperError
from scraper.fetch.browser.cookies import ContextCookies
from scraper.fetch.browser.drawing import FRAME, Ask, Drawing
from scraper.fetch.browser.driver_errors import line_of
from scraper.fetch.browser.kept_parts import KeptParts
from scraper.media import is_download
from scraper.response.rendering import Rendering

#: Requests of a page that are under way at once.
PARTS = 8
#: How long no request may be under way for a page to be idle, in seconds.
_QUIET = 0.1
#: What a page comes to before it is believed to be idle: two frames, in which observers are told of what is seen.
_PULSE = """() => new Promise(done => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));
  setTimeout(done, 2000);
})"""
#: The states of a document that is loaded. Of one that opened a letter, or that was kept from sending a form, the
#: browser does not say so.
_LOADED = {"load": ("complete",), "domcontentloaded": ("interactive", "complete")}
#: How long nothing was asked for until it is looked whether that is so, in seconds.
_STILL = 1.0
#: The share of `browser.timeout` after which what is waited for suffices, though the page goes on to ask for more.
_REST_SHARE = 0.5
#: How long a page that was scrolled has to begin to grow, in seconds.
_SCROLL = 0.15
_LOOK = 0.02
#: How long a page may take to be left, in seconds.
_LEAVE_SECONDS = 2.0
#: Dialogs that a page may open; they are dismissed.
_MOST_DIALOGS = 20


class PageCrashed(Exception):
    """The process that draws the tab has ended."""


class Tab:
    """One tab of a context.

    Args:
        page: Playwright's.
        pool: threads in which its requests are sent.
    """

    def __init__(self, page: Any, cookies: ContextCookies, kept: KeptParts, pool: ThreadPoolExecutor) -> None:
        self.page = page
        self.pages = 0
        self.crashed = asyncio.get_running_loop().create_future()
        self._cookies = cookies
        self._kept = kept
        self._pool = pool
        self._places = asyncio.Semaphore(PARTS)
        self._drawing: Drawing | None = None
        self._was_served = False
        self._elsewhere: str | None = None
        self._dialogs = 0
        self._origin = ""
        self._is_leaving = False
        self._under_way = 0
        self._changed_at = self._began = 0.0

    async def open(self) -> Tab:
        """Take over its requests."""
        page = self.page
        page.on("crash", lambda _: self._crash())
        page.on("dialog", lambda dialog: asyncio.ensure_future(self._dismiss(dialog)))
        page.on("download", lambda download: self._refuse(download.url, "downloads are refused"))
        page.on("popup", lambda popup: asyncio.ensure_future(self._close(popup)))
        page.on("websocket", lambda socket: self._refuse(socket.url, "WebSockets are not opened"))
        await page.route("**/*", self._answer)
        return self

    def _crash(self) -> None:
        if not self.crashed.done():
            self.crashed.set_result(None)

    async def _dismiss(self, dialog: Any) -> None:
        self._dialogs += 1
        if self._dialogs > _MOST_DIALOGS and self._drawing is not None:
            self._drawing.excess = f"it opens more than {_MOST_DIALOGS} dialogs"
        with contextlib.suppress(Exception):
            # A page that asks whether it is to be left would stay in the place of the next one.
            await (dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss())

    async def _close(self, popup: Any) -> None:
        # Where it was to lead is not known of one that is refused.
        self._refuse(self.page.url, "pop-ups are not opened")
        with contextlib.suppress(Exception):
            await popup.close()

    def _refuse(self, url: str, why: str) -> None:
        if self._drawing is not None:
            self._drawing.refuse(url, why)

    # Its requests ----------------------------------------------------------------------------------------

    async def _answer(self, route: Any) -> None:
        """Answer a request: nothing that a page asks for leaves the browser by itself."""
        drawing = self._drawing
        with contextlib.suppress(Exception, asyncio.CancelledError):
            if self._is_leaving and route.request.is_navigation_request():
                await route.fulfill(status=200, content_type="text/html", body="")
            elif drawing is None:
                await route.abort()
            elif route.request.is_navigation_request() and route.request.frame.parent_frame is None:
                await self._answer_navigation(route, drawing)
            else:
                await self._answer_part(route, drawing)

    async def _answer_navigation(self, route: Any, drawing: Drawing) -> None:
        url = urls.without_fragment(route.request.url)
        if not self._was_served:
            self._was_served = True
            self._changed_at = time.monotonic()
            response = drawing.response
            await route.fulfill(status=response.status, headers=drawing.headers(), body=response.body)
            return
        # It sends its reader on. That is a redirect, and for the crawl to follow, or not: the page stays as it is.
        if (method := route.request.method) != "GET":
            drawing.refuse(url, f"a {method} by which a page sends its reader on is not sent")
        elif self._elsewhere is None:
            self._elsewhere = url
        await route.abort("aborted")

    async def _answer_part(self, route: Any, drawing: Drawing) -> None:
        request = route.request
        url = request.url
        if request.resource_type in drawing.config.block:
            await route.abort("blockedbyclient")
            return
        if request.resource_type == "eventsource":
            # It never ends, and would have one of the places of its domain for as long as an answer may take.
            drawing.refuse(url, "event streams are not opened")
            await route.abort("blockedbyclient")
            return
        if drawing.excess or not drawing.count():
            await route.abort("blockedbyclient")
            return
        self._under_way += 1
        self._changed_at = time.monotonic()
        drawing.newest = url
        try:
            origin = urls.origin_of(request.frame.url) if request.resource_type != FRAME else drawing.url
            ask = Ask(
                request.method,
                urls.without_fragment(url),
                request.resource_type,
                request.headers,
                request.post_data_buffer,
                urls.origin_of(origin) if "://" in origin else urls.origin_of(drawing.url),
            )
            loop = asyncio.get_running_loop()
            async with self._places:
                part = await loop.run_in_executor(self._pool, drawing.part, ask, self._kept)
            if ask.kind == FRAME and is_download(part.headers):
                raise FetchError("downloads are refused", reason="download")
            await self._cookies.put(drawing.beside.jar(url), urls.domain_of(url))
            await route.fulfill(status=part.status, headers=dict(part.headers), body=part.body)
        except ScraperError as error:
            reason = getattr(error, "reason", "internal")
            drawing.refuse(url, f"{reason}: {error.message}")
            await route.abort("accessdenied" if reason in ("robots", "private-address", "download") else "failed")
        except RuntimeError:
            # The pool of threads is closed: the crawl ends.
            await route.abort()
        finally:
            self._under_way -= 1
            self._changed_at = time.monotonic()

    async def leave(self) -> bool:
        """Leave the page for an empty one of its own origin; tell whether that succeeded.

        For one of another origin, about:blank too, the browser would begin a process.
        """
        self._is_leaving = True
        try:
            await asyncio.wait_for(self.page.goto(f"{self._origin}/", timeout=0), _LEAVE_SECONDS)
        except (TimeoutError, BrowserError):
            return False
        finally:
            self._is_leaving = False
        return True

    # Drawing ---------------------------------------------------------------------------------------------

    async def draw(self, drawing: Drawing) -> Rendering:
        """Draw a page.

        Raises:
            FetchError: it asks for more than it may, or does not come to what is waited for.
        """
        self._drawing, self._was_served, self._elsewhere, self._dialogs = drawing, False, None, 0
        self._began = self._changed_at = time.monotonic()
        self.pages += 1
        self._origin = urls.origin_of(drawing.url)
        try:
            await self._cookies.put(drawing.domain.jar, drawing.domain.domain)
            return await self._drawn(drawing)
        finally:
            self._drawing = None

    async def _drawn(self, drawing: Drawing) -> Rendering:
        page, config = self.page, drawing.config
        until = "domcontentloaded" if config.wait_until == "domcontentloaded" else "load"
        loaded = asyncio.ensure_future(page.goto(drawing.url, wait_until=until, timeout=0))
        try:
            # What goes elsewhere before that is never loaded.
            while not (loaded.done() or self._is_over(drawing)):
                await self._until(drawing, lambda: loaded.done() or self._is_still())
                if await self._ended(drawing, page.evaluate("document.readyState")) in _LOADED[until]:
                    break
            if loaded.done():
                loaded.result()
        except BrowserError:
            # It stopped itself.
            if not self._was_served:
                raise
        finally:
            _forget(loaded)
        await self._settled(drawing)
        if config.script is not None and not self._is_over(drawing):
            drawing.waits_for = "browser.script does not end"
            await self._run(page.evaluate(config.script), "browser.script")
            await self._settled(drawing)
        for _ in range(config.scroll):
            if self._is_over(drawing) or not await self._scrolled(drawing):
                break
        self._require_moderate(drawing)
        # A script may have put half of a pair of surrogates into it, which is no text.
        text = (await page.content()).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if len(text) > drawing.most:
            raise FetchError("the page as drawn is larger than limits.body", reason="body-too-large")
        shot = await page.screenshot() if config.screenshot else None
        await self._cookies.take_back(drawing.domain.jar, drawing.domain.domain)
        refused = tuple(drawing.refused.items())
        return Rendering(text, tuple(drawing.captured), shot, refused, drawing.requests, self._elsewhere)

    async def _settled(self, drawing: Drawing) -> None:
        """Return once nothing of the page is under way, and what is waited for is there."""
        if drawing.config.wait_until == "idle":
            await self._idle(drawing)
        if drawing.wait_for is not None and not self._is_over(drawing):
            drawing.waits_for = f"{drawing.wait_for} finds nothing"
            wanted = self.page.wait_for_selector(f"css={drawing.wait_for}", state="attached", timeout=0)
            await self._run(self._ended(drawing, wanted), "wait_for")
            if drawing.config.wait_until == "idle":
                await self._idle(drawing)

    async def _idle(self, drawing: Drawing) -> None:
        """Return once no request of the page has been under way for a moment, nor is one after its next frames.

        The page is asked, since on a busy machine what it is about to send takes longer to come than that moment.
        """
        drawing.waits_for = "it does not come to rest"
        while not self._is_over(drawing):
            await self._until(drawing, lambda: self._is_quiet() or self._is_restless(drawing))
            if self._is_restless(drawing):
                return
            changed_at = self._changed_at
            with contextlib.suppress(BrowserError):
                await self._ended(drawing, self.page.evaluate(_PULSE))
            if not self._under_way and self._changed_at == changed_at:
                return

    def _is_restless(self, drawing: Drawing) -> bool:
        """Tell whether a page has asked for something long enough, of which it is known what is wanted."""
        spent = time.monotonic() - self._began - drawing.beside.waited()
        return drawing.wait_for is not None and spent > drawing.config.timeout * _REST_SHARE

    async def _ended(self, drawing: Drawing, work: Any) -> Any:
        """Return what the browser was asked for once that is done; None where the page is over before.

        Raises:
            BrowserError: it failed.
        """
        asked = asyncio.ensure_future(work)
        try:
            await self._until(drawing, asked.done)
            return asked.result() if asked.done() else None
        finally:
            _forget(asked)

    async def _run(self, work: Any, key: str) -> None:
        """Await what a user has written.

        Raises:
            FetchError: it raised.
        """
        try:
            await work
        except BrowserError as error:
            if self._elsewhere is not None or self.crashed.done():
                return
            if "has been closed" in str(error):
                raise  # the browser is gone, of which its page and what was written for it are innocent
            raise FetchError(f"{key}: {line_of(error)}", reason="browser-script") from None

    async def _scrolled(self, drawing: Drawing) -> bool:
        """Scroll to the end; tell whether the page has grown."""
        measure = "document.documentElement.scrollHeight"
        with contextlib.suppress(BrowserError):
            before = await self.page.evaluate(measure)
            await self.page.evaluate(f"window.scrollTo(0, {measure})")
            await asyncio.sleep(_SCROLL)
            await self._idle(drawing)
            return bool(await self.page.evaluate(measure) != before)
        return False

    def _is_quiet(self) -> bool:
        return not self._under_way and time.monotonic() - self._changed_at > _QUIET

    def _is_still(self) -> bool:
        return self._was_served and not self._under_way and time.monotonic() - self._changed_at > _STILL

    def _is_over(self, drawing: Drawing) -> bool:
        return self._elsewhere is not None or bool(drawing.excess)

    async def _until(self, drawing: Drawing, is_so: Callable[[], bool]) -> None:
        while not is_so() and not self._is_over(drawing):
            await asyncio.sleep(_LOOK)
        self._require_moderate(drawing)

    def _require_moderate(self, drawing: Drawing) -> None:
        if drawing.excess:
            raise FetchError(drawing.excess, reason="browser-limit")


def _forget(work: asyncio.Future[Any]) -> None:
    """Cancel what is still under way; what it raises is nobody's any more."""
    work.cancel()
    work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
