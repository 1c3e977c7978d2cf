"""Compressed files, member by member, so that they can be cut back and resumed.

A gzip file may consist of several members (RFC 1952 section 2.2), a Zstandard one of several frames (RFC 8878
section 3.1), and readers take them for one text.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from scraper.lazy_dataclass import dataclass
from scraper.optional_dependencies import package

_ZSTD_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to compress. `member` makes bytes that stand alone; `reader` reads a whole file of them.

    `errors` are what `reader` raises, besides OSError, where the file is something else.
    """

    member: Callable[[bytes], bytes]
    reader: Callable[[Path], BinaryIO]
    errors: tuple[type[Exception], ...]


def codec_of(compression: str | None) -> Codec | None:
    """Return the codec of that name, `gz` or `zst`; None for none.

    Raises:
        UsageError: its package is not installed.
    """
    if compression is None:
        return None
    if compression == "gz":
        return Codec(_gzip_member, lambda path: cast(BinaryIO, gzip.open(path)), (EOFError, zlib.error))
    zstandard = package("zstandard", "zstd", "a path that ends in .zst")
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)

    def reader(path: Path) -> BinaryIO:
        source = path.open("rb")
        return io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True, closefd=True)
        )

    return Codec(compressor.compress, reader, (zstandard.ZstdError,))


def _gzip_member(data: bytes) -> bytes:
    """Without the time of writing, so that the same items are the same bytes."""
    return gzip.compress(data, mtime=0)
