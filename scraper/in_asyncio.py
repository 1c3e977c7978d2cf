"""A crawl that an application of asyncio awaits: it has a thread of its own, and the event loop stays free."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scraper.crawler import Crawl, prepared
from scraper.run import Run
from scraper.spider import Spider


async def crawl_async(source: Path | str | Mapping[str, Any] | type[Spider], **keywords: Any) -> Run:
    """Crawl as `crawl` does, and return the run; several may be awaited at once.

    Cancelling it is like Ctrl-C: no further request is sent, what is in flight is given 10 seconds, and the run can
    be resumed. Cancelling it once more ends it without waiting for that. The `CancelledError` has the run as its
    attribute `run`, where the crawl had begun.

    Args:
        source: as in `crawl`.
        keywords: all that `crawl` takes.

    Raises:
        asyncio.CancelledError: it was cancelled, and has stopped.
        ScraperError: what `crawl` raises.
    """
    work = _Work(source, keywords)
    ended = work.begin()
    cancelled: asyncio.CancelledError | None = None
    while not ended.done():
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError as error:
            if ended.cancelled():
                raise
            work.stop(*(() if cancelled is None else (0.0,)))
            cancelled = cancelled or error
        except BaseException:  # of the crawl: said below
            break
    if cancelled is None:
        return ended.result()
    with contextlib.suppress(BaseException):
        cancelled.run = ended.result()  # type: ignore[attr-defined]
    raise cancelled


class _Work:
    """A crawl in its thread, and how it is told to stop."""

    def __init__(self, source: Path | str | Mapping[str, Any] | type[Spider], keywords: Mapping[str, Any]) -> None:
        self._source, self._keywords = source, keywords
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Run] = self._loop.create_future()
        self._lock = threading.Lock()
        self._crawl: Crawl | None = None
        self._stop: tuple[float, ...] | None = None

    def begin(self) -> asyncio.Future[Run]:
        """Start the thread; what the future gets is the run, or the error that ended the crawl."""
        threading.Thread(target=self._run, name="scraper-crawl").start()
        return self._ended

    def stop(self, *seconds: float) -> None:
        """Stop the crawl soon, also where it has not begun."""
        with self._lock:
            self._stop = seconds
            crawl = self._crawl
        if crawl is not None:
            crawl.stop(*seconds)

    def _run(self) -> None:
        try:
            with prepared(self._source, **self._keywords) as crawl:
                with self._lock:
                    self._crawl = crawl
                    if self._stop is not None:
                        crawl.stop(*self._stop)
                run = crawl.run()
        except BaseException as error:
            self._tell(error=error)
        else:
            self._tell(run=run)

    def _tell(self, run: Run | None = None, error: BaseException | None = None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            self._loop.call_soon_threadsafe(self._settle, run, error)

    def _settle(self, run: Run | None, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is not None:
            self._ended.set_exception(error)
        elif run is not None:
            self._ended.set_result(run)
