"""What leads from one page of a list to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from selectolax.lexbor import SelectolaxError

from scraper import urls
from scraper.config import FollowConfig
from scraper.errors import BadRequest
from scraper.rules.choosing import links_of
from scraper.rules.page import Page
from scraper.rules.refusal import NotOfType
from scraper.rules.rule import links_by
from scraper.rules.sources import Css
from scraper.suggest import selectors
from scraper.suggest.elements import Element, Tree

_NEXT = re.compile(
    r"(?:next(?: page| ›| »| >|→)?|(?:page )?suivante?|page suivante|weiter|nächste(?: seite)?|vor|siguiente|"
    r"página siguiente|successiv[ao]|avanti|próxim[ao]|volgende|nästa|næste|neste|następna|older(?: posts| entries)?|"
    r"ältere (?:beiträge|einträge|artikel)|articles plus anciens|more|load more|mehr(?: laden| anzeigen)?|"
    r"voir plus|›|»|>|→|>>|⟩)[\s›»>→]*",
    re.IGNORECASE,
)
_NEXT_NAMES = re.compile(r"(?:^|[-_])(?:next|older|suivant|weiter)(?:$|[-_])", re.IGNORECASE)


#: What pages of a book say beside what comes next, which then is the next chapter.
_OF_BOOKS = ", ".join(f'link[rel~="{relation}" i]' for relation in ("up", "home", "index", "contents", "toc"))


class Paging(NamedTuple):
    """How the next page is found.

    Attributes:
        config: an entry of `follow`.
        targets: where it leads from the pages that are known.
    """

    config: Any
    targets: list[str]


def paging_of(trees: Sequence[Tree], blocks: set[int]) -> Paging | None:
    """Return what leads to the next page of a list: what says so, or what looks so, or the numbers of pages.

    Args:
        blocks: the elements of the list, in which no paging lies.
    """
    for config in _candidates(trees[0], blocks):
        targets = [target for tree in trees for target in followed(config, tree)]
        if targets:
            return Paging(config, list(dict.fromkeys(targets)))
    return None


def followed(config: Any, tree: Tree) -> list[str]:
    """Return where an entry of `follow` leads from a page."""
    return targets_on(config, tree.page)


def targets_on(config: Any, page: Page) -> list[str]:
    """Return where an entry of `follow` leads from a page of any kind."""
    try:
        return list(links_by(links_of(FollowConfig.model_validate(config)), page))
    except (SelectolaxError, BadRequest, NotOfType, ValueError):
        return []


def _candidates(tree: Tree, blocks: set[int]) -> Iterator[Any]:
    is_book = tree.page.response.css_first(_OF_BOOKS) is not None
    if not is_book and any(urls.host_of(one) == urls.host_of(tree.url) for one in followed({"rel": "next"}, tree)):
        yield {"rel": "next"}
    if tree.body is None:
        return
    links = [one for one in tree.body.below() if one.tag == "a" and one.attrs.get("href") and not _in(one, blocks)]
    for link in links:
        said = (link.text, link.attrs.get("aria-label") or "", link.attrs.get("title") or "")
        named = [link, *([link.parent] if link.parent is not None else [])]
        is_named = any(_NEXT_NAMES.search(name) for one in named for name in (one.attrs.get("class") or "").split())
        if is_named or any(_NEXT.fullmatch(text.strip()) for text in said if text):
            yield from _selector(tree, link)
    numbered = [one for one in links if re.fullmatch(r"\d{1,4}", one.text)]
    for link in numbered:
        around = next((one for one in link.above() if _numbers_in(one, numbered) >= 2), None)
        if around is None or around.tag in ("body", "table", "tr"):
            continue
        for outer in selectors.simple(around):
            if outer != around.tag or around.tag == "nav":
                yield f"{outer} a"
        return


def _numbers_in(element: Element, numbered: Sequence[Element]) -> int:
    ids = {one.node.mem_id for one in element.below()}
    return sum(one.node.mem_id in ids for one in numbered)


def _in(element: Element, blocks: set[int]) -> bool:
    return any(one.node.mem_id in blocks for one in element.above())


def _selector(tree: Tree, link: Element) -> Iterator[Any]:
    """Return what finds a link whose names say that it leads on; where none do, by its text."""
    named = [link, *([link.parent] if link.parent is not None else [])]
    if any(_NEXT_NAMES.search(name) for one in named for name in (one.attrs.get("class") or "").split()):
        for selector in selectors.candidates(link, None):
            try:
                found = Css(selector).find(tree.page, None)
            except (SelectolaxError, ValueError):
                continue
            is_it = found and all(one.attributes.get("href") == link.attrs.get("href") for one in found)
            if is_it and _NEXT_NAMES.search(re.sub(r"[^\w]+", "-", selector)):
                yield selector
                return
    for attribute in ("aria-label", "title"):
        value = link.attrs.get(attribute) or ""
        if value and _NEXT.fullmatch(value.strip()) and '"' not in value:
            yield f'a[{attribute}="{value}"]'
            return
    if link.text and "'" not in link.text:
        yield {"xpath": f"//a[normalize-space()='{link.text}']"}
