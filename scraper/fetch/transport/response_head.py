"""Read the head of a response from a stream: strict about its end and its framing, lenient about its lines."""

from __future__ import annotations

import http.client
import re
from functools import lru_cache
from typing import NamedTuple, Protocol

from scraper.fetch.transport.framing import BadFraming, end_of_body
from scraper.fetch.transport.head_parser import (
    MAX_HEAD_BYTES,
    MAX_LINE,
    MOST_LINE_ENDS,
    HeadCutShort,
    HeadTooLarge,
    fields_of,
    not_http,
)
from scraper.fetch.transport.headers import Headers
from scraper.fetch.transport.stream import Stream

#: Where a head ends; servers leave out the carriage return.
_END = re.compile(rb"\n\r?\n")
#: Lines that are fields and nothing else, as nearly all heads have them.
_REGULAR = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)*")
_MANY_LINES = 60


class Head:
    """The status line and the fields of a final response, with the bytes that came behind them."""

    __slots__ = ("fields", "headers", "reason", "rest", "status", "version")

    def __init__(self, version: int, status: int, reason: str, fields: list[tuple[str, str]], rest: bytes) -> None:
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields
        self.rest = rest
        #: The fields by name; what came several times is one value, with commas between.
        self.headers = Headers.of_fields(fields)

    def values(self, name: str) -> list[str]:
        """Return the values of a field, in the order in which they came; `name` is in lower case."""
        if name not in self.headers:
            return []
        return [value for field, value in self.fields if field.lower() == name]

    def listed(self, name: str) -> list[str]:
        """Return the members of a field that is a list, in lower case."""
        value = self.headers.get(name)
        return [] if value is None else [member.strip().lower() for member in value.split(",")]


class Begun(Protocol):
    """Is told that an answer begins."""

    def first_byte(self) -> None: ...


def read_head(stream: Stream, seconds: float, exchange: Begun) -> Head:
    """Return the head of the final response; those of interim ones are read over (RFC 9110 section 15.2).

    Args:
        seconds: how long each read may take.

    Raises:
        http.client.HTTPException: what came is not a head of HTTP/1.
        HeadCutShort: the connection ended in it.
        http.client.RemoteDisconnected: it ended before it.
    """
    received, size, before, blank = b"", 0, 0, 0
    at_once = False
    while True:
        if received[:1] in (b"\r", b"\n"):
            # Some servers send a line end more than belongs to the body before.
            rest = received.lstrip(b"\r\n")
            blank += len(received) - len(rest)
            if blank > MOST_LINE_ENDS:
                raise http.client.BadStatusLine(not_http(b""))
            _forget(stream, len(received) - len(rest))
            received, before = rest, 0
        _refuse_other_protocols(received)
        end = _END.search(received, before)
        if end is None:
            if len(received) + size > MAX_HEAD_BYTES:
                raise HeadTooLarge(f"the head of the answer is larger than {MAX_HEAD_BYTES // 1024} KiB")
            data = stream.receive(seconds, at_once=at_once)
            at_once = True
            if not data:
                if received or size or blank:
                    raise HeadCutShort("the connection ended inside the head of the answer")
                raise http.client.RemoteDisconnected("the server closed the connection without an answer")
            exchange.first_byte()
            before = max(0, len(received) - 2)
            received = received + data if received else data
            continue
        size += end.end()
        head = _parsed(received[: end.start() + 1], received[end.end() :])
        if head.status >= 200:
            return head
        if head.status == http.client.SWITCHING_PROTOCOLS:
            raise BadFraming("it switches to a protocol that was not requested")
        # The one to keep follows.
        _forget(stream, end.end())
        received, before = head.rest, 0


def _forget(stream: Stream, count: int) -> None:
    """Take what came first from what is recorded."""
    if stream.recorder is not None:
        del stream.recorder.received[:count]


def _refuse_other_protocols(received: bytes) -> None:
    """Refuse what does not begin as HTTP: it may never have the end of a head."""
    start = received[:5]
    if start != b"HTTP/"[: len(start)]:
        raise http.client.BadStatusLine(not_http(received.split(b"\n", 1)[0]))


def _parsed(head: bytes, rest: bytes) -> Head:
    line, _, block = head.partition(b"\n")
    version, status, reason = _status_of(line)
    if _REGULAR.fullmatch(block) and block.count(b"\n") <= _MANY_LINES and len(head) < MAX_LINE:
        fields = []
        longest = 0
        for text in block.decode("latin-1").split("\r\n")[:-1]:
            name, _, value = text.partition(":")
            value = value.strip(" \t")
            fields.append((name, value))
            longest = max(longest, len(value))
        if longest < 1_000:
            return Head(version, status, reason, fields, rest)
    return Head(version, status, reason, fields_of(block.split(b"\n")[:-1]), rest)


@lru_cache(maxsize=64)
def _status_of(line: bytes) -> tuple[int, int, str]:
    """Return version, status and reason of a status line (RFC 9112 section 4)."""
    text = line.decode("latin-1").rstrip("\r")
    if len(line) > MAX_LINE:
        raise http.client.LineTooLong("status line")
    version, _, rest = text.partition(" ")
    code, _, reason = rest.strip().partition(" ")
    if not (code.isascii() and code.isdigit() and 100 <= int(code[:4]) <= 999):
        raise http.client.BadStatusLine(not_http(line))
    if version in ("HTTP/1.0", "HTTP/0.9"):
        return 10, int(code), reason.strip()
    if version.startswith("HTTP/1."):
        return 11, int(code), reason.strip()
    raise http.client.UnknownProtocol(not_http(line))


class Framing(NamedTuple):
    """How the body ends: in chunks, after a length, or, with neither, with the connection."""

    chunked: bool
    length: int | None
    closes: bool


def framing_of(head: Head, method: str | None) -> Framing:
    """Return how the body of a response ends (RFC 9112 section 6.3), and whether the connection ends with it.

    Raises:
        BadFraming: not in a way that HTTP/1.1 knows.
    """
    closes = _closes(head)
    if head.status in (204, 304) or method == "HEAD":
        return Framing(False, 0, closes)
    chunked, length = end_of_body(head.listed)
    # HTTP/1.0 knows no chunks: whatever follows them is not believed (RFC 9112 section 6.1).
    is_doubtful = chunked and head.version != 11
    return Framing(chunked, length, closes or is_doubtful or (not chunked and length is None))


def _closes(head: Head) -> bool:
    options = head.listed("connection")
    if head.version == 11:
        return "close" in options
    return not (
        "keep-alive" in options or head.values("keep-alive") or "keep-alive" in head.listed("proxy-connection")
    )
