"""Lists whose items have no element of their own: headings with what stands below each, terms with their
descriptions, rows that belong together.

Such an item is the element with which it begins, its head, and the siblings up to the next head. As selectors of CSS
look inside of elements alone, `each` finds the heads by XPath, and fields go on to the siblings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scraper import urls
from scraper.errors import BadRequest
from scraper.rules.sources import XPath
from scraper.suggest import names
from scraper.suggest.blocks import HEADINGS, LEAST, MOST_JUDGED, Group, worth_of
from scraper.suggest.drafts import Draft, Scope, drafted, typed, values_of, without_doubles
from scraper.suggest.elements import Element, Tree
from scraper.suggest.shapes import is_date, is_price
from scraper.suggest.slots import Atom, Slot, atoms_of
from scraper.suggest.stable import is_stable

#: Heads without a link, price or date are those of a list where there are so many, all followed by the same.
_LEAST_PLAIN = 5
_MOST_MEAN = 400
_FEW_WORDS = 150
_MOST_PARENTS = 200
#: An item has no more siblings.
_MOST_BELOW = 6
#: Elements in a list have one of their own for each item.
_NO_HEADS = frozenset("li option th td thead tbody tfoot col dd br hr".split())

Sign = tuple[str, ...]


class Flat(NamedTuple):
    """A flat list of a page.

    Attributes:
        heads: as what repeats, with all that their items hold.
        items: of each the head, then what follows it.
        share: how much text lies in them, in characters.
    """

    heads: Group
    items: list[list[Element]]
    share: int


def flat_of(tree: Tree) -> Flat | None:
    """Return the best flat list of a page; None where it has none."""
    best: Flat | None = None
    if tree.body is None:
        return None
    parents = [one for one in tree.body.below() if len(one.children) >= 2 * LEAST and not one.is_around]
    for parent in sorted(parents, key=lambda one: -len(one.children))[:_MOST_PARENTS]:
        for sign in _heads_in(parent):
            found = _judged(tree, parent, sign)
            if found is not None and (best is None or found.heads.score > best.heads.score):
                best = found
    return best


def _sign(element: Element) -> Sign:
    """Return what elements of a kind have alike: their name, a class, and whether they are nothing but a link."""
    only = element.children[0].tag if len(element.children) == 1 and not element.own else ""
    return (element.tag, *element.classes[:1]) if element.classes else (element.tag, "", only)


def _heads_in(parent: Element) -> list[Sign]:
    """Return the kinds of children with which items may begin: headings and terms, else what comes first."""
    counts: dict[Sign, int] = {}
    for one in parent.children:
        sign = _sign(one)
        counts[sign] = counts.get(sign, 0) + 1
    found = [sign for sign, count in counts.items() if count >= LEAST and sign[0] not in _NO_HEADS]
    if len(counts) < 2:
        return []
    small = {_sign(one) for one in parent.children if one.is_line or one.tag in ("dt", "tr")}
    found = [sign for sign in found if sign in small]
    named = [sign for sign in found if sign[0] in HEADINGS or sign[0] == "dt"]
    return (named or found)[:2]


def items_of(heads: Sequence[Element]) -> list[list[Element]]:
    """Return the elements of each item: the head, and its siblings up to the next head, or one above it."""
    ids = {one.node.mem_id for one in heads}
    found = []
    for head in heads:
        item = [head]
        siblings = head.parent.children if head.parent is not None else []
        for one in siblings[head.number + 1 : head.number + 1 + _MOST_BELOW]:
            if one.node.mem_id in ids or (one.tag in HEADINGS and head.tag in HEADINGS and one.tag <= head.tag):
                break
            item.append(one)
        found.append(item)
    counts: dict[Sign, int] = {}
    for item in found:
        for sign in {_sign(one) for one in item[1:]}:
            counts[sign] = counts.get(sign, 0) + 1
    # What follows the last one, such as a pager, is no part of it.
    least = max(2, len(found) // 4)
    return [[item[0], *(one for one in item[1:] if counts[_sign(one)] >= least)] for item in found]


def slots_of(items: Sequence[Sequence[Element]]) -> list[Slot]:
    """Return what items have in common, the places of their heads first."""
    found: dict[tuple[str, ...], Slot] = {}
    for number, item in enumerate(items):
        met: dict[Sign, int] = {}
        for place, one in enumerate(item):
            sign = _sign(one) if place else ("head",)
            met[sign] = met.get(sign, 0) + 1
            for key, atom in atoms_of(one):
                whole = ("/".join(sign), str(met[sign]), *key)
                slot = found.get(whole)
                if slot is None:
                    slot = found[whole] = Slot(whole, len(items))
                slot.atoms[number].append(atom)
    return list(found.values())


def _judged(tree: Tree, parent: Element, sign: Sign) -> Flat | None:
    """Return the list of the heads of a kind; None where that is no list of things."""
    heads = [one for one in parent.children if _sign(one) == sign]
    items = items_of(heads)
    if any(len(item) > _MOST_BELOW for item in items):
        return None
    shown = items[:MOST_JUDGED]
    slots = [slot for slot in slots_of(shown) if slot.coverage >= 0.3 and slot.variety]
    own = [slot for slot in slots if slot.key[0] == "head"]
    below = [slot for slot in slots if slot.key[0] != "head" and slot.coverage >= 0.5]
    if not below or not any(slot.variety > 0.5 for slot in own if not slot.attribute) or _are_alike(own, below):
        return None
    share = sum(len(one.text) for item in items for one in item)
    leads_on = sum(_leads_on(tree, item[0]) for item in shown) >= 0.8 * len(shown)
    tells = any(is_price(slot.values) or is_date(slot.values) for slot in below)
    if share / len(items) > (3_000 if leads_on else _MOST_MEAN):
        return None
    if not leads_on and not tells and not _is_even(items):
        return None
    score = sum(worth_of(slot) for slot in slots) * math.log2(len(items) + 1)
    held = sum(min(400, sum(len(one.text) for one in item)) for item in shown) / len(shown)
    return Flat(Group(heads, slots, score * (held + 5) ** 0.25), items, share)


def _are_alike(own: Sequence[Slot], below: Sequence[Slot]) -> bool:
    """Tell whether what follows a head is made as the head is: then each is an item, such as rows of two colours."""
    one, other = ({slot.key[2:] for slot in slots} for slots in (own, below))
    return len(one) > 1 and len(one & other) * 2 > len(one | other)


def _is_even(items: Sequence[Sequence[Element]]) -> bool:
    """Tell whether nearly all of many items are made alike, as sections of a text are not; those of terms are told
    by `terms` and `labels`.
    """
    # Those of a few words may lack their last parts.
    share = sum(len(one.text) for item in items for one in item) / len(items)
    forms: dict[tuple[Sign, ...], int] = {}
    for item in items:
        form = tuple(_sign(one) for one in (item[:2] if share <= _FEW_WORDS else item))
        forms[form] = forms.get(form, 0) + 1
    return len(items) >= _LEAST_PLAIN and items[0][0].tag != "dt" and max(forms.values()) >= 0.9 * len(items)


def _leads_on(tree: Tree, head: Element) -> bool:
    link = head.first("a")
    href = (link.attrs.get("href") or "") if link is not None else ""
    try:
        return bool(href) and not href.startswith("#") and bool(urls.host_of(tree.page.response.urljoin(href)))
    except BadRequest:
        return False


# As XPath ---------------------------------------------------------------------------------------------


def each_of(pages: Sequence[tuple[Tree, Sequence[Element]]]) -> dict[str, str] | None:
    """Return the expression that finds the heads on each page, and nothing else; None where there is none."""
    for expression in _each(pages[0][1][0]):
        found = XPath(expression)
        if all(_texts(found.find(tree.page, None)) == [one.text for one in some] for tree, some in pages):
            return {"xpath": expression}
    return None


def _texts(nodes: Sequence[Any]) -> list[str]:
    from scraper.parse.text import text_of

    return [text_of(node) for node in nodes]


def _each(head: Element) -> Iterator[str]:
    own = f"{head.tag}{_having(head)}"
    if own != head.tag:
        yield f"//{own}"
    if len(head.children) == 1 and not head.own and not head.classes:
        own = f"{head.tag}[{head.children[0].tag}]"
    for number, one in enumerate(head.above()):
        identity = one.attrs.get("id") or ""
        if identity and is_stable(identity):
            holder = f"//{one.tag}[@id='{identity}']"
        elif one.classes or number == 0:
            holder = f"//{one.tag}{_having(one)}"
        else:
            continue
        yield f"{holder}/{own}" if number == 0 else f"{holder}//{own}"
    yield from (f"//main//{own}", f"//{own}")


def _having(element: Element) -> str:
    """Return the condition that an element has its class."""
    if not element.classes:
        return ""
    name = element.classes[0]
    if (element.attrs.get("class") or "").strip() == name:
        return f"[@class='{name}']"
    return f"[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"


def fields_of(pages: Sequence[tuple[Tree, Sequence[Element]]], each: str) -> list[Draft]:
    """Return the fields of the items of pages."""
    scopes: list[Scope] = []
    items: list[list[Element]] = []
    owners: list[Tree] = []
    for tree, heads in pages:
        scopes += [Scope(tree.page, node) for node in XPath(each).find(tree.page, None)[:MOST_JUDGED]]
        items += items_of(heads)[:MOST_JUDGED]
        owners += [tree] * len(heads[:MOST_JUDGED])
    drafts: list[Draft] = []
    for slot in slots_of(items):
        top = _top(slot, items)
        if slot.coverage < 0.25 or not slot.variety:
            continue
        has = {draft.name for draft in drafts}
        name = _name(slot, top)
        if (name == "url" and "url" in has) or (name == "image" and "image" in has):
            continue
        wanted = [_wanted(tree, one) for tree, one in zip(owners, slot.atoms, strict=True)]
        for expression in _expressions(slot, items, top):
            source: dict[str, Any] = {"xpath": expression}
            if slot.attribute in ("href", "src"):
                source["type"] = "url"
            if values_of(source, scopes) != wanted:
                continue
            texts = [one[0].value for one in slot.atoms if one]
            draft = drafted(name, typed({"xpath": expression}, texts, slot.attribute), scopes)
            if draft is not None:
                drafts.append(draft)
            break
    return sorted(without_doubles(drafts), key=lambda draft: draft.name == "url")


def _wanted(tree: Tree, atoms: Sequence[Atom]) -> str | None:
    if not atoms:
        return None
    first = atoms[0]
    return tree.page.response.urljoin(first.value) if first.attribute in ("href", "src") else first.value


def _top(slot: Slot, items: Sequence[Sequence[Element]]) -> Element:
    """Return the element of an item in which the sample of a slot lies."""
    number = next(number for number, one in enumerate(slot.atoms) if one)
    return _holding(items[number], slot.atoms[number][0].element)


def _holding(item: Sequence[Element], element: Element) -> Element:
    above = {element.node.mem_id, *(one.node.mem_id for one in element.above())}
    return next(one for one in item if one.node.mem_id in above)


def _name(slot: Slot, top: Element) -> str:
    sample = slot.sample.element
    name = names.of_element(sample, top if sample is not top else None, slot.attribute)
    if slot.key[0] == "head" and sample is top and not slot.attribute:
        return "title"
    if not name:
        name = "price" if is_price(slot.values) else "date" if is_date(slot.values) else "text"
    return name


def _expressions(slot: Slot, items: Sequence[Sequence[Element]], top: Element) -> Iterator[str]:
    """Return expressions for a place of items, from their head on, that which misleads least first."""
    ends = list(_inner(slot.sample.element, top, slot.attribute))
    if slot.key[0] == "head":
        yield from (f".{end}" if end else f"self::{top.tag}" for end in ends)
        return
    head = items[0][0]
    places = {
        _holding(item, atoms[0].element).number - item[0].number
        for item, atoms in zip(items, slot.atoms, strict=True)
        if atoms
    }
    own = f"{top.tag}{_having(top)}"
    test = f"[self::{top.tag}]{_having(top)}"
    if len(places) == 1:
        yield from (f"following-sibling::*[{min(places)}]{test}{end}" for end in ends)
    nth = int(slot.key[1])
    if slot.coverage == 1:
        yield from (f"following-sibling::{own}[{nth}]{end}" for end in ends)
    if len(places) <= _MOST_BELOW:
        # Where some items lack it, that of the next item is not to be taken.
        for end in ends:
            yield " | ".join(
                f"following-sibling::*[{place}]{test}{_within(place, head)}{end}" for place in sorted(places)
            )


def _within(place: int, head: Element) -> str:
    """Return the condition that no other head stands between."""
    other = f"self::{head.tag}" + (f" and @class='{head.attrs.get('class')}'" if head.classes else "")
    return f"[not(preceding-sibling::*[position() < {place}][{other}])]" if place > 1 else ""


def _inner(element: Element, top: Element, attribute: str) -> Iterator[str]:
    """Return what leads from an element to one in it."""
    suffix = f"/@{attribute}" if attribute not in ("", "href", "src") else ""
    if element is top:
        yield suffix
        return
    if element.classes:
        yield f"//{element.tag}{_having(element)}{suffix}"
    yield f"//{element.tag}{suffix}"
    way = ""
    for one in (element, *element.above()):
        if one is top:
            break
        way = f"/{one.tag}[{one.place}]{way}"
    yield f"{way}{suffix}"
