"""The line between a shard and a parser: pickled messages over a pair of sockets, each with its length before it.

What is read was pickled by the reader's own child or parent: nobody else can write there.
"""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

_LENGTH = struct.Struct("<Q")
_AT_ONCE = 1 << 18
#: Room for several pages on their way, so that neither side waits for the other (Linux halves what it is asked for).
_BUFFER = 1 << 20
#: Answers that are sent together, and how long the first may wait for others, in seconds.
_TOGETHER = 4
_SOON_SECONDS = 0.004


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
        self._put = bytearray()
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()
        #: The parser's end is gone.
        self.is_over = False

    def put(self, message: Any) -> None:
        """Take a message for the next `flush`."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._put += _LENGTH.pack(len(data))
        self._put += data

    def flush(self) -> None:
        """Write what is there, as far as there is room."""
        if self._put:
            self._unsent.append(memoryview(self._put))
            self._put = bytearray()
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
    """The parser's end: reads in one thread, and may be written to from any.

    Answers are sent together, so that the shard is not woken for each: once there are some, or the first has waited a
    little, or there is nothing else to do.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(True)
        self._socket = end
        self._received = bytearray()
        self._place = 0
        self._answers: list[bytes] = []
        self._answered_at = 0.0
        self._lock = threading.Lock()

    def send(self, *messages: Any) -> None:
        """Write messages; waits while the shard does not read, and gives up where that is gone."""
        with self._lock:
            self._write([pickle.dumps(message, pickle.HIGHEST_PROTOCOL) for message in messages])

    def answer(self, message: Any) -> None:
        """Write a message soon."""
        data, now = pickle.dumps(message, pickle.HIGHEST_PROTOCOL), time.monotonic()
        with self._lock:
            if not self._answers:
                self._answered_at = now
            self._answers.append(data)
            if len(self._answers) >= _TOGETHER or now - self._answered_at >= _SOON_SECONDS:
                self._write_answers()

    def flush(self, older: float = 0.0) -> None:
        """Write answers that wait, if the first has waited for so many seconds. From any thread."""
        if self._answers:
            with self._lock:
                if time.monotonic() - self._answered_at >= older:
                    self._write_answers()

    def receive(self) -> Any:
        """Return the next message; None once the shard is gone."""
        while (message := self._next()) is None:
            self.flush()
            try:
                data = self._socket.recv(_AT_ONCE)
            except OSError:
                return None
            if not data:
                return None
            self._received += data
        return message

    def _next(self) -> Any:
        received, begin = self._received, self._place + _LENGTH.size
        if len(received) >= begin:
            (length,) = _LENGTH.unpack_from(received, self._place)
            if len(received) >= begin + length:
                with memoryview(received)[begin : begin + length] as data:
                    message = pickle.loads(data)  # noqa: S301 (see above)
                self._place = begin + length
                return message
        if self._place:
            del received[: self._place]
            self._place = 0
        return None

    def _write_answers(self) -> None:
        answers, self._answers = self._answers, []
        self._write(answers)

    def _write(self, messages: list[bytes]) -> None:
        if messages:
            with contextlib.suppress(OSError):
                self._socket.sendall(b"".join(part for data in messages for part in (_LENGTH.pack(len(data)), data)))
