"""The connections of all domains of a process: no more than it may have files for, and the idle ones give way."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from scraper.errors import NoRoom
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.open_files import is_ours, most_connections
from scraper.fetch.transport.pooled_connection import PooledConnection
from scraper.fetch.transport.waiting import pause

_log = logging.getLogger(__name__)
_Made = TypeVar("_Made")

#: While nothing idles that could be closed, it is looked again so often, in seconds.
_LOOK_AGAIN = 0.02
#: That connections wait is said once in so many seconds.
_SAID_EACH = 60.0


class OpenConnections:
    """Counts the connections of a process, and closes the one that has idled longest where another needs its place.

    Safe under threads. Its lock is the innermost: nothing is called under it.

    Args:
        most: how many may be open.
    """

    def __init__(self, most: Callable[[], int] = most_connections) -> None:
        self._most = most
        self.reset()

    def reset(self) -> None:
        """Begin again, as in a forked process."""
        self._lock = threading.Lock()
        self._open = 0
        #: The one that has idled longest first.
        self._idle: OrderedDict[PooledConnection, None] = OrderedDict()
        self._said_at = float("-inf")

    def __repr__(self) -> str:
        return f"<OpenConnections [{self._open - len(self._idle)} active, {len(self._idle)} idle]>"

    @property
    def open(self) -> int:
        """Return how many are open."""
        return self._open

    def take(self, deadline: Deadline) -> None:
        """Take a place for a connection; if none is free, close an idle one, of any domain, or wait for one.

        Raises:
            NoRoom: there was none until the deadline.
        """
        while not self._has_place():
            self._make_room(deadline, "as many connections are open as the system has files for")

    def _has_place(self) -> bool:
        with self._lock:
            has_place = self._open < self._most()
            self._open += has_place
            return has_place

    def give_back(self, count: int = 1) -> None:
        """So many connections are closed."""
        with self._lock:
            self._open -= count

    def idles(self, connection: PooledConnection) -> None:
        """It idles from now on."""
        with self._lock:
            self._idle[connection] = None

    def idles_no_more(self, connection: PooledConnection) -> None:
        """It is used again, or closed."""
        with self._lock:
            self._idle.pop(connection, None)

    def with_room(self, attempt: Callable[[], _Made], deadline: Deadline) -> _Made:
        """Return what `attempt` does; where this machine has no file, memory or port for it, make room and try again.

        Raises:
            NoRoom: there was none until the deadline.
        """
        while True:
            try:
                return attempt()
            except OSError as error:
                if not is_ours(error):
                    raise
                self._make_room(deadline, str(error))

    def _make_room(self, deadline: Deadline, why: str) -> None:
        """Close the connection that has idled longest; where none does, wait a little.

        Raises:
            NoRoom: it is time to give up.
        """
        with self._lock:
            connection = self._idle.popitem(last=False)[0] if self._idle else None
        if connection is not None:
            connection.home.give_up(connection)
            return
        if not deadline.left:
            raise NoRoom(f"no room for a connection: {why}", remedy="raise `ulimit -n`, or lower engine.in_flight")
        now = time.monotonic()
        if now - self._said_at >= _SAID_EACH:
            self._said_at = now
            _log.warning("connections wait, and no failure is counted: %s (raise `ulimit -n`)", why)
        pause(_LOOK_AGAIN)


open_connections = OpenConnections()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_connections.reset)
