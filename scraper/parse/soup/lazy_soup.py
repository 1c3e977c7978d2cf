"""A soup of which only those tags are made that somebody selects.

A spider that selects a few elements and reads their text and attributes needs no more of BeautifulSoup's tree than
these. So `select` looks for them in libxml2's tree, and makes a tag of each that it finds. The tag is that of the
whole soup: the first look beyond it, at a parent, a child, a neighbour or a string, makes all the rest, in which the
tags that were handed out before stand at their places. Nobody can tell the difference but by the time that it takes.

It rests on this: a tag that lacks an attribute asks for it by `__getattr__`, and all that a tag knows is in
attributes of its own, of which these have two: its name, and what the page calls attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias, cast

from bs4 import BeautifulSoup, ResultSet
from bs4.element import NavigableString, PageElement, Tag
from lxml import etree

from scraper.parse.soup.edit_tracking import MARK, mark, watch
from scraper.parse.soup.lxml_tree import PageTree
from scraper.parse.soup.nodes import Tags, shortened
from scraper.parse.soup.select import Index, counted
from scraper.parse.soup.selectors import Compound, Positions

#: Where a tag of a soup that is not made yet has what makes it.
LAZY = "_lazy"
#: Elements of which a soup keeps the strings apart: those that hold nothing else, and the others.
_RAW, _APART = ("script", "style"), ("template", "rt", "rp")
#: Elements in which strings of spaces stay as they are.
_KEEP_SPACES = ("pre", "textarea")
#: The classes of strings that are wanted.
_Types: TypeAlias = type[NavigableString] | Iterable[type[NavigableString]]


class LazyTag(Tag):
    """A tag of a soup that is not made yet; an ordinary tag as soon as it is."""

    def __getattr__(self, name: str) -> Any:
        page = self.__dict__.get(LAZY)
        if page is not None and not name.startswith("__"):
            page.complete()
            if name in self.__dict__:
                return self.__dict__[name]
        # By its class, which has just become another one where the soup was made.
        return Tag.__getattr__(self, name)

    def __copy__(self) -> Any:
        return self._complete().__copy__()

    def __deepcopy__(self, memo: dict[Any, Any], recursive: bool = True) -> Any:
        return self._complete().__deepcopy__(memo, recursive)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._complete().__reduce_ex__(protocol)

    def _all_strings(self, strip: bool = False, types: _Types = PageElement.default) -> Iterator[str]:
        if strip and types is PageElement.default:
            texts = self._soup.texts_of(self)
            if texts is not None:
                yield from filter(None, map(str.strip, texts))
                return
        yield from self._complete()._all_strings(strip, types)

    def get_text(
        self, separator: str = "", strip: bool = False, types: Iterable[type[NavigableString]] = PageElement.default
    ) -> str:
        if types is PageElement.default:
            texts = self._soup.texts_of(self)
            if texts is not None:
                return separator.join(filter(None, map(str.strip, texts)) if strip else texts)
        return str(self._complete().get_text(separator, strip, types))

    getText = get_text

    @property
    def text(self) -> str:
        return self.get_text()

    def select_one(self, selector: str, namespaces: Any = None, **keywords: Any) -> Tag | None:
        if namespaces is None and not keywords:
            return self._soup.select_one(selector, self)
        return self._complete().select_one(selector, namespaces, **keywords)

    def select(self, selector: str, namespaces: Any = None, limit: int = 0, **keywords: Any) -> ResultSet[Tag]:
        if namespaces is None and not limit and not keywords:
            return ResultSet(None, self._soup.select(selector, self))
        return self._complete().select(selector, namespaces, limit, **keywords)

    @property
    def _soup(self) -> LazySoup:
        return cast(LazySoup, self.__dict__[LAZY])

    def _complete(self) -> Tag:
        """Return this tag, with the whole soup around it."""
        self._soup.complete()
        return self


# As messages call it: nobody has to know of two kinds.
LazyTag.__name__ = Tag.__name__


class LazySoup(Index):
    """Answers selectors out of libxml2's tree, until the whole soup is made.

    Args:
        tree: of the page.
        tags: makes tags as the soup's builder does.
        make_soup: makes the soup, given the tags that there are already, one or None for each element.
    """

    __slots__ = ("_begin", "_elements", "_has_apart", "_make_soup", "_tag_of", "_tree", "soup")

    def __init__(
        self, tree: PageTree, tags: Tags, make_soup: Callable[[Iterator[Tag | None]], BeautifulSoup]
    ) -> None:
        self._tree = tree
        self._begin = tags.begin
        self._make_soup = make_soup
        #: The whole soup, once it is made.
        self.soup: BeautifulSoup | None = None
        self._tag_of: dict[Any, Tag] = {}
        self._elements: dict[int, Any] = {}
        self._has_apart: bool | None = None
        self._is_plain = None
        self._places = Positions(counted(self._siblings, by_name=False), counted(self._siblings, by_name=True))

    @property
    def is_spent(self) -> bool:
        return self.soup is not None

    def complete(self) -> BeautifulSoup:
        """Return the whole soup; made now where it is not."""
        if self.soup is None:
            known = self._tag_of
            for tag in known.values():
                del tag.__dict__[LAZY]
                tag.__class__ = Tag
            elements = [element for element in self._tree.root.iter() if isinstance(element.tag, str)]
            self.soup = self._make_soup(map(known.get, elements))
            watch(self.soup)
            if self._elements:
                # Whoever is in the middle of a selection continues it.
                tags = (node for node in self.soup.descendants if isinstance(node, Tag))
                for element, tag in zip(elements, tags, strict=True):
                    self._keep(element, tag)
        return self.soup

    def noticed(self) -> None:
        """Make the soup, of which somebody is about to change a tag, and note that."""
        mark(self.complete())

    def _keep(self, element: Any, tag: Tag) -> None:
        self._tag_of[element] = tag
        self._elements[id(tag)] = element

    def _tag(self, element: Any) -> Tag:
        tag = self._tag_of.get(element)
        if tag is None:
            tag = self._begin(LazyTag, element.tag, self._tree.attributes_of(element))
            tag.__dict__[LAZY] = tag.__dict__[MARK] = self
            self._keep(element, tag)
        return tag

    # What an index asks ------------------------------------------------------------------------------

    def _is_as_made(self) -> bool:
        return True

    def _look_through(self) -> bool:
        root = self._tree.root
        return next(root.iter("template"), None) is None and not any(
            len(frame) or frame.text for frame in root.iter("iframe")
        )

    def _whole(self, within: Tag | None) -> Tag:
        soup = self.complete()
        return soup if within is None else within

    def _in_order(self, found: list[Tag]) -> list[Tag]:
        wanted = {self._elements[id(tag)] for tag in found}
        return [self._tag(element) for element in self._tree.root.iter() if element in wanted]

    def _candidates(self, compound: Compound, within: Tag | None) -> Iterator[Tag]:
        top = self._tree.root if within is None else self._elements[id(within)]
        for element in _query(compound)(top):
            if element is not top or within is None:
                yield self._tag(element)

    def _parent(self, tag: Tag) -> Tag | None:
        parent = self._elements[id(tag)].getparent()
        return None if parent is None else self._tag(parent)

    def _previous(self, tag: Tag) -> Tag | None:
        element = self._elements[id(tag)].getprevious()
        while element is not None and not isinstance(element.tag, str):
            element = element.getprevious()
        return None if element is None else self._tag(element)

    def _siblings(self, tag: Tag) -> Iterable[Tag]:
        parent = self._elements[id(tag)].getparent()
        if parent is None:
            return (tag,)
        return (self._tag(element) for element in parent if isinstance(element.tag, str))

    # Text --------------------------------------------------------------------------------------------

    def texts_of(self, tag: Tag) -> list[str] | None:
        """Return the strings below a tag that its text consists of; None where that takes the whole soup to tell."""
        element = self._elements[id(tag)]
        if self._has_apart is None:
            root = self._tree.root
            self._has_apart = next(root.iter(*_APART), None) is not None
        if self._has_apart or next(element.iter(*_RAW), None) is not None:
            return None
        texts = list(element.itertext()) if len(element) else [element.text] if element.text else []
        if any(text.isspace() for text in texts) and next(element.iterancestors(*_KEEP_SPACES), None) is None:
            if next(element.iter(*_KEEP_SPACES), None) is not None:
                return None
            return [shortened(text) for text in texts]
        return texts


@lru_cache(maxsize=1024)
def _query(compound: Compound) -> etree.XPath:
    """Finds the elements among which all that `compound` finds are, from an element downwards, in order."""
    return etree.XPath(f"descendant-or-self::{_step(compound)}")


def _step(compound: Compound) -> str:
    # Names, ids and classes are identifiers, so they need no quoting.
    tests = [f"[@id = '{compound.id}']"] if compound.id is not None else []
    tests += [f"[contains(@class, '{name}')]" for name in compound.classes]
    if compound.left is not None:
        # What would take a look at half the page for each element is left to `Index`, which remembers.
        if compound.combinator == ">":
            tests.append(f"[parent::{_step(compound.left)}]")
        elif compound.combinator == " ":
            tests.append(f"[ancestor::{_step(replace(compound.left, left=None))}]")
    return (compound.name or "*") + "".join(tests)
