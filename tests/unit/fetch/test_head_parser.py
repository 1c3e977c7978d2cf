"""The head of an answer: the same fields as http.client reads, where those are right, and a bound to everything."""

from __future__ import annotations

import http.client
import io
from typing import Any, cast

import pytest

from scraper.fetch.transport.framing import BadFraming
from scraper.fetch.transport.head_parser import (
    MAX_FIELD_LINES,
    MAX_HEAD_BYTES,
    MAX_LINE,
    Fields,
    HeadCutShort,
    HeadParser,
    HeadTooLarge,
)
from scraper.fetch.transport.response_reader import ResponseReader


def fields(text: bytes) -> list[tuple[str, str]]:
    return HeadParser(io.BufferedReader(cast(Any, io.BytesIO(text))), None).fields()


class Wire:
    """A socket that has these bytes to give."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def makefile(self, mode: str) -> Any:
        return io.BufferedReader(cast(Any, io.BytesIO(self._text)))


def answer(text: bytes, method: str = "GET") -> Any:
    read: Any = ResponseReader(cast(Any, Wire(text)), method=method)
    read.begin()
    return read


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"Content-Type: text/html\r\nContent-Length: 5\r\n\r\n",
        b"A:1\r\na: 2\r\nA:   3\r\n\r\n",
        b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nDate: Sat, 21 Nov 2026 08:01:40 GMT\r\n\r\n",
        b"X: caf\xe9 \xc3\xa9\r\nEmpty:\r\nColons: a:b:c\r\n\r\n",
        b"Only-Line-Feeds: 1\nB: 2\n\n",
    ],
)
def test_ordinary_heads_are_as_http_client_reads_them(head: bytes):
    assert fields(head) == http.client.parse_headers(io.BytesIO(head)).items()


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"A: 1\r\n  2\r\n\t3\r\nB: 4\r\n\r\n", [("A", "1 2 3"), ("B", "4")]),
        (b"A:\r\n 1\r\n\r\n", [("A", "1")]),
        (b" 1\r\nB: 2\r\n\r\n", [("B", "2")]),
        (b"nonsense\r\n 1\r\nB: 2\r\n\r\n", [("B", "2")]),
        (b": 1\r\nb d: 2\r\nC : 3\r\n\r\n", [("C", "3")]),
        (b"A: 1\rB: 2\r\n\r\n", [("A", "1 B: 2")]),
        (b"A: 1 \t\r\n\r\n", [("A", "1")]),
    ],
    ids=["folded", "folded from its start", "folded from nothing", "no field", "names", "bare CR", "space behind"],
)
def test_other_lines(head: bytes, found: list[tuple[str, str]]):
    assert fields(head) == found


def test_what_plugins_ask_of_the_message():
    message = Fields([("Set-Cookie", "a=1"), ("X", "é"), ("set-cookie", "b=2")])
    assert message.get_all("SET-COOKIE") == ["a=1", "b=2"]
    assert (message["x"], message.get("y"), message.get_all("y")) == ("é", None, None)
    del message["set-cookie"]
    message["Y"] = "2"
    assert message.items() == [("X", "é"), ("Y", "2")]


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"A: 1\r\n", HeadCutShort),
        (b"A: 1", HeadCutShort),
        (b"A: " + b"x" * MAX_LINE + b"\r\n\r\n", http.client.LineTooLong),
        (b"A: 1\r\n" * (MAX_FIELD_LINES + 1) + b"\r\n", HeadTooLarge),
        (b"nonsense\r\n" * (MAX_HEAD_BYTES // 10 + 1), HeadTooLarge),
        (b"Content-Type: " + b"x" * 5_000 + b"\r\n\r\n", HeadTooLarge),
        (b"Content-Type: x\r\n" + (b" " + b"x" * 900 + b"\r\n") * 5 + b"\r\n", HeadTooLarge),
    ],
    ids=["no blank line", "cut line", "long line", "many fields", "many lines", "long type", "folded type"],
)
def test_bounds(head: bytes, error: type[Exception]):
    with pytest.raises(error):
        fields(head)


def test_as_many_fields_as_may_be():
    assert len(fields(b"A: 1\r\n" * MAX_FIELD_LINES + b"\r\n")) == MAX_FIELD_LINES


@pytest.mark.parametrize(
    ("head", "chunked", "length", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", False, 5, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", False, 5, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked \r\nContent-Length: 5\r\n", True, None, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n", False, 5, True),
        (b"HTTP/1.1 200 OK\r\n", False, None, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", False, 5, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", False, 5, False),
        (b"HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n", False, 0, False),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n", False, 0, False),
        (b"HTTP/1.1 103 Soon\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n", False, 5, False),
    ],
)
def test_how_a_body_ends(head: bytes, chunked: bool, length: int | None, closes: bool):
    read = answer(head + b"\r\n")
    assert (read.chunked, read.length, read.will_close) == (chunked, length, closes)


def test_a_head_alone_has_no_body():
    read = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD")
    assert (read.length, read.read()) == (0, b"")


@pytest.mark.parametrize(
    "line", [b"Content-Length: -1", b"Content-Length: 5, 6", b"Content-Length: 5x", b"Transfer-Encoding: gzip"]
)
def test_broken_framing(line: bytes):
    with pytest.raises(BadFraming):
        answer(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")


def test_no_other_protocol():
    with pytest.raises(http.client.UnknownProtocol):
        answer(b"HTTP/3.0 200 OK\r\n\r\n")
    with pytest.raises(BadFraming):
        answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
