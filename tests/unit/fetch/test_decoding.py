"""Content codings: undone however the bytes are cut, never more at once than asked for, never half a success."""

from __future__ import annotations

import gzip
import itertools
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import DecodeError

from scraper.errors import BodyTooLarge
from scraper.fetch.transport.decoding import Decoder, decoder_of
from tests.unit.fetch.raw_bytes import raw_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PAGE = b"".join(b"<p>%d</p>" % number for number in range(40))
GARBAGE = b"\n<!-- served in 3 ms -->"


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


CODE: dict[str, Any] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
CODINGS = [*CODE, "gzip, br", "zstd, gzip", "deflate, zstd, br", "gzip, gzip, gzip, gzip, gzip"]


def made(coding: str) -> Decoder:
    decoder = decoder_of(coding.split(", "))
    assert decoder is not None
    return decoder


def coded(data: bytes, coding: str) -> bytes:
    for name in coding.split(", "):
        data = CODE[name](data)
    return data


def decoded(decoder: Decoder, pieces: Any, most: int = 1000) -> bytes:
    """As a reader does: what there is first, then more."""
    out = bytearray()
    for piece in pieces:
        out += rest(decoder, most)
        out += decoder.decode(piece, most)
    return bytes(out + rest(decoder, most))


def rest(decoder: Decoder, most: int) -> bytes:
    return b"".join(iter(lambda: decoder.decode(b"", most), b""))


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return (data[start:end] for start, end in itertools.pairwise([0, *ends, len(data)]))


@pytest.mark.parametrize("coding", [*CODINGS, "raw"])
@given(data=st.binary(max_size=5000), places=st.lists(st.integers(0, 6000), max_size=8), most=st.integers(1, 6000))
def test_however_it_is_cut(coding: str, data: bytes, places: list[int], most: int):
    body, coding = (raw_deflate(data), "deflate") if coding == "raw" else (coded(data, coding), coding)
    decoder = made(coding)
    assert decoded(decoder, cut(body, places), most) == data
    assert decoder.is_whole


@pytest.mark.parametrize("coding", [*CODINGS, "raw"])
def test_byte_by_byte_and_truncated_at_each(coding: str):
    body, coding = (raw_deflate(PAGE), "deflate") if coding == "raw" else (coded(PAGE, coding), coding)
    assert decoded(made(coding), (body[place : place + 1] for place in range(len(body)))) == PAGE
    for end in range(1, len(body)):
        decoder = made(coding)
        assert PAGE.startswith(decoded(decoder, [body[:end]]))
        assert not decoder.is_whole, f"cut at {end} of {len(body)}"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_several_members(coding: str):
    parts = [coded(part, coding) for part in (b"one ", b"", b"two ", PAGE)]
    body = b"".join(parts)
    for places in ([], [len(parts[0])], [len(parts[0]) + 1], list(range(len(body)))):
        decoder = made(coding)
        assert decoded(decoder, cut(body, places)) == b"one two " + PAGE
        assert decoder.is_whole
    decoder = made(coding)
    assert decoded(decoder, [body[:-3]]) != b"one two " + PAGE or not decoder.is_whole
    assert not decoder.is_whole


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "raw"])
@pytest.mark.parametrize("behind", [GARBAGE, b"\0" * 512, b"x"])
def test_what_lies_behind_the_end_is_left_out(coding: str, behind: bytes):
    body, coding = (raw_deflate(PAGE), "deflate") if coding == "raw" else (coded(PAGE, coding), coding)
    for places in ([], [len(body)], [len(body) + 1]):
        decoder = made(coding)
        assert decoded(decoder, cut(body + behind, places)) == PAGE
        assert decoder.is_whole
        assert decoder.decode(b"more", 10) == b""


def test_a_skippable_frame_of_zstd():
    body = zstd.compress(b"one ") + b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd.compress(b"two")
    for places in ([], list(range(len(body)))):
        assert decoded(made("zstd"), cut(body, places)) == b"one two"


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_of_another_coding(coding: str):
    with pytest.raises(DecodeError):
        decoded(made(coding), [b"<html>this is no coded body at all, but " + PAGE])


@pytest.mark.parametrize("coding", CODINGS)
def test_nothing_at_all_is_whole(coding: str):
    decoder = made(coding)
    assert (decoded(decoder, [b""]), decoder.is_whole) == (b"", True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "zstd, br"])
def test_a_bomb_costs_bounded_memory(coding: str):
    """A GB of zeros, of which 10 MB are read."""
    body = bomb(coding)
    decoder = made(coding)
    tracemalloc.start()
    try:
        read = len(decoder.decode(body, 64 * 1024))
        while read <= 10_000_000:
            read += len(decoder.decode(b"", 64 * 1024))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000 + 2 * len(body)
    assert not decoder.is_whole


def bomb(coding: str) -> bytes:
    first, *others = coding.split(", ")
    zeros = b"\0" * 1_000_000
    if first == "br":
        maker: Any = brotli.Compressor(quality=1)
        body = b"".join(maker.process(zeros) for _ in range(1000)) + maker.finish()
    elif first == "zstd":
        made = zstd.ZstdCompressor()
        body = b"".join(made.compress(zeros) for _ in range(1000)) + made.flush()
    else:
        wbits = 31 if first == "gzip" else 15
        deflating = zlib.compressobj(9, wbits=wbits)
        # After a full flush the same comes again; the checksum at the end is never reached.
        first_of, *blocks = [deflating.compress(zeros) + deflating.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
        body = first_of + blocks[0] * 999
    return coded(body, ", ".join(others)) if others else body


def test_a_coding_of_which_nothing_comes_is_refused():
    """Each of the empty members takes its time."""
    with pytest.raises(DecodeError, match="members that are next to empty"):
        decoded(made("gzip, gzip"), [gzip.compress(gzip.compress(b"") * 1_000_000)])


def test_which_codings_are_undone():
    assert decoder_of([]) is decoder_of(["identity"]) is decoder_of(["", "identity"]) is None
    assert decoder_of(["aes128gcm"]) is decoder_of(["gzip", "compress"]) is None
    assert decoder_of(["identity", "gzip"]) is not None
    with pytest.raises(DecodeError, match="more than 5"):
        decoder_of(["gzip"] * 6)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "zstd, br"])
def test_a_bomb_is_read_up_to_the_limit(coding: str):
    body = bomb(coding)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(body))
    made = raw_of(head, *(body[start : start + 65_536] for start in range(0, len(body), 65_536)))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            made.raw.read_whole(10_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25_000_000
