"""Heads of responses, as servers write them and as they should not, cut at every byte."""

from __future__ import annotations

import contextlib
import http.client
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.transport.framing import BadFraming
from scraper.fetch.transport.head_parser import HeadCutShort, HeadTooLarge
from scraper.fetch.transport.response_head import Framing, framing_of, read_head
from tests.unit.fetch.raw_bytes import Begins, Bytes, cut_everywhere, head_of, in_two, stream_of

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-A: 1\r\nx-a:2 \r\nX-Empty:\r\n\r\n"
FIELDS = [("Content-Type", "text/html"), ("X-A", "1"), ("x-a", "2"), ("X-Empty", "")]


def test_cut_at_every_byte():
    for pieces in [*in_two(HEAD + b"body"), cut_everywhere(HEAD)]:
        head = head_of(*pieces)
        assert (head.version, head.status, head.reason, head.fields) == (11, 200, "OK", FIELDS)
        assert b"body".startswith(head.rest)


def test_truncated_at_every_byte():
    for end in range(1, len(HEAD)):
        with pytest.raises(HeadCutShort):
            head_of(HEAD[:end])
    with pytest.raises(http.client.RemoteDisconnected):
        head_of()


def test_the_answer_begins_with_its_first_byte():
    begins = Begins()
    read_head(stream_of(*cut_everywhere(HEAD)), 1.0, begins)
    assert begins.count >= 1
    begins = Begins()
    with pytest.raises(http.client.RemoteDisconnected):
        read_head(stream_of(), 1.0, begins)
    assert begins.count == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"HTTP/1.1 200 OK", (11, 200, "OK")),
        (b"HTTP/1.1 200 ", (11, 200, "")),
        (b"HTTP/1.1 200", (11, 200, "")),
        (b"HTTP/1.0 404 Not Found at all", (10, 404, "Not Found at all")),
        (b"HTTP/1.1  301  Moved", (11, 301, "Moved")),
        (b"HTTP/1.1 200 \xc3\xa4", (11, 200, "\xc3\xa4")),
        (b"HTTP/1.1 999 No", (11, 999, "No")),
    ],
)
def test_status_lines(line: bytes, expected: tuple[int, int, str]):
    head = head_of(line + b"\r\n\r\n")
    assert (head.version, head.status, head.reason) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 -200 OK",
        b"HTTP/1.1 2\xb20 OK",
        b"HTTP/2 200",
        b"ICY 200 OK",
        b"<html>",
        b" HTTP/1.1 200 OK",
        b"\0",
    ],
)
def test_what_is_no_head(line: bytes):
    with pytest.raises(http.client.HTTPException):
        head_of(line + b"\r\n\r\n")
    with pytest.raises(http.client.HTTPException):
        head_of(*cut_everywhere(line + b"\r\n\r\n"))


def test_what_never_becomes_a_head_is_refused_at_once():
    with pytest.raises(http.client.BadStatusLine):
        head_of(b"SSH-2.0", RuntimeError("it was waited for"))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends(end: bytes):
    head = HEAD.replace(b"\r\n", end)
    for pieces in in_two(head + b"\nbody"):
        found = head_of(*pieces)
        assert found.fields == FIELDS
        assert b"\nbody".startswith(found.rest)
    mixed = b"HTTP/1.1 200 OK\nA: 1\r\nB: 2\n\r\n"
    assert head_of(mixed).fields == [("A", "1"), ("B", "2")]


@pytest.mark.parametrize("blank", [b"\r\n", b"\n", b"\r\n\r\n", b"\n\n\n"])
def test_blank_lines_before_the_status_line(blank: bytes):
    for pieces in [*in_two(blank + HEAD), cut_everywhere(blank + HEAD)]:
        assert head_of(*pieces).fields == FIELDS
    with pytest.raises(HeadCutShort):
        head_of(blank)
    with pytest.raises(http.client.BadStatusLine):
        head_of(*cut_everywhere(b"\r\n" * 5 + HEAD))


def test_interim_answers():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    for pieces in in_two(b"HTTP/1.1 100 Continue\r\n\r\n" + early + b"\r\n" + early + HEAD):
        assert head_of(*pieces).fields == FIELDS
    with pytest.raises(HeadCutShort):
        head_of(early)
    with pytest.raises(BadFraming):
        head_of(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
    with pytest.raises(HeadTooLarge):
        head_of(*[early * 1000] * 100)


def test_the_recorder_keeps_the_final_one_alone():
    stream: Any = Bytes(b"\r\nHTTP/1.1 100 Continue\r\n\r\n\r\n", HEAD)
    stream.recorder = SimpleNamespace(received=bytearray())
    read_head(stream, 1.0, Begins())
    assert stream.recorder.received == HEAD


def test_folded_lines_and_lines_that_are_no_fields():
    lines = b"A: 1\r\n 2\r\n\t3\r\nno field\r\n of any kind\r\nB : 4\r\n: 5\r\nC: \xe4\r\nD: x\ry\r\n"
    head = head_of(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
    assert head.fields == [("A", "1 2 3"), ("B", "4"), ("C", "ä"), ("D", "x y")]


def test_limits():
    line = b"X: %s\r\n"
    start = b"HTTP/1.1 200 OK\r\n"
    assert len(head_of(start + line * 100 + b"\r\n").fields) == 100
    with pytest.raises(HeadTooLarge, match="100 lines"):
        head_of(start + line * 101 + b"\r\n")
    with pytest.raises(http.client.LineTooLong):
        head_of(start + b"X: " + b"y" * 70_000 + b"\r\n\r\n")
    with pytest.raises(HeadTooLarge, match="512 KiB"):
        head_of(start, *[b"X: " + b"y" * 60_000 + b"\r\n"] * 20)
    with pytest.raises(HeadTooLarge, match="Content-Type"):
        head_of(start + b"Content-Type: " + b"y" * 5000 + b"\r\n\r\n")


def framing(lines: bytes, method: str = "GET", start: bytes = b"HTTP/1.1 200 OK") -> Framing:
    return framing_of(head_of(start + b"\r\n" + lines + b"\r\n"), method)


def test_how_the_body_ends():
    assert framing(b"Content-Length: 5\r\n") == (False, 5, False)
    assert framing(b"Content-Length: 5, 5\r\nContent-Length: 5\r\n") == (False, 5, False)
    assert framing(b"Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n") == (True, None, False)
    assert framing(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n") == (False, 5, False)
    assert framing(b"") == (False, None, True)
    assert framing(b"Content-Length: 5\r\nConnection: x, Close\r\n") == (False, 5, True)
    assert framing(b"Content-Length: 5\r\n", "HEAD") == (False, 0, False)
    assert framing(b"Content-Length: 5\r\n", start=b"HTTP/1.1 304 Not Modified") == (False, 0, False)
    assert framing(b"", start=b"HTTP/1.1 204 No Content") == (False, 0, False)
    assert framing(b"Content-Length: 5\r\n", start=b"HTTP/1.0 200 OK") == (False, 5, True)
    kept = b"Content-Length: 5\r\nConnection: Keep-Alive\r\n"
    assert framing(kept, start=b"HTTP/1.0 200 OK") == (False, 5, False)


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: five\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: " + b"9" * 30 + b"\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
    ],
)
def test_bodies_that_end_in_no_known_way(lines: bytes):
    with pytest.raises(BadFraming):
        framing(lines)


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_whatever_comes_is_a_head_or_an_error_of_http(pieces: list[bytes]):
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        with contextlib.suppress(http.client.HTTPException, HeadCutShort):
            head = head_of(start, *pieces)
            assert 200 <= head.status <= 999
            assert (framing_of(head, "GET").length or 0) >= 0
