"""How the body of a response ends (RFC 9112 sections 6 and 7.1), whoever reads it."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable

_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LENGTH = re.compile(r"[0-9]{1,18}")


class BadFraming(http.client.HTTPException):
    """The response does not say where its body ends, or not in a way that HTTP/1.1 knows."""


class BadLength(BadFraming):
    """A Content-Length that says nothing."""


def end_of_body(listed: Callable[[str], list[str]]) -> tuple[bool, int | None]:
    """Tell whether the body comes in chunks, and its length; neither where it ends with the connection.

    Args:
        listed: returns the members of a field that is a list, in lower case; called with names in lower case.

    Raises:
        BadFraming: the fields contradict each other, or name a coding that was not requested.
    """
    codings = [coding for coding in listed("transfer-encoding") if coding not in ("", "identity")]
    if codings:
        if codings != ["chunked"]:
            # No TE is sent, so that a server may use no other (RFC 9112 section 7.4). Browsers undo none either.
            named = ", ".join(codings)[:100]
            raise BadFraming(f"a Transfer-Encoding that was not requested: {named}; chunked alone is read")
        return True, None
    lengths = set(listed("content-length"))
    if not lengths:
        return False, None
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise BadLength("a Content-Length that is not a number, or several that differ")
    return False, int(length)


def chunk_size(line: bytes) -> int:
    """Return the size that the line before a chunk states; its extensions are left out.

    Raises:
        BadFraming: it is not a hexadecimal number, or larger than any chunk.
    """
    size = line.partition(b";")[0].strip()
    if not _CHUNK_SIZE.fullmatch(size):
        raise BadFraming(f"a chunk whose size is {size[:20]!r}")
    return int(size, 16)
