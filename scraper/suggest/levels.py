"""Which pages of a site are lists, which list those lists, and which are about one thing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from scraper import urls
from scraper.rules.page import Page
from scraper.suggest import matching, menus, paging, tables, terms, trees
from scraper.suggest.blocks import Group, groups_of
from scraper.suggest.elements import Element, Tree
from scraper.suggest.lists import Listing, is_about_one, is_like, list_of, read

#: A page that a list leads to is a list of its own where so much of it leads on to pages that the other has not.
_MOST_ELSEWHERE = 0.8
_LEAST_COLUMNS = 3
#: How many pages are looked at, of a list that leads to things and of one that leads to lists.
_THINGS, _LISTS = 3, 2


class Levels(NamedTuple):
    """Pages by what they are.

    Attributes:
        named: the addresses that somebody named.
        trees: of all pages.
        lists: in the order of the pages.
        single: pages about one thing.
        terms: pages that explain terms, each with the list of those.
        found: by address, what repeats on a page.
        more: addresses of pages that would say more.
    """

    named: list[str]
    trees: list[Tree]
    lists: list[Listing]
    single: list[Tree]
    terms: list[tuple[Tree, Element]]
    found: dict[str, list[Group]]
    more: list[str]


class Known:
    """What is known of each page, so that it is read once while more of them are looked at."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Tree, list[Group]]] = {}

    def of(self, page: Page) -> tuple[Tree, list[Group]]:
        """Return a page's tree, and what repeats on it."""
        url = page.response.url
        if url not in self._known:
            tree = Tree(page)
            self._known[url] = (tree, groups_of(tree))
        return self._known[url]


def levels_of(pages: Sequence[Page], named: int | None, tried: Collection[str], known: Known) -> Levels:
    """Return pages by what they are.

    Args:
        pages: the first is where a crawl begins.
        named: how many of them, the first, somebody named, where not all; the others were `more`.
        tried: addresses of `more` that cannot be looked at.
    """
    all_trees = [known.of(page)[0] for page in pages]
    found = {page.response.url: known.of(page)[1] for page in pages}
    lists: list[Listing] = []
    single: list[Tree] = []
    of_terms: list[tuple[Tree, Element]] = []
    menu = None
    #: Where the text of the one page that was named leads.
    of_text: list[str] = []
    for number, tree in enumerate(all_trees):
        if tree.url in of_text and not (menu is not None and tree.url in menu.targets):
            single.append(tree)
            continue
        leading = [one for one in lists if tree.url in one.targets]
        menus_of = [one.targets for one in leading] + ([menu.targets] if menu is not None else [])
        if any(
            one not in leading and (is_like(one, tree) or _beside(one, tree, menus_of)) and one.take(tree)
            for one in lists
        ):
            for one in leading:
                one.is_menu = True
        elif leading:
            made = _list_in(tree, found[tree.url])
            if made is not None and all(_is_beside(made, one, all_trees) for one in leading):
                lists.append(made)
                for one in leading:
                    one.is_menu = True
            else:
                single.append(tree)
        else:
            contents = trees.contents_of(tree) if not is_about_one(tree) else None
            if contents is None and (element := terms.list_of(tree)) is not None:
                of_terms.append((tree, element))
            elif (made := list_of(tree, found[tree.url], contents)) is not None:
                lists.append(made)
            else:
                single.append(tree)
        if number == 0:
            menu = _menu_of(tree, lists)
            of_text = _links_of_text(tree) if named == 1 and tree in single else []
    for one in lists:
        read(one)
    _put_right(lists, single, all_trees)
    looked_at = {tree.url for tree in all_trees} | set(tried)
    more = _more(lists, looked_at)
    if menu is not None:
        more += _adopt(menu, lists, single, all_trees[named or len(pages) :], looked_at)
    if not lists and of_text:
        more += _led_to(all_trees[0], of_text, single, looked_at)
    return Levels(
        [tree.url for tree in all_trees[:named]], all_trees, lists, single, of_terms, found, list(dict.fromkeys(more))
    )


def _beside(one: Listing, tree: Tree, menus_of: Sequence[Sequence[str]]) -> bool:
    """Tell whether a menu leads to a page and to one of a list, by addresses of one kind."""
    known = one.trees[0].url
    return matching.kind_of(known) == matching.kind_of(tree.url) and any(
        known in targets and tree.url in targets for targets in menus_of
    )


def _list_in(tree: Tree, groups: Sequence[Group]) -> Listing | None:
    return None if is_about_one(tree) else list_of(tree, groups, trees.contents_of(tree))


def _is_beside(made: Listing, leading: Listing, all_trees: Sequence[Tree]) -> bool:
    """Tell whether a page to which a list leads is a list as well, and not a thing with others of its kind on it."""
    if not made.targets:
        table = tables.table_of(made.group)
        return table is not None and len(table.heads) >= _LEAST_COLUMNS
    known = set(leading.targets)
    new = [url for url in made.targets if url not in known]
    if len(new) < _MOST_ELSEWHERE * len(made.targets):
        return False
    kinds = {matching.kind_of(url) for url in leading.targets}
    if sum(matching.kind_of(url) not in kinds for url in new) >= _MOST_ELSEWHERE * len(new):
        return True
    # The addresses do not tell: others of its kind, unless one of them was looked at and is made otherwise.
    looked_at = [tree for tree in all_trees if tree.url in new]
    return bool(looked_at) and not leading.is_tree and not any(alike(made.trees[0], tree) for tree in looked_at)


def _put_right(lists: list[Listing], single: list[Tree], all_trees: Sequence[Tree]) -> None:
    """Put right what was taken for a list before the list was seen that leads to it."""
    for one in list(lists):
        leading = [
            other for other in lists if other is not one and any(tree.url in other.targets for tree in one.trees)
        ]
        if not leading:
            continue
        if all(other.is_menu or _is_beside(one, other, all_trees) for other in leading):
            for other in leading:
                other.is_menu = True
        else:
            lists.remove(one)
            single += one.trees


# Menus ------------------------------------------------------------------------------------------------


class _Menu(NamedTuple):
    """A menu of the first page.

    Attributes:
        tree: of the page.
        contents: the links.
        targets: where they lead.
    """

    tree: Tree
    contents: trees.Contents
    targets: list[str]


def _menu_of(tree: Tree, lists: Sequence[Listing]) -> _Menu | None:
    """Return the menu of a page that has no list, or one that does not go on."""
    if any(one.is_tree or one.paging is not None for one in lists):
        return None
    contents = menus.menu_of(tree, {identity for one in lists for identity in one.ids})
    if contents is None:
        return None
    host = urls.host_of(tree.url)
    targets = [url for url in menus.targets_of(tree, contents) if urls.host_of(url) == host]
    return _Menu(tree, contents, targets)


def _adopt(
    menu: _Menu, lists: list[Listing], single: list[Tree], looked_at: Sequence[Tree], seen: set[str]
) -> list[str]:
    """Take a menu for a list of lists where pages to which it leads are lists; return which of them to look at."""
    known = {url for one in lists for url in one.targets}
    targets = [url for url in menu.targets if url not in known]
    listed = {tree.url for one in lists for tree in one.trees if tree is not menu.tree}
    if any(url in listed for url in targets):
        made = Listing(menu.tree, menu.contents.group, menu.contents.selector)
        made.link, made.is_menu = menu.contents.selector, True
        made.targets = paging.followed(menu.contents.selector, menu.tree)
        lists.insert(0, made)
        if menu.tree in single:
            single.remove(menu.tree)
        done = sum(url in seen for url in targets)
        return [url for url in targets if url not in seen][: max(0, _LISTS - done)]
    # What was looked at for a menu that is none says nothing of the site.
    for tree in [tree for tree in single if tree in looked_at and tree.url in targets]:
        single.remove(tree)
    return [url for url in targets if url not in seen][:1] if sum(url in seen for url in targets) < _LISTS else []


def _links_of_text(tree: Tree) -> list[str]:
    """Return where the text of a page leads, that is about no one thing."""
    links = trees.links_of(tree) if not is_about_one(tree) else None
    host = urls.host_of(tree.url)
    return [url for url in paging.followed(links.selector, tree) if urls.host_of(url) == host] if links else []


def _led_to(first: Tree, targets: Sequence[str], single: list[Tree], seen: set[str]) -> list[str]:
    """Return pages to look at of those to which a text leads; keep those that are made alike, else the first one."""
    reached = [one for one in single if one is not first and one.url in targets]
    kinds = [[other for other in [*reached, first] if alike(one, other)] for one in reached]
    if reached:
        most = max(kinds, key=len)
        single[:] = most if len(most) > 1 else [first]
    left = [url for url in targets if url not in seen]
    wanted = list(dict.fromkeys([*left[:1], *left[-1:], *left[len(left) // 2 :][:1]]))
    return wanted[: max(0, _THINGS - sum(url in seen for url in targets))]


def _more(lists: Sequence[Listing], seen: set[str]) -> list[str]:
    """Return pages to look at: one of each list of which nothing is known yet, else a few more."""
    first: list[str] = []
    rest: list[str] = []
    for one in lists:
        host = urls.host_of(one.trees[0].url)
        targets = [url for url in one.targets if urls.host_of(url) == host]
        left = [url for url in targets if url not in seen]
        done = len(targets) - len(left)
        if done == 0:
            first += left[:1]
        wanted = [*left[-1:], *left[len(left) // 2 :][:1], *left[:1]]
        rest += list(dict.fromkeys(wanted))[: max(0, (_LISTS if one.is_menu else _THINGS) - done)]
        turned_to = one.paging.targets if one.paging is not None else []
        if not any(url in seen for url in turned_to):
            rest += turned_to[:1]
    return first or rest


def alike(one: Tree, other: Tree) -> bool:
    """Tell whether pages are made alike."""
    first, second = _ways(one), _ways(other)
    return len(first & second) * 2 >= len(first | second)


def _ways(tree: Tree) -> set[tuple[str, ...]]:
    found = set()
    for element in tree.elements.values():
        if not element.is_around:
            found.add((element.tag, *element.classes[:1], *(one.tag for one in list(element.above())[:2])))
    return found
