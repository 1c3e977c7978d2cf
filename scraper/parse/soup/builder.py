"""A faster way to the same soup.

BeautifulSoup's "lxml" builder listens to libxml2 and hands each event to the soup through half a dozen general
methods. `DirectBuilder` lets it set up the very same parse, of the same text with the same options, and makes the
objects and links them itself: out of libxml2's tree, or for the few pages of which that does not tell all, out of the
same events. Whether the installed bs4 is one that this holds for is for `scraper.parse.soup.trial` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any, cast

from bs4 import BeautifulSoup, Tag
from bs4.builder._lxml import LXMLTreeBuilder

from scraper.parse.soup import lxml_tree, nodes
from scraper.parse.soup.lazy_soup import LazySoup
from scraper.parse.soup.lxml_tree import PageTree
from scraper.parse.soup.nodes import Part, link
from scraper.parse.soup.selectors import document_is_parent


def build(readable: StringIO) -> BeautifulSoup:
    """Return the soup of a text; raises what bs4 raises."""
    return _build(readable, DirectBuilder())


def build_lazily(text: str) -> LazySoup | None:
    """Return a soup whose tags are made when they are used; None where libxml2's tree does not tell enough."""
    # bs4 takes off a byte order mark, which does not belong to the page.
    if document_is_parent() or text.startswith("\ufeff"):
        return None
    builder = DirectBuilder()
    tree = lxml_tree.read(text, builder.parser_for(None))
    if tree is None or tree.has_odd_names:
        return None
    return LazySoup(
        tree, nodes.Tags(builder), lambda known: _build(StringIO(text, newline=""), DirectBuilder(tree, known))
    )


def _build(readable: StringIO, builder: DirectBuilder) -> BeautifulSoup:
    soup = BeautifulSoup(readable, builder=builder)
    # What is parsed for this soup later, for a copy or out of a pickle, is bs4's own business.
    soup.builder = LXMLTreeBuilder()
    return soup


class DirectBuilder(LXMLTreeBuilder):
    """bs4's lxml builder with a listener of our own. One builder makes one soup, of `BeautifulSoup`'s own classes.

    Args:
        tree: the tree of what it is going to be fed, where that was read before.
        known: the tags that there are already, one or None for each element of `tree`.
    """

    _listener: Listener | None = None

    def __init__(self, tree: PageTree | None = None, known: Iterator[Tag | None] | None = None) -> None:
        super().__init__()
        self._tree = tree
        self._known = known

    def default_parser(self, encoding: str | None) -> Any:
        """Return what bs4 calls, with its options, to get the parser: one that tells our listener or else grows
        a tree.
        """
        parser_class = cast(Callable[..., Any], super().default_parser(encoding))

        def parser(**options: Any) -> Any:
            if self._listener is None:
                return parser_class(**{**options, "target": None, "default_doctype": False})
            return parser_class(**{**options, "target": self._listener})

        return parser

    def feed(self, markup: str | bytes) -> None:
        """Parses `markup` into the soup that bs4 has set; raises what bs4's builder raises."""
        soup = cast(BeautifulSoup, self.soup)
        tree = self._tree
        if tree is None and isinstance(markup, str):
            tree = lxml_tree.read(markup, self.parser_for(None))
        parts = None if tree is None else tree.parts()
        if parts is None:
            self._listener = Listener()
            try:
                super().feed(markup)
                parts = self._listener.parts()
            finally:
                self._listener = None
        link(parts, soup, self, self._known)


class Listener:
    """Gets what libxml2 finds, in order, and keeps it as the parts of a page."""

    __slots__ = ("_names", "_parts", "_pieces", "data")

    def __init__(self) -> None:
        self._parts: list[Part] = []
        #: Of the elements that are open, outermost first.
        self._names: list[str] = []
        self._pieces: list[str] = []
        #: Called for each piece of text: no method of ours, for it is called most often.
        self.data = self._pieces.append

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._names.append(name)
        self._add((name, list(attributes.items())))

    def end(self, name: str) -> None:
        if self._names and self._names[-1] == name:
            # Nearly always: to look from the outermost on takes the square of how deep they nest.
            self._names.pop()
            self._add(None)
        elif name in self._names:
            while self._names.pop() != name:
                self._add(None)
            self._add(None)
        elif self._pieces:
            self._end_text()

    def comment(self, text: str) -> None:
        self._add(nodes.comment(text))

    def pi(self, target: str, data: str) -> None:
        self._add(nodes.instruction(target, data))

    def doctype(self, name: str | None, public_id: str | None, system_id: str | None) -> None:
        self._add(nodes.doctype(name, public_id, system_id))

    def close(self) -> None:
        """Called by lxml at the end of a parse; `parts` is called even where it was not."""

    def parts(self) -> list[Part]:
        """Return all that was found; once, at the end."""
        if self._pieces:
            self._end_text()
        return self._parts

    def _add(self, part: Part) -> None:
        if self._pieces:
            self._end_text()
        self._parts.append(part)

    def _end_text(self) -> None:
        self._parts.append("".join(self._pieces))
        self._pieces.clear()
