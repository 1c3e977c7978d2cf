"""CSS selectors, read once and matched against an index of the soup.

Only what is common, and has one meaning, is read here: types, classes, ids, attributes, the four combinators, lists,
`:not()` and the places among siblings. For anything else `parse` answers None, and soupsieve gets the selector: what
it would refuse, with its own error.

Sources: Selectors Level 4 (https://www.w3.org/TR/selectors-4/); soupsieve where it departs from that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from bs4 import BeautifulSoup
from bs4.element import PreformattedString, Tag

from scraper.lazy_dataclass import dataclass

#: Whether a tag, whose places are asked of the second, passes.
Test = Callable[[Tag, "Positions"], bool]


class Positions(NamedTuple):
    """Where elements stand among their siblings: functions that answer (1-based place, number of siblings)."""

    among_all: Callable[[Tag], tuple[int, int]]
    among_namesakes: Callable[[Tag], tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Compound:
    """A compound selector (`a.big[href]`), and what must stand left of it.

    Args:
        name, id, classes: what the element must have; for finding the few that can be meant.
        fits: whether an element is all that is asked of itself, the former included.
        combinator: how `left` is reached, ` `, `>`, `+` or `~`.
    """

    name: str | None
    id: str | None
    classes: tuple[str, ...]
    fits: Test
    combinator: str
    left: Compound | None


_IDENTIFIER = r"-?[A-Za-z_][A-Za-z0-9_-]*"
_STRING = r"\"[^\"\\\n\r\f\0]*\"|'[^'\\\n\r\f\0]*'"
_PART = re.compile(
    rf"""
    \.(?P<class>{_IDENTIFIER})
    | \#(?P<id>{_IDENTIFIER})
    | \[[ ]*(?P<attribute>{_IDENTIFIER})[ ]*(?:(?P<operator>[~|^$*!]?=)[ ]*(?P<value>{_STRING}|{_IDENTIFIER})
        (?:[ ]+(?P<flag>i))?[ ]*)?\]
    | :(?P<nth>nth-(?:last-)?(?:child|of-type))\([ ]*(?P<step>even|odd|[+-]?\d{{0,5}}n(?:[ ]*[+-][ ]*\d{{1,5}})?
        |[+-]?\d{{1,5}})[ ]*\)
    | :(?P<place>first-child|last-child|only-child|first-of-type|last-of-type|only-of-type)(?![\w(-])
    | :(?P<state>empty|root)(?![\w(-])
    | :not\([ ]*(?P<not>(?:[^()"']|{_STRING})+)\)
    """,
    re.VERBOSE,
)
_TYPE = re.compile(rf"\*|{_IDENTIFIER}")
_COMBINATOR = re.compile(r"[ \t\r\n\f]*([>+~])[ \t\r\n\f]*|[ \t\r\n\f]+")
_COMMA = re.compile(r"[ \t\r\n\f]*,[ \t\r\n\f]*")
_SPACES = " \t\r\n\f"
_NTH = re.compile(r"([+-]?\d*)n(?:[ ]*([+-])[ ]*(\d+))?")
#: Longer selectors than this are nobody's; it keeps the matching from nesting deeper.
_MAX_COMPOUNDS = 32


@lru_cache(maxsize=1024)
def parse(selector: str) -> tuple[Compound, ...] | None:
    """Return the compounds at the right end of each selector in a list; None where soupsieve is to be asked."""
    found, end = _list(selector, selector.find(selector.lstrip(_SPACES)), simple=False)
    return found if found is not None and not selector[end:].strip(_SPACES) else None


def _list(text: str, position: int, *, simple: bool) -> tuple[tuple[Compound, ...] | None, int]:
    found: list[Compound] = []
    while True:
        compound, position = _compound(text, position, "", None)
        for _ in range(_MAX_COMPOUNDS):
            combined = None if simple else _COMBINATOR.match(text, position)
            # Spaces at the end, or before a comma, combine nothing.
            if compound is None or combined is None or not text[combined.end() :] or text[combined.end()] == ",":
                break
            compound, position = _compound(text, combined.end(), combined[1] or " ", compound)
        else:
            return None, position
        if compound is None:
            return None, position
        found.append(compound)
        comma = _COMMA.match(text, position)
        if comma is None:
            return tuple(found), position
        position = comma.end()


def _compound(text: str, position: int, combinator: str, left: Compound | None) -> tuple[Compound | None, int]:
    start = position
    name: str | None = None
    if match := _TYPE.match(text, position):
        name, position = match[0].lower(), match.end()
    element_id: str | None = None
    classes: list[str] = []
    tests: list[Test] = []
    while part := _PART.match(text, position):
        position = part.end()
        test: Test | None
        if part["class"]:
            classes.append(part["class"])
            continue
        if part["id"]:
            if element_id not in (None, part["id"]):
                return None, position
            element_id = part["id"]
            continue
        if part["attribute"]:
            test = _attribute(part["attribute"].lower(), part["operator"], part["value"], part["flag"] is not None)
        elif part["not"]:
            test = _negation(part["not"].strip(" "))
        elif part["state"]:
            test = _is_empty if part["state"] == "empty" else _is_root
        else:
            test = _place(part["nth"] or part["place"], part["step"])
        if test is None:
            return None, position
        tests.append(test)
    if position == start:
        return None, position
    if name == "*":
        name = None
    fits = _all_of(name, element_id, classes, tests)
    return Compound(name, element_id, tuple(classes), fits, combinator, left), position


def _all_of(name: str | None, element_id: str | None, classes: list[str], others: list[Test]) -> Test:
    """Return one test of many, the quickest first."""
    tests: list[Test] = []
    if name is not None:
        tests.append(lambda tag, places: tag.name == name)
    if element_id is not None:
        tests.append(lambda tag, places: bool(tag.attrs.get("id") == element_id))
    if len(classes) == 1:
        wanted = classes[0]
        tests.append(lambda tag, places: wanted in tag.attrs.get("class", ()))
    elif classes:
        tests.append(lambda tag, places: set(classes).issubset(tag.attrs.get("class", ())))
    tests += others
    if not tests:
        return lambda tag, places: True
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda tag, places: first(tag, places) and second(tag, places)
    return lambda tag, places: all(test(tag, places) for test in tests)


def _negation(text: str) -> Test | None:
    compounds, end = _list(text, 0, simple=True)
    if compounds is None or end != len(text):
        return None
    return lambda tag, places: not any(compound.fits(tag, places) for compound in compounds)


def _is_empty(tag: Tag, places: Positions) -> bool:
    """No elements, no text but white space (Selectors Level 4, section 13.2); comments do not count."""
    for child in tag.contents:
        if isinstance(child, Tag):
            return False
        if not isinstance(child, PreformattedString) and str(child).strip(_SPACES):
            return False
    return True


def _is_root(tag: Tag, places: Positions) -> bool:
    return tag.parent is not None and tag.parent.parent is None


# Positions ----------------------------------------------------------------------------------------------


def _place(kind: str, step: str | None) -> Test | None:
    namesakes = kind.endswith("of-type")
    if kind.startswith("only"):
        return lambda tag, places: places[namesakes](tag)[1] == 1
    a, b = _step(step) if step is not None else (0, 1)
    if a != 0 and not _counts_from_one():
        return None
    from_end = "last" in kind

    def test(tag: Tag, places: Positions) -> bool:
        place, count = places[namesakes](tag)
        distance = (count + 1 - place if from_end else place) - b
        return distance == 0 if a == 0 else distance % a == 0 and distance // a >= 0

    return test


def _step(text: str) -> tuple[int, int]:
    """`a` and `b` of an+b (Selectors Level 4, section 13.3.1 and CSS Syntax Level 3, section 6)."""
    if text in ("even", "odd"):
        return 2, text == "odd"
    match = _NTH.fullmatch(text)
    if match is None:
        return 0, int(text)
    a = int(f"{match[1]}1") if match[1] in ("", "+", "-") else int(match[1])
    return a, int(f"{match[2]}{match[3]}") if match[2] else 0


# Attributes ------------------------------------------------------------------------------------------


def _attribute(name: str, operator: str | None, literal: str | None, ignores_case: bool) -> Test | None:
    if operator is None or literal is None:
        return lambda tag, places: name in tag.attrs
    wanted = literal[1:-1] if literal[0] in "\"'" else literal
    if not ignores_case:
        ignores_case = _is_case_insensitive(name)
    if ignores_case:
        if not _folds_ascii():
            return None
        wanted = _lower(wanted)
    fits = _comparison(operator.removeprefix("!"), wanted)

    def test(tag: Tag, places: Positions) -> bool:
        value = tag.attrs.get(name)
        if value is None:
            return False
        text = value if isinstance(value, str) else " ".join(value)
        return fits(_lower(text) if ignores_case else text)

    if operator == "!=":
        return lambda tag, places: not test(tag, places)
    return test


def _comparison(operator: str, wanted: str) -> Callable[[str], bool]:
    """Return how a value is compared (Selectors Level 4, sections 6.1 and 6.2)."""
    ends = (wanted, wanted + "\n") if _forgives_newline() else (wanted,)
    if operator == "=":
        return lambda value: value in ends
    if operator == "|=":
        return lambda value: value in ends or value.startswith(f"{wanted}-")
    if not wanted or (operator == "~=" and re.search(r"[ \t\r\n\f]", wanted)):
        return lambda value: False
    if operator == "^=":
        return lambda value: value.startswith(wanted)
    if operator == "$=":
        return lambda value: value.endswith(ends)
    if operator == "*=":
        return lambda value: wanted in value
    return lambda value: wanted in re.split(r"[ \t\r\n\f]", value)


_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_UPPER_TO_LOWER)


# What soupsieve does differs between its versions; these ask the installed one.


@lru_cache(maxsize=256)
def _is_case_insensitive(name: str) -> bool:
    """Tell whether values of the attribute are compared without regard to case, as those of `type` always are."""
    return _soupsieve_matches(f'[{name}="x"]', name, "X")


@lru_cache(maxsize=1)
def _folds_ascii() -> bool:
    """Tell whether only ASCII letters have a case, as the standard says; the Kelvin sign is a `k` for some."""
    return not _soupsieve_matches('[a="k" i]', "a", "\u212a")


@lru_cache(maxsize=1)
def _forgives_newline() -> bool:
    """Tell whether a newline at the end of a value is overlooked."""
    return _soupsieve_matches('[a="x"]', "a", "x\n")


@lru_cache(maxsize=1)
def _counts_from_one() -> bool:
    """Tell whether 2n+1 finds an element that has no siblings; some versions overlook it."""
    return _soupsieve_matches("b:nth-child(2n+1)", "a", "x")


@lru_cache(maxsize=1)
def document_is_parent() -> bool:
    """Tell whether the document counts as an element above the root, so that `* > html` finds the root."""
    return _soupsieve_matches("* > b", "a", "x")


def _soupsieve_matches(selector: str, attribute: str, value: str) -> bool:
    soup = BeautifulSoup("", "lxml")
    soup.append(soup.new_tag("b", attrs={attribute: value}))
    return bool(soup.select(selector))
