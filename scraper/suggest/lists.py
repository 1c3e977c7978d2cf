"""Lists of a site: their blocks, what leads from block to thing and from page to page, and the fields of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from scraper import urls
from scraper.rules.sources import Css
from scraper.suggest import data, details, flat, names, paging, selectors, tables, trees
from scraper.suggest.blocks import Group
from scraper.suggest.drafts import Draft, without_doubles
from scraper.suggest.elements import Element, Tree
from scraper.suggest.shapes import is_price
from scraper.suggest.slots import Slot, is_text, slots_of

#: How many blocks of a page are set beside each other.
_MOST_BLOCKS = 40
_LEAST_SCORE = 1.5


class Listing:
    """A list with its pages.

    Attributes:
        each: the selector of its blocks.
        trees: the pages that have it.
        blocks: by page, its blocks; of a flat list the heads of its items.
        is_flat: its items have no element of their own.
        is_menu: it lists lists.
    """

    def __init__(self, tree: Tree, group: Group, each: str) -> None:
        self.each = each
        self.group = group
        self.trees = [tree]
        self.blocks: list[list[Element]] = [group.elements]
        self.paging: paging.Paging | None = None
        self.link: Any = None
        self.targets: list[str] = []
        self.fields: list[Draft] = []
        self.slots: list[Slot] = []
        self.each_config: Any = each
        self.is_tree = False
        self.is_flat = False
        self.is_menu = False

    @property
    def ids(self) -> set[int]:
        if self.is_flat:
            return {one.node.mem_id for blocks in self.blocks for item in flat.items_of(blocks) for one in item}
        return {one.node.mem_id for blocks in self.blocks for one in blocks}

    @property
    def share(self) -> int:
        """Return how much text of its first page lies in it, in characters."""
        if self.is_flat:
            return sum(len(one.text) for item in flat.items_of(self.blocks[0]) for one in item)
        return self.group.share

    def take(self, tree: Tree) -> bool:
        """Take a page into the list, where it has such blocks."""
        found = [tree.of(node) for node in Css(self.each).find(tree.page, None)]
        blocks = [one for one in found if one is not None]
        if not blocks:
            return False
        self.trees.append(tree)
        self.blocks.append(blocks)
        return True


def list_of(tree: Tree, groups: Sequence[Group], contents: trees.Contents | None) -> Listing | None:
    """Return the best list of a page for which there is a selector; None where the page is about one thing."""
    if contents is not None and not (groups and len(groups[0].elements) * 2 > len(contents.links)):
        made = Listing(tree, contents.group, contents.selector)
        made.is_tree = True
        made.link, made.targets = contents.selector, paging.followed(contents.selector, tree)
        return made
    without = flat.flat_of(tree)
    for group in groups[:4]:
        if group.score < _LEAST_SCORE:
            break
        if without is not None and without.heads.score > group.score:
            break
        each = selectors.of_group(tree.page, group.elements, partial(_of_all, tree, group))
        if each is None:
            continue
        made = Listing(tree, group, each)
        _find_links(made)
        return made if _is_list(tree, made) else None
    return _flat_list(tree, without) if without is not None else None


def _flat_list(tree: Tree, found: flat.Flat) -> Listing | None:
    """Return the list of items that have no element of their own; None where the page is about one thing."""
    each = selectors.of_group(tree.page, found.heads.elements, lambda one: [f"> {part.tag}" for part in one.children])
    if each is None or found.heads.score < _LEAST_SCORE:
        return None
    made = Listing(tree, found.heads, each)
    made.is_flat = True
    _find_links(made)
    return made if _is_list(tree, made) else None


def _of_all(tree: Tree, group: Group, element: Element) -> Iterator[str]:
    """Return selectors for things that each block has."""
    for slot in sorted(group.slots, key=lambda slot: slot.attribute != ""):
        if slot.coverage == 1 and slot.sample.element is not element:
            shown = group.elements[:_MOST_BLOCKS]
            aims = [
                selectors.Aim(tree.page, scope, [one[0].element])
                for scope, one in zip(shown, slot.atoms, strict=True)
            ]
            if selector := selectors.best(aims):
                yield selector


def is_about_one(tree: Tree) -> bool:
    """Tell whether a page says to machines that it is about one thing."""
    if data.main_type(tree.page.json_ld) or data.main_type(tree.page.microdata):
        return True
    kind = (tree.page.open_graph.get("og:type") or [""])[0].lower()
    return kind.startswith(("product", "article", "book", "video"))


def _is_list(tree: Tree, made: Listing) -> bool:
    """Tell whether a page is a list, and not about one thing with a list beside it."""
    if is_about_one(tree):
        return False
    around = sum(one.is_around for one in made.group.elements)
    if around * 2 > len(made.group.elements):
        return False
    if not made.is_flat and not _may_be_items(made.group):
        return False
    return weight(tree, made) >= 0.8


def weight(tree: Tree, made: Listing) -> float:
    """Return how much text lies in a list of a page, as a part of what lies beside it."""
    inside = made.ids
    beside = sum(
        len(one.text)
        for one in (tree.body.below() if tree.body else ())
        if one.tag in ("p", "dd", "pre", "td", "dt", "h2", "h3")
        and one.is_line
        and not one.is_around
        and one.node.mem_id not in inside
        and not any(up.node.mem_id in inside for up in one.above())
    )
    return (made.share + 1) / (beside + 1)


def _may_be_items(group: Group) -> bool:
    """Tell whether blocks are things of their own, and not the sections of one text."""
    if group.elements[0].tag == "tr":
        return True
    mean = group.share / len(group.elements)
    if any(slot.attribute == "href" and slot.coverage >= 0.5 and not slot.is_many for slot in group.slots):
        return mean < 3_000
    texts = [slot for slot in group.slots if not slot.attribute and slot.coverage >= 0.8 and slot.variety > 0.3]
    return mean < 600 and (len(texts) >= 2 or any(is_price(slot.values) for slot in texts))


def is_like(one: Listing, tree: Tree) -> bool:
    """Tell whether a page is likely one of a list: its address is like those of the list's pages."""
    if one.paging is not None and tree.url in one.paging.targets:
        return True
    known = one.trees[0].url
    return _shape(known) == _shape(tree.url) or urlsplit(known).path == urlsplit(tree.url).path


def _shape(url: str) -> tuple[str, ...]:
    parts = urlsplit(url).path.split("/")
    return (urls.host_of(url), str(len(parts)), *parts[:2])


def _find_links(made: Listing) -> None:
    """Find paging, and the link of each block that leads to its thing."""
    if made.is_tree:
        made.targets = [target for tree in made.trees for target in paging.followed(made.link, tree)]
        return
    made.paging = paging.paging_of(made.trees, made.ids)
    scopes = [one for blocks in made.blocks for one in blocks]
    pages = [tree.page for tree, blocks in zip(made.trees, made.blocks, strict=True) for _ in blocks]
    shown = list(zip(scopes, pages, strict=True))
    slots = [slot for slot in slots_of(scopes) if slot.attribute == "href" and slot.coverage >= 0.5 and slot.variety]
    slots.sort(key=lambda slot: -_link_worth(slot, made.trees[0].url))
    for slot in slots:
        if _link_worth(slot, made.trees[0].url) <= 0:
            break
        if slot.is_many and any(len(one) > 1 for one in slot.atoms):
            continue
        if slot.sample.element in scopes:
            made.link = made.each
        else:
            aims = [
                selectors.Aim(page, scope, [atom.element for atom in one])
                for (scope, page), one in zip(shown, slot.atoms, strict=True)
            ]
            inner = selectors.best(aims)
            if inner is None:
                continue
            made.link = f"{made.each} {inner}"
            # Within a block the first is meant, on the page all that are found.
            only = _only_first(made, inner)
            made.link = f"{made.each} {only or inner}"
        made.targets = [target for tree in made.trees for target in paging.followed(made.link, tree)]
        if made.targets:
            if made.paging is not None and set(made.paging.targets) <= set(made.targets):
                # What leads on from the list is what it lists, as chapters of a book are.
                made.paging = None
            return
        made.link = None


def _only_first(made: Listing, inner: str) -> str | None:
    """Return the part of a selector of links, narrowed to those in headings where each block has one there."""
    for heading in ("h1", "h2", "h3", "h4", "h5"):
        if heading == made.group.elements[0].tag:
            continue
        narrowed = f"{heading} a"
        counts = [
            len(Css(narrowed).find(tree.page, one.node))
            for tree, blocks in zip(made.trees, made.blocks, strict=True)
            for one in blocks[:_MOST_BLOCKS]
        ]
        if counts and all(count == 1 for count in counts):
            return narrowed if inner in ("a", narrowed) else None
    return None


def _link_worth(slot: Slot, page: str) -> float:
    """Return how likely a link is that of the block's thing: in a heading, of some text, on this site."""
    sample = slot.sample
    texts = [atom.element.text for one in slot.atoms for atom in one]
    worth = slot.coverage + slot.variety + min(sum(map(len, texts)) / len(texts), 60) / 60
    if any(one.tag in ("h1", "h2", "h3", "h4", "h5") for one in sample.element.above()):
        worth += 2
    if any(one.tag in ("h1", "h2", "h3", "h4", "h5", "img") for one in sample.element.below()):
        worth += 1
    if slot.variety < 0.7:
        worth -= 1
    host = urls.host_of(page)
    if "://" in sample.value and not sample.value.startswith((f"http://{host}", f"https://{host}")):
        worth -= 4
    return worth


def read(made: Listing) -> None:
    """Find the links and fields of a list, over all of its pages."""
    _find_links(made)
    if made.is_flat:
        pages = list(zip(made.trees, made.blocks, strict=True))
        config = flat.each_of(pages)
        if config is not None:
            made.each_config, made.fields = config, details.renamed(flat.fields_of(pages, config["xpath"]))
        return
    table = tables.table_of(made.group)
    if table is not None and table.spans:
        drafts = tables.fields_of([(made.trees[0], table)])
        if drafts:
            made.each_config, made.fields = tables.each_of(table), details.renamed(drafts)
            return
    scopes: list[Element] = []
    aims: list[selectors.Aim] = []
    for tree, blocks in zip(made.trees, made.blocks, strict=True):
        for one in blocks[:_MOST_BLOCKS]:
            scopes.append(one)
            aims.append(selectors.Aim(tree.page, one, []))

    def skip(element: Element) -> bool:
        return element.is_around and not made.group.elements[0].is_around

    slots = [slot for slot in slots_of(scopes, skip) if slot.coverage >= 0.25 and slot.variety]
    drafts = []
    has_url = has_image = False
    for slot in slots:
        if slot.attribute == "href":
            if has_url or slot.sample.value.startswith("#") or not _is_link_of(made, slot):
                continue
        elif slot.attribute in ("src", "data-src", "data-original", "data-lazy-src") and has_image:
            continue
        draft = details.drafted_of(slot, aims, False, _named_by(table))
        if draft is None:
            continue
        has_url = has_url or slot.attribute == "href"
        has_image = has_image or slot.attribute.endswith("src")
        if not any(draft.values == one.values for one in drafts):
            drafts.append(draft)
    order = sorted(without_doubles(drafts), key=lambda draft: draft.name == "url")
    made.slots, made.fields = slots, details.renamed(order)


def _is_link_of(made: Listing, slot: Slot) -> bool:
    """Tell whether a slot holds the links that are followed, or the only ones that there are."""
    if not made.targets:
        return slot.coverage >= 0.5
    page = made.trees[0].page
    joined = {page.response.urljoin(atom.value).partition("#")[0] for one in slot.atoms for atom in one[:1]}
    return len(joined & {target.partition("#")[0] for target in made.targets}) * 2 > len(joined)


def _named_by(table: tables.Table | None) -> Any:
    """Return what names slots by the heads of their columns; None where there are none."""
    if table is None:
        return None
    heads = tables.head_names(table)
    columns = {cell.node.mem_id: number for _, cells in table.rows for number, cell in enumerate(cells)}

    def name_of(slot: Slot) -> str:
        element = slot.sample.element
        if (
            element.node.mem_id not in columns
            and slot.attribute == ""
            and (sum(one.node.mem_id not in columns and is_text(one) for one in _cell(element, columns).below()) > 1)
        ):
            return names.of_element(element, None, slot.attribute)
        for one in (element, *element.above()):
            if one.node.mem_id in columns:
                if slot.attribute == "href":
                    return "url"
                return heads[columns[one.node.mem_id]] or f"column_{columns[one.node.mem_id] + 1}"
        return names.of_element(element, None, slot.attribute)

    return name_of


def _cell(element: Element, columns: dict[int, int]) -> Element:
    """Return the cell in which an element lies."""
    return next((one for one in (element, *element.above()) if one.node.mem_id in columns), element)
