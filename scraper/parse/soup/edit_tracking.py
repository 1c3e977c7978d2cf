"""Noticing that a soup has been changed.

What `Response.select` remembers of a soup holds until somebody changes the tree. bs4 has no way to be told, so four
of its functions, through which all of its editing goes, are wrapped: they set a mark at the soup that they work on,
if it is one that is watched, and do their work. Reading costs nothing, and no class is another than before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag

#: The mark, in the soup's own dict: asking a Tag for an attribute that it lacks would search it for an element.
MARK = "_scraper_edited"
#: Where a tag of a soup that is not made yet has what makes it (`scraper.parse.soup.lazy_soup`).
LAZY = "_lazy"
_EDITING = ((PageElement, "extract"), (Tag, "insert"), (Tag, "__setitem__"), (Tag, "__delitem__"))

_lock = Lock()


def watch(soup: BeautifulSoup) -> None:
    """From now on `is_edited` answers for this soup."""
    with _lock:
        for owner, name in _EDITING:
            method = vars(owner).get(name)
            if method is not None and not hasattr(method, MARK):
                setattr(owner, name, _noticed(method))
    vars(soup)[MARK] = False


def mark(soup: BeautifulSoup) -> None:
    """Says that `soup` was changed in a way that bs4 does not see."""
    vars(soup)[MARK] = True


def is_edited(soup: BeautifulSoup) -> bool:
    """Tell whether bs4's methods have changed the tree since `watch`; True for a soup that is not watched."""
    return bool(vars(soup).get(MARK, True))


def _noticed(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def wrapper(self: PageElement, *args: Any, **keywords: Any) -> Any:
        if LAZY in vars(self):
            # An edit is one of the soup, which is to be there.
            vars(self)[LAZY].complete()
        top: PageElement = self
        while (parent := vars(top).get("parent")) is not None:
            top = parent
        if MARK in vars(top):
            vars(top)[MARK] = True
        return method(self, *args, **keywords)

    setattr(wrapper, MARK, True)
    return wrapper
