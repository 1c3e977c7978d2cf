"""Finding elements of a soup by CSS selectors, with an index.

soupsieve looks at every element of the page for every selector. `Index` goes through the page once and then looks
only at the elements that have the name, the class or the id at a selector's right end; each answers for itself, and
for what stands left of it, in time that the size of the page bounds. The elements found are the soup's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from bs4 import BeautifulSoup
from bs4.element import PageElement, PreformattedString, Tag

from scraper.parse.edits import is_edited
from scraper.parse.selectors import Compound, Places, document_is_parent, parse
from scraper.parse.trial import edits_are_noticed

#: For what must stand left of something, and an element, by their ids: whether the element or one beyond it is that.
_Memory = dict[int, dict[int, bool]]


class Index:
    """Answers selectors for one soup, as `soup.select` would, until the soup is edited; from then on soupsieve does.

    It is made of the soup when first asked, so that a soup which is only walked through costs nothing.
    """

    __slots__ = ("_by_class", "_by_id", "_by_name", "_is_plain", "_places", "_soup", "_tags")

    def __init__(self, soup: BeautifulSoup) -> None:
        self._soup = soup
        self._tags: list[Tag] = []
        self._by_name: defaultdict[str, list[Tag]] = defaultdict(list)
        self._by_class: defaultdict[str, list[Tag]] | None = None
        self._by_id: defaultdict[str, list[Tag]] | None = None
        self._places = Places(_Counted(by_name=False), _Counted(by_name=True))
        self._is_plain: bool | None = None

    def select(self, selector: str) -> list[Tag]:
        """All elements that `selector` finds, in the page's order; raises soupsieve's errors."""
        compounds = self._parsed(selector)
        if compounds is None:
            return list(self._soup.select(selector))
        if len(compounds) == 1:
            return list(self._find(compounds[0]))
        found = {id(tag) for compound in compounds for tag in self._find(compound)}
        return [tag for tag in self._tags if id(tag) in found]

    def select_one(self, selector: str) -> Tag | None:
        """The first of them; raises soupsieve's errors."""
        compounds = self._parsed(selector)
        if compounds is None:
            return self._soup.select_one(selector)
        if len(compounds) == 1:
            return next(self._find(compounds[0]), None)
        return next(iter(self.select(selector)), None)

    def _parsed(self, selector: str) -> tuple[Compound, ...] | None:
        """What to look for; None where that is soupsieve's."""
        if type(selector) is not str or is_edited(self._soup) or not edits_are_noticed():
            return None
        compounds = parse(selector)
        if compounds is None:
            return None
        if self._is_plain is None:
            self._is_plain = self._read()
        return compounds if self._is_plain else None

    def _read(self) -> bool:
        """Goes through the soup. False for one in which soupsieve, one version or the other, leaves parts out."""
        roots = 0
        for top in self._soup.contents:
            if isinstance(top, Tag):
                roots += 1
            elif not isinstance(top, PreformattedString) and str(top).strip():
                return False
        if roots != 1:
            return False
        tags, by_name = self._tags, self._by_name
        node: PageElement | None = self._soup.contents[0]
        while node is not None:
            if isinstance(node, Tag):
                tags.append(node)
                by_name[node.name].append(node)
            node = node.next_element
        return "template" not in by_name and not any(frame.contents for frame in by_name.get("iframe", ()))

    def _find(self, compound: Compound) -> Iterator[Tag]:
        memory: _Memory = {}
        left, places = compound.left, self._places
        for tag in self._candidates(compound):
            if compound.fits(tag, places) and (left is None or self._stands(compound, left, tag, memory)):
                yield tag

    def _candidates(self, compound: Compound) -> list[Tag]:
        """Few elements among which all that `compound` finds are, in order."""
        if compound.id is not None:
            if self._by_id is None:
                self._by_id = defaultdict(list)
                for tag in self._tags:
                    self._by_id[str(tag.attrs.get("id", ""))].append(tag)
            return self._by_id.get(compound.id, [])
        if compound.name is not None:
            return self._by_name.get(compound.name, [])
        if compound.classes:
            if self._by_class is None:
                self._by_class = defaultdict(list)
                for tag in self._tags:
                    for name in dict.fromkeys(tag.attrs.get("class", ())):
                        self._by_class[name].append(tag)
            return self._by_class.get(compound.classes[0], [])
        return self._tags

    def _stands(self, compound: Compound, left: Compound, tag: Tag, memory: _Memory) -> bool:
        """Whether what must stand left of `tag`, which fits `compound`, does."""
        if compound.combinator == " ":
            return self._leads_to(left, tag, self._parent, memory)
        if compound.combinator == "~":
            return self._leads_to(left, tag, _previous, memory)
        neighbour = self._parent(tag) if compound.combinator == ">" else _previous(tag)
        return neighbour is not None and self._matches(left, neighbour, memory)

    def _matches(self, compound: Compound, tag: Tag, memory: _Memory) -> bool:
        left = compound.left
        return compound.fits(tag, self._places) and (left is None or self._stands(compound, left, tag, memory))

    def _leads_to(self, wanted: Compound, tag: Tag, step: Callable[[Tag], Tag | None], memory: _Memory) -> bool:
        """Whether steps from `tag` come to one that is wanted; what is learnt on the way is remembered."""
        known = memory.setdefault(id(wanted), {})
        passed: list[int] = []
        found = False
        reached = step(tag)
        while reached is not None:
            place = id(reached)
            if place in known:
                found = known[place]
                break
            passed.append(place)
            if self._matches(wanted, reached, memory):
                found = True
                break
            reached = step(reached)
        for place in passed:
            known[place] = found
        return found

    def _parent(self, tag: Tag) -> Tag | None:
        parent = tag.parent
        return None if parent is self._soup and not document_is_parent() else parent


def _previous(tag: Tag) -> Tag | None:
    sibling = tag.previous_sibling
    while sibling is not None and not isinstance(sibling, Tag):
        sibling = sibling.previous_sibling
    return sibling


class _Counted:
    """The places of elements among their siblings, counted once a parent."""

    __slots__ = ("_by_name", "_known")

    def __init__(self, *, by_name: bool) -> None:
        self._by_name = by_name
        self._known: dict[int, tuple[int, int]] = {}

    def __call__(self, tag: Tag) -> tuple[int, int]:
        if id(tag) not in self._known:
            groups: dict[str, list[Tag]] = {}
            for child in tag.parent.contents if tag.parent is not None else (tag,):
                if isinstance(child, Tag):
                    groups.setdefault(child.name if self._by_name else "", []).append(child)
            for group in groups.values():
                for place, child in enumerate(group, 1):
                    self._known[id(child)] = place, len(group)
        return self._known[id(tag)]
