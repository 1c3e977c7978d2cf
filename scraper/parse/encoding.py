"""From the bytes of a body to its text.

The encoding is what the first of these says: a byte order mark, the charset of the Content-Type header, the page's
own `<meta>` (or XML declaration), a guess. The names are those of the WHATWG Encoding Standard, in lower case.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from scraper.lazy_pattern import lazy_pattern
from scraper.media import content_type_of
from scraper.parse.codecs import decode_as
from scraper.parse.guess import guess
from scraper.parse.labels import encoding_of

#: How far into a page its declaration is looked for. The HTML Standard asks authors for 1,024 bytes; pages that
#: have scripts or comments before it are common, and browsers find theirs too.
PRESCAN_BYTES = 16_384

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_FALLBACK = "windows-1252"


_SPACE = rb"[\t\n\f\r ]*+"
_TAG = lazy_pattern(rb"<(?:(!--)|(meta)(?=[\t\n\f\r /])|/?[a-z][^\t\n\f\r >]*|[!/?])", re.IGNORECASE)
_ATTRIBUTE = lazy_pattern(
    rb"[\t\n\f\r /]*+(?:>|([^\t\n\f\r />][^\t\n\f\r />=]*+)" + _SPACE + rb"(?:=" + _SPACE + rb"(?:"
    rb""""([^"]*+)"|'([^']*+)'|(?=>)|([^\t\n\f\r >"'][^\t\n\f\r >]*+)))?+)"""
)
_CONTENT_CHARSET = lazy_pattern(rb"charset" + _SPACE + rb"=" + _SPACE, re.IGNORECASE)
_CONTENT_VALUE = lazy_pattern(rb""""([^"]*)"|'([^']*)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*)""")
_XML_DECLARATION = lazy_pattern(rb"""<\?xml[^>]*?encoding""" + _SPACE + rb"=" + _SPACE + rb"""["']([^"'>]*)["']""")


def decode(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Return the text of `body`, without a byte order mark, and the name of its encoding. Never raises.

    Args:
        body: the bytes, with any Content-Encoding undone.
        content_type: the value of the Content-Type header, if there was one.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return decode_as(body[len(mark) :], name), name
    declared = sniff(body, content_type)
    if declared is not None:
        return decode_as(body, declared), declared
    return _guess(body)


def decode_in(body: bytes, name: str) -> tuple[str, str]:
    """Decode as `decode` does, in the encoding that a user names, which only a byte order mark overrides.

    Source: HTML Standard, 13.2.3.1, "determining the character encoding", steps 1 and 2.
    """
    for mark, marked in _BOMS:
        if body.startswith(mark):
            return decode_as(body[len(mark) :], marked), marked
    return decode_as(body, name), name


def sniff(body: bytes, content_type: str | None) -> str | None:
    """Return the encoding that a byte order mark, the header or the page itself declares; None where nothing does.

    A label that no browser knows counts as absent. JSON is UTF-8 whatever is said (RFC 8259 section 8.1), unless
    a header names another encoding.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    named, is_json, is_markup = _header(content_type or "")
    if named is not None:
        return named
    if is_json:
        return "utf-8"
    return prescan(body) if is_markup else None


@lru_cache(maxsize=1024)
def _header(content_type: str) -> tuple[str | None, bool, bool]:
    """Return the charset of a Content-Type, whether it is JSON's, whether what it describes may declare its own."""
    kind, charset = content_type_of(content_type)
    may_declare = not kind or "html" in kind or "xml" in kind
    return encoding_of(charset), kind.endswith(("/json", "+json")), may_declare


def prescan(body: bytes) -> str | None:
    """Return the encoding that a page's `<meta>` or XML declaration names.

    Source: HTML Standard, 13.2.3.2, "prescan a byte stream to determine its encoding", over `PRESCAN_BYTES`.
    """
    head = body[:PRESCAN_BYTES]
    if b"charset" in head.lower():
        found = _prescan_meta(head)
        if found is not None:
            return found
    declaration = _XML_DECLARATION.match(head)
    return _of_page(declaration[1]) if declaration else None


def _prescan_meta(head: bytes) -> str | None:
    position = 0
    while tag := _TAG.search(head, position):
        position = tag.end()
        if tag[1] is not None:  # a comment; `<!-->` is a whole one
            end = head.find(b"-->", position - 2)
            if end < 0:
                return None
            position = end + 3
        elif tag[0] in (b"<!", b"</", b"<?"):
            position = head.find(b">", position) + 1
            if position == 0:
                return None
        else:
            attributes, position = _attributes(head, position)
            if position == len(head):  # cut short: nothing in it can be relied on
                return None
            if tag[2] is not None and (found := _meta_encoding(attributes)) is not None:
                return found
    return None


def _attributes(head: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """Return the attributes of a tag from `position` on, and where it ends; `len(head)` when it does not."""
    attributes: dict[bytes, bytes] = {}
    while match := _ATTRIBUTE.match(head, position):
        position = match.end()
        name = match[1]
        if name is None:
            # The standard's algorithm stands on the `>`, so that a page which ends there is whole.
            return attributes, position - 1
        if position >= len(head) or head[position] == 0x3D:  # a `=` left over: its quote never closes
            return attributes, len(head)
        value = next((group for group in match.groups()[1:] if group is not None), b"")
        attributes.setdefault(name.lower(), value.lower())
    return attributes, len(head)


def _meta_encoding(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        return _of_page(attributes[b"charset"])
    if attributes.get(b"http-equiv") != b"content-type":
        return None
    content = attributes.get(b"content", b"")
    start = _CONTENT_CHARSET.search(content)
    value = _CONTENT_VALUE.match(content, start.end()) if start else None
    return _of_page(value[1] or value[2] or value[3] or b"") if value else None


def _of_page(label: bytes) -> str | None:
    """Return the encoding of a label inside a page: one that could be read as ASCII is not UTF-16."""
    name = encoding_of(label.decode("latin-1"))
    if name in ("utf-16be", "utf-16le"):
        return "utf-8"
    return _FALLBACK if name == "x-user-defined" else name


def _guess(body: bytes) -> tuple[str, str]:
    """Text and encoding of a body that declares none.

    Plain ASCII says nothing, so it gets the name of the HTML Standard's default. UTF-8 proves itself: hardly any
    other text is valid as such; one broken character among many (a page cut short) does not change that.
    """
    if body.isascii():
        return body.decode("ascii"), _FALLBACK
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    characters = sum(1 for _ in islice((c for c in text if c > "\x7f"), broken * 20 + 1))
    if characters > broken * 20:
        return text, "utf-8"
    name = guess(body)
    return decode_as(body, name), name
