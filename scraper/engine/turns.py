"""Turns of the two threads of a shard that compute: the one that fetches and the one that parses.

Only one of them holds the interpreter at a time. Left to themselves they take it from each other at every system
call, which costs more than the call. So each takes a turn: what has come is sent on and read in one go, then pages
are parsed until more has come. A callback that takes long holds nobody up: its turn is not waited for.
"""

from __future__ import annotations

import threading

#: How long fetching waits for the callback that is running, in seconds; most are over sooner.
_PATIENCE = 0.005


class Turns:
    """Used by two threads: `with turns:` around each callback, `begin_fetching` and `end_fetching` in the other."""

    def __init__(self) -> None:
        self._computing = threading.Lock()
        # Held while fetching wants its turn or has it, so that the next callback does not overtake it.
        self._door = threading.Lock()
        self._callbacks = 0
        self._slow = -1
        self._has_turn = False

    def __enter__(self) -> None:
        with self._door:
            self._computing.acquire()
        self._callbacks += 1

    def __exit__(self, *_: object) -> None:
        self._computing.release()

    def begin_fetching(self) -> None:
        """Wait until the callback that is running ends, unless it takes long; none begins until `end_fetching`."""
        self._door.acquire()
        if self._slow == self._callbacks:
            # Still the same one.
            self._has_turn = self._computing.acquire(blocking=False)
            return
        self._has_turn = self._computing.acquire(timeout=_PATIENCE)
        if not self._has_turn:
            self._slow = self._callbacks

    def end_fetching(self) -> None:
        """Let callbacks begin."""
        if self._has_turn:
            self._computing.release()
        self._door.release()
