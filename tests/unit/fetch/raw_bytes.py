"""Bytes of a server, given to the transport without a socket."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.raw_response import RawResponse
from scraper.fetch.transport.response_head import Head, framing_of, read_head
from scraper.fetch.transport.stream import Stream
from scraper.stats import Reason


class Bytes:
    """A stream that gives these pieces, then its end, or raises what stands for it."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = [piece for piece in pieces if piece != b""]
        self.recorder: Any = None

    def receive(self, seconds: float, *, at_once: bool = True) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        if self.recorder is not None:
            self.recorder.received += piece
        return piece


def stream_of(*pieces: bytes | Exception) -> Stream:
    return cast(Stream, Bytes(*pieces))


def cut_everywhere(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def in_two(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    return ((data[:place], data[place:]) for place in range(len(data) + 1))


class Begins:
    """Counts how often an answer began."""

    count = 0

    def first_byte(self) -> None:
        self.count += 1


def head_of(*pieces: bytes | Exception, stream: Stream | None = None) -> Head:
    return read_head(stream or stream_of(*pieces), 1.0, Begins())


class Given(list["Reason | None"]):
    """How connections were given back."""


def raw_of(*pieces: bytes | Exception, most: int | None = None, method: str = "GET") -> Any:
    """The response of these bytes, with `.given`: how its connection was given back."""
    stream = stream_of(*pieces)
    head = head_of(stream=stream)
    given = Given()
    reader = BodyReader(stream, framing_of(head, method), head.rest, 1.0)
    raw: Any = RawResponse(head, reader, method, "http://a.example/", given.append, most)
    return SimpleNamespace(raw=raw, given=given, stream=stream)
