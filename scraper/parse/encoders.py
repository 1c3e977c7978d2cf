"""From text to the bytes that a browser would send of a page in a legacy encoding: queries of links, and forms.

Source: Encoding Standard (https://encoding.spec.whatwg.org/), its encoders; URL Standard, "percent-encode after
encoding". What an encoding cannot say is sent as a reference, `&#8364;`.
"""

from __future__ import annotations

from contextlib import suppress

from scraper.parse.codecs import write

_OUTPUT_UTF_8 = frozenset({"utf-8", "utf-16be", "utf-16le"})
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
    if name == "iso-2022-jp":  # its characters stand between escapes, best for all of the text
        with suppress(UnicodeEncodeError):
            return text.encode(name)
    parts = (
        one.encode() if one.isascii() else write(one, name) or reference.format(ord(one)).encode() for one in text
    )
    return b"".join(parts)


def query_escaped(query: str, name: str) -> str:
    """Return the query of a link as the URL parser of a browser writes it on a page in the encoding `name`."""
    return "".join(_QUERY_ESCAPES.get(byte, chr(byte)) for byte in encode(query, name, reference="%26%23{}%3B"))


def form_encoded(text: str, name: str) -> str:
    """Return the name or the value of a field as a urlencoded form holds it."""
    return "".join(_FORM_BYTES[byte] for byte in encode(text, name))
