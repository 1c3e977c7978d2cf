"""Sitemaps that did not change since they were read last: a 304 is answered from what is kept of them."""

from __future__ import annotations

import zlib
from typing import IO, Protocol

from scraper.fetch.conditional import conditions_of, contradicts, validators_of
from scraper.response import Response
from scraper.store.values import Listing, Queued

#: Of a larger file nothing is kept (bytes, packed); it is fetched again each time.
MOST_BYTES = 4 * 1024 * 1024
#: Bytes that are packed or unpacked at once.
_BLOCK = 64 * 1024
#: zlib's fastest; lists of URLs become ten times smaller all the same.
_LEVEL = 1


class Kept(Protocol):
    """Where they are kept."""

    def listing(self, fingerprint: bytes, *, body: bool) -> Listing | None:
        """Return what is kept of a file, with its body or without."""


class SitemapCache:
    """The sitemaps that the store keeps.

    Args:
        is_asked: whether they are requested conditionally: `revisit.conditional`.
    """

    def __init__(self, kept: Kept, *, is_asked: bool) -> None:
        self._kept = kept
        self._is_asked = is_asked

    def conditions_of(self, queued: Queued) -> dict[str, str]:
        """Return the headers that make the request for a file conditional."""
        listing = self._kept.listing(queued.fingerprint, body=False) if self._is_asked else None
        return {} if listing is None else conditions_of(listing.etag, listing.last_modified)

    def restore(self, queued: Queued, response: Response, body: IO[bytes]) -> bool:
        """Write what is kept of a file into `body`, if `response` is a 304 that is to be believed."""
        if response.status != 304 or not self._is_asked:
            return False
        listing = self._kept.listing(queued.fingerprint, body=True)
        if listing is None or not listing.body:
            return False
        if contradicts(response.headers, listing.etag, listing.last_modified):
            return False
        unpacking = zlib.decompressobj()
        rest = listing.body
        while block := unpacking.decompress(rest, _BLOCK):
            body.write(block)
            rest = unpacking.unconsumed_tail
        return True


def listing_of(response: Response, body: IO[bytes]) -> Listing | None:
    """Return what is to be kept of a file that was read; None where nothing is."""
    etag, last_modified = validators_of(response.headers)
    if response.status == 304:
        return Listing(etag, last_modified)
    packed = _packed(body) if etag is not None or last_modified is not None else None
    return None if packed is None else Listing(etag, last_modified, packed)


def _packed(body: IO[bytes]) -> bytes | None:
    """Return a body packed; None where that is too large."""
    packing, packed = zlib.compressobj(_LEVEL), bytearray()
    body.seek(0)
    while (block := body.read(_BLOCK)) and len(packed) <= MOST_BYTES:
        packed += packing.compress(block)
    packed += packing.flush()
    return bytes(packed) if len(packed) <= MOST_BYTES else None
