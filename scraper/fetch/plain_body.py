"""A recorded response with its body as it is meant: chunks put together, codings undone, secrets starred out."""

from __future__ import annotations

import contextlib
import http.client
from typing import cast

from urllib3.exceptions import HTTPError

from scraper.errors import FetchError
from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.raw_response import RawResponse
from scraper.fetch.transport.response_head import framing_of, read_head
from scraper.fetch.transport.stream import Stream
from scraper.hiding import star_out

#: The fields that say how a body came; and how much of it is taken at once.
_FRAMING = frozenset({"content-encoding", "transfer-encoding", "content-length", "trailer"})
_STEP = 256 * 1024
_BROKEN = (OSError, http.client.HTTPException, HTTPError, FetchError)


class _Recorded:
    """A stream of what was recorded, which ends with it."""

    recorder = None

    def __init__(self, data: bytes) -> None:
        self._data = data

    def receive(self, seconds: float, *, at_once: bool = True) -> bytes:
        data, self._data = self._data, b""
        return data

    def first_byte(self) -> None:
        pass


def with_plain_body(received: bytes, most: int) -> bytes | None:
    """Return a response with its body as it is meant, and stars for the secrets in it; None where there are none, or
    where the body came as it is.

    Args:
        most: bytes of the body, decoded, that are looked at.
    """
    recorded = _Recorded(received)
    stream = cast(Stream, recorded)
    try:
        head = read_head(stream, 0.0, recorded)
        framing = framing_of(head, None)
    except _BROKEN:
        return None
    if not (framing.chunked or head.values("content-encoding")):
        return None
    raw = RawResponse(head, BodyReader(stream, framing, head.rest, 0.0), "GET", "", lambda reason: None, most)
    pieces: list[bytes] = []
    # What was cut short is looked at as far as it goes.
    with contextlib.suppress(*_BROKEN):
        while piece := raw.read1(_STEP, decode_content=True):
            pieces.append(piece)
    body = b"".join(pieces)
    masked = star_out(body)
    if masked == body:
        return None
    line = received[: received.index(b"\n") + 1]
    fields = [f"{name}: {value}\r\n" for name, value in head.fields if name.lower() not in _FRAMING]
    fields.append(f"Content-Length: {len(masked)}\r\n\r\n")
    return star_out(line + "".join(fields).encode("latin-1")) + masked
