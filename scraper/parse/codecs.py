"""Read and write legacy encodings as the Encoding Standard says, where Python's codecs do otherwise.

Source: https://encoding.spec.whatwg.org/, its indexes. What differs is small: characters that look alike, the rows
that vendors added to EUC-JP, the euro of GBK and Big5, and the control characters of windows-125x, by which a page
of UTF-8 that says it is windows-1252 still links to where it means.
"""

from __future__ import annotations

import codecs
from functools import cache

from scraper.parse.labels import USER_DEFINED, codec_of

#: In pairs, what Python's codec reads and writes, and the standard's character in its place.
_ALIKE = {
    "shift_jis": "〜～‖∥¢￠£￡¬￢",
    "euc-jp": "〜～‖∥−－¢￠£￡¬￢",
    "big5": "¢￠£￡¥￥‾¯•‧∼～､﹑♁⊕☉⊙",
    "koi8-u": "╝ў╬Ў",
}
#: Characters that the standard's encoders write as others (11.2.2, "EUC-JP encoder", and 11.4.2).
_WRITTEN_AS = {"¥": "\\", "‾": "~", "−": "－"}
_READ_BY = "scraper.standard"
_USER_DEFINED_MAP = {byte: 0xF700 + byte for byte in range(0x80, 0x100)}
#: Bytes that are the beginning of a character in vendors' rows, kept by another codec.
_OTHER_CODEC = {"big5hkscs": "cp950", "euc_jp": "cp932"}


def decode_as(body: bytes, name: str) -> str:
    """Decode `body` in the encoding called `name`; what is not valid becomes U+FFFD."""
    if name == USER_DEFINED:
        return body.decode("latin-1").translate(_USER_DEFINED_MAP)
    text = body.decode(codec_of(name), errors=_READ_BY)
    if name in _ALIKE and name != "shift_jis":
        pairs = _ALIKE[name]
        for read_so, meant in zip(pairs[::2], pairs[1::2], strict=True):
            text = text.replace(read_so, meant)
    return text


def _mended(error: UnicodeError) -> tuple[str, int]:
    """Return what the standard reads where a codec of Python's finds nothing valid."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    start, first = error.start, error.object[error.start]
    if error.encoding == "charmap":  # one of a table of 256
        return (chr(first) if first < 0xA0 else "\ufffd"), error.end
    if error.encoding == "gb18030" and first == 0x80:
        return "€", start + 1
    other = _OTHER_CODEC.get(error.encoding)
    pair = error.object[start : start + 2]
    if other is not None and len(pair) == 2 and all(0xA0 < byte < 0xFF for byte in pair):
        found = (_shifted(pair) if other == "cp932" else pair).decode(other, "replace")
        if len(found) == 1 and found != "\ufffd":
            return found, start + 2
    return "\ufffd", error.end


codecs.register_error(_READ_BY, _mended)


def write(character: str, name: str) -> bytes | None:
    """Return the bytes of one character beyond ASCII in the encoding called `name`; None where it has none."""
    if name == USER_DEFINED:
        return bytes([ord(character) & 0xFF]) if "\uf780" <= character <= "\uf7ff" else None
    if name in ("shift_jis", "euc-jp"):
        character = _WRITTEN_AS.get(character, character)
    pairs = _ALIKE.get(name, "")
    place = pairs.find(character)
    if place >= 0 and place % 2 == 0:
        return None
    if name == "gbk" and character == "€":
        return b"\x80"
    if "\x80" <= character < "\xa0" and name.startswith("windows-"):
        byte = bytes([ord(character)])
        return byte if decode_as(byte, name) == character else None
    found = _by_codec(character, name) or (_by_codec(pairs[place - 1], name) if place > 0 else None)
    if name == "shift_jis" and found is not None and found[0] in (0xED, 0xEE):
        return _vendor_rows().get(character, found)
    if found is not None or name not in ("euc-jp", "big5"):
        return found
    if name == "big5":
        return _in_codec(character, "cp950")
    by_rows = _in_codec(character, "cp932")
    return None if by_rows is None or len(by_rows) < 2 else _unshifted(by_rows)


def _by_codec(character: str, name: str) -> bytes | None:
    """Return the bytes that Python's codec writes and the standard's encoder does, too."""
    found = _in_codec(character, "gb18030" if name == "gbk" else codec_of(name))
    if found is None:
        return None
    # Four bytes in GBK, what stands beside Big5 for Hong Kong, and JIS X 0212 are read only.
    is_beyond = (
        (name == "gbk" and len(found) == 4)
        or (name == "big5" and found[0] < 0xA1)
        or (name == "euc-jp" and found[0] == 0x8F)
    )
    return None if is_beyond else found


def _in_codec(character: str, codec: str) -> bytes | None:
    try:
        return character.encode(codec)
    except UnicodeEncodeError:
        return None


@cache
def _vendor_rows() -> dict[str, bytes]:
    """Return the characters of IBM in Shift_JIS, which Python writes as those of NEC."""
    pairs = (bytes((lead, trail)) for lead in (0xFA, 0xFB, 0xFC) for trail in range(0x40, 0xFD))
    found = ((pair.decode("cp932", "ignore"), pair) for pair in pairs)
    return {character: pair for character, pair in found if len(character) == 1}


def _shifted(pair: bytes) -> bytes:
    """Return two bytes of EUC-JP as those of Shift_JIS: both are places in the table of JIS X 0208."""
    row, cell = divmod((pair[0] - 0xA1) * 94 + pair[1] - 0xA1, 188)
    return bytes((row + (0x81 if row < 0x1F else 0xC1), cell + (0x40 if cell < 0x3F else 0x41)))


def _unshifted(pair: bytes) -> bytes | None:
    """Return two bytes of Shift_JIS as those of EUC-JP, None for the rows that it has not."""
    row = pair[0] - (0x81 if pair[0] < 0xA0 else 0xC1)
    lead, trail = divmod(row * 188 + pair[1] - (0x40 if pair[1] < 0x7F else 0x41), 94)
    return bytes((lead + 0xA1, trail + 0xA1)) if lead < 94 else None
