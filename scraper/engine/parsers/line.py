"""The line between a shard and a parser: pickled messages over a pair of sockets, each with its length before it.

The body of a page comes behind its message, as it is: to pickle it would be to copy it twice more. What is read was
pickled by the reader's own child or parent: nobody else can write there.
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

#: The length of a message, and of the body behind it.
_LENGTHS = struct.Struct("<QQ")
_AT_ONCE = 1 << 18
#: Pieces that are written at once; systems take some 1,000.
_PIECES = 500
#: Room for several pages on their way, so that neither side waits for the other (Linux halves the requested size).
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


class _Received:
    """What came, up to the last message that is not whole yet."""

    def __init__(self) -> None:
        self._data = bytearray(_AT_ONCE)
        self._begin = self._end = 0

    def receive(self, end: socket.socket) -> int:
        """Read once; return the number of bytes, 0 at the end of the line. Raises what the socket does."""
        if self._begin == self._end and len(self._data) > 4 * _AT_ONCE:
            # After a large page.
            self._data = bytearray(_AT_ONCE)
            self._begin = self._end = 0
        if self._begin:
            self._data[: self._end - self._begin] = self._data[self._begin : self._end]
            self._begin, self._end = 0, self._end - self._begin
        if len(self._data) - self._end < _AT_ONCE // 2:
            self._data += bytes(len(self._data))
        with memoryview(self._data) as whole, whole[self._end :] as room:
            count = end.recv_into(room)
        self._end += count
        return count

    def next(self) -> tuple[Any, bytes] | None:
        """Return the next message and the body behind it; None where none is whole."""
        begin = self._begin + _LENGTHS.size
        if begin > self._end:
            return None
        length, behind = _LENGTHS.unpack_from(self._data, self._begin)
        body, end = begin + length, begin + length + behind
        if end > self._end:
            return None
        with memoryview(self._data) as whole, whole[begin:body] as data:
            message = pickle.loads(data)  # noqa: S301 (see above)
            self._begin = end
            return message, bytes(whole[body:end])


class Line:
    """The shard's end. It never waits: what cannot be written yet is kept, so that neither waits for the other."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.socket = end
        self._unsent: deque[memoryview] = deque()
        self._received = _Received()
        #: The parser's end is gone.
        self.is_over = False

    def put(self, message: Any, body: bytes = b"") -> None:
        """Take a message for the next `flush`."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._unsent.append(memoryview(_LENGTHS.pack(len(data), len(body)) + data))
        if body:
            self._unsent.append(memoryview(body))

    def flush(self) -> None:
        """Write what is there, as far as there is room."""
        unsent = self._unsent
        while unsent:
            try:
                sent = self.socket.sendmsg([unsent[place] for place in range(min(len(unsent), _PIECES))])
            except BlockingIOError:
                return
            except ConnectionError:
                # What it said last is still to be read.
                unsent.clear()
                return
            while unsent and sent >= len(unsent[0]):
                sent -= len(unsent.popleft())
            if sent:
                unsent[0] = unsent[0][sent:]

    @property
    def has_unsent(self) -> bool:
        """Tell whether something is left to be written."""
        return bool(self._unsent)

    def receive(self) -> Iterator[Any]:
        """Return the messages that came, whole ones; sets `is_over` at the end of the line."""
        try:
            while (count := self._received.receive(self.socket)) >= _AT_ONCE // 2:
                pass
            self.is_over = count == 0
        except BlockingIOError:
            pass
        except ConnectionError:
            self.is_over = True
        while (received := self._received.next()) is not None:
            yield received[0]

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
        self._received = _Received()
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

    def receive(self) -> tuple[Any, bytes]:
        """Return the next message and the body behind it; None for the message once the shard is gone."""
        while (received := self._received.next()) is None:
            self.flush()
            try:
                if not self._received.receive(self._socket):
                    return None, b""
            except OSError:
                return None, b""
        return received

    def _write_answers(self) -> None:
        answers, self._answers = self._answers, []
        self._write(answers)

    def _write(self, messages: list[bytes]) -> None:
        if messages:
            with contextlib.suppress(OSError):
                parts = (part for data in messages for part in (_LENGTHS.pack(len(data), 0), data))
                self._socket.sendall(b"".join(parts))
