"""Undo the content codings of a body, never more of it at once than is asked for: gzip, deflate, br and zstd."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from urllib3.exceptions import DecodeError

#: What is asked for where nobody says otherwise.
ACCEPTED = "gzip, deflate, br, zstd"
#: A body with more codings than this is refused: each may blow it up again.
_MOST_CODINGS = 5
_GZIP_MAGIC = b"\x1f\x8b"


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
    decoders = [_MAKERS[name]() for name in reversed(names)]
    return decoders[0] if len(decoders) == 1 else _Chain(decoders)


class _Zlib:
    """gzip, of one or several members (RFC 1952 section 2.2), and deflate."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._decompressor = zlib.decompressobj(window)
        self._left = b""
        self._is_behind = False
        self._has_begun = False

    def decode(self, data: bytes, most: int) -> bytes:
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
                if self._window < zlib.MAX_WBITS or not data.startswith(_GZIP_MAGIC[: len(data)]):
                    # Behind a whole member anything may follow, as other clients allow.
                    self._is_behind = True
                    data = b""
                else:
                    self._decompressor = zlib.decompressobj(self._window)
            elif not piece:
                break
        self._left = data
        return out[0] if len(out) == 1 else b"".join(out)

    def _decompress(self, data: bytes, most: int) -> bytes:
        try:
            piece = self._decompressor.decompress(data, most)
        except zlib.error as error:
            if self._window != zlib.MAX_WBITS or self._has_begun:
                raise DecodeError(f"the body is not of its content coding: {error}") from error
            # Some servers send the bare deflate stream, without zlib's head (RFC 9110 section 8.4.1.2).
            self._window = -zlib.MAX_WBITS
            self._decompressor = zlib.decompressobj(self._window)
            return self._decompress(data, most)
        self._has_begun = self._has_begun or bool(data)
        return piece

    @property
    def is_whole(self) -> bool:
        return self._decompressor.eof or self._is_behind or not self._has_begun


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._brotli: Any = brotli.Decompressor()
        self._error: type[Exception] = brotli.error
        self._waiting = b""

    def decode(self, data: bytes, most: int) -> bytes:
        self._waiting += data
        try:
            piece = self._brotli.process(b"", output_buffer_limit=most)
            if not piece and self._waiting and self._brotli.can_accept_more_data():
                waiting, self._waiting = self._waiting, b""
                piece = self._brotli.process(waiting, output_buffer_limit=most)
        except self._error as error:
            raise DecodeError(f"the body is not of its content coding: {error}") from error
        return bytes(piece)

    @property
    def is_whole(self) -> bool:
        return bool(self._brotli.is_finished())


class _Zstd:
    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._module: Any = zstd
        self._zstd: Any = zstd.ZstdDecompressor()
        self._left = b""

    def decode(self, data: bytes, most: int) -> bytes:
        data, self._left = self._left + data, b""
        out = bytearray()
        while most > len(out):
            if self._zstd.eof:
                # Another frame may follow (RFC 8878 section 3).
                data = self._zstd.unused_data + data
                if not data:
                    break
                self._zstd = self._module.ZstdDecompressor()
            if self._zstd.needs_input and not data:
                break
            try:
                piece = self._zstd.decompress(data if self._zstd.needs_input else b"", most - len(out))
            except self._module.ZstdError as error:
                raise DecodeError(f"the body is not of its content coding: {error}") from error
            data = b"" if self._zstd.needs_input or piece or not data else data
            out += piece
        self._left = data
        return bytes(out)

    @property
    def is_whole(self) -> bool:
        return bool(self._zstd.eof)


class _Chain:
    """Several codings, the one that was put on last first."""

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self._decoders = decoders

    def decode(self, data: bytes, most: int) -> bytes:
        for decoder in self._decoders[:-1]:
            data = decoder.decode(data, most)
        return self._decoders[-1].decode(data, most)

    @property
    def is_whole(self) -> bool:
        return all(decoder.is_whole for decoder in self._decoders)


def _gzip() -> Decoder:
    return _Zlib(16 + zlib.MAX_WBITS)


_MAKERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}
