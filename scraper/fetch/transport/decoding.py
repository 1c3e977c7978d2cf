"""Undo the content codings of a body, never more of it at once than was requested: gzip, deflate, br and zstd."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Protocol

from urllib3.exceptions import DecodeError

#: How much is decoded at once by default.
ACCEPTED = "gzip, deflate, br, zstd"
#: A body with more codings than this is refused: each may blow it up again.
_MOST_CODINGS = 5
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
#: How a frame begins, one to skip too, as far as its first bytes have come.
_ZSTD_MAGIC = re.compile(rb"\x28(?:\xb5(?:\x2f[\xfd\0]|\0)|\0)|[\x50-\x5f](?:\x2a(?:\x4d[\x18\0]|\0)|\0)")
#: Bytes that go from one coding to the next at once.
_STEP = 64 * 1024
#: Coded bytes from which nothing need come; more of them are to make half as many at least.
_MOST_IDLE = 1024 * 1024
#: Members of gzip, and frames of zstd, that may be empty; each costs as much as some kilobytes.
_MOST_MEMBERS, _OF_MEMBER = 1_000, 1_024


class Decoder(Protocol):
    """Undoes one coding."""

    def decode(self, data: bytes, most: int) -> bytes:
        """Take more data in, and return up to `most` bytes of what there is; call it with b"" for the rest.

        Raises:
            DecodeError: the data is not of this coding.
        """

    @property
    def is_whole(self) -> bool:
        """Tell whether the coded data was not cut short."""


def decoder_of(codings: Sequence[str]) -> Decoder | None:
    """Return what undoes the codings of a Content-Encoding, the last first; None where there is nothing to undo.

    A coding that nobody knows leaves the body as it is.

    Raises:
        DecodeError: there are too many.
    """
    names = [name for name in codings if name and name != "identity"]
    if not names or any(name not in _MAKERS for name in names):
        return None
    if len(names) > _MOST_CODINGS:
        raise DecodeError(f"the body has more than {_MOST_CODINGS} content codings")
    # Of several, the one that was put on last comes first.
    first, *others = [_MAKERS[name]() for name in reversed(names)]
    return reduce(_Pair, others, first)


def refuse_idle(given: int, made: int) -> None:
    """Refuse a coding of which next to nothing comes: it takes time, and no limit of what is decoded is reached.

    Args:
        given: bytes that were coded.
        made: bytes that came of them.

    Raises:
        DecodeError: there are more than such a coding may take.
    """
    if given > _MOST_IDLE + 2 * made:
        raise DecodeError("next to nothing comes of the content coding of the body")


class _Members:
    """Counts the members of a body, and what came of them."""

    def __init__(self) -> None:
        self._count = 0
        self.made = 0

    def another(self) -> None:
        """Take one more.

        Raises:
            DecodeError: they are too many for what came of them.
        """
        self._count += 1
        if self._count > _MOST_MEMBERS + self.made // _OF_MEMBER:
            raise DecodeError("the coded body consists of members that are next to empty")


def _wrong(error: Exception) -> DecodeError:
    return DecodeError(f"the body is not of its content coding: {error}")


class _Zlib:
    """gzip, of one or several members (RFC 1952 section 2.2), and deflate."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._decompressor = zlib.decompressobj(window)
        self._left = b""
        #: What deflate was given before anything came of it.
        self._tried = bytearray()
        self._members = _Members()
        self._is_behind = False
        self._has_begun = False

    def decode(self, data: bytes, most: int) -> bytes:
        self._has_begun = self._has_begun or bool(data)
        if self._decompressor.eof and not (data or self._left):
            return b""
        data = self._left + data if self._left else data
        self._left = b""
        out: list[bytes] = []
        while (data or not out) and most > 0 and not self._is_behind:
            piece = self._decompress(data, most)
            most -= len(piece)
            out.append(piece)
            data = self._decompressor.unconsumed_tail
            if self._decompressor.eof:
                data = self._decompressor.unused_data.lstrip(b"\0")
                if not data:
                    break
                if self._window != _GZIP_WINDOW or not data.startswith(_GZIP_MAGIC[: len(data)]):
                    # Behind a whole member anything may follow, as other clients allow.
                    self._is_behind = True
                    data = b""
                else:
                    self._members.another()
                    self._decompressor = zlib.decompressobj(self._window)
            elif not piece:
                break
        self._left = data
        return out[0] if len(out) == 1 else b"".join(out)

    def _decompress(self, data: bytes, most: int) -> bytes:
        may_be_raw = self._window == zlib.MAX_WBITS and not self._members.made
        if may_be_raw:
            self._tried += data
        try:
            piece = self._decompressor.decompress(data, most)
        except zlib.error as error:
            if not may_be_raw:
                raise _wrong(error) from error
            # Some servers send the bare deflate stream, without zlib's head (RFC 9110 section 8.4.1.2).
            self._window = -zlib.MAX_WBITS
            self._decompressor = zlib.decompressobj(self._window)
            return self._decompress(bytes(self._tried), most)
        if piece:
            self._members.made += len(piece)
            self._tried.clear()
        return piece

    @property
    def is_whole(self) -> bool:
        return self._decompressor.eof or self._is_behind or not self._has_begun


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._brotli: Any = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._left = b""
        self._has_begun = False

    def decode(self, data: bytes, most: int) -> bytes:
        self._has_begun = self._has_begun or bool(data)
        self._left += data
        try:
            piece = self._brotli.process(b"", output_buffer_limit=most)
            # Behind the end anything may follow, as with gzip.
            if not piece and self._left and not self._brotli.is_finished():
                data, self._left = self._left, b""
                piece = self._brotli.process(data, output_buffer_limit=most)
        except self._error as error:
            raise _wrong(error) from error
        return bytes(piece)

    @property
    def is_whole(self) -> bool:
        return bool(self._brotli.is_finished()) or not self._has_begun


class _Zstd:
    """zstd, of one or several frames (RFC 8878 section 3)."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._module: Any = zstd
        self._zstd = self._frame()
        self._members = _Members()
        self._is_behind = False
        self._has_begun = False

    def _frame(self) -> Any:
        # The largest window that the web may use (RFC 9659): each response may need as much memory.
        return self._module.ZstdDecompressor(options={self._module.DecompressionParameter.window_log_max: 23})

    def decode(self, data: bytes, most: int) -> bytes:
        self._has_begun = self._has_begun or bool(data)
        out: list[bytes] = []
        while most > 0 and not self._is_behind:
            if self._zstd.eof:
                data = self._zstd.unused_data + data
                if not data:
                    break
                # Behind a whole frame anything else may follow, as with gzip.
                self._is_behind = not _ZSTD_MAGIC.match(data.ljust(4, b"\0"))
                if self._is_behind:
                    break
                self._members.another()
                self._zstd = self._frame()
            if self._zstd.needs_input and not data:
                break
            try:
                piece = bytes(self._zstd.decompress(data, most))
            except self._module.ZstdError as error:
                raise _wrong(error) from error
            # What it had no room for it keeps.
            data = b""
            most -= len(piece)
            self._members.made += len(piece)
            out.append(piece)
        return b"".join(out)

    @property
    def is_whole(self) -> bool:
        return bool(self._zstd.eof) or self._is_behind or not self._has_begun


class _Pair:
    """Two codings: what `first` makes of the data goes on to `then`. Each gives all it has before it gets more."""

    def __init__(self, first: Decoder, then: Decoder) -> None:
        self._first = first
        self._then = then
        self._between = self._made = 0

    def decode(self, data: bytes, most: int) -> bytes:
        if data or not (piece := self._then.decode(b"", most)):
            piece = self._decode(data, most)
        self._made += len(piece)
        return piece

    def _decode(self, data: bytes, most: int) -> bytes:
        while middle := self._first.decode(data, _STEP):
            self._between += len(middle)
            if piece := self._then.decode(middle, most):
                return piece
            data = b""
            refuse_idle(self._between, self._made)
        return b""

    @property
    def is_whole(self) -> bool:
        return self._first.is_whole and self._then.is_whole


def _gzip() -> Decoder:
    return _Zlib(_GZIP_WINDOW)


_MAKERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}
