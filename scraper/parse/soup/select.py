"""Finding elements of a soup by CSS selectors, with an index.

soupsieve looks at every element of the page for every selector. An `Index` looks only at the elements that have the
name, the class or the id at a selector's right end; each answers for itself, and for what stands left of it, in time
that the size of the page bounds. The elements found are the soup's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from bs4 import BeautifulSoup
from bs4.element import PageElement, PreformattedString, Tag

from scraper.parse.soup.edit_tracking import is_edited
from scraper.parse.soup.selectors import Compound, Positions, document_is_parent, parse

#: For what must stand left of something, and an element, by their ids: whether the element or one beyond it is that.
_Memory = dict[int, dict[int, bool]]


class Index(ABC):
    """Answers selectors for one page, as `soup.select` would. Where its elements are, subclasses know."""

    __slots__ = ("_is_plain", "_places")

    _places: Positions
    _is_plain: bool | None

    def select(self, selector: str, within: Tag | None = None) -> list[Tag]:
        """Return all elements that `selector` finds, in the page's order; raises soupsieve's errors.

        Args:
            within: the tag below which they stand; None for anywhere.
        """
        compounds = self._parsed(selector)
        if compounds is None:
            return list(self._whole(within).select(selector))
        if len(compounds) == 1:
            return list(self._find(compounds[0], within))
        return self._in_order([tag for compound in compounds for tag in self._find(compound, within)])

    def select_one(self, selector: str, within: Tag | None = None) -> Tag | None:
        """Return the first of them; raises soupsieve's errors."""
        compounds = self._parsed(selector)
        if compounds is None:
            return self._whole(within).select_one(selector)
        if len(compounds) == 1:
            return next(self._find(compounds[0], within), None)
        return next(iter(self.select(selector, within)), None)

    def _parsed(self, selector: str) -> tuple[Compound, ...] | None:
        """Return what to look for; None where that is soupsieve's."""
        if type(selector) is not str or not self._is_as_made():
            return None
        compounds = parse(selector)
        if compounds is None:
            return None
        if self._is_plain is None:
            self._is_plain = self._look_through()
        return compounds if self._is_plain else None

    @property
    @abstractmethod
    def is_spent(self) -> bool:
        """Tell whether another one is to be made, of the whole soup."""

    @abstractmethod
    def complete(self) -> BeautifulSoup:
        """Return the whole soup."""

    @abstractmethod
    def _is_as_made(self) -> bool:
        """Tell whether nobody has edited the soup."""

    @abstractmethod
    def _look_through(self) -> bool:
        """False for a page in which soupsieve, one version or the other, leaves parts out."""

    @abstractmethod
    def _whole(self, within: Tag | None) -> Tag:
        """Return what soupsieve is to look through."""

    @abstractmethod
    def _in_order(self, found: list[Tag]) -> list[Tag]:
        """These, each once, in the page's order."""

    @abstractmethod
    def _candidates(self, compound: Compound, within: Tag | None) -> Iterable[Tag]:
        """Few elements among which all that `compound` finds are, in order."""

    @abstractmethod
    def _parent(self, tag: Tag) -> Tag | None:
        """Return the element around it."""

    @abstractmethod
    def _previous(self, tag: Tag) -> Tag | None:
        """Return the element before it, among its siblings."""

    def _find(self, compound: Compound, within: Tag | None) -> Iterator[Tag]:
        memory: _Memory = {}
        left, places = compound.left, self._places
        for tag in self._candidates(compound, within):
            if compound.fits(tag, places) and (left is None or self._stands(compound, left, tag, memory)):
                yield tag

    def _stands(self, compound: Compound, left: Compound, tag: Tag, memory: _Memory) -> bool:
        """Tell whether what must stand left of `tag`, which fits `compound`, does."""
        if compound.combinator == " ":
            return self._leads_to(left, tag, self._parent, memory)
        if compound.combinator == "~":
            return self._leads_to(left, tag, self._previous, memory)
        neighbour = self._parent(tag) if compound.combinator == ">" else self._previous(tag)
        return neighbour is not None and self._matches(left, neighbour, memory)

    def _matches(self, compound: Compound, tag: Tag, memory: _Memory) -> bool:
        left = compound.left
        return compound.fits(tag, self._places) and (left is None or self._stands(compound, left, tag, memory))

    def _leads_to(self, wanted: Compound, tag: Tag, step: Callable[[Tag], Tag | None], memory: _Memory) -> bool:
        """Tell whether steps from `tag` come to one that is wanted; what is learnt on the way is remembered."""
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


class SoupIndex(Index):
    """Of a soup, until it is edited; from then on soupsieve answers.

    It is made of the soup when it is first used, so that a soup which is only walked through costs nothing.

    Args:
        soup: the whole soup of a page.
        edits_are_noticed: tells whether each edit of a soup leaves its mark, by the trial of the installed bs4;
            where one does not, soupsieve always answers.
    """

    __slots__ = ("_by_class", "_by_id", "_by_name", "_edits_are_noticed", "_soup", "_tags")

    def __init__(self, soup: BeautifulSoup, edits_are_noticed: Callable[[], bool]) -> None:
        self._soup = soup
        self._edits_are_noticed = edits_are_noticed
        self._tags: list[Tag] = []
        self._by_name: defaultdict[str, list[Tag]] = defaultdict(list)
        self._by_class: defaultdict[str, list[Tag]] | None = None
        self._by_id: defaultdict[str, list[Tag]] | None = None
        self._places = Positions(counted(_siblings, by_name=False), counted(_siblings, by_name=True))
        self._is_plain = None

    @property
    def is_spent(self) -> bool:
        return False

    def complete(self) -> BeautifulSoup:
        return self._soup

    def _is_as_made(self) -> bool:
        return not is_edited(self._soup) and self._edits_are_noticed()

    def _look_through(self) -> bool:
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

    def _whole(self, within: Tag | None) -> Tag:
        return self._soup if within is None else within

    def _in_order(self, found: list[Tag]) -> list[Tag]:
        wanted = set(map(id, found))
        return [tag for tag in self._tags if id(tag) in wanted]

    def _candidates(self, compound: Compound, within: Tag | None) -> Iterable[Tag]:
        candidates = self._anywhere(compound)
        return (
            candidates
            if within is None
            else (tag for tag in candidates if any(each is within for each in tag.parents))
        )

    def _anywhere(self, compound: Compound) -> list[Tag]:
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

    def _parent(self, tag: Tag) -> Tag | None:
        parent = tag.parent
        return None if parent is self._soup and not document_is_parent() else parent

    def _previous(self, tag: Tag) -> Tag | None:
        sibling = tag.previous_sibling
        while sibling is not None and not isinstance(sibling, Tag):
            sibling = sibling.previous_sibling
        return sibling


def _siblings(tag: Tag) -> Iterable[Tag]:
    parent = tag.parent
    return (tag,) if parent is None else (child for child in parent.contents if isinstance(child, Tag))


def counted(siblings: Callable[[Tag], Iterable[Tag]], *, by_name: bool) -> Callable[[Tag], tuple[int, int]]:
    """Return the places of elements among their siblings, or those with the same name; counted once a parent."""
    known: dict[int, tuple[int, int]] = {}

    def place_of(tag: Tag) -> tuple[int, int]:
        if id(tag) not in known:
            groups: dict[str, list[Tag]] = {}
            for child in siblings(tag):
                groups.setdefault(child.name if by_name else "", []).append(child)
            for group in groups.values():
                for place, child in enumerate(group, 1):
                    known[id(child)] = place, len(group)
        return known[id(tag)]

    return place_of
