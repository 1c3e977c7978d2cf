"""Learn how long the servers of a domain keep an idle connection, from what they say and do."""

from __future__ import annotations

import json
import threading
import time

#: A connection that is closed sooner (seconds) was closed for another reason than idling.
_SHORTEST = 1.0
#: Two closings count as two only when they are this far apart (seconds): a restart closes all at once.
_APART = 1.0
#: What was learned without the server's word holds so long (seconds): servers are set up again.
_HOLDS = 7 * 24 * 3600.0
#: Origins of a domain of which it is kept.
_MOST = 100


class IdleLimits:
    """By origin, seconds after which the server closes. Safe under threads.

    A server that announces its limit is believed. Of another the limit is learned when two connections were found
    closed after idling, and none has lived longer: that is the longer of both times. What was learned so is kept
    for the runs to come; in this one the ledger keeps saying what the server does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Limit, and until when (seconds since the epoch) it holds.
        self._limits: dict[str, tuple[float, float]] = {}
        #: The same, learned in this run.
        self._for_later: dict[str, tuple[float, float]] = {}
        self._survived: dict[str, float] = {}
        self._closed: dict[str, tuple[float, float]] = {}
        #: Grows with every change, so that what is unchanged need not be stored again.
        self.changes = 0

    def of(self, origin: str) -> float | None:
        """Return the limit of an origin; None where it is not known."""
        known = self._limits.get(origin)
        return known[0] if known is not None and _holds(known[1], time.time()) else None

    def announced(self, origin: str, seconds: float) -> None:
        """Keep what the server said (`Keep-Alive: timeout=`)."""
        if self.of(origin) != seconds:
            with self._lock:
                self._keep(self._limits, origin, seconds)

    def survived(self, origin: str, seconds: float) -> None:
        """Learn that a connection carried a request after idling so long."""
        if seconds > self._survived.get(origin, 0.0):
            with self._lock:
                self._survived[origin] = max(seconds, self._survived.get(origin, 0.0))
                for limits in (self._limits, self._for_later):
                    if origin in limits and limits[origin][0] < seconds:
                        del limits[origin]
                        self.changes += 1

    def closed(self, origin: str, seconds: float) -> None:
        """Learn that the server closed a connection, without a word, that had idled so long."""
        with self._lock:
            if seconds < max(_SHORTEST, self._survived.get(origin, 0.0)):
                return
            now = time.monotonic()
            before = self._closed.get(origin)
            if before is None:
                self._closed[origin] = seconds, now
            elif now - before[1] >= _APART:
                self._closed[origin] = seconds, now
                self._keep(self._for_later, origin, max(before[0], seconds))

    def _keep(self, limits: dict[str, tuple[float, float]], origin: str, seconds: float) -> None:
        if origin in limits or len(limits) < _MOST:
            limits[origin] = seconds, time.time() + _HOLDS
            self.changes += 1

    def dump(self) -> str:
        """Return all of them as JSON."""
        with self._lock:
            return json.dumps({**self._limits, **self._for_later}, separators=(",", ":"))

    def load(self, text: str) -> None:
        """Begin with what `dump` gave, leaving out what holds no longer."""
        now = time.time()
        self._limits = {
            origin: (limit, until) for origin, (limit, until) in json.loads(text).items() if _holds(until, now)
        }


def _holds(until: float, now: float) -> bool:
    """Tell whether what holds until then does so now; what seems to for longer is of a clock that was set back."""
    return now < until <= now + _HOLDS
