"""Tables of contents: links in lists that lie in each other, as documentation and directories have them."""

from __future__ import annotations

from typing import NamedTuple

from scraper import urls
from scraper.errors import BadRequest
from scraper.suggest import selectors
from scraper.suggest.blocks import Group
from scraper.suggest.elements import Element, Tree
from scraper.suggest.slots import slots_of

_LEAST_LINKS = 8
_MOST_JUDGED = 60
_ENTRIES = ("li", "dt", "dd")


class Contents(NamedTuple):
    """Links that lie in one element.

    Attributes:
        selector: what finds them.
        links: the elements.
    """

    selector: str
    links: list[Element]

    @property
    def group(self) -> Group:
        """Return them as what repeats on the page."""
        return Group(self.links, slots_of(self.links[:_MOST_JUDGED]), 1.0)


def contents_of(tree: Tree) -> Contents | None:
    """Return the links of a page's table of contents; None where it has none with entries below entries."""
    found = _container(tree, least_share=0.6)
    if found is None:
        return None
    container, links = found
    depths = {sum(one.tag in _ENTRIES for one in _between(link, container)) for link in links}
    return _found(tree, container, links) if len(depths) > 1 else None


def links_of(tree: Tree) -> Contents | None:
    """Return the links in a page's content, where it has many."""
    found = _container(tree, least_share=0.0)
    return _found(tree, *found) if found is not None else None


def _found(tree: Tree, container: Element, links: list[Element]) -> Contents | None:
    selector = selectors.of_links(tree.page, container, links)
    return Contents(selector, links) if selector is not None else None


def _container(tree: Tree, least_share: float) -> tuple[Element, list[Element]] | None:
    """Return the smallest element with most of the links of a page's content, and those."""
    if tree.body is None:
        return None
    counts: dict[int, int] = {}
    links = [one for one in tree.body.below() if one.tag == "a" and not one.is_around and leads_on(one, tree)]
    if len(links) < _LEAST_LINKS:
        return None
    for link in links:
        for one in link.above():
            counts[one.node.mem_id] = counts.get(one.node.mem_id, 0) + 1
    container = tree.body
    while True:
        inner = next((one for one in container.children if counts.get(one.node.mem_id, 0) >= 0.8 * len(links)), None)
        if inner is None:
            break
        container = inner
    inside = [one for one in container.below() if one.tag == "a" and leads_on(one, tree) and not one.is_around]
    said = sum(len(one.text) for one in inside)
    return (container, inside) if said >= least_share * len(container.text) else None


def _between(element: Element, top: Element) -> list[Element]:
    found = []
    for one in element.above():
        if one is top:
            break
        found.append(one)
    return found


def leads_on(link: Element, tree: Tree) -> bool:
    """Tell whether a link leads to another page of the site."""
    href = (link.attrs.get("href") or "").strip()
    if not href or href.startswith("#"):
        return False
    try:
        url = tree.page.response.urljoin(href)
    except BadRequest:
        return False
    return url.partition("#")[0] != tree.url.partition("#")[0] and urls.host_of(url) == urls.host_of(tree.url)
