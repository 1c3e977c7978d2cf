"""Blocks that repeat on a page, such as the products of a list: which elements, and how much they hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from scraper.suggest.elements import Element, Tree
from scraper.suggest.shapes import is_date, is_price
from scraper.suggest.slots import Slot, slots_of

#: Fewer elements are no list.
LEAST = 3
#: A list of more is judged by its first ones.
MOST_JUDGED = 40
#: How many groups of a page are compared with each other.
_MOST_COMPARED = 16
_MOST_SHARED = 200
#: How many groups of a page are looked at, the largest first.
_MOST_GROUPS = 250
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NO_BLOCKS = frozenset(
    "a span b i em strong small td th img p br time h1 h2 h3 h4 h5 h6 input label option body thead".split()
)


class Group(NamedTuple):
    """Elements that repeat.

    Attributes:
        elements: in the page's order.
        slots: what they have in common.
        score: how much they hold; comparable on one page.
    """

    elements: list[Element]
    slots: list[Slot]
    score: float

    @property
    def share(self) -> int:
        """Return how much text lies in them, in characters."""
        return sum(len(one.text) for one in self.elements)


def groups_of(tree: Tree) -> list[Group]:
    """Return what repeats on a page, that which holds most first."""
    if tree.body is None:
        return []
    found = []
    seen = set()
    candidates = sorted((one for one in _candidates(tree.body) if len(one) >= LEAST), key=len, reverse=True)
    for candidate in candidates[:_MOST_GROUPS]:
        key = frozenset(one.node.mem_id for one in candidate)
        if key in seen:
            continue
        seen.add(key)
        group = judged(candidate)
        if group is not None:
            found.append(group)
    found.sort(key=lambda group: -group.score)
    return sorted(_demoted(found), key=lambda group: -group.score)


def _demoted(groups: list[Group]) -> Iterator[Group]:
    """Return groups, with less score for those that are but frames around blocks of their own, as shelves are."""
    compared = groups[:_MOST_COMPARED]
    for group in compared:
        frames = any(_frames(group, other) for other in compared if other is not group)
        yield group._replace(score=group.score * 0.25) if frames else group


def _frames(group: Group, other: Group) -> bool:
    """Tell whether most of what a group holds are the blocks of another, several in each."""
    if len(other.elements) < 2 * len(group.elements):
        return False
    if not any(slot.attribute == "href" and slot.coverage > 0.9 for slot in other.slots):
        return False
    ids = {one.node.mem_id for one in group.elements}
    shown = other.elements[:_MOST_SHARED]
    if sum(any(up.node.mem_id in ids for up in one.above()) for one in shown) * 2 < len(shown):
        return False
    inside = {one.node.mem_id for one in other.elements}
    beside = slots_of(group.elements[:MOST_JUDGED], lambda element: element.node.mem_id in inside)
    own = sum(worth_of(slot) for slot in beside if slot.coverage >= 0.3)
    return own < sum(worth_of(slot) for slot in other.slots)


def _candidates(body: Element) -> Iterator[list[Element]]:
    """Return elements that are alike: by the names of those above them, then by a class, or by the parent."""
    by_way: dict[int, list[Element]] = {}
    #: A way is the number of its beginning and the last name, so that deep pages have no long ones.
    numbers: dict[tuple[int, str], int] = {}
    ways = {body.node.mem_id: 0}
    for element in body.below():
        way = ways[element.node.mem_id]
        for child in element.children:
            ways[child.node.mem_id] = numbers.setdefault((way, child.tag), len(numbers) + 1)
        if element.tag not in _NO_BLOCKS:
            by_way.setdefault(way, []).append(element)
    for alike in by_way.values():
        if len(alike) < LEAST:
            continue
        plain = [one for one in alike if not one.is_around]
        yield alike
        yield plain
        for part in (alike, plain):
            yield from _by(part, lambda one: one.classes)
            yield from _by(part, lambda one: [str(one.parent.node.mem_id)] if one.parent else [])
            yield from _by(part, lambda one: one.parent.classes if one.parent else [])
            yield from _by(part, lambda one: ["link"] if one.first("a") is not None else [])
            if part and part[0].tag == "tr":
                yield from _by(part, lambda one: [str(len(one.children))])


def _by(elements: list[Element], keys: object) -> Iterator[list[Element]]:
    parts: dict[str, list[Element]] = {}
    for element in elements:
        for key in keys(element):  # type: ignore[operator]
            parts.setdefault(key, []).append(element)
    for part in parts.values():
        if len(part) < len(elements):
            yield part


def judged(elements: list[Element]) -> Group | None:
    """Return a group with its score; None where it holds nothing that differs from one element to the next."""
    shown = elements[:MOST_JUDGED]
    slots = [slot for slot in slots_of(shown) if slot.coverage >= 0.3]
    worth = sum(worth_of(slot) for slot in slots)
    if worth <= 0:
        return None
    around = sum(one.is_around for one in shown) / len(shown)
    held = sum(min(len(one.text), 400) for one in shown) / len(shown)
    score = worth * math.log2(len(elements) + 1) * (1 - 0.85 * around) * (held + 5) ** 0.25
    # A list with a name of its own is found again more easily, and one element that is a whole more readily meant.
    if elements[0].classes or "itemscope" in elements[0].attrs:
        score *= 1.04
    if elements[0].tag in ("article", "li", "tr"):
        score *= 1.02
    return Group(elements, slots, score)


def worth_of(slot: Slot) -> float:
    """Return what a slot counts: less where blocks lack it, nothing where all say the same."""
    variety = slot.variety
    if not variety:
        return 0.0
    if slot.is_many:
        # Several of a kind in a block: either tags, or the blocks are those of several lists.
        per_block = sum(map(len, slot.atoms)) / max(1, sum(bool(one) for one in slot.atoms))
        return 0.2 if per_block <= 6 and slot.attribute == "" else -0.6
    worth = 0.5 if slot.attribute else 1.0
    if not slot.attribute:
        sample = slot.sample
        if any(one.tag in HEADINGS for one in (sample.element, *sample.element.above())):
            worth += 0.4
        if is_price(slot.values) or is_date(slot.values):
            worth += 0.5
    return worth * slot.coverage * min(1.0, 0.3 + variety)
