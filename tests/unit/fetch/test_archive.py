"""Exchanges as WARC records, by warcio; the archive's file against a store of our own."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from scraper.config import Loaded, load
from scraper.errors import BodyTooLarge, ConfigError, DeadlineExceeded, ExportError, FetchError
from scraper.exports.base import Position
from scraper.exports.warc import ArchiveFile, open_archive
from scraper.fetch.archive import RecordMaker
from scraper.fetch.transport.recorder import RecordedFile, WireRecorder

SETTINGS: dict[str, Any] = {"name": "shop", "spider": "a:B", "start_urls": ["http://a.example/"]}


def recorder(
    sent: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", received: bytes = b"HTTP/1.1 200 OK\r\n\r\nx"
) -> WireRecorder:
    made = WireRecorder()
    made.url, made.sent, made.received = "http://a.example/", bytearray(sent), bytearray(received)
    return made


def loaded(**keys: Any) -> Loaded:
    return load({**SETTINGS, **keys})


def read(data: bytes) -> list[tuple[str, dict[str, str], bytes]]:
    records = ArchiveIterator(io.BytesIO(data), no_record_parse=True)
    return [(r.rec_type, dict(r.rec_headers.headers), r.raw_stream.read()) for r in records]


def test_a_pair_names_each_other() -> None:
    (asked, request, _), (answered, response, block) = read(RecordMaker(loaded().config).records([recorder()]))
    assert (asked, answered, block) == ("request", "response", b"HTTP/1.1 200 OK\r\n\r\nx")
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert response["WARC-Concurrent-To"] == request["WARC-Record-ID"]
    assert response["Content-Type"] == "application/http; msgtype=response"
    assert "WARC-IP-Address" not in response


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"<html>\r\n\r\n", b"\r\n\r\n"])
def test_nothing_is_kept_of_what_is_no_answer(received: bytes) -> None:
    assert RecordMaker(loaded().config).records([recorder(received=received)]) == b""


def test_secrets_of_requests_are_masked_and_their_bodies_are_not_read_for_headers() -> None:
    sessions = {
        "session": {"secret_headers": ["X-Mine"]},
        "origins": {"http://a.example": {"headers": {"X-Key": "k"}}},
    }
    names = (b"authorization", b"COOKIE", b"Proxy-Authorization", b"x-mine", b"X-KEY", b"X-Api-Key", b"X-Auth-Token")
    head = b"POST / HTTP/1.1\r\n" + b"".join(name + b": s3cr3t\r\n" for name in names) + b"Accept: a\r\n\r\n"
    made = RecordMaker(loaded(**sessions).config).records([recorder(head + b"Cookie: kept")])
    block = read(made)[0][2]
    assert block.count(b": ***\r\n") == len(names)
    assert b"s3cr3t" not in block
    assert block.endswith(b"Accept: a\r\n\r\nCookie: kept")


@pytest.mark.parametrize(
    ("error", "cut"),
    [
        (None, ""),
        (BodyTooLarge("x"), "length"),
        (DeadlineExceeded("x"), "time"),
        (FetchError("x", reason="timeout"), "time"),
        (FetchError("x", reason="truncated"), "disconnect"),
        (FetchError("x", reason="bad-encoding"), "unspecified"),
    ],
)
def test_an_answer_that_was_cut_says_why(error: FetchError | None, cut: str) -> None:
    made = recorder()
    made.end(error)
    assert read(RecordMaker(loaded().config).records([made]))[1][1].get("WARC-Truncated", "") == cut


def test_a_recorded_file_keeps_what_is_read_by_whatever_method_and_not_what_is_looked_at() -> None:
    made = WireRecorder()
    file = RecordedFile(io.BufferedReader(io.BytesIO(b"interim\nline\nabcdefghij")), made)
    file.readline()
    file.forget()
    buffer = bytearray(2)
    assert (file.peek(1)[:1], file.readline(), file.read(3), file.readinto(buffer)) == (b"l", b"line\n", b"abc", 2)
    assert bytes(made.received) == b"line\nabcde"
    assert file.read1(100) == b"fghij"
    assert bytes(made.received) == b"line\nabcdefghij"


class Spool:
    """A store that holds rows and a position, and may die between a write and its note."""

    def __init__(self) -> None:
        self.rows: dict[int, bytes] = {}
        self.saved: Position | None = None
        self.dies = False

    def spooled(self, run: int, most_bytes: int) -> list[tuple[int, bytes]]:
        return list(self.rows.items())[:2]

    def unspool(self, run: int, name: str, position: Position, numbers: Collection[int]) -> None:
        if self.dies:
            raise KeyboardInterrupt
        self.saved = position
        for number in numbers:
            del self.rows[number]

    def export_position(self, run: int, name: str) -> Position | None:
        return self.saved


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "a.warc.gz"

    @pytest.fixture
    def spool(self) -> Spool:
        made = Spool()
        made.rows = {number: self.record(number) for number in range(5)}
        return made

    def record(self, number: int) -> bytes:
        return RecordMaker(loaded().config).records([recorder(received=b"HTTP/1.1 200 OK\r\n\r\n%d" % number)])

    def file(self, spool: Spool, path: Path) -> ArchiveFile:
        return ArchiveFile(spool, 1, loaded(), path)

    def bodies(self, path: Path) -> list[bytes]:
        return [block[-1:] for kind, _, block in read(path.read_bytes()) if kind == "response"]

    def test_what_was_written_and_not_noted_is_written_once(self, spool: Spool, path: Path) -> None:
        self.file(spool, path).follow()
        spool.rows = {9: self.record(9)}
        spool.dies = True
        with pytest.raises(KeyboardInterrupt):
            self.file(spool, path).follow()
        spool.dies = False
        assert self.file(spool, path).finish(complete=True) == str(path)
        assert self.bodies(path) == [b"0", b"1", b"2", b"3", b"4", b"9"]
        assert spool.rows == {}

    def test_a_kill_after_it_took_its_name_and_before_that_was_noted(self, spool: Spool, path: Path) -> None:
        self.file(spool, path).finish(complete=True)
        before = path.read_bytes()
        self.file(spool, path).finish(complete=True)
        assert path.read_bytes() == before

    def test_an_earlier_archive_of_the_same_length_stays_until_another_is_complete(
        self, spool: Spool, path: Path
    ) -> None:
        self.file(spool, path).follow()
        part = path.with_name("a.warc.gz.part")
        path.write_bytes(b"e" * part.stat().st_size)
        part.unlink()
        spool.rows = {7: self.record(7)}
        self.file(spool, path).follow()
        assert path.read_bytes().startswith(b"eee")
        assert self.bodies(part) == [b"7"]

    def test_a_part_that_was_changed_is_refused(self, spool: Spool, path: Path) -> None:
        self.file(spool, path).follow()
        path.with_name("a.warc.gz.part").write_bytes(b"mine")
        with pytest.raises(ExportError, match="not what was written"):
            self.file(spool, path).follow()
        assert path.with_name("a.warc.gz.part").read_bytes() == b"mine"


def test_the_path_names_crawl_and_run(tmp_path: Path) -> None:
    archive = open_archive(Spool(), 7, loaded(archive=str(tmp_path / "{name}-{run}.warc.gz")))
    assert archive is not None
    assert archive.finish(complete=True) == str(tmp_path / "shop-7.warc.gz")
    assert open_archive(Spool(), 7, loaded()) is None


@pytest.mark.parametrize("value", ["out/a.warc", "out/a.gz", "s3://b/a.warc.gz", "out/.warc.gz", "{date}.warc.gz", 3])
def test_another_path_is_refused_with_a_remedy(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"archive: expected"):
        loaded(archive=value)
