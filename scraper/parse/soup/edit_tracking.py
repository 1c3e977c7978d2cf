"""Noticing that a soup has been changed.

What `Response.select` remembers of a soup holds until somebody changes the tree. bs4 has no way to be told, so four
of its functions, through which all of its editing goes, are wrapped: they tell who watches the tag that they work on,
if anybody does, and do their work. Each tag of a soup that is watched has that at hand, so that edits of any other
soup cost one look into a dict, however deep they are. Reading costs nothing, and no class is another than before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag

#: The watcher, in a tag's own dict: asking a Tag for an attribute that it lacks would search it for an element.
MARK = "_scraper_edits"
#: Of all that there is only the first is called for strings, which are told of by the tag around them.
_EDITING = ((PageElement, "extract"), (Tag, "insert"), (Tag, "__setitem__"), (Tag, "__delitem__"))

_lock = Lock()


class Edits:
    """Tells whether a soup was changed; all tags of it share one."""

    __slots__ = ("is_edited",)

    def __init__(self) -> None:
        self.is_edited = False

    def noticed(self) -> None:
        """Note that somebody is about to change the soup."""
        self.is_edited = True


def watch(soup: BeautifulSoup) -> None:
    """From now on `is_edited` answers for this soup."""
    with _lock:
        for owner, name in _EDITING:
            method = vars(owner).get(name)
            if method is not None and not hasattr(method, MARK):
                setattr(owner, name, _noticed(method, is_of_strings=owner is PageElement))
    if MARK in vars(soup):
        # Whoever made it did so by the methods that tell.
        vars(soup)[MARK].is_edited = False
    else:
        edits = vars(soup)[MARK] = Edits()
        for node in soup.descendants:
            if isinstance(node, Tag):
                vars(node)[MARK] = edits


def mark(soup: BeautifulSoup) -> None:
    """Says that `soup` was changed in a way that bs4 does not see."""
    edits = vars(soup).get(MARK)
    if edits is not None:
        edits.noticed()


def is_edited(soup: BeautifulSoup) -> bool:
    """Tell whether bs4's methods have changed the tree since `watch`; True for a soup that is not watched."""
    edits = vars(soup).get(MARK)
    return edits is None or bool(edits.is_edited)


def _noticed(method: Callable[..., Any], *, is_of_strings: bool) -> Callable[..., Any]:
    @wraps(method)
    def of_tag(self: Tag, *args: Any, **keywords: Any) -> Any:
        if MARK in self.__dict__:
            self.__dict__[MARK].noticed()
        return method(self, *args, **keywords)

    @wraps(method)
    def of_any(self: PageElement, *args: Any, **keywords: Any) -> Any:
        known = self.__dict__
        if MARK in known:
            known[MARK].noticed()
        elif (parent := known.get("parent")) is not None and MARK in parent.__dict__:
            parent.__dict__[MARK].noticed()
        return method(self, *args, **keywords)

    wrapper = of_any if is_of_strings else of_tag
    setattr(wrapper, MARK, True)
    return wrapper
