"""Menus: the links at the side or top of a page that lead to a site's lists, such as the categories of a shop."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scraper.errors import BadRequest
from scraper.suggest import matching, selectors
from scraper.suggest.elements import Element, Tree
from scraper.suggest.trees import Contents, leads_on

_LEAST_LINKS = 3
_MOST_LINKS = 200
_CONTAINERS = frozenset("ul ol nav div table section aside menu".split())
#: What a menu has that leads to no list of things, in the languages of `paging`.
_NO_LISTS = re.compile(
    r"(?:home|start(?:seite)?|accueil|inicio|about(?: us)?|contact(?: us)?|help|faqs?|support|terms.*|privacy.*|"
    r"legal.*|imprint|impressum|datenschutz.*|agb|kontakt|hilfe|über uns|mentions légales|contacto|log ?in|log ?out|"
    r"sign ?(?:in|up|out)|register|anmelden|registrieren|connexion|(?:my |your |mein )?account|konto|cart|basket|"
    r"warenkorb|panier|checkout|wish ?list|search|suche|recherche|jobs|careers|press|newsletter|sitemap|english|"
    r"deutsch|français|español)",
    re.IGNORECASE,
)
_OF_LISTS = re.compile(
    r"categor|kategor|catégor|rubri|genre|depart|topic|themen|section|collection|catalog|katalog|shop|brows|sortiment",
    re.IGNORECASE,
)


def menu_of(tree: Tree, taken: set[int]) -> Contents | None:
    """Return the links of a page that most likely lead to lists; None where it has no such menu.

    Args:
        taken: elements of the page's own list.
    """
    if tree.body is None:
        return None
    best: tuple[float, Element, list[Element]] | None = None
    for container in tree.body.below():
        if container.tag not in _CONTAINERS or _is_below(container):
            continue
        links = _links_in(tree, container, taken)
        if not _LEAST_LINKS <= len(links) <= _MOST_LINKS:
            continue
        worth = _worth(container, links)
        if best is None or worth > best[0]:
            best = (worth, container, links)
    if best is None:
        return None
    _, container, links = best
    selector = selectors.of_links(tree.page, container, links)
    return Contents(selector, links) if selector is not None else None


def _is_below(element: Element) -> bool:
    """Tell whether an element is of the foot of a page."""
    return any(one.tag == "footer" or "footer" in (one.attrs.get("id") or "") for one in (element, *element.above()))


def _links_in(tree: Tree, container: Element, taken: set[int]) -> list[Element]:
    """Return the links to lists in an element, as it seems; none where there is much else in it."""
    found = []
    said = 0
    for one in container.below():
        if one.node.mem_id in taken:
            return []
        if one.tag == "a":
            said += len(one.text)
            if one.text and not _NO_LISTS.fullmatch(one.text) and leads_on(one, tree):
                found.append(one)
                if len(found) > _MOST_LINKS:
                    return []
    return found if said >= 0.6 * len(container.text) else []


def _worth(container: Element, links: Sequence[Element]) -> float:
    """Return how likely links are a menu of lists: many alike, in an element that is called so."""
    kinds: dict[tuple[str, ...], int] = {}
    for one in links:
        kind = matching.kind_of(one.attrs.get("href") or "")
        kinds[kind] = kinds.get(kind, 0) + 1
    worth = min(len(links), 30) * (max(kinds.values()) / len(links)) ** 2
    names = " ".join(
        f"{one.attrs.get('class') or ''} {one.attrs.get('id') or ''} {one.attrs.get('aria-label') or ''}"
        for one in (container, *list(container.above())[:2])
    )
    if _OF_LISTS.search(names) or any(_OF_LISTS.search(one.attrs.get("href") or "") for one in links[:3]):
        worth *= 2
    return worth


def targets_of(tree: Tree, menu: Contents) -> list[str]:
    """Return where the links of a menu lead, those first whose addresses are of the commonest kind."""
    found: dict[str, tuple[str, ...]] = {}
    for one in menu.links:
        try:
            url = tree.page.response.urljoin((one.attrs.get("href") or "").strip()).partition("#")[0]
        except BadRequest:
            continue
        found.setdefault(url, matching.kind_of(url))
    kinds = list(found.values())
    return sorted(found, key=lambda url: -kinds.count(found[url]))
