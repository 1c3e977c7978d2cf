"""Let a request wait: in its thread, or aside, while other requests of the same thread continue.

Each of a thread's waits lets another thread take the interpreter, and getting it back can take longer than all that
the request had to do. So a crawl that its CPU holds up sends from one thread: each request is a greenlet there, with
a stack of its own under the unchanged code of requests and urllib3, and where its socket would block, the next one
continues. What may wait comes here: sockets, pauses. In a thread without such a loop everything waits as usual.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class EventLoop(Protocol):
    """Lets other requests continue meanwhile."""

    def wait(self, descriptor: int, *, write: bool, seconds: float | None) -> bool:
        """Return True when the descriptor can be read, or written; False after `seconds`."""

    def pause(self, seconds: float) -> None:
        """Return after some seconds."""


class _Current(threading.local):
    loop: EventLoop | None = None


#: The loop in which this code runs, if it does.
current = _Current()


def pause(seconds: float) -> None:
    """Sleep; inside of a loop, aside."""
    if current.loop is None:
        time.sleep(seconds)
    else:
        current.loop.pause(seconds)


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Look again and again, aside, until it is so; return False after `seconds`. For what is rarely waited for."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= until:
            return False
        pause(0.002)
    return True


class _Patient:
    """Waits in the same way for sockets of both kinds.

    In a loop the system's socket does not block, and this waits in its place; elsewhere it keeps its timeout itself.
    """

    _timeout: float | None = None
    _is_aside = False

    def gettimeout(self) -> float | None:
        return self._timeout

    def settimeout(self, value: float | None) -> None:
        """Set the timeout only where it changes: each time is a system call."""
        if value != self._timeout:
            self._timeout = value
            if not self._is_aside:
                socket.socket.settimeout(self, value)  # type: ignore[arg-type]

    def _loop(self) -> EventLoop | None:
        """Return the loop in which it is used now, and make the socket ready for it."""
        loop = current.loop
        if (loop is not None) is not self._is_aside:
            self._is_aside = loop is not None
            socket.socket.settimeout(self, 0.0 if self._is_aside else self._timeout)  # type: ignore[arg-type]
        return loop

    def _patiently(self, write: bool, act: Callable[..., T], *args: Any) -> T:
        loop = self._loop()
        if loop is None:
            return act(*args)
        while True:
            try:
                return act(*args)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(loop, write=write)
            except ssl.SSLWantWriteError:
                self._wait(loop, write=True)

    def _wait(self, loop: EventLoop, *, write: bool) -> None:
        if not loop.wait(self.fileno(), write=write, seconds=self._timeout):  # type: ignore[attr-defined]
            raise TimeoutError("timed out")


class PlainSocket(_Patient, socket.socket):
    """A socket without TLS."""

    def connect(self, address: Any) -> None:
        loop = self._loop()
        if loop is None:
            super().connect(address)
            return
        try:
            super().connect(address)
        except BlockingIOError:
            self._wait(loop, write=True)
            number = self.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number)) from None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return self._patiently(False, super().recv_into, buffer, nbytes, flags)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        return self._patiently(False, super().recv, bufsize, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        return self._patiently(True, super().send, data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        if self._loop() is None:
            super().sendall(data, flags)
            return
        with memoryview(data) as view, view.cast("B") as rest:
            sent = 0
            while sent < len(rest):
                sent += self.send(rest[sent:], flags)


class TlsSocket(_Patient, ssl.SSLSocket):
    """A socket with TLS. Its other methods, `recv_into` and `sendall` among them, call these."""

    def do_handshake(self, block: bool = False) -> None:
        self._patiently(False, super().do_handshake, block)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        return self._patiently(False, super().read, len, buffer)

    def send(self, data: Any, flags: int = 0) -> int:
        return self._patiently(True, super().send, data, flags)
