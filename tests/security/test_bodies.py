"""A body costs no more than its limit says: neither the time of others, nor memory, nor the line."""

from __future__ import annotations

import gzip
import socket
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from backports import zstd
from urllib3.exceptions import DecodeError, ProtocolError

from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.event_loop import GreenletLoop
from scraper.fetch.transport.stream import Stream
from scraper.spider import Spider
from tests.crawl.crawling import crawl, reasons_of_failures
from tests.unit.fetch.raw_bytes import raw_of

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class NeverEmpty:
    """A socket on which there is always something."""

    def recv(self, most: int) -> bytes:
        return b"x" * 100


def test_a_server_that_never_pauses_leaves_the_others_their_turns() -> None:
    """What is always ready to be read never waits, and a loop continues others only then."""
    loop, stream = GreenletLoop(), Stream(cast(socket.socket, NeverEmpty()))
    stream.deadline = Deadline(3.0)
    turns = [0]

    def greedy() -> None:
        while turns[0] < 5:
            stream.receive(3.0)

    def neighbour() -> None:
        for _ in range(5):
            loop.pause(0.0)
            turns[0] += 1

    loop.start(neighbour)
    loop.start(greedy)
    while loop.running:
        loop.continue_all(loop.wait_for_any(0.1))
    loop.close()
    assert turns == [5]


@pytest.mark.parametrize(
    ("chunk", "is_read"),
    [
        (b"1;" + b"a" * 30_000 + b"\r\nx\r\n", False),
        (b"1\r\nx\r\n", False),
        (b"000000000000001\r\nx\r\n", False),
        (b"40\r\n" + b"x" * 64 + b"\r\n", True),
    ],
    ids=["extensions", "bytes", "zeros", "small chunks"],
)
def test_lines_between_chunks_are_no_way_round_the_limit_of_a_body(chunk: bytes, is_read: bool) -> None:
    raw = raw_of(CHUNKED, *[chunk * (60_000 // len(chunk) + 1)] * 60, b"0\r\n\r\n", most=10_000_000).raw
    if is_read:
        assert len(raw.read(decode_content=True)) > 3_000_000
    else:
        with pytest.raises(ProtocolError, match="sizes and extensions are larger than the body"):
            raw.read(decode_content=True)


def test_a_small_body_of_chunks_of_one_byte_is_read_however_they_come() -> None:
    data = CHUNKED + b"1;a=b\r\nx\r\n" * 3_000 + b"0\r\nTrailer: y\r\n\r\n"
    for step in (1, 7, 64, 1_000, len(data)):
        raw = raw_of(*(data[place : place + step] for place in range(0, len(data), step))).raw
        assert raw.read(decode_content=True) == b"x" * 3_000
        assert raw.tell() == 3_000


def test_chunks_of_two_bytes_take_no_objects_of_their_own() -> None:
    blob = b"8\r\nabcdefgh\r\n" * 2_500
    raw = raw_of(CHUNKED, *[blob] * 20, b"0\r\n\r\n").raw
    tracemalloc.start()
    size = len(raw.read_whole(10_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 400_000
    assert peak < 4 * size


def deflated(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


#: What is read, byte for byte, and makes nothing: blocks of deflate that hold nothing, frames to skip.
NOTHING = {
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * 1_000_000,
    "deflate": b"\x78\x9c" + b"\0\0\0\xff\xff" * 1_000_000,
    "zstd": (b"\x50\x2a\x4d\x18\0\0\x01\0" + b"\0" * 0x10000) * 60,
}


@pytest.mark.parametrize("coding", NOTHING)
def test_a_coding_of_which_nothing_comes_ends_before_its_limit(coding: str) -> None:
    data = NOTHING[coding]
    pieces = [data[place : place + 65_536] for place in range(0, len(data), 65_536)]
    response = raw_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode(), *pieces, most=10_000_000)
    with pytest.raises(DecodeError, match="next to nothing comes of"):
        response.raw.read(decode_content=True)
    assert response.raw.tell() < 1_200_000


@pytest.mark.parametrize(
    ("coding", "member"),
    [("gzip", deflated(b"")), ("gzip", deflated(b"x")), ("zstd", zstd.compress(b"")), ("zstd", zstd.compress(b"x"))],
)
def test_members_that_are_next_to_empty_are_counted(coding: str, member: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode()
    with pytest.raises(DecodeError, match="members that are next to empty"):
        raw_of(head, *[member * 2_000] * 3, most=10_000_000).raw.read(decode_content=True)
    assert raw_of(head, member * 900, most=10_000_000).raw.read(decode_content=True) in (b"", b"x" * 900)


def test_a_body_of_many_members_that_hold_something_is_read() -> None:
    member = deflated(b"0123456789abcdef" * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    assert len(raw_of(head, *[member] * 4_000).raw.read(decode_content=True)) == 4_000 * 1_600


def test_codings_within_codings_make_no_work_that_no_limit_sees() -> None:
    """A byte for each three megabytes between two codings, and blanks of these between the next two."""
    packing = zlib.compressobj(9, wbits=31)
    block = b"\0\0\0\xff\xff" * 600_000 + b"\0\x01\0\xfe\xff\0"
    begin = packing.compress(NOTHING["gzip"][:10]) + packing.flush(zlib.Z_FULL_FLUSH)
    packed = packing.compress(block) + packing.flush(zlib.Z_FULL_FLUSH)
    for blocks in (10, 100):
        data = deflated(begin + packed * blocks)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\n"
        with pytest.raises(DecodeError, match="next to nothing comes of"):
            raw_of(head, data, most=10_000_000).raw.read(decode_content=True)


class Each(Spider):
    """Yields an item a page."""

    def parse(self, response: Any) -> Any:
        yield {"url": response.url}


class WithFiles(Spider):
    """Yields what its page calls files."""

    def parse(self, response: Any) -> Any:
        yield {"file": [f"/{number}.bin" for number in range(6)]}


def endless(connection: Any, request: bytes, *_: int) -> None:
    if request.startswith(b"GET / "):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>")
        return
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000000\r\n\r\n")
    for _ in range(900):
        connection.send(b"x" * 10_000)


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("at_once", [1, 6])
def test_what_is_under_way_when_a_domain_has_had_its_bytes_is_cut(
    files: bool, at_once: int, raw_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = raw_server(endless)
    run = crawl(
        WithFiles if files else Each,
        *([f"{server.url}/"] if files else [f"{server.url}/{number}" for number in range(6)]),
        limits={"per_domain": {"bytes": "500kB"}},
        politeness={"concurrency": at_once},
        pipelines=[{"use": "scraper.pipes:Files", "field": "file"}] if files else [],
        exports=["x.jsonl"],
    )
    # Of each transfer no more than the piece that was being read then.
    assert 500_000 <= run.stats["domains"]["127.0.0.1"]["bytes"] <= 500_000 + at_once * 65_536
    assert reasons_of_failures(run) == {}
    if files:
        assert {each["reason"] for item in run.items for each in item["files"]} == {"byte-limit"}
    else:
        assert run.stats["refusals"] == {"byte-limit": 6}


@pytest.mark.parametrize("at_once", [1, 6])
def test_what_is_under_way_when_a_run_has_had_its_bytes_is_cut(at_once: int, raw_server: Callable[..., Any]) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address")
    servers = [raw_server(endless, host=f"127.0.0.{number}") for number in range(1, 9)]
    run = crawl(
        Each,
        *(f"{server.url}/{number}" for server in servers for number in range(6)),
        limits={"bytes": "500kB"},
        politeness={"concurrency": at_once},
    )
    assert (run.result, run.why) == ("limit", "limits.bytes: 500kB are reached")
    assert 500_000 <= sum(each["bytes"] for each in run.stats["domains"].values()) <= 500_000 + 8 * at_once * 65_536
    # They are neither done nor failed.
    assert (run.stats["pages"], run.stats["failed"], run.stats["refused"]) == (0, 0, 0)


def slow(connection: Any, *_: Any) -> None:
    """Send 400 kB a second."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000000\r\n\r\n")
    for _ in range(450):
        connection.send(b"x" * 20_000)
        time.sleep(0.05)


def test_what_other_processes_have_under_way_is_cut_half_a_second_later(
    raw_server: Callable[..., Any], tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address")
    servers = [raw_server(slow, host=f"127.0.0.{number}") for number in range(1, 5)]
    run = crawl(
        Each,
        *(f"{server.url}/{number}" for server in servers for number in range(4)),
        limits={"bytes": "4MB"},
        politeness={"concurrency": 4},
        engine={"processes": 2},
        store=str(tmp_path / "x.db"),
    )
    had = {name: each["bytes"] for name, each in run.stats["domains"].items()}
    assert (run.result, len(had)) == ("limit", 4)
    # Of 6.4 MB a second; they would have gone on for ten.
    assert 4_000_000 <= sum(had.values()) <= 12_000_000
    assert (run.stats["pages"], run.stats["failed"], run.stats["refused"]) == (0, 0, 0)


FLOODS = {
    "chunks of a byte": (b"", b"1\r\na\r\n" * 10_000),
    "extensions": (b"", b"1;" + b"a" * 60_000 + b"\r\na\r\n"),
    "empty members": (b"Content-Encoding: gzip\r\n", b"f000\r\n" + deflated(b"") * 3_072 + b"\r\n"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_one_site_holds_up_no_page_of_another(
    kind: str, raw_server: Callable[..., Any], page_server: Callable[..., Any]
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address")
    fields, blob = FLOODS[kind]
    assert len(deflated(b"")) * 3_072 == 0xF000

    def flood(connection: Any, request: bytes, *_: int) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + fields + b"\r\n")
        while True:
            connection.send(blob)

    healthy = page_server({f"/{number}": "<p>" for number in range(50)})
    floods = [raw_server(flood, host=f"127.0.0.{number}") for number in (2, 3)]
    run = crawl(
        Each,
        *(f"{server.url}/{number}" for server in floods for number in range(3)),
        *(f"{healthy.url}/{number}" for number in range(50)),
        session={"timeout": {"total": "30s"}},
        retry={"attempts": 1},
        limits={"body": "5MB"},
    )
    assert run.stats["pages"] == 50
    reasons = set(reasons_of_failures(run).values())
    # They were refused for what they are, and not because the time was up.
    assert reasons <= {"bad-http", "bad-encoding"}
