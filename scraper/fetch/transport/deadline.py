"""A wall-clock limit on everything a request does.

Read timeouts are per read, so a server that drips a byte at a time never runs into one. Only shutting the
socket down from another thread ends such a read, in headers, TLS and 1xx loops too. What the reader then sees
is an end of file, which it may take for an answer: `expired` overrides any success.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

#: How late, in seconds, an expired limit may be noticed.
_PRECISION = 0.1
#: Looks in a row that find no limit at all, after which the watchdog sleeps until there is one: to be woken for every
#: request that is alone is dearer than the request's other threads would like.
_LOOKS = 20


class Deadline:
    """The time one request has."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.expired = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.until - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """The socket to shut down when the time is up; the last one named counts."""
        with self._lock:
            self._socket = sock
        if self.expired:
            self.expire()

    def expire(self) -> None:
        """End the request now."""
        self.expired = True
        with self._lock:
            sock = self._socket
        if sock is not None:
            # socket.shutdown of the base class: SSLSocket's own would first take the TLS layer off under the
            # thread that is reading from it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Watchdog:
    """Looks over the limits that run, in a daemon thread that sleeps when there are none."""

    def __init__(self) -> None:
        self._limits: set[Deadline] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_asleep = False

    def start(self, limit: Deadline) -> None:
        """Look after this limit until `end`."""
        with self._changed:
            self._limits.add(limit)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._is_asleep:
                self._is_asleep = False
                self._changed.notify()

    def end(self, limit: Deadline) -> None:
        """What it was for is done."""
        with self._changed:
            self._limits.discard(limit)

    def _run(self) -> None:
        idle = 0
        while True:
            with self._changed:
                idle = 0 if self._limits else idle + 1
                if idle > _LOOKS:
                    self._is_asleep = True
                    self._changed.wait()
                    continue
                now = time.monotonic()
                late = [limit for limit in self._limits if limit.until <= now and not limit.expired]
            for limit in late:
                limit.expire()
            time.sleep(_PRECISION)


watchdog = Watchdog()
