"""The line between a shard and a parser: pickled messages over a pair of sockets, each with its length before it.

What is read was pickled by the reader's own child or parent: nobody else can write there.
"""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

_LENGTH = struct.Struct("<Q")
_AT_ONCE = 1 << 18
#: Room for several pages on their way, so that neither side waits for the other (Linux halves what it is asked for).
_BUFFER = 1 << 20


def make_line() -> tuple[socket.socket, socket.socket]:
    """Return the two ends: the shard's, the parser's."""
    ends = socket.socketpair()
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return ends


class Line:
    """The shard's end. It never waits: what cannot be written yet is kept, so that neither waits for the other."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.socket = end
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()
        #: The parser's end is gone.
        self.is_over = False

    def send(self, message: Any) -> None:
        """Write a message, or as much of it as there is room for; `flush` writes the rest."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._unsent.append(memoryview(_LENGTH.pack(len(data)) + data))
        self.flush()

    def flush(self) -> None:
        """Write what is left, as far as there is room."""
        with contextlib.suppress(BlockingIOError):
            while self._unsent:
                data = self._unsent[0]
                try:
                    sent = self.socket.send(data)
                except (BrokenPipeError, ConnectionError):
                    # What it said last is still to be read.
                    self._unsent.clear()
                    return
                if sent < len(data):
                    self._unsent[0] = data[sent:]
                else:
                    self._unsent.popleft()

    @property
    def has_unsent(self) -> bool:
        """Tell whether something is left to be written."""
        return bool(self._unsent)

    def receive(self) -> Iterator[Any]:
        """Return the messages that came, whole ones; sets `is_over` at the end of the line."""
        try:
            while data := self.socket.recv(_AT_ONCE):
                self._received += data
                if len(data) < _AT_ONCE:
                    break
            else:
                self.is_over = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self.is_over = True
        return self._messages()

    def _messages(self) -> Iterator[Any]:
        received, place = self._received, 0
        while len(received) - place >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(received, place)
            end = place + _LENGTH.size + length
            if len(received) < end:
                break
            with memoryview(received)[place + _LENGTH.size : end] as data:
                message = pickle.loads(data)  # noqa: S301 (see above)
            place = end
            yield message
        del received[:place]

    def close(self) -> None:
        """Let go of it."""
        self.socket.close()


class ParserLine:
    """The parser's end: reads in one thread, and may be written to from any."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(True)
        self._socket = end
        self._reader = end.makefile("rb", 1 << 16)
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Write a message; waits while the shard does not read, and gives up where that is gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self) -> Any:
        """Return the next message; None once the shard is gone."""
        with contextlib.suppress(OSError):
            head = self._reader.read(_LENGTH.size)
            if len(head) == _LENGTH.size:
                (length,) = _LENGTH.unpack(head)
                data = self._reader.read(length)
                if len(data) == length:
                    return pickle.loads(data)  # noqa: S301 (see above)
        return None
