"""Reading an answer off its connection: http.client's and urllib3's responses, made strict and bounded."""

from __future__ import annotations

import http.client
import re
from typing import Any, cast

import urllib3.response

from scraper.errors import BodyTooLarge
from scraper.fetch.exchange import Exchange, here
from scraper.figures import Reason

#: An answer's head may be this large, interim answers included; http.client limits lines and their number only.
MAX_HEAD_BYTES = 512 * 1024
#: A Content-Type may be this long. The email package, which reads heads, takes time by the square of its length.
MAX_TYPE_BYTES = 4 * 1024
#: What is left of an unread body is read, so that its connection can be used again, up to this size.
DRAIN_BYTES = 64 * 1024

_MAX_LINE = 65_536
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,18}")


class HeadCutShort(ConnectionResetError):
    """The connection ended inside the head of an answer; http.client would take that for the head's end."""


class HeadTooLarge(http.client.HTTPException):
    """The head of an answer does not end."""


class BadFraming(http.client.HTTPException):
    """Where the body ends is not said, or not in a way that HTTP/1.1 knows."""


class Head:
    """The file of an answer while its head is read.

    The email package, to which http.client hands the lines, stops at the first that is no field and forgets those
    behind it, Content-Length too. Browsers leave out such a line alone, and so does this.
    """

    def __init__(self, file: Any, exchange: Exchange | None) -> None:
        self.file = file
        self._exchange = exchange
        self._size = 0
        self._type_size = 0
        self._in_fields = False
        self._left_out = False

    def readline(self, limit: int = -1) -> bytes:
        if self._size == 0 and self.file.peek(1) and self._exchange is not None:
            self._exchange.first_byte()
        while True:
            line = cast(bytes, self.file.readline(limit))
            if not line and self._size:
                raise HeadCutShort("the connection ended inside the head of the answer")
            self._size += len(line)
            if self._size > MAX_HEAD_BYTES:
                raise HeadTooLarge(f"the head of the answer is larger than {MAX_HEAD_BYTES // 1024} KiB")
            if not self._in_fields or len(line) == limit:
                self._in_fields = True
                return line
            if line in (b"\r\n", b"\n"):
                self._in_fields = False  # behind an interim answer comes a status line
                return line
            field = self._field(line)
            if field:
                return field

    def _field(self, line: bytes) -> bytes:
        """The line as the email package reads it right; nothing where it is no field."""
        # A bare CR ends no line, but the email package takes it for an end (RFC 9112 section 2.2).
        text = line.rstrip(b"\r\n").replace(b"\r", b" ")
        is_continued = text[:1] in (b" ", b"\t")
        if is_continued:
            if self._left_out:
                return b""
        else:
            name, colon, value = text.partition(b":")
            # No space is allowed before the colon, and servers put one there (RFC 9112 section 5.1).
            name = name.rstrip()
            self._left_out = not colon or not _FIELD_NAME.fullmatch(name)
            if self._left_out:
                return b""
            text = name + colon + value
        self._measure_type(text, is_continued=is_continued)
        return text + b"\r\n"

    def _measure_type(self, line: bytes, *, is_continued: bool) -> None:
        """Refuse a Content-Type that is too long, over all the lines on which it goes on."""
        if line[:13].lower() == b"content-type:" or (is_continued and self._type_size):
            self._type_size += len(line)
        elif not is_continued:
            self._type_size = 0
        if self._type_size > MAX_TYPE_BYTES:
            raise HeadTooLarge(f"the Content-Type is longer than {MAX_TYPE_BYTES // 1024} KiB")

    def close(self) -> None:
        self.file.close()


class Answer(http.client.HTTPResponse):
    """http.client's response, which takes no broken framing for an answer.

    It demands the blank line that ends a head (RFC 9112 section 2.1), reads over every interim answer and not only
    `100 Continue` (RFC 9110 section 15.2), and takes no length, coding or chunk size that is none (RFC 9112
    sections 6.1, 6.3 and 7.1): http.client reads a chunk of the size -1 without end.
    """

    def begin(self) -> None:
        answer = cast(Any, self)  # the attributes' published types leave out that they begin and end as None
        if answer.headers is not None:
            return
        head = Head(self.fp, here.exchange)
        answer.fp = head
        try:
            super().begin()
            self._check_framing()
        finally:
            if answer.fp is head:
                answer.fp = head.file

    def _read_status(self) -> tuple[str, int, str]:
        read: Any = super()
        while True:
            version, status, reason = read._read_status()
            if status == http.client.SWITCHING_PROTOCOLS:
                raise BadFraming("it switches to a protocol that was not asked for")
            if not 101 < status < 200:
                return version, status, reason
            while self.fp.readline(_MAX_LINE + 1) not in (b"\r\n", b"\n"):
                pass

    def _check_framing(self) -> None:
        if self.status in (204, 304) or self._method == "HEAD":  # type: ignore[attr-defined]
            return
        codings = _listed(self, "Transfer-Encoding")
        if codings:
            if codings not in (["chunked"], ["identity"]):
                raise BadFraming(f"a Transfer-Encoding that was not asked for: {', '.join(codings)[:100]}")
            if self.chunked:
                return
        lengths = set(_listed(self, "Content-Length"))
        if not lengths:
            return
        length = lengths.pop()
        if lengths or not _LENGTH.fullmatch(length):
            raise BadFraming("a Content-Length that is no number, or several that differ")
        self.length = int(length)

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise BadFraming("a chunk whose size does not end")
        if not line.endswith(b"\n"):
            raise ValueError("the body ends where a chunk should begin")  # http.client: IncompleteRead
        size = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise BadFraming(f"a chunk whose size is {size[:20]!r}")
        return int(size, 16)


def _listed(answer: http.client.HTTPResponse, name: str) -> list[str]:
    """The values of a header that is a list, in lower case."""
    return [value.strip().lower() for line in answer.headers.get_all(name, []) for value in str(line).split(",")]


class Response(urllib3.response.HTTPResponse):
    """urllib3's response, which gives no more than `most` bytes and tells why it closes its connection."""

    #: Bytes of body that may be read, decoded, by whomever; None is no limit.
    most: int | None = None
    _taken = 0

    def supports_chunked_reads(self) -> bool:
        """No: chunks are read by `Answer`, which looks at their sizes, for `stream` too."""
        return False

    def read(self, amt: int | None = None, decode_content: bool | None = None, cache_content: bool = False) -> bytes:
        """urllib3's, up to `most` bytes altogether.

        Raises:
            BodyTooLarge: there are more; the connection is closed.
        """
        if self.most is None:
            return super().read(amt, decode_content, cache_content)
        if amt is None or amt < 0:
            amt = self.most - self._taken + 1
        data = super().read(amt, decode_content, cache_content)
        self._taken += len(data)
        if self._taken > self.most:
            self._leave_unread()
            raise BodyTooLarge("the body is larger than limits.body", remedy="raise limits.body if it is wanted")
        return data

    def close(self) -> None:
        connection = cast(Any, self._connection)
        if hasattr(connection, "closing") and not self.closed:
            left = self.length_remaining
            if left is None or left > DRAIN_BYTES:
                self._leave_unread()
                return
            self.drain_conn()
        super().close()

    def _leave_unread(self) -> None:
        """Close the connection, since what is still to come on it is not wanted."""
        connection = cast(Any, self._connection)
        if hasattr(connection, "closing"):
            connection.closing = Reason.UNREAD_BODY
        super().close()


def wire_bytes(raw: Any, otherwise: int) -> int:
    """Bytes of a body that came over the wire; `otherwise` where what a plugin put in its place does not say."""
    try:
        return int(raw.tell())
    except (AttributeError, OSError, ValueError):
        return otherwise
