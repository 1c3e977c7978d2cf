"""Send and receive on a socket that does not block: in the fetch loop others continue meanwhile; a thread waits.

TLS is Python's own, on the same socket. Each wait ends with the read timeout or with the request's time, whichever
comes first; data that never stops coming ends with the latter.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Collection

from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.recorder import WireRecorder
from scraper.fetch.transport.waiting import current, give_way

#: Bytes that are received at once.
_MOST = 64 * 1024


class Stream:
    """One connected socket.

    Args:
        sock: a socket that does not block.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        #: Of the exchange that uses it now.
        self.deadline: Deadline | None = None
        self.recorder: WireRecorder | None = None

    def receive(self, seconds: float, *, at_once: bool = True) -> bytes:
        """Return what is there, b"" at the end of the stream; wait for it up to `seconds`.

        Args:
            at_once: look first and wait then; False where nothing can be there yet.

        Raises:
            TimeoutError: nothing came in time.
            OSError: the connection broke.
        """
        deadline = self.deadline
        assert deadline is not None
        if not at_once and not isinstance(self.sock, ssl.SSLSocket):
            self._wait(seconds, write=False)
        while True:
            if time.monotonic() > deadline.until:
                deadline.expired = True
                raise TimeoutError("timed out")
            give_way()
            try:
                data = self.sock.recv(_MOST)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(seconds, write=False)
                continue
            except ssl.SSLWantWriteError:
                self._wait(seconds, write=True)
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLEOFError:
                # Servers end without a word of TLS; how the body is framed tells whether it is whole.
                data = b""
            if self.recorder is not None:
                self.recorder.received += data
            return data

    def send(self, data: bytes, seconds: float) -> None:
        """Send all of it.

        Raises:
            TimeoutError: nothing could be sent for `seconds`.
            OSError: the connection broke.
        """
        sent = 0
        size = len(data)
        while sent < size:
            try:
                sent += self.sock.send(memoryview(data)[sent:] if sent else data)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(seconds, write=True)
            except ssl.SSLWantReadError:
                self._wait(seconds, write=False)

    def handshake(
        self, context: ssl.SSLContext, host: str, seconds: float, session: ssl.SSLSession | None = None
    ) -> bool:
        """Put TLS on it.

        Args:
            session: one that the server offered before.

        Returns:
            Whether the server took up that session.

        Raises:
            ssl.SSLError: there is none, or its certificate is not trusted.
            TimeoutError: it took too long.
        """
        until = time.monotonic() + seconds
        sock = context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False, session=session)
        self.sock = sock
        if self.deadline is not None:
            self.deadline.watch(sock, keeps_time=True)
        while True:
            try:
                sock.do_handshake()
                return bool(sock.session_reused)
            except ssl.SSLWantReadError:
                self._wait(until - time.monotonic(), write=False)
            except ssl.SSLWantWriteError:
                self._wait(until - time.monotonic(), write=True)

    def has_something(self) -> bool:
        """Tell whether there is something to read, or the stream has ended; takes nothing off."""
        if isinstance(self.sock, ssl.SSLSocket):
            return bool(self.sock.pending() or ready_now([self.sock], write=False))
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def _wait(self, seconds: float, *, write: bool) -> None:
        deadline = self.deadline
        left = deadline.left if deadline is not None else seconds
        if seconds <= 0 or not wait_for(self.sock, write=write, seconds=min(seconds, left)):
            if deadline is not None and deadline.left <= 0:
                deadline.expired = True
            raise TimeoutError("timed out")

    def unwatch(self) -> None:
        """Let no deadline shut the socket down any more."""
        if self.deadline is not None:
            self.deadline.forget(self.sock)

    def close(self) -> None:
        """Close the socket."""
        self.unwatch()
        self.sock.close()


def wait_for(sock: socket.socket, *, write: bool, seconds: float) -> bool:
    """Return True when the socket can be read, or written; False after `seconds`."""
    loop = current.loop
    if loop is not None:
        return loop.wait(sock.fileno(), write=write, seconds=seconds)
    return bool(_poll([sock], seconds, write=write))


def wait_writable(sockets: Collection[socket.socket], seconds: float) -> Collection[socket.socket]:
    """Return those that can be written to; wait for the first of them, some seconds at most."""
    loop = current.loop
    if loop is None:
        return _poll(sockets, seconds, write=True)
    loop.wait_for_one_of([sock.fileno() for sock in sockets], write=True, seconds=seconds)
    return ready_now(sockets, write=True)


def ready_now(sockets: Collection[socket.socket], *, write: bool) -> Collection[socket.socket]:
    """Return those that can be read, or written, without waiting."""
    return _poll(sockets, 0.0, write=write)


def _poll_many(sockets: Collection[socket.socket], seconds: float, *, write: bool) -> Collection[socket.socket]:
    poll = select.poll()
    by_number = {}
    for sock in sockets:
        by_number[sock.fileno()] = sock
        poll.register(sock, select.POLLOUT if write else select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(max(0.0, seconds) * 1000)]


def _select_many(sockets: Collection[socket.socket], seconds: float, *, write: bool) -> Collection[socket.socket]:
    # Windows tells of a connection that failed among the exceptional ones.
    mine = list(sockets)
    readable, writable, failed = select.select([] if write else mine, mine if write else [], mine, max(0.0, seconds))
    return [*readable, *writable, *failed]


_poll: Callable[..., Collection[socket.socket]] = _poll_many if hasattr(select, "poll") else _select_many
