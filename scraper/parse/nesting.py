"""A look at how a page's tags nest, before a tree is made of it: in time that grows with its length alone.

libxml2 looks for the element that an end tag ends among all that are open, from the innermost outwards. For a page of
100,000 open elements and as many end tags of none of them that takes minutes, in which nothing else of the process
runs.
"""

from __future__ import annotations

import re

from scraper.errors import TooNested
from scraper.lazy_pattern import lazy_pattern

#: Below so many tags the steps below cannot be reached.
_MANY_TAGS = 20_000
#: Elements that may be looked at altogether to find what end tags end: a third of a second.
MAX_STEPS = 200_000_000
_TAG = lazy_pattern(r"<(/?)([A-Za-z][^\s/>]*)|<!--(?:.*?-->|.*)", re.DOTALL)
_VOID = frozenset(
    "area base basefont br col embed frame hr img input isindex link meta param source track wbr".split()
)
#: What is within them is no markup.
_RAW = frozenset({"script", "style"})
_CELLS = frozenset({"td", "th", "p", "li", "dt", "dd"})
_ROWS = _CELLS | {"tr"}
#: By element, those that end where it begins.
_ENDS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        "address blockquote center div dl fieldset form h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split(),
        frozenset({"p"}),
    ),
    "li": frozenset({"p", "li"}),
    **dict.fromkeys(("dt", "dd"), frozenset({"p", "dt", "dd"})),
    **dict.fromkeys(("td", "th"), _CELLS),
    "tr": _ROWS,
    **dict.fromkeys(("tbody", "thead", "tfoot"), _ROWS | {"tbody", "thead", "tfoot"}),
    "option": frozenset({"option"}),
}
#: End tags reach beyond no element of a higher rank than their own; libxml2's `htmlEndPriority`.
_RANKS = {"div": 150, "td": 160, "th": 160, "tr": 170, "thead": 180, "tbody": 180, "tfoot": 180, "table": 190}
_RANKS |= {"head": 200, "body": 200, "html": 220}
_RANK = 100


def check_nesting(text: str) -> None:
    """Look whether a tree can be made of a page in time.

    Raises:
        TooNested: its end tags would be looked for among too many open elements.
    """
    if text.count("<") > _MANY_TAGS and _steps(text, MAX_STEPS) > MAX_STEPS:
        raise TooNested(
            "its elements are nested so deep, and end so wrongly, that reading it would take minutes",
            remedy="use response.text or response.body",
        )


def _steps(text: str, most: int) -> int:
    """Return how many open elements are looked at for the end tags of a page; some number above `most` for more."""
    open_: list[str] = []
    #: By name, the places of those that are open.
    places: dict[str, list[int]] = {}
    steps = position = 0
    while steps <= most and (match := _TAG.search(text, position)) is not None:
        position = match.end()
        if match[2] is None:
            continue
        name = match[2].lower()
        if not match[1]:
            if name in _VOID:
                continue
            if name == "body":
                # Lexbor looks for the one that is open among all that are; a second opens no element.
                steps += len(open_)
                if places.get(name):
                    continue
            ended = _ENDS.get(name)
            while ended is not None and open_ and open_[-1] in ended:
                places[open_.pop()].pop()
            if name in _RAW:
                position = _end_of_raw(text, position, name)
                continue
            places.setdefault(name, []).append(len(open_))
            open_.append(name)
            continue
        where = places.get(name)
        if not where:
            steps += len(open_)
            continue
        steps += len(open_) - where[-1]
        if not _is_behind_a_higher(places, name, where[-1]):
            for _ in range(len(open_) - where[-1]):
                places[open_.pop()].pop()
    return steps


def _is_behind_a_higher(places: dict[str, list[int]], name: str, place: int) -> bool:
    """Tell whether an element that the end tag does not reach beyond lies within that which it would end."""
    rank = _RANKS.get(name, _RANK)
    return any(
        higher > rank and (where := places.get(other)) and where[-1] > place for other, higher in _RANKS.items()
    )


def _end_of_raw(text: str, position: int, name: str) -> int:
    """Return where a script or style ends."""
    end = re.compile(rf"</{name}", re.IGNORECASE).search(text, position)
    return len(text) if end is None else end.end()
