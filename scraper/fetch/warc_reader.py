"""Read the answers of an archive that a crawl wrote: by request, each from its place in the file."""

from __future__ import annotations

import contextlib
import http.client
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
import urllib3

from scraper.errors import BadRequest
from scraper.fetch.keeping import head_of
from scraper.request import Request

if TYPE_CHECKING:
    from scraper.response.rendering import Rendering

_CHUNK = 256 * 1024
_GZIP = 31
#: Answers of which not all came, for reasons that say nothing of the page.
_CUT = frozenset({"time", "disconnect", "unspecified"})


class Archived(NamedTuple):
    """An answer out of an archive."""

    head: str
    body: bytes
    fetched_at: float
    #: What a browser made of it; None where none did.
    rendering: Rendering | None = None


class ArchiveIndex:
    """Where the newest answer to each request lies.

    Args:
        paths: the archives, the newest first. They are read once, when it is first asked.
        fingerprint_of: by which requests are known.
    """

    def __init__(self, paths: list[Path], fingerprint_of: Callable[[Request], bytes]) -> None:
        self._paths = paths
        self._fingerprint_of = fingerprint_of
        self._places: dict[bytes, tuple[Path, int]] | None = None
        #: Of pages that a browser has drawn, where that lies.
        self._drawn: dict[bytes, tuple[Path, int]] = {}

    def find(self, fingerprint: bytes) -> Archived | None:
        """Return the newest whole answer to a request, or None if it is missing or cannot be read."""
        if self._places is None:
            self._places = {}
            for path in self._paths:
                self._places = {**dict(self._answers(path)), **self._places}
        place = self._places.get(fingerprint)
        if place is None:
            return None
        answer = _answer_in(_record_at(*place))
        drawn = self._drawn.get(fingerprint)
        if answer is None or drawn is None or drawn[0] != place[0]:
            return answer
        return answer._replace(rendering=_rendering_at(*drawn))

    def _answers(self, path: Path) -> Iterator[tuple[bytes, tuple[Path, int]]]:
        asked: bytes | None = None
        drawn: dict[bytes, tuple[Path, int]] = {}
        with path.open("rb") as file:
            for offset, record in _members(file):
                about, block = _parts_of(record)
                kind = about.get("warc-type")
                if kind == "request":
                    asked = self._request_in(about, block)
                elif kind == "response" and asked is not None:
                    is_whole = about.get("warc-truncated") not in _CUT
                    if is_whole and block.split(b" ", 2)[1:2] != [b"304"]:
                        yield asked, (path, offset)
                    asked = None
                elif kind == "conversion" and (page := self._request_in(about, b"GET ")) is not None:
                    drawn[page] = path, offset
        self._drawn = {**drawn, **self._drawn}

    def _request_in(self, about: dict[str, str], block: bytes) -> bytes | None:
        method = block.partition(b" ")[0].decode("latin-1")
        body = block.partition(b"\r\n\r\n")[2]
        try:
            return self._fingerprint_of(Request(about.get("warc-target-uri", ""), method=method, data=body or None))
        except BadRequest:
            return None


def _record_at(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return next((data for _, data in _members(file)), b"")


def _rendering_at(path: Path, offset: int) -> Rendering:
    """Return what a browser made of a page: the tree, and what stands behind it in records that name it."""
    from scraper.response.rendering import Rendering

    with path.open("rb") as file:
        file.seek(offset)
        records = (_parts_of(data) for _, data in _members(file))
        about, block = next(records)
        rendering, number = Rendering(block.decode("utf-8", "replace")), about.get("warc-record-id")
        for other, data in records:
            if other.get("warc-concurrent-to") != number:
                break
            if other.get("content-type") == "image/png":
                rendering = rendering._replace(screenshot=data)
                continue
            with contextlib.suppress(ValueError):  # what was starred out of a number is no JSON any more
                rendering = Rendering.from_bytes(data)._replace(text=rendering.text)
    return rendering


def _members(file: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a file, each a gzip member, with its place; a last one that was cut off is left out."""
    offset, rest = file.tell(), b""
    while rest or (rest := file.read(_CHUNK)):
        unpacker = zlib.decompressobj(_GZIP)
        size, parts = 0, []
        try:
            while not unpacker.eof:
                if not rest and not (rest := file.read(_CHUNK)):
                    return
                parts.append(unpacker.decompress(rest))
                size += len(rest) - len(unpacker.unused_data)
                rest = unpacker.unused_data
        except zlib.error:
            return
        yield offset, b"".join(parts)
        offset += size


def _parts_of(record: bytes) -> tuple[dict[str, str], bytes]:
    head, _, rest = record.partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n")[1:])
    about = {name.strip().lower(): value.strip() for name, _, value in lines}
    return about, rest[: int(about.get("content-length", 0))]


class _Bytes:
    """What http.client takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def _answer_in(record: bytes) -> Archived | None:
    about, block = _parts_of(record)
    try:
        answer = http.client.HTTPResponse(_Bytes(block))  # type: ignore[arg-type]
        answer.begin()
        raw = answer.read()
        headers = urllib3.HTTPHeaderDict(answer.getheaders())
        body = urllib3.HTTPResponse(io.BytesIO(raw), headers, answer.status, preload_content=False).read()
        when = datetime.fromisoformat(about["warc-date"]).timestamp()
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, requests.RequestException, ValueError, KeyError):
        return None
    return Archived(head_of(answer.status, headers), body, when)
