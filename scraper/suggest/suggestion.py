"""Rules written from one to five pages of a site: which are lists, which are about one thing, and what each says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from scraper import urls
from scraper.suggest import details, matching, names, paging, terms, trees
from scraper.suggest.blocks import Group, groups_of
from scraper.suggest.drafts import Draft
from scraper.suggest.elements import Tree
from scraper.suggest.lists import Listing, is_about_one, is_like, list_of, read

#: More pages are not looked at.
MOST_PAGES = 5


class Rule(NamedTuple):
    """A rule that is proposed.

    Attributes:
        match: as in the YAML.
        pages: the addresses of the pages that were looked at for it.
        follow: entries of `follow`, and for each where it leads.
        item: the type of its items; empty where it makes none.
        each: what finds the elements of items; None where a page is one.
        fields: what its items have.
    """

    match: Any
    pages: list[str]
    follow: list[tuple[Any, list[str]]]
    item: str
    each: Any
    fields: list[Draft]

    def written(self) -> dict[str, Any]:
        """Return the rule as the YAML has it."""
        rule: dict[str, Any] = {"match": self.match}
        if self.follow:
            rule["follow"] = [config for config, _ in self.follow]
        if self.fields:
            rule["item"] = self.item
            if self.each is not None:
                rule["each"] = self.each
            rule["fields"] = {draft.name: draft.config for draft in self.fields}
        return rule


class Suggestion(NamedTuple):
    """What pages were made of.

    Attributes:
        start: the addresses where a crawl begins.
        rules: in their order.
        more: addresses of pages that would say more: of things that a list leads to, and of its next page.
    """

    start: list[str]
    rules: list[Rule]
    more: list[str]

    def written(self) -> dict[str, Any]:
        """Return what the YAML has of it."""
        return {"start_urls": self.start, "rules": [rule.written() for rule in self.rules]}


def suggest(pages: Sequence[Any]) -> Suggestion:
    """Return rules for pages of one site.

    Args:
        pages: of one to five addresses (`scraper.rules.page.Page`), the first is where a crawl begins.
    """
    all_trees = [Tree(page) for page in pages]
    found = {tree.url: groups_of(tree) for tree in all_trees}
    lists: list[Listing] = []
    single: list[Tree] = []
    rules: list[Rule] = []
    for tree in all_trees:
        if any(tree.url in one.targets for one in lists):
            single.append(tree)
        elif any(is_like(one, tree) and one.take(tree) for one in lists):
            continue
        else:
            contents = trees.contents_of(tree) if not is_about_one(tree) else None
            if (of_terms := _of_terms(tree, contents)) is not None:
                rules.append(of_terms)
            elif (made := list_of(tree, found[tree.url], contents)) is not None:
                lists.append(made)
            else:
                single.append(tree)
    for one in lists:
        read(one)
    # A page that came before the list which leads to it.
    targets = {target for one in lists for target in one.targets}
    for one in [one for one in lists if any(tree.url in targets for tree in one.trees)]:
        if len(lists) > 1:
            lists.remove(one)
            single += one.trees
    rules = [*_rules(lists, single, found), *rules]
    if not lists and (leading := _leading(all_trees[0])) is not None:
        rules.insert(0, leading)
    start = [one.trees[0].url for one in lists] or [tree.url for tree in all_trees]
    more = _more(lists, {tree.url for tree in all_trees})
    return Suggestion(list(dict.fromkeys(start)), rules, more)


def _of_terms(tree: Tree, contents: trees.Contents | None) -> Rule | None:
    """Return the rule of a page that explains terms, and is no table of contents."""
    if contents is not None:
        return None
    element = terms.list_of(tree)
    if element is None:
        return None
    fields = terms.fields_of(tree, element)
    match = matching.match_of([tree.url], [])
    return Rule(match, [tree.url], [], "term", terms.each_of(element), fields) if fields else None


def _leading(tree: Tree) -> Rule | None:
    """Return the rule that follows the links in a text, where no list leads anywhere."""
    links = trees.links_of(tree)
    targets = paging.followed(links.selector, tree) if links is not None else []
    return Rule("*", [tree.url], [(links.selector, targets)], "", None, []) if links and targets else None


# Rules ------------------------------------------------------------------------------------------------


def _rules(lists: Sequence[Listing], single: Sequence[Tree], found: dict[str, list[Group]]) -> list[Rule]:
    kinds = [
        _Kind(pages, details.fields_of(pages, [_beside(found[tree.url]) for tree in pages]), _leads_to(lists, pages))
        for pages in _kinds(single, lists)
    ]
    rules = [rule for one in lists if (rule := _list_rule(one, lists, kinds)) is not None]
    for kind in kinds:
        if any(draft.name != "url" for draft in kind.fields):
            rules.append(_thing_rule(kind, lists, kinds, [rule.item for rule in rules]))
    return rules


class _Kind(NamedTuple):
    """Pages about one thing each, made alike.

    Attributes:
        pages: of the kind.
        fields: what they say.
        is_reached: whether a list leads to them.
    """

    pages: list[Tree]
    fields: list[Draft]
    is_reached: bool

    @property
    def urls(self) -> list[str]:
        return [tree.url for tree in self.pages]


def _leads_to(lists: Sequence[Listing], pages: Sequence[Tree]) -> bool:
    return any(tree.url in one.targets for one in lists for tree in pages)


def _list_rule(one: Listing, lists: Sequence[Listing], kinds: Sequence[_Kind]) -> Rule | None:
    """Return the rule of a list: what it leads to, and items where no pages of things have more to say."""
    turned_to = one.paging.targets if one.paging is not None else []
    own = [tree.url for tree in one.trees] + turned_to
    others = [target for other in lists for target in other.targets if target not in own]
    others += [url for kind in kinds for url in kind.urls]
    others += [tree.url for other in lists if other is not one for tree in other.trees]
    match = matching.match_of(own, others, one.each if isinstance(one.each_config, str) else None)
    is_reached = any(kind.is_reached for kind in kinds)
    least = max(1, min(2, sum(draft.name != "url" for draft in one.fields)))
    has_details = any(
        kind.is_reached and sum(draft.name != "url" for draft in kind.fields) >= least for kind in kinds
    )
    fields = [] if has_details else one.fields
    follow: list[tuple[Any, list[str]]] = []
    if one.link is not None and (is_reached or not fields):
        follow.append((one.link, one.targets))
    if one.paging is not None:
        follow.append((one.paging.config, turned_to))
    if one.is_tree and not fields:
        # Parts and chapters have contents of their own.
        match = "*"
    item = names.of_items(_words(one)) if fields else ""
    made = Rule(match, [tree.url for tree in one.trees], follow, item, one.each_config, fields)
    return made if fields or follow else None


def _thing_rule(kind: _Kind, lists: Sequence[Listing], kinds: Sequence[_Kind], taken: Sequence[str]) -> Rule:
    """Return the rule of pages about one thing each."""
    wanted = kind.urls
    leading = [one for one in lists if any(url in one.targets for url in wanted)]
    wanted = list(dict.fromkeys([*wanted, *(url for one in leading for url in one.targets)]))
    others = [tree.url for one in lists for tree in one.trees]
    others += [url for one in lists if one.paging is not None for url in one.paging.targets]
    others += [url for other in kinds if other is not kind for url in other.urls]
    others = [url for url in others if url not in wanted]
    match = matching.match_of(wanted, others, _telling(kind.fields), is_kind=True)
    path = [part for part in urlsplit(wanted[0]).path.split("/") if part]
    words = [*(word for one in leading for word in _words(one)), *path[:1]]
    item = names.unique(details.item_name(kind.pages, words), taken, "item")
    return Rule(match, kind.urls, [], item, None, kind.fields)


def _telling(fields: Sequence[Draft]) -> str | None:
    """Return a selector that the pages of things have."""
    for draft in fields:
        css = draft.config.get("css")
        if css and css not in ("h1", "h2") and "::" not in css and draft.found == 1:
            return str(css)
    return None


def _words(one: Listing) -> list[str]:
    element = one.group.elements[0]
    found = list(element.classes)
    found += [(element.attrs.get("itemtype") or "").rpartition("/")[2]]
    for up in list(element.above())[:2]:
        found += [*up.classes, up.attrs.get("id") or ""]
    found += [part for url in (one.targets[:1] or [one.trees[0].url]) for part in urlsplit(url).path.split("/")]
    return [word for word in found if word]


def _beside(groups: Sequence[Group]) -> list[Group]:
    """Return what repeats on a page about one thing and is of other things: blocks with links of their own."""
    found = []
    for group in groups:
        links = [
            slot for slot in group.slots if slot.attribute == "href" and slot.coverage >= 0.8 and slot.variety > 0.5
        ]
        if links and group.elements[0].tag != "section":
            found.append(group)
    return found


def _kinds(single: Sequence[Tree], lists: Sequence[Listing]) -> list[list[Tree]]:
    """Return pages about one thing in kinds: those to which one list leads, else those that are made alike."""
    kinds: list[list[Tree]] = []
    rest = []
    for one in lists:
        reached = [tree for tree in single if tree.url in one.targets and not any(tree in kind for kind in kinds)]
        if reached:
            kinds.append(reached)
    for tree in single:
        if not any(tree in kind for kind in kinds):
            rest.append(tree)
    for tree in rest:
        for kind in kinds:
            if _alike(kind[0], tree):
                kind.append(tree)
                break
        else:
            kinds.append([tree])
    return kinds


def _alike(one: Tree, other: Tree) -> bool:
    first, second = _ways(one), _ways(other)
    return len(first & second) * 2 >= len(first | second)


def _ways(tree: Tree) -> set[tuple[str, ...]]:
    found = set()
    for element in tree.elements.values():
        if not element.is_around:
            found.add((element.tag, *element.classes[:1], *(one.tag for one in list(element.above())[:2])))
    return found


def _more(lists: Sequence[Listing], seen: set[str]) -> list[str]:
    found: list[str] = []
    for one in lists:
        host = urls.host_of(one.trees[0].url)
        targets = [url for url in one.targets if url not in seen and urls.host_of(url) == host]
        found += [*targets[:1], *targets[-1:], *targets[len(targets) // 2 :][:1]]
        if one.paging is not None:
            found += [url for url in one.paging.targets[:1] if url not in seen]
    return list(dict.fromkeys(found))
