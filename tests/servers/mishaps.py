"""What servers do by mistake and by malice, and what becomes of a URL that meets it.

Each row is asked for as `/NAME/…` of a `RawServer` with the behaviour `server_of()`. The outcomes hold with
`session.timeout.total` of a second, `limits.body` of `BODY_LIMIT` and the default `limits.redirects`.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3.response

from tests.servers import behaviours
from tests.servers.behaviours import always, chunked, floods, redirects, response, sends_late, sends_then
from tests.servers.raw import Behaviour

#: The outcome of a URL that becomes a page.
DONE = "done"
#: The `limits.body` with which the table holds.
BODY_LIMIT = 1_000_000
HEALTHY = b"<!DOCTYPE html><title>Healthy</title><h1>A healthy page</h1>"

#: brotlicffi or brotli, whichever urllib3 took; None without.
BROTLI: Any = urllib3.response.brotli

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
_FLOOD = b"<p>" + b"x" * 16_000


@dataclass(frozen=True, slots=True)
class Mishap:
    """One row. `outcome` is `DONE`, the reason of the failure, or `refused:` and the reason of that."""

    name: str
    behaviour: Behaviour
    outcome: str
    #: A body that was received in full, where the page is done.
    body: bytes | None = None

    @property
    def waits(self) -> bool:
        """Whether it takes all the time that a request has."""
        return self.outcome == "timeout"


def server_of(mishaps: tuple[Mishap, ...] | None = None) -> Behaviour:
    """Does what the path names; any other path is a healthy page."""
    table = {mishap.name: mishap.behaviour for mishap in mishaps or all_mishaps()}
    return behaviours.routes(table, always(response(HEALTHY)))


@cache
def all_mishaps() -> tuple[Mishap, ...]:
    """Every row."""
    rows = (*_ENDINGS, *_CHUNKS, *_HEADS, *_PROTOCOLS, *_BODIES, *_LENGTHS, *_REDIRECTS, *_CHARSETS, *_packed())
    assert len({row.name for row in rows}) == len(rows)
    return rows


_ENDINGS = (
    Mishap("reset-before-head", behaviours.reset_before_headers(), "reset"),
    Mishap("reset-in-head", behaviours.reset_in_headers(), "reset"),
    Mishap("reset-after-head", sends_then(_OK + b"Content-Length: 100\r\n\r\n", "reset"), "reset"),
    Mishap("reset-in-body", behaviours.reset_in_body(), "reset"),
    Mishap("closed-before-head", sends_then(b"", "close"), "reset"),
    Mishap("closed-in-head", behaviours.headers_cut_short(), "reset"),
    Mishap("closed-after-head", sends_then(_OK + b"Content-Length: 100\r\n\r\n", "close"), "truncated"),
    Mishap("closed-in-body", behaviours.body_cut_short(), "truncated"),
    Mishap("never-answers", behaviours.hangs(), "timeout"),
    Mishap("silent-after-head", sends_then(_OK + b"Content-Length: 100\r\n\r\n", "hang"), "timeout"),
)

_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"

_CHUNKS = (
    Mishap(
        "chunks-with-extension-and-trailer",
        always(_CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        DONE,
        b"hello",
    ),
    Mishap("chunk-without-size", always(_CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"), "bad-http"),
    Mishap("chunk-of-negative-size", floods(_CHUNKED + b"-1\r\n", _FLOOD), "bad-http"),
    Mishap("chunk-size-as-python-reads-it", always(_CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"), "bad-http"),
    Mishap("chunk-of-endless-size", always(_CHUNKED + b"F" * 40 + b"\r\nhello"), "bad-http"),
    Mishap("chunk-of-huge-size", floods(_CHUNKED + b"F" * 12 + b"\r\n", _FLOOD), "body-too-large"),
    Mishap("chunk-longer-than-its-data", sends_then(_CHUNKED + b"50\r\nhello", "close"), "truncated"),
    Mishap("chunk-shorter-than-its-data", always(_CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n"), "bad-http"),
    Mishap("chunks-without-end", sends_then(_CHUNKED + b"5\r\nhello\r\n", "close"), "truncated"),
    Mishap("chunk-size-line-without-end", floods(_CHUNKED + b"5;", b"x" * 1_000), "bad-http"),
    Mishap("endless-chunks", floods(_CHUNKED, b"%x\r\n%s\r\n" % (len(_FLOOD), _FLOOD)), "body-too-large"),
    Mishap("endless-trailers", floods(chunked(b"hello", end=b"0\r\n"), b"X-T: 1\r\n", interval=0.01), "timeout"),
    Mishap("chunks-dripped", floods(_CHUNKED, b"1\r\nx\r\n", interval=0.05), "timeout"),
    Mishap("coding-unasked-for", always(_OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "bad-http"),
    Mishap("coding-unknown", always(_OK + b"Transfer-Encoding: rot13\r\n\r\nhello"), "bad-http"),
)

_LONG_TYPE = b'Content-Type: multipart/mixed;"' + b";" * 60_000 + b"\r\n"

_HEADS = (
    Mishap("endless-headers", behaviours.endless_headers(), "bad-http"),
    Mishap("endless-headers-slow", behaviours.endless_headers(interval=0.05), "timeout"),
    Mishap("head-dripped", behaviours.drips(interval=0.05, head_first=False), "timeout"),
    Mishap("header-line-of-10-mb", always(_OK + b"X: " + b"x" * 10_000_000 + b"\r\n\r\n"), "bad-http"),
    Mishap("head-of-10-mb", always(_OK + (b"X: " + b"x" * 60_000 + b"\r\n") * 170 + b"\r\n"), "bad-http"),
    Mishap("100000-headers", always(_OK + b"X: y\r\n" * 100_000 + b"\r\n"), "bad-http"),
    Mishap("content-type-of-60-kb", always(b"HTTP/1.1 200 OK\r\n" + _LONG_TYPE + b"\r\n"), "bad-http"),
    Mishap(
        "content-type-folded",
        always(
            b'HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed;"\r\n' + (b" " + b";" * 4_000 + b"\r\n") * 90 + b"\r\n"
        ),
        "bad-http",
    ),
    Mishap("keep-alive-of-60-kb", always(response(headers=(("Keep-Alive", "a" * 60_000),))), DONE),
    Mishap(
        "head-with-lines-that-are-no-fields",
        always(_OK + b"nonsense\r\n: x\r\n y\r\nContent-Length : 5\r\n\r\nhello"),
        DONE,
        b"hello",
    ),
    Mishap(
        "head-with-bare-cr",
        always(_OK + b"X: a\rContent-Length: 900\r\nContent-Length: 5\r\n\r\nhello"),
        DONE,
        b"hello",
    ),
    Mishap("head-with-nul", always(_OK + b"X: \0\0\r\nContent-Length: 5\r\n\r\nhello"), DONE, b"hello"),
    Mishap(
        "retry-after-of-60-kb",
        always(response(status="404 Not Found", headers=(("Retry-After", "1" * 60_000),))),
        "http-404",
    ),
)

_PROTOCOLS = (
    Mishap("http-1-0", behaviours.http_1_0(HEALTHY), DONE, HEALTHY),
    Mishap("http-0-9", sends_then(b"<html><h1>No head at all</h1></html>", "close"), "bad-http"),
    Mishap("http-2-spoken", always(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), "bad-http"),
    Mishap("garbage", sends_then(bytes(range(256)) * 4 + b"\r\n\r\n", "close"), "bad-http"),
    Mishap("garbage-in-one-line-of-60-kb", sends_then(b"a" * 60_000 + b"\r\n\r\n", "close"), "bad-http"),
    Mishap("garbage-without-end", floods(b"", b"a" * 10_000), "bad-http"),
    Mishap("ssh-banner", sends_then(b"SSH-2.0-OpenSSH_9.2\r\n", "hang"), "bad-http"),
    Mishap("status-without-reason", always(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), DONE, b""),
    Mishap("status-of-four-digits", always(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"), "bad-http"),
    Mishap("status-that-is-a-word", always(b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"), "bad-http"),
    Mishap(
        "early-hints-first",
        always(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(HEALTHY)),
        DONE,
        HEALTHY,
    ),
    Mishap("continue-unasked-for", always(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + response(HEALTHY)), DONE, HEALTHY),
    Mishap("continue-storm", behaviours.endless_continue(interval=0.0), "bad-http"),
    Mishap("continue-storm-slow", behaviours.endless_continue(interval=0.05), "timeout"),
    Mishap(
        "switches-protocols",
        sends_then(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "hang"),
        "bad-http",
    ),
)

_BODIES = (
    Mishap("byte-a-second", floods(_OK + b"Content-Length: 1000\r\n\r\n", b"x", interval=0.5), "timeout"),
    Mishap("body-dripped-without-length", floods(_OK + b"Connection: close\r\n\r\n", b"x", interval=0.05), "timeout"),
    Mishap("endless-body", floods(_OK + b"\r\n", _FLOOD), "body-too-large"),
    Mishap(
        "endless-body-with-length", floods(_OK + b"Content-Length: 999999999999\r\n\r\n", _FLOOD), "body-too-large"
    ),
    Mishap("endless-error-page", floods(b"HTTP/1.1 404 Not Found\r\n\r\n", _FLOOD), "body-too-large"),
    Mishap("endless-redirect-page", floods(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", _FLOOD), "body-too-large"),
    Mishap("no-content-with-body", always(response(HEALTHY, status="204 No Content")), DONE, b""),
    Mishap("no-content-with-late-body", sends_late(b"HTTP/1.1 204 No Content\r\n\r\n", HEALTHY), DONE, b""),
    Mishap("not-modified-with-body", always(response(HEALTHY, status="304 Not Modified")), "http-304"),
    Mishap("nothing", always(response(b"")), DONE, b""),
    Mishap("nothing-and-no-headers", sends_then(b"HTTP/1.1 200 OK\r\n\r\n", "close"), DONE, b""),
    Mishap(
        "one-line-of-50-mb", floods(_OK + b"Content-Length: 50000000\r\n\r\n<a>", b"x" * 50_000), "body-too-large"
    ),
)

_LENGTHS = (
    Mishap("length-too-long", sends_then(response(HEALTHY, length=500), "hang"), "timeout"),
    Mishap("length-too-short", always(response(HEALTHY, length=9)), DONE, HEALTHY[:9]),
    Mishap("length-too-short-and-late", sends_late(response(HEALTHY[:9]), HEALTHY[9:]), DONE, HEALTHY[:9]),
    Mishap("second-answer-unasked-for", always(response(HEALTHY) + response(b"<h1>Poison</h1>")), DONE, HEALTHY),
    Mishap("length-negative", always(_OK + b"Content-Length: -5\r\n\r\nhello"), "bad-http"),
    Mishap("length-in-words", always(_OK + b"Content-Length: five\r\n\r\nhello"), "bad-http"),
    Mishap("length-of-two-kinds", always(_OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\nhello"), "bad-http"),
    Mishap("length-said-twice", always(_OK + b"Content-Length: 5, 5\r\n\r\nhello"), DONE, b"hello"),
    Mishap("length-and-chunks", always(chunked(b"hello", headers=(("Content-Length", "3"),))), DONE, b"hello"),
)

_REDIRECTS = (
    Mishap("redirect-to-itself", redirects("{path}"), "redirect-loop"),
    Mishap("redirect-without-end", behaviours.redirects_on(), "too-many-redirects"),
    Mishap("redirect-to-file", redirects("file:///etc/passwd"), "bad-redirect"),
    Mishap("redirect-to-data", redirects("data:text/html,<h1>x</h1>"), "bad-redirect"),
    Mishap("redirect-to-javascript", redirects("javascript:alert(1)"), "bad-redirect"),
    Mishap("redirect-to-no-url", redirects("http://[::bad/"), "bad-redirect"),
    Mishap("redirect-to-nul-host", redirects(b"http://a\0b/"), "bad-redirect"),
    Mishap("redirect-to-nothing", redirects(""), "http-302"),
    Mishap("redirect-to-url-of-1-mb", redirects("/" + "x" * 1_000_000), "bad-http"),
    Mishap("redirect-to-url-of-50-kb", redirects("/" + "x" * 50_000), "refused:url-too-long"),
    Mishap("redirect-to-another-site", redirects("http://evil.example/"), "refused:offsite"),
    Mishap("redirect-with-control-characters", redirects(b"/ok/\0\x01\x1b[31m{path}\tz"), DONE, HEALTHY),
    Mishap("redirect-with-header-injection", redirects(b"/ok{path}?a\r\nSet-Cookie: x=y\r\nX: z"), DONE, HEALTHY),
)

_UMLAUTS = "<h1>Gr\u00f6\u00dfe</h1>".encode()


def _typed(kind: str) -> Behaviour:
    return always(response(_UMLAUTS, headers=(("Content-Type", kind),)))


_CHARSETS = (
    Mishap("charset-that-lies", _typed("text/html; charset=utf-16"), DONE, _UMLAUTS),
    Mishap("charset-unknown", _typed("text/html; charset=klingon"), DONE, _UMLAUTS),
    Mishap("charset-utf-7", _typed("text/html; charset=utf-7"), DONE, _UMLAUTS),
    Mishap("charset-without-end", _typed("text/html; charset=" + "x" * 3_000), DONE, _UMLAUTS),
)


_GZIP_HEAD = gzip.compress(b"", mtime=0)[:10]
_ZLIB_HEAD = zlib.compress(b"")[:2]


def _flat_zeros() -> bytes:
    """Return 100 MB of zeros, deflated: one megabyte a hundred times, as its full flush refers to nothing before."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    part = packer.compress(b"\0" * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return part * 100 + packer.flush()


def _packed() -> tuple[Mishap, ...]:
    """Compressed bodies: bombs of 100 MB, cut short, nested."""
    zeros = b"\0" * 100_000_000
    flat = _flat_zeros()
    bomb = _GZIP_HEAD + flat + struct.pack("<LL", zlib.crc32(zeros), len(zeros))
    deflated = _ZLIB_HEAD + flat + struct.pack(">L", zlib.adler32(zeros))
    page = gzip.compress(HEALTHY, mtime=0)
    six = HEALTHY
    for _ in range(6):
        six = gzip.compress(six, mtime=0)
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    rows = [
        Mishap("gzip", _encoded("gzip", page), DONE, HEALTHY),
        Mishap("gzip-with-rest", _encoded("gzip", page + b"\0" * 100), DONE, HEALTHY),
        Mishap("gzip-in-two-members", _encoded("gzip", page + page), DONE, HEALTHY * 2),
        Mishap("gzip-of-nothing", _encoded("gzip", b""), DONE, b""),
        Mishap("gzip-that-is-none", _encoded("gzip", HEALTHY), "bad-encoding"),
        Mishap("gzip-bomb", _encoded("gzip", bomb), "body-too-large"),
        Mishap("gzip-bomb-nested", _encoded("gzip, gzip", gzip.compress(bomb, 9)), "body-too-large"),
        Mishap("deflate-bomb", _encoded("deflate", deflated), "body-too-large"),
        Mishap("deflate-without-header", _encoded("deflate", raw.compress(HEALTHY) + raw.flush()), DONE, HEALTHY),
        Mishap("deflate-cut", _encoded("deflate", zlib.compress(HEALTHY)[:-10]), "truncated"),
        Mishap("encodings-nested", _encoded("gzip, deflate", zlib.compress(page)), DONE, HEALTHY),
        Mishap("encodings-nested-cut", _encoded("gzip, deflate", zlib.compress(page[:-20])), "truncated"),
        Mishap("encodings-nested-too-deep", _encoded(", ".join(["gzip"] * 6), six), "bad-encoding"),
        Mishap("encoding-unknown", _encoded("rot13", HEALTHY), DONE, HEALTHY),
        Mishap("gzip-cut-in-its-header", _encoded("gzip", page[:5]), "truncated"),
        *(
            Mishap(f"gzip-cut-{framing}", behaviours.truncated_gzip(framing=framing), "truncated")
            for framing in ("length", "chunked", "close")
        ),
    ]
    return (*rows, *_brotli(zeros))


def _brotli(zeros: bytes) -> tuple[Mishap, ...]:
    """Where brotli is not installed it is not asked for, and what comes all the same stays as it is."""
    if BROTLI is None:
        return (
            Mishap("brotli-unasked-for", _encoded("br", b"\x0b\x02\x80hello\x03"), DONE, b"\x0b\x02\x80hello\x03"),
        )
    page = BROTLI.compress(HEALTHY)
    return (
        Mishap("brotli", _encoded("br", page), DONE, HEALTHY),
        Mishap("brotli-bomb", _encoded("br", BROTLI.compress(zeros, quality=1)), "body-too-large"),
        Mishap("brotli-cut", _encoded("br", page[:-10]), "truncated"),
        Mishap("brotli-that-is-none", _encoded("br", HEALTHY), "bad-encoding"),
    )


def _encoded(encoding: str, body: bytes) -> Behaviour:
    return always(response(body, headers=(("Content-Type", "text/html"), ("Content-Encoding", encoding))))
