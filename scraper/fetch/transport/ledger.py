"""Keep the book of one domain: every connection, why it was opened, and every request."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable

from scraper.errors import BytesOver, RunBytesOver
from scraper.stats import ConnectionStats, Opening, Reason

#: Of an origin, how many handshakes the median is of. They are held of each of thousands of origins.
_MOST_HANDSHAKES = 25


class Ledger:
    """Counts for one domain; safe under threads.

    Args:
        domain: its name, which begins every connection's id.
        on_opening: told of each connection that was opened.
    """

    def __init__(self, domain: str, on_opening: Callable[[Opening], None] | None = None) -> None:
        self.domain = domain
        self._on_opening = on_opening
        self._lock = threading.Lock()
        self._opened = 0
        self._since_taken = ConnectionStats()
        self._origins: dict[str, _OriginBook] = {}
        self._saved = 0.0
        #: Of bodies, over the wire, since the beginning; and how many may come, None for any.
        self.bytes = 0
        self.most_bytes: int | None = None
        #: What the run may have, of which this is a part; None where that is not bounded.
        self.run: RunBytes | None = None

    @property
    def is_full(self) -> bool:
        """Tell whether as many bytes of the domain have come as may."""
        return self.most_bytes is not None and self.bytes >= self.most_bytes

    @property
    def has_untaken_bytes(self) -> bool:
        """Tell whether bytes have come since the sums were taken."""
        return self._since_taken.bytes > 0

    def refuse_more(self) -> None:
        """Raise BytesOver where no more bytes may come; RunBytesOver where none of the run may."""
        if self.run is not None and self.run.is_over:
            raise RunBytesOver("limits.bytes are reached")
        if self.is_full:
            raise BytesOver(f"limits.per_domain.bytes of {self.domain} are reached")

    def opened(
        self,
        origin: str,
        pool_key: str,
        connect_seconds: float,
        tls_seconds: float,
        *,
        tls_resumed: bool = False,
        round_trip: float | None = None,
        proxy: str = "",
    ) -> Opening:
        """Book a completed connection; return which it is and why it had to be opened.

        The reason is that of the oldest closing at its origin that has not been replaced; else `first`, of the
        origin; else `concurrency`: all open ones were busy. A pool that the origin has not had before was made
        because TLS settings or the proxy differ.

        Args:
            round_trip: what connecting takes by the system's own clock, in seconds, where it says so: the times
                above also hold a look-up that another connection would not need, and the waits of a busy process.
            proxy: that by which it goes, as `scraper.fetch.proxies.name_of` calls it.
        """
        with self._lock:
            book = self._book_of(origin)
            if book.pools and pool_key not in book.pools:
                reason = Reason.NEW_TLS_OR_PROXY
            elif book.closings:
                reason = book.closings.pop(0)
            else:
                reason = Reason.CONCURRENCY if book.pools else Reason.FIRST
            book.pools.add(pool_key)
            book.took((connect_seconds if round_trip is None else round_trip) + tls_seconds)
            self._opened += 1
            figures = self._since_taken
            figures.connections += 1
            figures.handshake_seconds += connect_seconds + tls_seconds
            figures.reasons[reason] = figures.reasons.get(reason, 0) + 1
            if proxy:
                figures.by_proxy(proxy).connections += 1
            opening = Opening(
                f"{self.domain}#{self._opened}",
                self.domain,
                origin,
                reason,
                connect_seconds,
                tls_seconds,
                tls_resumed,
                proxy,
            )
        if self._on_opening is not None:
            self._on_opening(opening)
        return opening

    def _book_of(self, origin: str) -> _OriginBook:
        book = self._origins.get(origin)
        if book is None:
            book = self._origins[origin] = _OriginBook()
        return book

    def closed(self, origin: str, reason: Reason, *, unused: bool) -> None:
        """Book that a connection was closed; `unused` when it carried no request."""
        with self._lock:
            self._book_of(origin).closings.append(reason)
            self._since_taken.unused += unused

    def request(self, origin: str, *, reused: bool, proxy: str = "") -> None:
        """Book a head that was answered, or that failed for another cause than a stale socket."""
        with self._lock:
            self._since_taken.requests += 1
            if proxy:
                self._since_taken.by_proxy(proxy).requests += 1
            if reused:
                self._since_taken.reused += 1
                self._book_of(origin).reused += 1

    def stale(self) -> None:
        """Book a head that was sent into a connection which the server had closed."""
        with self._lock:
            self._since_taken.stale += 1

    def received(self, count: int) -> None:
        """Book bytes of a body that came over the wire."""
        with self._lock:
            self._since_taken.bytes += count
            self.bytes += count
        if self.run is not None:
            self.run.received(count)

    def proxy_failed(self, proxy: str, reason: str) -> None:
        """Book that a proxy failed, or answered itself."""
        with self._lock:
            failures = self._since_taken.by_proxy(proxy).failures
            failures[reason] = failures.get(reason, 0) + 1

    def retried(self) -> None:
        """Book that a request will be sent again after a failure."""
        with self._lock:
            self._since_taken.retries += 1

    def add(self, figures: ConnectionStats) -> None:
        """Take in what a Session counted that was made for a moment."""
        with self._lock:
            self._since_taken += figures
            self.bytes += figures.bytes
        if self.run is not None:
            self.run.received(figures.bytes)

    def take(self) -> ConnectionStats:
        """Return the sums since the last time they were taken."""
        with self._lock:
            taken, self._since_taken = self._since_taken, ConnectionStats()
            # Recomputed with the current median, which corrects what the first handshakes gave.
            saved = sum(book.reused * book.median for book in self._origins.values())
            taken.seconds_saved, self._saved = saved - self._saved, saved
        return taken


class RunBytes:
    """Counts the bytes of bodies of a run against `limits.bytes`. Safe under threads.

    Those of all ledgers of a process count as they come; of what others had it is told.

    Args:
        most: how many may come.
        on_over: called once, by whoever finds that they have.
    """

    def __init__(self, most: int, on_over: Callable[[], None]) -> None:
        self.is_over = False
        self._most, self._on_over = most, on_over
        self._lock = threading.Lock()
        self._here = self._elsewhere = 0

    def received(self, count: int) -> None:
        """Count bytes that came here."""
        self._count(count, 0)

    def tell(self, elsewhere: int) -> None:
        """Take in how many came before, and to others."""
        self._count(0, elsewhere)

    def _count(self, more: int, elsewhere: int) -> None:
        with self._lock:
            self._here += more
            self._elsewhere = max(self._elsewhere, elsewhere)
            is_news = not self.is_over and self._here + self._elsewhere >= self._most
            self.is_over = self.is_over or is_news
        if is_news:
            self._on_over()


class _OriginBook:
    """What is known of an origin: no more of it after thousands of connections than after some."""

    __slots__ = ("_handshakes", "closings", "pools", "reused")

    def __init__(self) -> None:
        #: What each of the newest connections took to open, in seconds, as numbers: objects would take a multiple.
        self._handshakes = array("d")
        #: Requests that needed none.
        self.reused = 0
        self.pools: set[str] = set()
        #: Of connections that were not replaced yet, the oldest first.
        self.closings: list[Reason] = []

    def took(self, seconds: float) -> None:
        """Note what a connection took to open."""
        if len(self._handshakes) >= _MOST_HANDSHAKES:
            del self._handshakes[0]
        self._handshakes.append(seconds)

    @property
    def median(self) -> float:
        """Return what a handshake takes, the lower of the two in the middle of an even number."""
        return sorted(self._handshakes)[(len(self._handshakes) - 1) // 2] if self._handshakes else 0.0
