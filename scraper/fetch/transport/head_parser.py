"""Read the head of a response: strict about its end, lenient about its lines, and bounded."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from typing import Any, cast

from scraper.fetch.transport.exchange import Exchange

#: The head of a response may be this large, interim ones included; http.client limits lines and their number only.
MAX_HEAD_BYTES = 512 * 1024
#: A Content-Type may be this long: no honest one is longer, and what reads it may take its time.
MAX_TYPE_BYTES = 4 * 1024
#: The lines of fields of one head, as many as http.client takes.
MAX_FIELD_LINES = 100
MAX_LINE = 65_536

_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BLANK = (b"\r\n", b"\n")
#: Bytes of line ends that may come before a status line.
MOST_LINE_ENDS = 8
#: What other protocols begin with, and what they are.
_OTHERS = {
    "ICY": "that is a SHOUTcast stream, which does not speak HTTP",
    "SSH-": "that is an SSH server",
    "RTSP": "that is a stream of RTSP",
    "220": "that is a server of mail or FTP",
    "\x15\x03": "it speaks TLS: use https",
    "HTTP/2": "HTTP/2 was not requested, and is not sent in lines",
    "HTTP/3": "HTTP/3 was not requested, and is not sent in lines",
}
_LONGEST_TOLD = 100


def not_http(line: bytes) -> str:
    """Say in words what begins an answer instead of a status line of HTTP/1."""
    text = line[:_LONGEST_TOLD].decode("latin-1").rstrip()
    if not text:
        return "the answer begins with nothing but line ends"
    what = next((said for start, said in _OTHERS.items() if text.startswith(start)), "that is not HTTP/1")
    return f"the answer begins with {text!r}: {what}"


_SPACE = b" \t"


class HeadCutShort(ConnectionResetError):
    """The connection ended inside the head of a response; http.client would take that for the end of the head."""


class HeadTooLarge(http.client.HTTPException):
    """The head of a response does not end."""


class Fields(http.client.HTTPMessage):
    """The fields of a head as http.client gives them, without its detour over the email package's parser.

    Values are text of Latin-1 without line ends, so nothing is to be done to them when they are read.
    """

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__()
        self._headers = lines

    def items(self) -> list[tuple[str, str]]:
        return list(self._headers)


class HeadParser:
    """The file of a response while its head is read.

    The email package, to which http.client hands the lines, stops at the first that is not a field and forgets those
    behind it, Content-Length too. Browsers leave out such a line alone, and so does this.
    """

    def __init__(self, file: Any, exchange: Exchange | None) -> None:
        self.file = file
        self._exchange = exchange
        self._size = 0

    def readline(self, limit: int = -1) -> bytes:
        """Return a line as it came; the first byte is the first of the response.

        Raises:
            HeadCutShort: the connection ended, not before the first line.
            HeadTooLarge: all lines together are more than `MAX_HEAD_BYTES`.
        """
        if self._size == 0 and self.file.peek(1) and self._exchange is not None:
            self._exchange.first_byte()
        line = cast(bytes, self.file.readline(limit))
        if not line and self._size:
            raise HeadCutShort("the connection ended inside the head of the answer")
        self._size += len(line)
        if self._size > MAX_HEAD_BYTES:
            raise HeadTooLarge(f"the head of the answer is larger than {MAX_HEAD_BYTES // 1024} KiB")
        return line

    def skip_line_ends(self) -> None:
        """Read over line ends before a status line: some servers send more than belong to the body before.

        Raises:
            http.client.BadStatusLine: there are too many.
        """
        count = 0
        while self.file.peek(1)[:1] in (b"\r", b"\n"):
            count += len(self.file.read(1))
            if count > MOST_LINE_ENDS:
                raise http.client.BadStatusLine(not_http(b""))
            if hasattr(self.file, "forget"):
                self.file.forget()

    def fields(self) -> list[tuple[str, str]]:
        """Return the names and values up to the blank line (RFC 9112 section 5).

        A line that is not a field is left out with those that continue it; a value that continues in the next line
        is put together with a space (section 5.2).

        Raises:
            http.client.HTTPException: a line or the head is too large, or there are too many lines.
        """
        return fields_of(iter(self._line, None))

    def _line(self) -> bytes | None:
        line = self.readline(MAX_LINE + 1)
        return None if line in _BLANK else line

    def close(self) -> None:
        self.file.close()


def fields_of(lines: Iterable[bytes]) -> list[tuple[str, str]]:
    """Return the names and values of the lines of a head (RFC 9112 section 5).

    A line that is not a field is left out with those that continue it; a value that continues in the next line is put
    together with a space (section 5.2).

    Raises:
        http.client.HTTPException: a line is too long, or there are too many.
    """
    found: list[tuple[str, str]] = []
    count = 0
    is_left_out = True
    for line in lines:
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("header line")
        # A bare CR ends no line (RFC 9112 section 2.2).
        text = line.rstrip(b"\r\n").replace(b"\r", b" ")
        if text[:1] in (b" ", b"\t"):
            if is_left_out:
                continue
            name, before = found[-1]
            found[-1] = (name, f"{before} {text.strip(_SPACE).decode('latin-1')}".strip(" "))
        else:
            field, colon, value = text.partition(b":")
            # No space is allowed before the colon, and servers put one there (RFC 9112 section 5.1).
            field = field.rstrip()
            is_left_out = not colon or not _FIELD_NAME.fullmatch(field)
            if is_left_out:
                continue
            found.append((field.decode("ascii"), value.strip(_SPACE).decode("latin-1")))
        count += 1
        if count > MAX_FIELD_LINES:
            raise HeadTooLarge(f"the head of the answer has more than {MAX_FIELD_LINES} lines")
        if len(found[-1][1]) > MAX_TYPE_BYTES and found[-1][0].lower() == "content-type":
            raise HeadTooLarge(f"the Content-Type is longer than {MAX_TYPE_BYTES // 1024} KiB")
    return found
