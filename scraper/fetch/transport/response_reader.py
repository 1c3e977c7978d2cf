"""Read a response off its connection: http.client's and urllib3's responses, made strict and bounded."""

from __future__ import annotations

import http.client
from functools import partial
from typing import Any, cast

import urllib3.response

from scraper.errors import BodyTooLarge
from scraper.fetch.transport.exchange import here
from scraper.fetch.transport.framing import BadFraming, chunk_size, end_of_body
from scraper.fetch.transport.head_parser import MAX_LINE, Fields, HeadParser, not_http
from scraper.fetch.transport.raw_response import DRAIN_BYTES
from scraper.fetch.transport.recorder import RecordedFile
from scraper.stats import Reason


class ResponseReader(http.client.HTTPResponse):
    """http.client's response, which refuses broken framing.

    It demands the blank line that ends a head (RFC 9112 section 2.1), reads over every interim response and not only
    `100 Continue` (RFC 9110 section 15.2), and refuses lengths, codings and chunk sizes that are not valid (RFC
    9112 sections 6.1, 6.3 and 7.1): http.client reads a chunk of the size -1 without end.
    """

    def begin(self) -> None:
        answer = cast(Any, self)  # the attributes' published types leave out that they begin and end as None
        if answer.headers is not None:
            return
        exchange = here.exchange
        recorder = exchange.recorder if exchange is not None else None
        head = HeadParser(self.fp if recorder is None else RecordedFile(self.fp, recorder), exchange)
        answer.fp = head
        try:
            version, status, reason = self._read_final_status(head)
            self.headers = self.msg = Fields(head.fields())
            self._take(version, status, reason.strip())
        finally:
            if answer.fp is head:
                answer.fp = head.file

    def _read_final_status(self, head: HeadParser) -> tuple[str, int, str]:
        read: Any = self
        while True:
            head.skip_line_ends()
            try:
                version, status, reason = read._read_status()
            except http.client.BadStatusLine as error:
                if type(error) is http.client.BadStatusLine:
                    raise http.client.BadStatusLine(_in_words(str(error.args[0]))) from None
                raise
            if status == http.client.SWITCHING_PROTOCOLS:
                raise BadFraming("it switches to a protocol that was not requested")
            if status >= 200:
                return version, status, reason
            head.fields()
            if isinstance(head.file, RecordedFile):
                head.file.forget()

    def _take(self, version: str, status: int, reason: str) -> None:
        """Set what http.client's own `begin` sets: version, status, how the body ends, what comes then."""
        answer = cast(Any, self)
        answer.code = self.status = status
        self.reason = reason
        if version in ("HTTP/1.0", "HTTP/0.9"):
            self.version = 10
        elif version.startswith("HTTP/1."):
            self.version = 11
        else:
            raise http.client.UnknownProtocol(not_http(version.encode("latin-1")))
        self.will_close = answer._check_close()
        if status in (204, 304) or answer._method == "HEAD":
            answer.chunked, answer.length = False, 0
            return
        answer.chunked, answer.length = end_of_body(partial(_listed, self))
        answer.chunk_left = None
        if not answer.chunked and answer.length is None:
            self.will_close = True

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise BadFraming("a chunk whose size does not end")
        if not line.endswith(b"\n"):
            raise ValueError("the body ends where a chunk should begin")  # http.client: IncompleteRead
        return chunk_size(line)


def _in_words(line: str) -> str:
    """Return what to say of a status line; http.client may hand over its repr, or what was said already."""
    return line if line.startswith("the answer ") else not_http(line.strip("'").encode("latin-1", "replace"))


def _listed(answer: http.client.HTTPResponse, name: str) -> list[str]:
    """Return the values of a header that is a list, in lower case."""
    return [value.strip().lower() for line in answer.headers.get_all(name, []) for value in str(line).split(",")]


class WireResponse(urllib3.response.HTTPResponse):
    """urllib3's response, which returns no more than `most` bytes and tells why it closes its connection."""

    #: Bytes of body that may be read, decoded, by whomever; None is no limit.
    most: int | None = None
    _taken = 0

    def supports_chunked_reads(self) -> bool:
        """Return False: `ResponseReader`, which checks their sizes, reads chunks for `stream` too."""
        return False

    def read(self, amt: int | None = None, decode_content: bool | None = None, cache_content: bool = False) -> bytes:
        """Read as urllib3 does, up to `most` bytes altogether.

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
        """Close the connection, since the rest of the response is not wanted."""
        connection = cast(Any, self._connection)
        if hasattr(connection, "closing"):
            connection.closing = Reason.UNREAD_BODY
            if connection.exchange.recorder is not None:
                connection.exchange.recorder.cut = "length"
        super().close()
