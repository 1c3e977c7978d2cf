"""End requests after a wall-clock time, whatever they are doing.

Read timeouts are per read, so a server that drips a byte at a time never runs into one. Only shutting the
socket down from another thread ends such a read, in headers, TLS and 1xx loops too. What the reader then sees
is an end of file, which it may take for an answer: `expired` overrides any success.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

#: How late, in seconds, an expired deadline may be noticed.
_PRECISION = 0.1
#: Rounds in a row without a deadline, after which the watchdog sleeps until there is one. It does not sleep at once:
#: waking it for every lonely request costs more than a few empty rounds.
_LOOKS = 20


class Deadline:
    """The time that one request has."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.expired = False
        #: The watchdog keeps it: what waits does not look at it by itself.
        self.is_watched = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def left(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self.until - time.monotonic())

    def watch(self, sock: socket.socket, *, keeps_time: bool = False) -> None:
        """Shut this socket down when the time is up; the last one named counts.

        Args:
            keeps_time: whoever waits for it looks at the time by itself; then only `expire` shuts it down.
        """
        with self._lock:
            self._socket = sock
        if self.expired:
            self.expire()
        elif not keeps_time and not self.is_watched:
            watchdog.start(self)

    def expire(self) -> None:
        """End the request now."""
        self.expired = True
        # The lock is held over the call: its descriptor is not closed, and another's, before it.
        with self._lock:
            if self._socket is not None:
                # socket.shutdown of the base class: SSLSocket's own would first take the TLS layer off under the
                # thread that is reading from it.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def forget(self, sock: socket.socket) -> None:
        """Leave this socket alone: it is about to be closed, or to serve another request."""
        with self._lock:
            if self._socket is sock:
                self._socket = None


class Watchdog:
    """Expires the deadlines of running requests, in a daemon thread that sleeps when there are none."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_asleep = False
        #: Never set: to sleep on.
        self._pause = threading.Event()

    def start(self, deadline: Deadline) -> None:
        """Expire this deadline when its time is up, unless `end` comes first."""
        deadline.is_watched = True
        with self._changed:
            self._running.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._is_asleep:
                self._is_asleep = False
                self._changed.notify()

    def end(self, deadline: Deadline) -> None:
        """Forget it: the request is over."""
        with self._changed:
            self._running.discard(deadline)

    def _run(self) -> None:
        idle = 0
        while True:
            with self._changed:
                idle = 0 if self._running else idle + 1
                if idle > _LOOKS:
                    self._is_asleep = True
                    self._changed.wait()
                    continue
                now = time.monotonic()
                late = [each for each in self._running if each.until <= now and not each.expired]
            for each in late:
                each.expire()
            self._pause.wait(_PRECISION)


watchdog = Watchdog()
