"""Bodies of responses: framed, cut and decoded, and read by all the names that urllib3 gives to reading."""

from __future__ import annotations

import gc
import gzip
import http.client
import io
import ssl
import zlib
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import exceptions

from scraper.errors import BodyTooLarge, FetchError
from scraper.fetch.retry import failure_of
from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.framing import BadFraming
from scraper.fetch.transport.response_head import Framing
from scraper.stats import Reason
from tests.unit.fetch.raw_bytes import cut_everywhere, in_two, raw_of, stream_of

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"".join(b"<p>%d</p>" % number for number in range(50))
CHUNKED = b"5\r\nhello\r\n1;name=value\r\n \r\n005\r\nworld\r\n0\r\nTrailer: x\r\nAnother: y\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
GZIPPED = gzip.compress(BODY)
IN_GZIP = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED)


def body_of(framing: Framing, *pieces: bytes | Exception, rest: bytes = b"") -> tuple[bytes, BodyReader]:
    reader = BodyReader(stream_of(*pieces), framing, rest, 1.0)
    found = b""
    while not reader.is_done:
        found += reader.read()
    assert reader.read() == b""
    return found, reader


class TestBodyReader:
    def test_a_length(self):
        for rest, later in in_two(BODY):
            found, reader = body_of(Framing(False, len(BODY), False), later, rest=rest)
            assert (found, reader.count, reader.length_left, reader.rest) == (BODY, len(BODY), 0, b"")
        found, reader = body_of(Framing(False, 3, False), b"lo, more", rest=b"hel")
        assert (found, reader.rest) == (b"hel", b"")
        found, reader = body_of(Framing(False, 5, False), b"lo, more", rest=b"hel")
        assert (found, reader.rest) == (b"hello", b", more")

    def test_a_length_cut_short(self):
        for end in range(len(BODY)):
            with pytest.raises(http.client.IncompleteRead):
                body_of(Framing(False, len(BODY), False), BODY[:end])

    def test_up_to_the_close(self):
        for rest, later in in_two(BODY):
            found, reader = body_of(Framing(False, None, True), later, rest=rest)
            assert (found, reader.length_left) == (BODY, 0)

    def test_chunks_cut_everywhere(self):
        for rest, later in in_two(CHUNKED):
            found, reader = body_of(Framing(True, None, False), later, rest=rest)
            assert (found, reader.count, reader.rest) == (b"hello world", 11, b"")
        found, reader = body_of(Framing(True, None, False), *cut_everywhere(CHUNKED))
        assert found == b"hello world"
        found, reader = body_of(Framing(True, None, False), CHUNKED.replace(b"\r\n", b"\n") + b"more")
        assert (found, reader.rest) == (b"hello world", b"more")

    def test_chunks_cut_short_everywhere(self):
        for end in range(len(CHUNKED)):
            with pytest.raises(http.client.IncompleteRead):
                body_of(Framing(True, None, False), CHUNKED[:end])

    @pytest.mark.parametrize("size", [b"", b"x", b"-5", b"+5", b"0x5", b"5 5", b"5_0", b"f" * 17, b"\xb2", b"1" * 40])
    def test_sizes_that_are_none(self, size: bytes):
        with pytest.raises(BadFraming):
            body_of(Framing(True, None, False), size + b"\r\nhello\r\n0\r\n\r\n")

    def test_chunks_that_are_longer_than_they_say_and_lines_without_end(self):
        for data in (b"4\r\nhello\r\n0\r\n\r\n", b"1" * 70_000, b"5;" + b"x" * 70_000):
            with pytest.raises(BadFraming):
                body_of(Framing(True, None, False), data)
        with pytest.raises(BadFraming):
            body_of(Framing(True, None, False), b"0\r\n", *[b"Trailer: x\r\n"] * 10_000)

    @given(st.lists(st.binary(max_size=30), max_size=9), st.booleans())
    def test_whatever_comes_is_a_body_or_an_error_of_http(self, pieces: list[bytes], is_chunked: bool):
        came = b"".join(pieces)
        try:
            body, _ = body_of(Framing(is_chunked, None if is_chunked else 20, False), *pieces)
        except http.client.HTTPException:
            assert is_chunked or len(came) < 20
        else:
            assert len(body) < len(came) if is_chunked else body == came[:20]


class TestReading:
    """By every name, with the same result."""

    def raw(self, *, coded: bool = True, **options: Any) -> Any:
        pieces = [IN_GZIP, *cut_everywhere(GZIPPED)] if coded else [LENGTH, BODY[:7], BODY[7:]]
        return raw_of(OK, *pieces, **options)

    @pytest.mark.parametrize("coded", [True, False])
    def test_names(self, coded: bool):
        def readinto(raw: Any) -> bytes:
            found, buffer = b"", bytearray(10)
            while count := raw.readinto(buffer):
                found += buffer[:count]
            return found

        ways: list[Any] = [
            lambda raw: raw.read(),
            lambda raw: raw.read(None),
            lambda raw: raw.read(-1),
            lambda raw: raw.data,
            lambda raw: b"".join(iter(lambda: raw.read(7), b"")),
            lambda raw: b"".join(iter(lambda: raw.read1(7), b"")),
            lambda raw: b"".join(iter(lambda: raw.read1(), b"")),
            lambda raw: b"".join(raw.stream(7)),
            lambda raw: b"".join(raw.stream()),
            lambda raw: b"".join(raw.read_chunked(7)),
            lambda raw: b"".join(raw),
            lambda raw: io.BufferedReader(raw).read(),
            lambda raw: raw.read_whole(10_000),
            lambda raw: raw.read(3) + raw.read(0) + raw.read1(3) + raw.read(),
            readinto,
        ]
        for way in ways:
            made = self.raw(coded=coded)
            made.raw.decode_content = True
            assert way(made.raw) == BODY
            assert made.given == [None]
            assert made.raw.read() == made.raw.read(5) == made.raw.read1() == b""
            assert made.raw.tell() == len(GZIPPED if coded else BODY)

    def test_exactly_as_much_as_is_asked_for(self):
        raw = self.raw().raw
        assert [len(raw.read(10, decode_content=True)) for _ in range(3)] == [10, 10, 10]
        assert raw.was_read
        pieces = list(self.raw().raw.stream(100, decode_content=True))
        assert {len(piece) for piece in pieces[:-1]} == {100}

    def test_as_it_came_over_the_wire(self):
        """As under requests: who wants it decoded says so."""
        assert self.raw().raw.read() == GZIPPED
        assert self.raw().raw.read(decode_content=True) == BODY
        assert b"".join(self.raw().raw.stream(9)) == GZIPPED

    def test_what_is_known_of_it(self):
        made = raw_of(OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + IN_GZIP, GZIPPED)
        raw = made.raw
        assert raw.headers.getlist("set-cookie") == ["a=1", "b=2"]
        assert raw.getheaders() is raw.info() is raw.headers
        assert (raw.getheader("content-encoding"), raw.getheader("x", "none")) == ("gzip", "none")
        assert (raw.geturl(), raw.url, raw.status, raw.reason) == (
            "http://a.example/",
            "http://a.example/",
            200,
            "OK",
        )
        assert (raw.readable(), raw.isclosed(), raw.has_cookies, raw.chunked) == (True, False, True, False)
        assert raw.length_remaining == len(GZIPPED)

    def test_by_requests(self):
        def response() -> requests.Response:
            made = requests.Response()
            made.raw = self.raw().raw
            return made

        assert response().content == BODY
        assert b"".join(response().iter_content(11)) == BODY
        assert b"".join(response().iter_content(None)) == BODY
        assert b"".join(response().iter_lines(delimiter=b"</p>")).count(b"<p>") == 50
        with response() as closed:
            pass
        assert closed.raw.closed

    def test_nothing_to_read(self):
        for method, lines in (("HEAD", IN_GZIP), ("GET", b"Content-Length: 0\r\n\r\n")):
            made = raw_of(OK + lines, method=method)
            assert (made.raw.read(), made.given) == (b"", [None])


class TestLimits:
    def test_a_body_that_is_too_large(self):
        for read in (lambda raw: raw.read(), lambda raw: list(raw.stream(50)), lambda raw: raw.read_whole(99)):
            made = raw_of(OK + IN_GZIP, GZIPPED, most=99)
            made.raw.decode_content = True
            with pytest.raises(BodyTooLarge):
                read(made.raw)
        made = raw_of(OK + IN_GZIP, GZIPPED, most=len(BODY))
        assert made.raw.read(decode_content=True) == BODY

    def test_a_body_that_is_cut_there(self):
        assert raw_of(OK + IN_GZIP, GZIPPED).raw.read_whole(99, truncate=True) == BODY[:99]


class TestTruncated:
    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_a_coded_body_that_ends_too_early_is_no_success(self, coding: str):
        """Its framing is whole: the server, or what stands before it, ended it there."""
        body = GZIPPED if coding == "gzip" else zlib.compress(BODY)
        for end in range(1, len(body)):
            head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), end)
            with pytest.raises(FetchError) as failed:
                raw_of(OK + head, body[:end]).raw.read_whole(10_000)
            assert failed.value.reason == "truncated"

    def test_a_framing_that_ends_too_early(self):
        for lines in (IN_GZIP, b"Transfer-Encoding: chunked\r\n\r\nfff\r\n"):
            made = raw_of(OK + lines, GZIPPED[:20])
            with pytest.raises(exceptions.ProtocolError) as failed:
                made.raw.read()
            assert failure_of(failed.value).reason == "truncated"
            assert made.given == [Reason.AFTER_ERROR]

    @pytest.mark.parametrize(
        ("problem", "kind", "by_requests"),
        [
            (TimeoutError("timed out"), exceptions.ReadTimeoutError, requests.ConnectionError),
            (ConnectionResetError("reset"), exceptions.ProtocolError, requests.exceptions.ChunkedEncodingError),
            (ssl.SSLError("bad record"), exceptions.SSLError, requests.exceptions.SSLError),
            (BadFraming("a chunk"), exceptions.ProtocolError, requests.exceptions.ChunkedEncodingError),
        ],
    )
    def test_errors_are_urllib3s(self, problem: Exception, kind: type[Exception], by_requests: type[Exception]):
        for read in (lambda raw: raw.read(), lambda raw: raw.read1(), lambda raw: list(raw.stream())):
            made = raw_of(OK + LENGTH, problem)
            with pytest.raises(kind):
                read(made.raw)
            assert made.given == [Reason.AFTER_ERROR]
        response = requests.Response()
        response.raw = raw_of(OK + LENGTH, problem).raw
        with pytest.raises(by_requests):
            _ = response.content

    def test_a_body_of_another_coding(self):
        response = requests.Response()
        response.raw = raw_of(OK + b"Content-Encoding: gzip\r\n" + LENGTH, BODY).raw
        with pytest.raises(requests.exceptions.ContentDecodingError):
            _ = response.content


class TestClosing:
    def test_what_little_is_left_is_read(self):
        made = raw_of(OK + LENGTH, BODY[:10], BODY[10:])
        made.raw.close()
        made.raw.close()
        assert (made.given, made.raw.closed, made.stream.pieces, made.raw.read()) == ([None], True, [], b"")

    @pytest.mark.parametrize(
        "lines", [b"Content-Length: 70000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"]
    )
    def test_else_the_connection_is_closed(self, lines: bytes):
        made = raw_of(OK + lines, b"x")
        made.raw.close()
        assert (made.given, made.raw.closed, made.stream.pieces) == ([Reason.UNREAD_BODY], True, [b"x"])

    def test_what_cannot_be_read_closes_it(self):
        made = raw_of(OK + LENGTH, TimeoutError("timed out"))
        made.raw.close()
        assert (made.given, made.raw.closed) == ([Reason.AFTER_ERROR], True)

    def test_more_than_was_said_closes_it(self):
        made = raw_of(OK + LENGTH + BODY + b"more")
        assert (made.raw.read(), made.given) == (BODY, [Reason.DROPPED])

    def test_a_response_that_is_forgotten_reads_nothing(self):
        made = raw_of(OK + LENGTH, RuntimeError("it was read"))
        del made.raw
        gc.collect()
        assert made.given == [Reason.UNREAD_BODY]

    def test_draining(self):
        made = raw_of(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNKED)
        made.raw.drain_conn()
        made.raw.release_conn()
        assert made.given == [None]
