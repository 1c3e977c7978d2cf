"""What goes on, for whoever watches: looked at as often as it is cheap, and not at all while nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

#: Seconds between looks at the least, and at the most.
_LEAST, _MOST = 2.0, 60.0
#: The looks at one thing take so much of one core at the most: whoever watches holds up no crawl.
_SHARE = 0.003
#: Seconds after which one who watches is told that there is nothing new, so that who left is noticed.
_BEAT = 15.0
#: Streams at once; each is a connection.
_STREAMS = 64


class Feed:
    """Something that is looked at again and again.

    Args:
        look: returns what there is to see as JSON data; called in a thread.
    """

    def __init__(self, look: Callable[[], Any]) -> None:
        self._look = look
        self._lock = asyncio.Lock()
        self._newest: Any = None
        self._text = ""
        self._due = 0.0

    async def newest(self) -> Any:
        """Return what there is to see: as of now, or of a moment ago."""
        async with self._lock:
            if time.monotonic() >= self._due:
                seconds = await run_in_threadpool(self._timed)
                self._due = time.monotonic() + min(max(_LEAST, seconds / _SHARE), _MOST)
            return self._newest

    @property
    def seconds_left(self) -> float:
        """Return in how many seconds it is worth while to ask again."""
        return max(0.1, self._due - time.monotonic())

    async def text(self) -> str:
        """Return the same as JSON."""
        await self.newest()
        return self._text

    def _timed(self) -> float:
        began = time.thread_time()
        self._newest = self._look()
        self._text = json.dumps(self._newest, separators=(",", ":"))
        return time.thread_time() - began

    def forget(self) -> None:
        """Look again the next time that somebody asks: something was done."""
        self._due = 0.0


class Streams:
    """Server-sent events of feeds; all end when it is closed."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._open = 0

    @property
    def is_full(self) -> bool:
        """Tell whether there are as many as there may be."""
        return self._open >= _STREAMS

    def close(self) -> None:
        """End all streams."""
        self._closed.set()

    async def of(self, feed: Feed) -> AsyncIterator[str]:
        """Yield what is new, as events."""
        self._open += 1
        try:
            last, said_at = "", time.monotonic()
            while not self._closed.is_set():
                text = await feed.text()
                if text != last:
                    yield f"data: {text}\n\n"
                    last, said_at = text, time.monotonic()
                elif time.monotonic() - said_at > _BEAT:
                    yield ": nothing new\n\n"
                    said_at = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), min(feed.seconds_left, _BEAT))
        finally:
            self._open -= 1
