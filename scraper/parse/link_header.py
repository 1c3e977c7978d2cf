"""The links that a response's `Link` header names by their relation to the page."""

from __future__ import annotations

import re

_PARAMETER = r"\s*+;\s*+([^\s;,=\"<>]*+)\s*+(?:=\s*+(?:\"((?:[^\"\\]|\\.)*+)(?:\"|\Z)|([^\s;,\"]*+)))?+"
_ONE_PARAMETER = re.compile(_PARAMETER, re.DOTALL)
_LINK = re.compile(rf"<([^<>]*+)>((?:{_PARAMETER})*+)", re.DOTALL)


def linked_as(relation: str, header: str) -> list[str]:
    """Return the addresses, as they are written, of what has a relation to the page.

    Source: RFC 8288, 3: names of parameters and relations have no case, the first `rel` counts, and a link with an
    `anchor` belongs to another page.

    Args:
        relation: in lower case.
        header: the value of the header, or of several with commas between them.
    """
    found = []
    for link in _LINK.finditer(header):
        said: dict[str, str] = {}
        for name, quoted, plain in _ONE_PARAMETER.findall(link[2]):
            said.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
        if link[1].strip() and relation in said.get("rel", "").lower().split() and not said.get("anchor"):
            found.append(link[1].strip())
    return found
