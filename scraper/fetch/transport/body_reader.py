"""Read the body of a response off its stream: what its framing says, as it came over the wire."""

from __future__ import annotations

import http.client

from scraper.fetch.transport.framing import BadFraming, chunk_size
from scraper.fetch.transport.head_parser import MAX_LINE
from scraper.fetch.transport.response_head import Framing
from scraper.fetch.transport.stream import Stream

#: Bytes that the lines between chunks may take; beyond, no more than the body.
MOST_FRAMING = 1024 * 1024


class BodyReader:
    """Returns the body piece by piece, as it comes.

    Args:
        rest: what came behind the head already.
        seconds: how long each read may take.
    """

    def __init__(self, stream: Stream, framing: Framing, rest: bytes, seconds: float) -> None:
        self._stream = stream
        self._buffer = rest
        #: Where in it what has not been read begins: a cut for each of many small chunks would copy it each time.
        self._at = 0
        self._seconds = seconds
        self._chunked = framing.chunked
        #: Bytes of the body, or of the chunk, that are still to come; None up to the end of the connection.
        self._left: int | None = None if framing.chunked else framing.length
        self._has_chunk = False
        #: Bytes of the lines between chunks.
        self._framing = 0
        #: All of it has been returned.
        self.is_done = self._left == 0
        #: Bytes returned so far.
        self.count = 0

    @property
    def length_left(self) -> int | None:
        """Return how many bytes are still to come; None where that is not known."""
        return 0 if self.is_done else None if self._chunked else self._left

    @property
    def rest(self) -> bytes:
        """Return what came behind the end of the body: nothing, unless the server sent more than it said."""
        return self._buffer[self._at :] if self.is_done else b""

    def read(self) -> bytes:
        """Return the next piece; b"" at the end.

        Raises:
            http.client.IncompleteRead: the connection ended before.
            BadFraming: chunks are not as RFC 9112 section 7.1 has them.
            OSError: the connection broke, or nothing came in time.
        """
        if self.is_done:
            return b""
        piece = (self._whole_chunks() or self._read_chunk()) if self._chunked else self._read_plain()
        self.count += len(piece)
        if self._framing > MOST_FRAMING + self.count:
            raise BadFraming("chunks whose sizes and extensions are larger than the body")
        return piece

    def _read_plain(self) -> bytes:
        left = self._left
        piece = self._take(left)
        if left is None:
            self.is_done = not piece
            return piece
        if not piece:
            raise http.client.IncompleteRead(b"", left)
        self._left = left - len(piece)
        self.is_done = self._left == 0
        return piece

    def _whole_chunks(self) -> bytes:
        """Return the chunks that have come whole, as one piece: of a byte each there are thousands of them.

        What is not quite so is left to `_read_chunk`, which knows what is wrong.
        """
        pieces: list[bytes] = []
        buffer, begun = self._buffer, self._at
        while not self._has_chunk and (end := buffer.find(b"\n", self._at)) >= 0:
            try:
                behind = end + 1 + chunk_size(buffer[self._at : end])
            except BadFraming:
                break
            if behind == end + 1 or buffer[behind : behind + 2] != b"\r\n":
                break
            pieces.append(buffer[end + 1 : behind])
            self._at = behind + 2
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._framing += self._at - begun - len(piece)
        return piece

    def _read_chunk(self) -> bytes:
        if not self._has_chunk:
            self._left = chunk_size(self._line())
            self._has_chunk = True
            if self._left == 0:
                self._read_trailers()
                self.is_done = True
                return b""
        left = self._left or 0
        piece = self._take(left)
        if not piece:
            raise http.client.IncompleteRead(b"")
        self._left = left - len(piece)
        if self._left == 0:
            self._has_chunk = False
            if self._line().strip():
                raise BadFraming("a chunk that is longer than it says")
        return piece

    def _read_trailers(self) -> None:
        size = 0
        while line := self._line().strip(b"\r"):
            size += len(line)
            if size > MAX_LINE:
                raise BadFraming("trailers that do not end")

    def _line(self) -> bytes:
        """Return the next line without its end."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            left = self._buffer[self._at :]
            if len(left) > MAX_LINE:
                raise BadFraming("a chunk whose size does not end")
            data = self._stream.receive(self._seconds)
            if not data:
                raise http.client.IncompleteRead(b"")
            self._buffer, self._at = left + data, 0
        line = self._buffer[self._at : end]
        self._framing += len(line) + 1
        self._at = end + 1
        return line.rstrip(b"\r")

    def _take(self, most: int | None) -> bytes:
        """Return up to so many bytes of what has come, or of what comes next; b"" where the connection ended."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._stream.receive(self._seconds), 0
        end = len(self._buffer) if most is None else self._at + most
        piece = self._buffer[self._at : end]
        self._at += len(piece)
        return piece
