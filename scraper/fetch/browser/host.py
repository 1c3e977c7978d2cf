"""The browser of a shard, on a thread of its own: pages are drawn a few at a time, and one that dies is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.async_api import Error as BrowserError

from scraper.config.model.browser import BrowserConfig
from scraper.errors import FetchError, InternalError
from scraper.fetch.browser.chromium import Chromium
from scraper.fetch.browser.drawing import Drawing
from scraper.fetch.browser.driver_errors import is_gone, line_of
from scraper.fetch.browser.tab import PARTS, Tab
from scraper.response.rendering import Rendering

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_MEMORY_SECONDS = 0.5
#: How long a page that is given up is waited for, in seconds.
_PATIENCE = 3.0
#: How long the end of the browser is waited for, in seconds.
_END_SECONDS = 30.0
#: The share of `browser.memory` that one page may take; and from which on another browser takes the place.
_PAGE_SHARE, _SPENT_SHARE = 0.6, 0.9
#: How often a page is begun whose browser is gone.
_TRIES = 5
#: How often a browser is started again before it is given up, and the wait between.
_STARTS, _START_WAIT = 3, 1.0

#: Is told what became of a page.
Done = Callable[[Rendering | BaseException], None]


class Host:
    """Draws pages; from any thread."""

    def __init__(self, config: BrowserConfig) -> None:
        self._config = config
        self._loop: asyncio.AbstractEventLoop | None = None
        self._browser: Chromium | None = None
        self._is_closing = False
        self._running = 0
        self._is_alone = False
        self._ready = threading.Event()
        self._pool = ThreadPoolExecutor(config.pages * PARTS, thread_name_prefix="browser-part")
        self._thread = threading.Thread(target=self._run, name="browser", daemon=True)
        self._thread.start()
        self._ready.wait()

    def draw(self, drawing: Drawing, done: Done) -> Callable[[], None]:
        """Begin to draw a page, and call `done` with what became of it, in another thread; return how to cancel."""
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(self._draw(drawing), self._loop)

        def tell(_: Any) -> None:
            try:
                done(future.result())
            except BaseException as error:
                done(error)

        future.add_done_callback(tell)
        return lambda: None if future.done() else drawing_given_up(drawing)

    def leave(self, name: str) -> None:
        """Close what is kept for a domain."""
        if self._loop is not None and not self._is_closing:
            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(self._leave(name), self._loop)

    def close(self) -> None:
        """End the browser, and wait for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_END_SECONDS)

    # The thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            _log.exception("the thread of the browser ended")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._closing = asyncio.Event()
        self._places = asyncio.Semaphore(self._config.pages)
        self._changed = asyncio.Condition()
        self._starting = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_ignore)
        self._ready.set()
        watch = asyncio.ensure_future(self._watch_memory())
        await self._closing.wait()
        self._is_closing = True
        watch.cancel()
        if self._browser is not None:
            await self._browser.close()

    async def _leave(self, name: str) -> None:
        if self._browser is not None:
            with contextlib.suppress(Exception):
                await self._browser.leave(name)

    # Drawing ---------------------------------------------------------------------------------------------

    async def _draw(self, drawing: Drawing) -> Rendering:
        """Draw a page. Where the browser dies under several of them, each is drawn again, by itself.

        Raises:
            FetchError: it could not be drawn.
            InternalError: no browser starts.
        """
        async with self._places:
            is_alone = False
            for _ in range(_TRIES):
                async with self._turn(alone=is_alone):
                    browser = await self._current()
                    try:
                        return await self._draw_by(browser, drawing)
                    except _Died as death:
                        is_suspect = death.is_suspect and not browser.was_ended
                        if is_suspect and (is_alone or browser.victims < 2):
                            break
                        is_alone = is_alone or is_suspect
        raise FetchError("the browser died while this page was drawn", reason="browser-crashed")

    @contextlib.asynccontextmanager
    async def _turn(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait until a page may be drawn: beside others, or alone."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: not self._is_alone and not (self._running and (alone or self._is_spent))
            )
            self._running += 1
            self._is_alone = alone
        try:
            yield
        finally:
            async with self._changed:
                self._running -= 1
                self._is_alone = False
                self._changed.notify_all()

    @property
    def _is_spent(self) -> bool:
        """Tell whether another browser is to take the place of this one, once nothing is drawn by it."""
        return self._browser is not None and self._browser.is_spent

    async def _current(self) -> Chromium:
        """Return the browser; start one where there is none, or where it is dead or spent."""
        async with self._starting:
            browser = self._browser
            if browser is not None and browser.is_spent and not browser.drawing and not browser.is_dead.is_set():
                browser.is_dead.set()
            if browser is not None and not browser.is_dead.is_set():
                return browser
            if browser is not None:
                self._browser = None
                await browser.close()
            for attempt in range(_STARTS):
                if self._is_closing:
                    raise FetchError("the crawl ends", reason="timeout")
                browser = Chromium(self._config, self._pool)
                try:
                    await browser.start()
                except Exception as error:
                    await browser.close()
                    if attempt + 1 == _STARTS:
                        if isinstance(error, InternalError):
                            raise
                        raise InternalError(f"the browser does not start: {error}"[:500]) from error
                    await asyncio.sleep(_START_WAIT)
                except BaseException:
                    await browser.close()
                    raise
                else:
                    self._browser = browser
                    return browser
            raise AssertionError

    async def _draw_by(self, browser: Chromium, drawing: Drawing) -> Rendering:
        """Draw a page, as long as it may take and is wanted."""
        began, work = time.monotonic(), asyncio.ensure_future(self._draw_in_tab(browser, drawing))
        dead = asyncio.ensure_future(browser.is_dead.wait())
        try:
            while not work.done():
                await asyncio.wait((work, dead), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if dead.done():
                    break
                if drawing.deadline.expired or self._is_closing:
                    raise FetchError("the page is given up", reason="timeout")
                if drawing.excess:
                    raise FetchError(drawing.excess, reason="browser-limit")
                if time.monotonic() - began - drawing.beside.waited() > self._config.timeout:
                    raise FetchError(
                        f"the page is not drawn within {self._config.timeout:g} s (browser.timeout): "
                        f"{drawing.late()}",
                        reason="not-drawn",
                        remedy="say what it is to wait for (wait_for, wait_until), or raise browser.timeout",
                    )
            if work.done() and not (dead.done() and work.exception() is not None):
                return work.result()
            raise _Died(is_suspect=drawing.is_begun)
        finally:
            dead.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,), timeout=_PATIENCE)
                if not work.done():
                    browser.kill()
            if work.done() and not work.cancelled():
                work.exception()

    async def _draw_in_tab(self, browser: Chromium, drawing: Drawing) -> Rendering:
        drawing.begin()
        try:
            context, tab = await browser.take(drawing.domain)
        except Exception as error:
            if isinstance(error, BrowserError) and not is_gone(error):
                raise FetchError(f"the browser opens no page: {line_of(error)}", reason="not-drawn") from None
            # Its driver may be gone, of which Playwright tells by any exception.
            browser.died()
            raise _Died(is_suspect=False) from None
        is_well = False
        browser.drawing += 1
        drawing.is_begun = True
        try:
            drawn = await self._until_crash(tab, drawing)
            is_well = True
            return drawn
        except FetchError:
            raise
        except Exception as error:
            if tab.crashed.done():
                raise FetchError(_CRASHED, reason="browser-crashed") from None
            if not isinstance(error, BrowserError) or is_gone(error):
                browser.died()
                raise _Died(is_suspect=True) from None
            raise FetchError(line_of(error), reason="not-drawn") from None
        finally:
            browser.drawing -= 1
            if not browser.is_dead.is_set():
                await asyncio.shield(browser.give_back(context, tab, is_well=is_well))

    async def _until_crash(self, tab: Tab, drawing: Drawing) -> Rendering:
        work = asyncio.ensure_future(tab.draw(drawing))
        try:
            await asyncio.wait((work, tab.crashed), return_when=asyncio.FIRST_COMPLETED)
            if tab.crashed.done():
                raise FetchError(_CRASHED, reason="browser-crashed")
            return work.result()
        finally:
            if not work.done():
                work.cancel()
                with contextlib.suppress(BaseException):
                    await work
            elif not work.cancelled():
                work.exception()

    # Memory ----------------------------------------------------------------------------------------------

    async def _watch_memory(self) -> None:
        """End the page that takes too much, and let another browser take the place of one that has grown."""
        assert self._loop is not None
        while True:
            await asyncio.sleep(_MEMORY_SECONDS)
            browser = self._browser
            if browser is None or browser.is_dead.is_set():
                continue
            use = await self._loop.run_in_executor(None, browser.memory)
            most = self._config.memory
            if use.largest > most * _PAGE_SHARE or (use.total > most and use.largest > most / 4):
                with contextlib.suppress(OSError):
                    os.kill(use.largest_pid, signal.SIGKILL)
            elif use.total > most * _SPENT_SHARE and not browser.is_spent:
                _log.info("the browser has %d MB: another takes its place", use.total // 1_000_000)
                browser.is_spent = True


_CRASHED = "the process that draws this page died, or took more memory than it may (browser.memory)"


class _Died(Exception):
    """The browser is gone; whether the page may be the cause."""

    def __init__(self, *, is_suspect: bool) -> None:
        super().__init__()
        self.is_suspect = is_suspect


def drawing_given_up(drawing: Drawing) -> None:
    """Let a page end."""
    drawing.deadline.expired = True


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what went wrong in the browser's thread beside the pages: mostly, calls that its end has cut off."""
    _log.debug("in the browser's thread: %s", context.get("exception") or context.get("message"))
