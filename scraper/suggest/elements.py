"""A page's elements with what suggesting needs of each, made in one walk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborNode

from scraper.parse.text import text_of
from scraper.rules.page import Page
from scraper.suggest.stable import stable_classes

#: More elements of a page are not looked at.
MOST_ELEMENTS = 60_000
#: Nor what lies deeper: the text of each element has all that is in it.
_DEEPEST = 150
#: An element with more below it is no line of text.
_MOST_IN_LINE = 400
#: What holds nothing that a person reads.
_NOT_READ = frozenset("script style template noscript svg iframe object select button option canvas map".split())
#: Elements that stand in a line of text.
_INLINE = frozenset(
    "a abbr b bdi bdo br cite code data del dfn em font i img ins kbd mark q s samp small span strike strong sub sup "
    "time tt u var wbr".split()
)
#: Words in the names of what surrounds a page's content.
_AROUND = re.compile(
    r"(?:^|[-_ ])(?:nav(?:bar|igation)?|menu|breadcrumbs?|footer|\w*sidebar|aside|cookies?|consent|newsletter|social|"
    r"share|sharing|sponsor(?:ed)?|ads?|advert(?:isement)?|anzeige|werbung|promo|banner|related|similar|recommend\w*|"
    r"pager|paging|pagination|pages|toolbar|login|search-?(?:box|form|bar)?$|skip|modal|popup|comments?|subscribe|also-\w+|"
    r"crumbs?|widget|teaser-box|headerlink)(?:$|[-_ ])",
    re.IGNORECASE,
)

_ADVERTISES = re.compile(r"ads?|advert\w*|sponsored|promo(?:ted)?|anzeige|werbung", re.IGNORECASE)


class Element:
    """An element: selectolax's node with its place in the tree.

    Attributes:
        own: the text that lies in the element itself, not in those below.
        is_around: whether it lies in what surrounds the content: navigation, footer, advertisements.
        place: its number among its siblings of the same name, from 1.
    """

    __slots__ = (
        "_text",
        "_unnamed",
        "attrs",
        "children",
        "classes",
        "depth",
        "is_around",
        "node",
        "number",
        "own",
        "parent",
        "place",
        "tag",
    )

    def __init__(self, node: LexborNode, parent: Element | None, place: int) -> None:
        self.node = node
        self.tag: str = node.tag or ""
        self.attrs: dict[str, str | None] = node.attributes
        self.parent = parent
        self.place = place
        self.children: list[Element] = []
        self.own = ""
        self.classes = stable_classes(self.attrs.get("class"))
        self._text: str | None = None
        self._unnamed: dict[str, int] | None = None
        self.depth: int = parent.depth + 1 if parent is not None else 0
        #: Its number among its parent's children, from 0.
        self.number = len(parent.children) if parent is not None else 0
        self.is_around: bool = (parent is not None and parent.is_around) or self._surrounds()

    @property
    def text(self) -> str:
        """Return what a person reads in it."""
        if self._text is None:
            self._text = text_of(self.node)
        return self._text

    def unnamed(self, tag: str) -> int:
        """Return how many of its children have a name and no class that says anything."""
        if self._unnamed is None:
            self._unnamed = {}
            for one in self.children:
                if not one.classes:
                    self._unnamed[one.tag] = self._unnamed.get(one.tag, 0) + 1
        return self._unnamed.get(tag, 0)

    def _surrounds(self) -> bool:
        if self.tag in ("nav", "aside", "form"):
            return True
        if self.tag in ("header", "footer"):
            return not any(one.tag in ("article", "main", "section", "li") for one in self.above())
        if self.tag in ("body", "main", "html"):
            return False
        if self.tag == "article":
            return any(_ADVERTISES.fullmatch(name) for name in (self.attrs.get("class") or "").split())
        if (self.attrs.get("role") or "") in ("navigation", "banner", "contentinfo", "complementary", "search"):
            return True
        names = f"{self.attrs.get('class') or ''} {self.attrs.get('id') or ''}"
        return _AROUND.search(names) is not None

    def above(self) -> Iterator[Element]:
        """Return the elements in which it lies, the nearest first."""
        one = self.parent
        while one is not None:
            yield one
            one = one.parent

    def below(self) -> Iterator[Element]:
        """Return it and all elements in it, in the page's order."""
        pending = [self]
        while pending:
            one = pending.pop()
            yield one
            pending += one.children[::-1]

    def first(self, tag: str) -> Element | None:
        """Return the first element of a name in it."""
        return next((one for one in self.below() if one.tag == tag), None)

    @property
    def is_line(self) -> bool:
        """Tell whether it holds a line of text: nothing in it that begins a block."""
        for number, one in enumerate(self.below()):
            if number > _MOST_IN_LINE or (number and one.tag not in _INLINE):
                return False
        return True

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attrs.get('class') or ''}: {self.text[:30]!r}>"


class Tree:
    """A page with its elements.

    Attributes:
        page: what rules look at.
        body: the element `body`, None where the page has none.
        elements: all of them, by the node's identity.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.url = page.response.url
        self.elements: dict[int, Element] = {}
        node = page.response.css_first("body")
        self.body = self._grown(node) if node is not None else None

    def _grown(self, body: LexborNode) -> Element:
        top = Element(body, None, 1)
        pending = [top]
        while pending and len(self.elements) < MOST_ELEMENTS:
            parent = pending.pop()
            self.elements[parent.node.mem_id] = parent
            places: dict[str, int] = {}
            own = []
            for child in parent.node.iter(include_text=True):
                tag = child.tag or ""
                if tag == "-text":
                    own.append(child.text(deep=False))
                if not tag or tag.startswith(("-", "!", "_")):
                    continue
                places[tag] = places.get(tag, 0) + 1
                if tag not in _NOT_READ and "hidden" not in child.attributes:
                    parent.children.append(Element(child, parent, places[tag]))
            parent.own = " ".join(" ".join(own).split())
            if parent.depth < _DEEPEST:
                pending += parent.children[::-1]
        return top

    def of(self, node: Any) -> Element | None:
        """Return the element of a node."""
        return self.elements.get(node.mem_id)
