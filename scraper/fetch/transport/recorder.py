"""Keep the bytes of exchanges as they went over the wire, where a crawl is archived."""

from __future__ import annotations

import time
from typing import Any

from scraper.errors import BodyTooLarge, DeadlineExceeded, FetchError

#: The words of WARC for the reasons of failures.
_CUTS = {"timeout": "time", "truncated": "disconnect", "reset": "disconnect", "network": "disconnect"}


class WireRecorder:
    """Keeps what one exchange sent and received: heads and bodies, transfer and content codings included."""

    __slots__ = ("address", "began", "cut", "received", "sent", "url")

    def __init__(self) -> None:
        self.url = ""
        #: The address that answered; None behind a proxy, where it is not known.
        self.address: str | None = None
        #: Seconds since the epoch.
        self.began = time.time()
        self.sent = bytearray()
        self.received = bytearray()
        #: Why not all of the response was read, in the words of WARC 1.1 section 5.13; empty where it was.
        self.cut = ""

    def end(self, error: FetchError | None) -> None:
        """End the exchange, with this error if any."""
        if isinstance(error, DeadlineExceeded):
            self.cut = "time"
        elif isinstance(error, BodyTooLarge):
            self.cut = "length"
        elif error is not None and not self.cut:
            self.cut = _CUTS.get(error.reason, "unspecified")


class RecordedFile:
    """The file of a socket; a recorder keeps each byte that is read from it."""

    def __init__(self, file: Any, recorder: WireRecorder) -> None:
        self._file = file
        self._recorder = recorder

    def forget(self) -> None:
        """Forget what was read so far: it was an interim response, and the one to keep follows."""
        self._recorder.received.clear()

    def read(self, size: int = -1) -> bytes:
        return self._recorded(self._file.read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._recorded(self._file.read1(size))

    def readline(self, limit: int = -1) -> bytes:
        return self._recorded(self._file.readline(limit))

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(buffer)
        self._recorder.received += memoryview(buffer).cast("B")[:count]
        return count

    def _recorded(self, data: bytes) -> bytes:
        self._recorder.received += data
        return data

    def __getattr__(self, name: str) -> Any:
        """Leave all else to the file: `peek`, `close` and the like take nothing off the wire for good."""
        return getattr(self._file, name)
