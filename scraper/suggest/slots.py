"""What several elements of a kind hold in common: the places of text, links and images in them, side by side.

A place is known by the way to it from the top of its scope: names, and the first class that says something. Where
siblings have nothing but their name, their number tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from scraper.suggest.elements import Element

#: Longer texts of a line are no value that somebody looks up.
LONGEST_VALUE = 2_000
#: What lies deeper in a scope is not looked at.
_DEEPEST = 60
#: Attributes that hold a value, by the element that has them.
_VALUES = {"time": ("datetime",), "data": ("value",), "meta": ("content",)}
_MEDIA = ("img", "source", "video", "audio")
_SOURCES = ("src", "data-src", "data-original", "data-lazy-src")


class Atom(NamedTuple):
    """One thing that a scope holds.

    Attributes:
        element: where it lies.
        attribute: the attribute that holds it; empty for the element's text.
        value: as it is written there.
    """

    element: Element
    attribute: str
    value: str


class Slot:
    """A place in scopes of a kind.

    Attributes:
        key: the way to it, and the attribute.
        atoms: what each scope has there, in the order of the scopes; empty where it has nothing.
    """

    def __init__(self, key: tuple[str, ...], scopes: int) -> None:
        self.key = key
        self.atoms: list[list[Atom]] = [[] for _ in range(scopes)]

    @property
    def attribute(self) -> str:
        return self.key[-1]

    @property
    def is_many(self) -> bool:
        """Tell whether scopes have several there, and not always as many."""
        return any(len(one) > 1 for one in self.atoms)

    @property
    def values(self) -> list[str]:
        """Return the first value of each scope that has one."""
        return [one[0].value for one in self.atoms if one]

    @property
    def coverage(self) -> float:
        """Return the part of the scopes that have something there."""
        return sum(bool(one) for one in self.atoms) / len(self.atoms)

    @property
    def variety(self) -> float:
        """Return how many of the values differ, as a part of them; 0 where all are the same."""
        values = [" ".join(atom.value for atom in one) for one in self.atoms if one]
        different = len(set(values))
        return different / len(values) if different > 1 else 0.0

    @property
    def sample(self) -> Atom:
        return next(one[0] for one in self.atoms if one)

    def __repr__(self) -> str:
        return f"<Slot {'/'.join(self.key)} {self.coverage:.1f} {self.values[:2]}>"


def slots_of(scopes: Sequence[Element], skip: Callable[[Element], bool] = lambda element: False) -> list[Slot]:
    """Return the slots of scopes of a kind, in the order in which they were first met.

    Args:
        skip: tells of an element whether nothing in it is looked at.
    """
    found: dict[tuple[str, ...], Slot] = {}
    for number, scope in enumerate(scopes):
        for key, atom in atoms_of(scope, skip):
            slot = found.get(key)
            if slot is None:
                slot = found[key] = Slot(key, len(scopes))
            slot.atoms[number].append(atom)
    return list(_parted(found.values()))


def _parted(slots: object) -> Iterator[Slot]:
    """Return slots, and instead of one of which all scopes have as many, one for each place."""
    for slot in slots:  # type: ignore[attr-defined]
        counts = {len(one) for one in slot.atoms if one}
        most = max(counts)
        if counts == {1} or most > 6 or len(counts) > 1 or len(slot.atoms) < 3:
            yield slot
            continue
        for place in range(most):
            part = Slot((*slot.key[:-1], f"#{place}", slot.key[-1]), len(slot.atoms))
            part.atoms = [[one[place]] if one else [] for one in slot.atoms]
            yield part


def atoms_of(
    scope: Element, skip: Callable[[Element], bool] = lambda element: False
) -> Iterator[tuple[tuple[str, ...], Atom]]:
    """Return what a scope holds: texts, each by the outermost element that has text of its own; links, images."""
    pending: list[tuple[Element, tuple[str, ...], bool]] = [(scope, (), False)]
    while pending:
        element, way, is_inside = pending.pop()
        if element is not scope and skip(element):
            continue
        for attribute, value in _attributes(element):
            yield (*way, attribute), Atom(element, attribute, value)
        if not is_inside and is_text(element) and not _is_frame(element):
            is_inside = True
            # What a `time` shows may be "3 days ago": its attribute says when.
            if len(element.text) <= LONGEST_VALUE and not (element.tag == "time" and element.attrs.get("datetime")):
                yield (*way, ""), Atom(element, "", element.text)
        if len(way) >= _DEEPEST:
            continue
        # What lies in a line of text is part of it; links and images in it are looked at all the same.
        pending += [(child, (*way, _step(child)), is_inside) for child in reversed(element.children)]


def is_text(element: Element) -> bool:
    """Tell whether an element is the outermost that holds a line of text."""
    return bool(element.own) and any(one.isalnum() for one in element.text) and element.is_line


def _is_frame(element: Element) -> bool:
    """Tell whether a line of text is but a few words around parts that have names of their own."""
    named = [one for one in element.children if one.classes or one.tag == "time" or "itemprop" in one.attrs]
    return bool(named) and len(element.own) * 2 < len(element.text) and "itemprop" not in element.attrs


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    attrs = element.attrs
    href = (attrs.get("href") or "").strip() if element.tag == "a" else ""
    if href and not href.startswith(("#", "javascript:", "mailto:", "tel:")):
        yield "href", href
    elif element.tag in _MEDIA:
        for name in _SOURCES:
            if (value := attrs.get(name)) and not value.startswith("data:"):
                yield name, value
                break
    for name in _VALUES.get(element.tag, ()):
        if value := attrs.get(name):
            yield name, value
    if "itemprop" in attrs and element.tag not in _VALUES and (value := attrs.get("content")):
        yield "content", value


def _step(element: Element) -> str:
    """Return what tells an element from its siblings."""
    name = element.attrs.get("itemprop") or (element.classes[0] if element.classes else "")
    if name:
        return f"{element.tag}.{name}"
    parent = element.parent
    like = parent.unnamed(element.tag) if parent is not None else 1
    is_list = element.tag in ("li", "tr", "option", "dt", "dd") or like > 8
    return element.tag if is_list or (like == 1 and element.place == 1) else f"{element.tag}:{element.place}"
