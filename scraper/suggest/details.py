"""Fields of pages that are about one thing each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scraper.suggest import data, labels, names, selectors
from scraper.suggest.blocks import Group
from scraper.suggest.drafts import Draft, Scope, drafted, in_words, same, texts_of, typed, without_doubles
from scraper.suggest.elements import Element, Tree
from scraper.suggest.slots import Slot, slots_of

#: Shorter prose is a field like others.
_LEAST_PROSE = 250
_PROSE = frozenset({"p", "pre", "li", "dd", "blockquote"})
_MOST_FIELDS = 24


def fields_of(trees: Sequence[Tree], groups: Sequence[Sequence[Group]]) -> list[Draft]:
    """Return the fields of pages of a kind: what machines are told, then what has a label, then the places that
    differ from page to page.

    Args:
        groups: of each page, what repeats on it and is not of the page's own thing.
    """
    taken: set[int] = set()
    for lists in groups:
        for group in lists:
            for element in group.elements:
                taken.update(one.node.mem_id for one in element.below())
    scopes = [Scope(tree.page) for tree in trees]
    told = data.fields_of(trees)
    title = _title(trees, taken)
    prose, containers = _prose(trees, taken)
    by_label = labels.fields_of(trees, taken)
    for container in containers:
        if container is not None:
            taken.update(one.node.mem_id for one in container.below())
    by_place = _by_place(trees, taken)
    found = [*told, *title, *by_label, *by_place, *prose]
    address = drafted("url", [{"page": "url"}], scopes)
    found = without_doubles([*found, *([address] if address else [])])
    lacking = {"title", "image", "description", "date"} - {draft.name for draft in found}
    graph = [draft for draft in data.graph_fields(trees) if draft.name in lacking]
    return renamed(without_doubles([*found, *graph]))[:_MOST_FIELDS]


def renamed(drafts: Sequence[Draft]) -> list[Draft]:
    """Return drafts with a name for each that no other has."""
    done: list[Draft] = []
    for draft in drafts:
        done.append(draft._replace(name=names.unique(draft.name, [one.name for one in done], "text")))
    return done


def _title(trees: Sequence[Tree], taken: set[int]) -> list[Draft]:
    """Return the page's heading, where there is one."""
    aims, texts = [], []
    for tree in trees:
        heading = None
        for tag in ("h1", "h2"):
            heading = heading or next(
                (
                    one
                    for one in (tree.body.below() if tree.body else ())
                    if one.tag == tag and one.text and not one.is_around and one.node.mem_id not in taken
                ),
                None,
            )
        if heading is None:
            return []
        aims.append(selectors.Aim(tree.page, None, [heading]))
        texts.append(heading.text)
    if len(trees) > 1 and len(set(texts)) == 1:
        return []
    selector = selectors.best(aims)
    if selector is None:
        return []
    for aim in aims:
        taken.update(one.node.mem_id for one in aim.wanted[0].below())
    draft = drafted("title", in_words({"css": selector}, texts), [Scope(tree.page) for tree in trees])
    return [draft] if draft else []


def _prose(trees: Sequence[Tree], taken: set[int]) -> tuple[list[Draft], list[Element | None]]:
    """Return the field of the pages' main text, and the elements in which that lies."""
    containers = [_container(tree, taken) for tree in trees]
    found = [one for one in containers if one is not None]
    if not found or len(found) * 2 < len(trees):
        return [], []
    aims = [
        selectors.Aim(tree.page, None, [one] if one else [])
        for tree, one in zip(trees, containers, strict=True)
        if one is not None
    ]
    selector = selectors.best(aims)
    if selector is None:
        return [], []
    sample = found[0]
    name = "text" if sample.tag != "p" else names.of_element(sample, None, "") or "text"
    config: dict[str, object] = {"css": selector}
    whole = [len(one.text) for one in found]
    bare = [sum(len(part.text) for part in one.children if part.tag == "p") for one in found]
    if any(one.first("h1") for one in found) and all(
        part * 10 > total * 6 for part, total in zip(bare, whole, strict=True)
    ):
        config = {"css": f"{selector} > p", "many": True}
        containers = [None for _ in containers]
        for one in found:
            taken.update(inner.node.mem_id for part in one.children if part.tag == "p" for inner in part.below())
    draft = drafted(name, [config], [Scope(tree.page) for tree in trees])
    return ([draft] if draft else []), containers


def _container(tree: Tree, taken: set[int]) -> Element | None:
    """Return the smallest element that has most of a page's prose."""
    if tree.body is None:
        return None
    sums: dict[int, int] = {}
    # From the last element to the first: what lies in one comes before it.
    for element in list(tree.body.below())[::-1]:
        identity = element.node.mem_id
        if identity in taken or element.is_around:
            sums[identity] = 0
        elif element.tag in _PROSE and element.is_line:
            sums[identity] = len(element.text)
        else:
            sums[identity] = sum(sums[one.node.mem_id] for one in element.children)
    whole = sums[tree.body.node.mem_id]
    if whole < _LEAST_PROSE:
        return None
    best = tree.body
    while True:
        inner = next((one for one in best.children if sums.get(one.node.mem_id, 0) >= 0.85 * whole), None)
        if inner is None:
            return best if best.tag != "body" else None
        best = inner


def _by_place(trees: Sequence[Tree], taken: set[int]) -> list[Draft]:
    """Return the fields of places that hold something else on each page; of one page, of those with a name."""
    tops = [tree.body for tree in trees if tree.body is not None]
    if len(tops) < len(trees):
        return []

    def skip(element: Element) -> bool:
        return element.node.mem_id in taken or element.is_around

    slots = [slot for slot in slots_of(tops, skip) if slot.coverage >= 0.5]
    drafts: list[Draft] = []
    for slot in slots:
        if len(trees) > 1 and not slot.variety:
            continue
        if slot.attribute in ("href", *(() if _is_main_image(slot) else ("src", "data-src", "data-original"))):
            continue
        draft = drafted_of(slot, [selectors.Aim(tree.page, None, []) for tree in trees], len(trees) == 1)
        if draft is not None and not any(same(draft.values, one.values) for one in drafts):
            drafts.append(draft)
    return drafts


def _is_main_image(slot: Slot) -> bool:
    """Tell whether a place is that of a picture of the page's thing: not a small one, nor one of the layout."""
    width = slot.sample.element.attrs.get("width") or "999"
    return not slot.is_many and not (width.isdigit() and int(width) < 64)


def drafted_of(
    slot: Slot, aims: Sequence[selectors.Aim], needs_name: bool, name_of: Callable[[Slot], str] | None = None
) -> Draft | None:
    """Return the field of a slot; None where no selector finds it, or nothing says what it is."""
    sample = slot.sample
    scope = aims[0].scope
    name = name_of(slot) if name_of is not None else names.of_element(sample.element, scope, slot.attribute)
    if scope is not None and sample.element is scope and scope.tag == "a" and not slot.attribute:
        name = "title"
    texts = texts_of(slot)
    if needs_name and not name:
        return None
    many = slot.is_many
    if many and (slot.attribute or not sample.element.classes):
        return None
    aims = [aim._replace(wanted=[atom.element for atom in one]) for aim, one in zip(aims, slot.atoms, strict=True)]
    if scope is not None and sample.element is scope:
        suffix = (
            f"::attr({slot.attribute})"
            if slot.attribute
            else (" ::text" if any(one.scope and one.scope.children for one in aims) else "::text")
        )
        selector: str | None = ""
    else:
        selector = selectors.best(aims, many=many)
        suffix = f"::attr({slot.attribute})" if slot.attribute not in ("", "href", "src") else ""
    if selector is None:
        return None
    source: dict[str, object] = {"css": f"{selector}{suffix}"}
    if many:
        source["many"] = True
    scopes = [Scope(aim.page, aim.scope.node if aim.scope is not None else None) for aim in aims]
    is_title = name == "title" and not slot.attribute
    ways = in_words(source, texts) if is_title else typed(source, texts, slot.attribute)
    draft = drafted(name, ways, scopes)
    if draft is None:
        return None
    kind = draft.config.get("type")
    if not draft.name:
        draft = draft._replace(name={"price": "price", "money": "price", "date": "date"}.get(str(kind), "text"))
    return draft


def item_name(trees: Sequence[Tree], words: Sequence[str]) -> str:
    """Return the name of the type of item that pages make."""
    for tree in trees:
        for found in (tree.page.json_ld, tree.page.microdata):
            if kind := data.main_type(found):
                return names.identifier(kind)
    return names.of_items(words)
