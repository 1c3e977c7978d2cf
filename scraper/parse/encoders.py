"""From text to the bytes that a browser would send of a page in a legacy encoding: queries of links, and forms.

Source: Encoding Standard (https://encoding.spec.whatwg.org/), its encoders; URL Standard, "percent-encode after
encoding". What an encoding cannot say is sent as a reference, `&#8364;`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scraper.parse.labels import codec_of

_OUTPUT_UTF_8 = frozenset({"utf-8", "utf-16be", "utf-16le"})
#: Characters that an encoding of the standard has and Python's codec lacks.
_BESIDE: dict[str, dict[str, bytes]] = {
    "gbk": {"€": b"\x80"},
    "shift_jis": {"¥": b"\\", "‾": b"~", "−": b"\x81\x7c"},
    "euc-jp": {
        "¥": b"\\",
        "‾": b"~",
        "−": b"\xa1\xdd",
        "－": b"\xa1\xdd",
        "～": b"\xa1\xc1",
        "∥": b"\xa1\xc2",
        "￠": b"\xa1\xf1",
        "￡": b"\xa1\xf2",
        "￢": b"\xa2\xcc",
    },
}
#: Python encodes more than the standard's encoders do: what begins so is left to them.
_BEYOND = {"big5": re.compile(rb"[\x81-\xa0]"), "euc-jp": re.compile(rb"\x8f")}
#: The standard's GBK decodes as gb18030 and encodes as itself.
_ENCODING_CODECS = {"gbk": "gbk"}
#: Bytes that a query of http and https does not hold as they are (URL Standard, "special-query percent-encode set").
_QUERY_ESCAPES = {byte: f"%{byte:02X}" for byte in (*range(0x21), 0x22, 0x23, 0x27, 0x3C, 0x3E, *range(0x7F, 0x100))}
#: Bytes that a urlencoded form holds as they are (URL Standard, "application/x-www-form-urlencoded").
_FORM_PLAIN = frozenset(b"*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_FORM_BYTES = {
    byte: "+" if byte == 0x20 else chr(byte) if byte in _FORM_PLAIN else f"%{byte:02X}" for byte in range(0x100)
}


def output_of(name: str) -> str:
    """Return the encoding that links and forms of a page in the encoding `name` are sent in: UTF-8 for UTF-16."""
    return "utf-8" if name in _OUTPUT_UTF_8 else name


def encode(text: str, name: str, *, reference: str = "&#{};") -> bytes:
    """Return `text` in an encoding; a character that it does not have becomes `reference`, filled with its number."""
    name = output_of(name)
    if text.isascii() and name != "iso-2022-jp":
        return text.encode()
    if name == "utf-8":
        return text.encode("utf-8", "replace")
    beyond = _BEYOND.get(name)
    if beyond is None:
        return _encoded(text, name, reference)
    parts = (_encoded(character, name, reference) for character in text)
    return b"".join(
        reference.format(ord(character)).encode() if beyond.match(part) else part
        for character, part in zip(text, parts, strict=True)
    )


def _encoded(text: str, name: str, reference: str) -> bytes:
    codec = _ENCODING_CODECS.get(name) or codec_of(name)
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        beside = _BESIDE.get(name, {})
    return b"".join(_one(character, codec, beside, reference) for character in text)


def _one(character: str, codec: str, beside: Mapping[str, bytes], reference: str) -> bytes:
    try:
        return character.encode(codec)
    except UnicodeEncodeError:
        found = beside.get(character)
        return reference.format(ord(character)).encode() if found is None else found


def query_escaped(query: str, name: str) -> str:
    """Return the query of a link as the URL parser of a browser writes it on a page in the encoding `name`."""
    return "".join(_QUERY_ESCAPES.get(byte, chr(byte)) for byte in encode(query, name, reference="%26%23{}%3B"))


def form_encoded(text: str, name: str) -> str:
    """Return the name or the value of a field as a urlencoded form holds it."""
    return "".join(_FORM_BYTES[byte] for byte in encode(text, name))
