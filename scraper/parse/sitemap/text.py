"""From the bytes of a sitemap, as they come, to its text in blocks.

gzip is known by its content, whatever the file is called. The text is UTF-8 as the protocol asks, byte order marks
and wrong declarations survived. Blocks are of one size, so that nothing depends on how the bytes arrive.
"""

from __future__ import annotations

import codecs
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from itertools import chain

from scraper.parse.codecs import decode_as
from scraper.parse.encoding import sniff

#: Bytes read at a time.
BLOCK = 64 * 1024
#: gzip inside gzip: servers compress `.gz` files once more.
_MAX_LAYERS = 2
#: Members of a gzip file; honest ones have one, or a few that were written one after the other.
_MAX_MEMBERS = 1_000
_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS

#: Encodings in which one wrong byte says nothing about the next, so that they are read as declared or not at all.
_MULTIBYTE = frozenset({"gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr"})
_UTF_16 = frozenset({"utf-16le", "utf-16be"})


def text_blocks(chunks: Iterable[bytes], limit: int, flaws: Counter[str]) -> Iterator[str]:
    """Return the text of a sitemap, in blocks.

    Args:
        chunks: the file's bytes, in pieces of any size.
        limit: how many uncompressed bytes are read, at most; `too-large` is counted where there are more.
        flaws: counts what was wrong and survived.
    """
    decoder: codecs.IncrementalDecoder | None = None
    left = limit
    for block in _opened(chunks, flaws, _MAX_LAYERS):
        if decoder is None:
            decoder = _decoder(block)
        yield decoder.decode(block[:left])
        left -= len(block)
        if left < 0:
            flaws["too-large"] += 1
            return
    if decoder is not None:
        yield decoder.decode(b"", True)


# gzip ----------------------------------------------------------------------------------------------------


def _opened(chunks: Iterable[bytes], flaws: Counter[str], layers: int) -> Iterator[bytes]:
    blocks = _blocks(chunks)
    first = next(blocks, b"")
    blocks = chain((first,), blocks)
    if layers and first.startswith(_MAGIC):
        return _opened(_inflated(blocks, flaws), flaws, layers - 1)
    return blocks


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return the same bytes in blocks of one size, the last one shorter."""
    held = bytearray()
    for chunk in chunks:
        start = 0
        while start < len(chunk):
            piece = chunk[start : start + BLOCK - len(held)]
            start += len(piece)
            held += piece
            if len(held) == BLOCK:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def _inflated(blocks: Iterable[bytes], flaws: Counter[str]) -> Iterator[bytes]:
    """Return what a gzip file holds, all members of it, as far as it can be read."""
    member: zlib._Decompress | None = None
    members = 0
    data = b""
    for block in blocks:
        data += block
        while data:
            if member is None or member.eof:
                data = data.lstrip(b"\0")  # padding
                if len(data) < len(_MAGIC):
                    break
                if not data.startswith(_MAGIC):
                    return
                members += 1
                if members > _MAX_MEMBERS:
                    flaws["gzip-broken"] += 1
                    return
                member = zlib.decompressobj(_GZIP)
            whole = yield from _fed(member, data)
            if not whole:
                flaws["gzip-broken"] += 1
                return
            data = member.unused_data
    if member is not None and not member.eof:
        flaws["gzip-cut-short"] += 1


def _fed(member: zlib._Decompress, data: bytes) -> Generator[bytes, None, bool]:
    """Return what `data` adds to the output of a member, a block at a time; returns whether it was valid."""
    while True:
        before = member.copy()
        try:
            output = member.decompress(data, BLOCK)
        except zlib.error:
            yield _salvaged(before, data)
            return False
        yield output
        data = member.unconsumed_tail
        if member.eof or (not data and len(output) < BLOCK):
            return True


def _salvaged(member: zlib._Decompress, data: bytes) -> bytes:
    """Return what comes out before the byte that breaks it: zlib gives nothing of a call that fails."""
    parts = []
    try:
        for position in range(len(data)):
            parts.append(member.decompress(data[position : position + 1]))
    except zlib.error:
        pass
    return b"".join(parts)


# Encoding ------------------------------------------------------------------------------------------------


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    """Return the decoder of a text that begins with `head`.

    UTF-8 proves itself: what is valid as such is UTF-8, whatever was declared, and what is not is read in the
    declared encoding, byte by byte, or in windows-1252. So a file that mixes them comes out right, too.
    """
    declared = sniff(head, None)
    if declared is None and b"\0" in head[:2]:
        declared = "utf-16be" if head[:1] == b"\0" else "utf-16le"
    if declared in _UTF_16:
        return codecs.getincrementaldecoder(declared)("replace")
    if declared in _MULTIBYTE and not _is_proven_utf_8(head):
        return codecs.getincrementaldecoder(declared)("replace")
    if declared is None or declared == "utf-8" or declared in _MULTIBYTE:
        declared = "windows-1252"
    return codecs.getincrementaldecoder("utf-8")(_handler(declared))


def _is_proven_utf_8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return not head.isascii()


def _handler(encoding: str) -> str:
    """Return the name of an error handler that reads in `encoding` what is not valid UTF-8."""
    name = f"scraper.sitemap.{encoding}"

    def replace(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        return decode_as(error.object[error.start : error.end], encoding), error.end

    codecs.register_error(name, replace)
    return name
