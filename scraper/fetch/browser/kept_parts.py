"""Scripts and styles that pages of a domain share: kept while its server lets them be, so that each is fetched once.

A browser whose requests are answered by somebody else keeps none by itself.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

#: Bytes that are kept of a domain, and of one part.
_MOST, _LARGEST = 24 * 1024 * 1024, 8 * 1024 * 1024
#: How long what says nothing is taken for fresh, in seconds (RFC 9111 section 4.2.2 leaves it to us).
_USUAL, _LONGEST = 300.0, 86_400.0
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,10})")


class Part(NamedTuple):
    """An answer to a request of a page."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeptParts:
    """Those of one domain. Safe under threads."""

    def __init__(self) -> None:
        self._parts: OrderedDict[str, tuple[float, Part]] = OrderedDict()
        self._bytes = 0
        #: By URL that is being fetched: the lock, and how many have it or wait for it.
        self._turns: dict[str, tuple[threading.Lock, int]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait until nobody else fetches a part: pages that are drawn at once want the same."""
        with self._lock:
            lock, count = self._turns.get(url, (threading.Lock(), 0))
            self._turns[url] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, count = self._turns.pop(url)
                if count > 1:
                    self._turns[url] = lock, count - 1

    def get(self, url: str) -> Part | None:
        """Return a part that is still fresh."""
        with self._lock:
            found = self._parts.get(url)
            if found is None:
                return None
            if found[0] < time.monotonic():
                self._forget(url)
                return None
            self._parts.move_to_end(url)
            return found[1]

    def keep(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        """Keep a part, if it may be kept."""
        seconds = fresh_for(headers)
        if part.status != 200 or not seconds or len(part.body) > _LARGEST:
            return
        with self._lock:
            self._forget(url)
            self._parts[url] = time.monotonic() + seconds, part
            self._bytes += len(part.body)
            while self._bytes > _MOST:
                self._forget(next(iter(self._parts)))

    def _forget(self, url: str) -> None:
        if (found := self._parts.pop(url, None)) is not None:
            self._bytes -= len(found[1].body)


def fresh_for(headers: Mapping[str, str]) -> float:
    """Return for how many seconds an answer may be used again (RFC 9111 section 4.2); 0 where it may not."""
    control = str(headers.get("Cache-Control") or "").lower()
    if "no-store" in control or "no-cache" in control or str(headers.get("Vary") or "").strip() == "*":
        return 0.0
    if found := _MAX_AGE.search(control):
        return min(float(found[1]), _LONGEST)
    return 0.0 if headers.get("Expires") else _USUAL
