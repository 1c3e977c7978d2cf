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
    #: The URL to which a script of it sends its reader, where one does.
    elsewhere: str | None = None

    def to_bytes(self) -> bytes:
        """Return what is kept of it, all but the picture."""
        return _packed({name: value for name, value in self._asdict().items() if name != "screenshot"})

    def telling(self) -> bytes:
        """Return what tells it from another state of its page: the tree, and what was captured, in whatever order."""
        return _packed([self.text, sorted(self.captured, key=_packed)])

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
                elsewhere=record.get("elsewhere"),
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"this is no rendering: {error}") from None


def _packed(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
