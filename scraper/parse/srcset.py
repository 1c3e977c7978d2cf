"""The attribute `srcset` of images: one of its addresses."""

from __future__ import annotations

import re

#: An address, and its descriptors (HTML Standard, 4.8.4.3.10): a bracket that is not closed lasts to the end.
_CANDIDATE = re.compile(r"[\s,]*(\S+)")
_DESCRIPTORS = re.compile(r"(?:[^,(]++|\([^)]*+(?:\)|\Z))*+,?")


def largest_of(text: str) -> str:
    """Return the address of the largest image that a srcset names, the first of several; empty for none."""
    best, size = "", -1.0
    position = 0
    while match := _CANDIDATE.match(text, position):
        address, position = match[1], match.end()
        said = ""
        if address.endswith(","):
            address = address.rstrip(",")
        elif descriptors := _DESCRIPTORS.match(text, position):
            said, position = descriptors[0].strip(" \t\r\n\f,"), descriptors.end()
        found = re.fullmatch(r"(\d+(?:\.\d+)?)[wx]", (said.split() or ["1x"])[0])
        if found and float(found[1]) > size:
            best, size = address, float(found[1])
    return best
