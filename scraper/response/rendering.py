"""What a browser made of a page, beside what the server sent."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Captured(NamedTuple):
    """A JSON answer that a page has fetched."""

    url: str
    status: int
    data: Any


class Rendering(NamedTuple):
    """A page as a browser has drawn it."""

    #: The whole tree, as HTML.
    text: str
    captured: tuple[Captured, ...] = ()
    #: A PNG, where one was wanted.
    screenshot: bytes | None = None
    #: Requests of the page that were not let through or failed, each with why, the first few.
    refused: tuple[tuple[str, str], ...] = ()
    #: Requests that the page made.
    requests: int = 0

    def to_bytes(self) -> bytes:
        """Return what the store and archives keep of it: all but the picture."""
        record = {"text": self.text, "captured": self.captured, "refused": self.refused, "requests": self.requests}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes) -> Rendering:
        """Make one of its `to_bytes`.

        Raises:
            ValueError: it is something else.
        """
        record = json.loads(data.decode("utf-8", "surrogatepass"))
        try:
            return cls(
                record["text"],
                tuple(Captured(*each) for each in record["captured"]),
                refused=tuple((url, why) for url, why in record["refused"]),
                requests=record["requests"],
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"this is no rendering: {error}") from None
