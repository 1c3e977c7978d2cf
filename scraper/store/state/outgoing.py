"""The requests that a page yielded, as the store keeps them: all in one compact blob."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from scraper.errors import StoreError
from scraper.request import Request

# The links of a page repeat each other from near, so a small window finds as much as a large one, which would cost
# eight times as much to set up.
_WINDOW_BITS = 12
_MEMORY_LEVEL = 5
#: Requests of a page are no more than 100,000, and hardly ever long.
_MOST_BYTES = 1 << 30


def pack(lines: Sequence[str]) -> bytes | None:
    """Requests, each as its short form or as JSON, in one blob; None where there are none."""
    if not lines:
        return None
    deflate = zlib.compressobj(1, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return deflate.compress("\n".join(lines).encode()) + deflate.flush()


def unpack(blob: bytes | None, depth: int) -> list[Request]:
    """Return the inverse of `pack`.

    Args:
        depth: that of the page.

    Raises:
        StoreError: it is not what `pack` makes.
    """
    if blob is None:
        return []
    try:
        inflate = zlib.decompressobj()
        data = inflate.decompress(blob, _MOST_BYTES)
        if not inflate.eof:
            raise ValueError("it is cut, or too large")
        return [
            Request.from_record(json.loads(line))
            if line.startswith("{")
            else Request.from_short_form(line, depth + 1)
            for line in data.decode().split("\n")
        ]
    except (zlib.error, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"the store holds requests of a page that cannot be read: {error}",
            remedy="use the store's own copy from before, or begin with another path of the key store",
        ) from None
