"""Rules written from one to five pages of a site: which are lists, which are about one thing, and what each says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from scraper.suggest import details, matching, names, paging, terms, trees
from scraper.suggest.blocks import Group
from scraper.suggest.drafts import Draft
from scraper.suggest.elements import Element, Tree
from scraper.suggest.levels import Known, Levels, alike, levels_of
from scraper.suggest.lists import Listing

#: More pages cannot be named.
MOST_PAGES = 5
#: More pages are not looked at: one that leads to lists, two of those, and as many as of a list alone.
MOST_LOOKED_AT = 7


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
    return of_levels(levels_of(pages, None, (), Known()))


def of_levels(levels: Levels) -> Suggestion:
    """Return rules for pages of which is known what they are."""
    lists = levels.lists
    rules = [*_rules(lists, levels.single, levels.found), *map(_of_terms, levels.terms)]
    if not lists and (leading := _leading(levels.trees[0])) is not None:
        # What the text of any page leads to is a thing as well.
        rules = [rule and rule._replace(match=_of_any(rule.pages)) for rule in rules] if len(rules) == 1 else rules
        rules.insert(0, leading)
    start = [one.trees[0].url for one in lists if not _is_reached(one, lists)]
    start = start or [one.trees[0].url for one in lists] or levels.named
    return Suggestion(list(dict.fromkeys(start)), _joined([rule for rule in rules if rule is not None]), levels.more)


def _of_any(pages: Sequence[str]) -> str:
    """Return a glob for all pages of a site that end as some do."""
    endings = {re.search(r"(?:\.\w+)?$", urlsplit(url).path) for url in pages}
    found = {match[0] for match in endings if match is not None}
    return f"/*{found.pop()}" if len(found) == 1 else "*"


def _is_reached(one: Listing, lists: Sequence[Listing]) -> bool:
    """Tell whether another list leads to one."""
    return any(one.trees[0].url in other.targets for other in lists if other is not one)


def _of_terms(found: tuple[Tree, Element]) -> Rule | None:
    """Return the rule of a page that explains terms."""
    tree, element = found
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
        _Kind(pages, details.fields_of(pages, [_beside(found[tree.url]) for tree in pages]))
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
    """

    pages: list[Tree]
    fields: list[Draft]

    @property
    def urls(self) -> list[str]:
        return [tree.url for tree in self.pages]


def _list_rule(one: Listing, lists: Sequence[Listing], kinds: Sequence[_Kind]) -> Rule | None:
    """Return the rule of a list: what it leads to, and items where no pages of things have more to say."""
    turned_to = one.paging.targets if one.paging is not None else []
    own = [tree.url for tree in one.trees] + turned_to + ([] if one.is_menu else _beside_in_menus(one, lists))
    others = [target for other in lists for target in other.targets if target not in own]
    others += [url for kind in kinds for url in kind.urls]
    others += [tree.url for other in lists if other is not one for tree in other.trees]
    match = matching.match_of(own, others, one.each if isinstance(one.each_config, str) else None)
    reached = [kind for kind in kinds if any(url in one.targets for url in kind.urls)]
    is_reached = one.is_menu or bool(reached)
    least = max(1, min(2, sum(draft.name != "url" for draft in one.fields)))
    has_details = any(sum(draft.name != "url" for draft in kind.fields) >= least for kind in reached)
    # Addresses alone are what is followed, and say nothing of things.
    says_nothing = all(draft.name == "url" for draft in one.fields)
    fields = [] if one.is_menu or has_details or says_nothing else one.fields
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


def _beside_in_menus(one: Listing, lists: Sequence[Listing]) -> list[str]:
    """Return the addresses of the lists that menus name beside one, those of its kind."""
    pages = {tree.url for tree in one.trees}
    kinds = {matching.kind_of(url) for url in pages}
    leading = [other for other in lists if other.is_menu and not pages.isdisjoint(other.targets)]
    return [url for other in leading for url in other.targets if matching.kind_of(url) in kinds]


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
    """Return pages about one thing in kinds: those to which one list leads, else those that are made alike; what two
    lists lead to may be of one kind.
    """
    kinds: list[list[Tree]] = []
    rest = []
    for one in lists:
        reached = [tree for tree in single if tree.url in one.targets and not any(tree in kind for kind in kinds)]
        same = [kind for kind in kinds if reached and _are_of_a_kind(kind[0], reached[0])]
        if same:
            same[0].extend(reached)
        elif reached:
            kinds.append(reached)
    for tree in single:
        if not any(tree in kind for kind in kinds):
            rest.append(tree)
    for tree in rest:
        for kind in kinds:
            if alike(kind[0], tree):
                kind.append(tree)
                break
        else:
            kinds.append([tree])
    return kinds


def _are_of_a_kind(one: Tree, other: Tree) -> bool:
    return matching.kind_of(one.url) == matching.kind_of(other.url) and alike(one, other)


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Return rules with what is followed on the same pages in one of them."""
    found: list[Rule] = []
    for rule in rules:
        same = next((one for one in found if one.match == rule.match and not (rule.fields or one.fields)), None)
        if same is None:
            found.append(rule)
        else:
            found[found.index(same)] = same._replace(follow=[*same.follow, *rule.follow])
    return found
