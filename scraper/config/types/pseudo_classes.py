"""Selectors of which lexbor finds wrong elements: said otherwise where it gets that right, and refused where not.

tests/unit/config/test_pseudo_classes.py asks lexbor and soupsieve for the same and compares what they find.
"""

from __future__ import annotations

import re
from functools import lru_cache

from scraper.lazy_pattern import lazy_pattern

_NAMED = lazy_pattern(r":(?P<name>[a-z-]+)(?![\w-])(?P<call>\()?", re.IGNORECASE)
#: What stands in quotes or is escaped, and is no part of a selector's structure.
_QUOTED = lazy_pattern(r"""\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
#: A compound that begins with a pseudo-class.
_BARE = lazy_pattern(r"(?:(?<=[\s>+~,(])|\A)(?=:(?!:))")
_NAMESPACE = lazy_pattern(r"[\w-]*(?<!\*)\|(?!=)\|?")
#: What finds wrong elements, or none whatever the page holds, and what to write instead.
_WRONG = {
    "enabled": ":not([disabled]) behind the names of the elements",
    "disabled": "[disabled]",
    "read-only": "[readonly]",
    "read-write": "input:not([readonly]), textarea:not([readonly])",
    "placeholder-shown": "[placeholder]",
    "required": "[required]",
    "optional": ":not([required])",
    "blank": ":empty",
    "current": "a class that the page has",
    "past": "a class that the page has",
    "future": "a class that the page has",
}


class WrongSelector(ValueError):
    """A selector for which lexbor finds wrong elements. The message says what to write."""


@lru_cache(1024)
def right_for_lexbor(selector: str) -> str:
    """Return a selector that makes lexbor find what `selector` means.

    Raises:
        WrongSelector: nothing equivalent is known.
    """
    if ":" not in selector and "|" not in selector:
        return selector
    # Of the same length, so that places in the one are places in the other.
    bare = _QUOTED.sub(lambda match: "x" * len(match[0]), selector)
    if namespace := _NAMESPACE.search(bare):
        raise WrongSelector(f"leave {namespace[0]} out, pages have neither namespaces nor columns")
    stars: set[int] = set()
    for match in _NAMED.finditer(bare):
        name = match["name"].lower()
        if bare[match.start() - 1 : match.start()] == ":":  # ::attr, ::text
            continue
        if name in _WRONG:
            raise WrongSelector(f"write {_WRONG[name]} for :{name}, which is not found right")
        inside = bare[match.end() : _end_of_call(bare, match.end())] if match["call"] else ""
        if name.startswith("nth-") and re.search(r"\bof\b[^,]*,", re.sub(r"\([^()]*\)", "", inside)):
            raise WrongSelector(f"write of :is(…) for the list in :{name}({inside}), which is not found right")
        if name == "has":
            # A compound that begins with :not(…), :is(…) and the like is right behind a *.
            stars.update(match.end() + compound.start() for compound in _BARE.finditer(inside))
    for at in sorted(stars, reverse=True):
        selector = f"{selector[:at]}*{selector[at:]}"
    return selector


def _end_of_call(text: str, start: int) -> int:
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if not depth:
            return place
    return len(text)
