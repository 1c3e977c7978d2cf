"""How much of a sitemap is read."""

from __future__ import annotations

from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True)
class SitemapLimits:
    """Limits on what is read of one file.

    `size` is in uncompressed bytes, of which the protocol allows 50 MiB; of entries it allows 50,000. Files that are
    somewhat larger are common, and are read whole.
    """

    size: int = 64 * 1024 * 1024
    entries: int = 100_000
