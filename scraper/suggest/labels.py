"""Values that a page names: terms and their definitions, rows of two cells, and texts such as `Author: Jane`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scraper.suggest import names
from scraper.suggest.drafts import Draft, Scope, drafted, typed
from scraper.suggest.elements import Element, Tree
from scraper.suggest.slots import is_text

_MOST_WORDS = 5
_LONGEST_LABEL = 45
#: A list of more terms, or with longer texts, explains words and does not describe a thing.
_MOST_LABELS = 30
_LONGEST_MEAN = 160
_LABEL_NAMES = re.compile(r"(?:^|[-_])(?:label|key|term|caption|spec-name|attr-name|prop)(?:$|[-_])", re.IGNORECASE)


class Labelled(NamedTuple):
    """A value with its label.

    Attributes:
        label: as the page writes it.
        xpath: what finds the value by its label.
        value: where it lies.
        named: where the label lies: before it, or in the same element.
        is_sure: whether the markup itself says so: a `dt`, a `th`, a colon.
    """

    label: str
    xpath: str
    value: Element
    named: Element
    is_sure: bool


def labelled(tree: Tree) -> list[Labelled]:
    """Return the values of a page that have a label, each label once."""
    found: dict[str, Labelled] = {}
    twice = set()
    for one in _all(tree):
        if one.label in found:
            twice.add(one.label)
        found.setdefault(one.label, one)
    return [one for label, one in found.items() if label not in twice]


def _all(tree: Tree) -> Iterator[Labelled]:
    if tree.body is None:
        return
    lists = _of_terms(tree)
    for element in tree.body.below():
        if element.is_around or (element.parent is not None and element.parent.node.mem_id in lists):
            continue
        if element.tag == "dt" and (value := _next(element)) is not None and value.tag == "dd":
            if _is_label(element.text):
                yield _by_sibling(element, value, "dd", is_sure=True)
        elif element.tag == "tr" and len(element.children) == 2:
            first, second = element.children
            if first.tag in ("th", "td") and second.tag == "td" and _is_label(first.text) and _is_of_pairs(element):
                yield _by_sibling(first, second, "td", is_sure=first.tag == "th" or first.text.endswith(":"))
        elif is_text(element) and (label := _inside(element)) is not None:
            text = _quoted(label)
            xpath = f"//{element.tag}[starts-with(normalize-space(), {text})]"
            yield Labelled(label, xpath, element, element, _is_marked(element, label))
        elif (
            is_text(element)
            and element.tag not in ("dt", "th", "td", "dd", "p", "li", "a")
            and _is_label(element.text)
        ):
            value = _next(element)
            is_named = element.text.endswith(":") or any(_LABEL_NAMES.search(one) for one in element.classes)
            is_pair = element.parent is not None and len(element.parent.children) == 2
            if (
                value is not None
                and value.is_line
                and value.text
                and (is_named or (is_pair and not _is_heading(element)))
            ):
                yield _by_sibling(element, value, "*", is_sure=is_named)


def _is_heading(element: Element) -> bool:
    return element.tag in ("h1", "h2", "h3", "h4")


def _of_terms(tree: Tree) -> set[int]:
    """Return the lists whose terms are no labels of values: many of them, explained at length, or with addresses."""
    found = set()
    for element in tree.elements.values():
        if element.tag == "dl":
            texts = [one.text for one in element.children if one.tag == "dd"]
            terms = [one for one in element.children if one.tag == "dt"]
            are_links = sum(one.first("a") is not None or "id" in one.attrs for one in terms) * 2 > len(terms)
            if len(terms) > _MOST_LABELS or are_links or sum(map(len, texts)) > _LONGEST_MEAN * max(1, len(texts)):
                found.add(element.node.mem_id)
    return found


def _by_sibling(label: Element, value: Element, tag: str, *, is_sure: bool) -> Labelled:
    text = label.text
    xpath = f"//{label.tag}[normalize-space()={_quoted(text)}]/following-sibling::{tag}[1]"
    return Labelled(text, xpath, value, label, is_sure)


def _next(element: Element) -> Element | None:
    siblings = element.parent.children if element.parent is not None else []
    return siblings[element.number + 1] if element.number + 1 < len(siblings) else None


def _is_label(text: str) -> bool:
    return (
        0 < len(text) <= _LONGEST_LABEL
        and len(text.split()) <= _MOST_WORDS
        and text[0].isalpha()
        and not any(one.isdigit() for one in text)
    )


def _is_of_pairs(row: Element) -> bool:
    """Tell whether a row's table has pairs alone, and no heads of columns."""
    parent = row.parent
    if parent is None or any(one.tag == "thead" for one in (parent.parent.children if parent.parent else ())):
        return False
    rows = [one for one in parent.children if one.tag == "tr"]
    return all(len(one.children) == 2 for one in rows) and not all(one.tag == "th" for one in rows[0].children)


def _inside(element: Element) -> str | None:
    """Return the label with which an element's text begins, colon included, where something follows."""
    text = element.text
    head, colon, rest = text.partition(":")
    label = f"{head}{colon}"
    if not colon or not rest.startswith(" ") or not rest.strip() or len(text) > 300 or not _is_label(label):
        return None
    if element.tag in ("h1", "h2", "h3", "h4", "a", "pre", "code"):
        return None
    return label if len(text) <= 120 or _is_marked(element, label) else None


def _is_marked(element: Element, label: str) -> bool:
    """Tell whether the label in front of a text is an element of its own."""
    first = element.children[0] if element.children else None
    return first is not None and first.tag in ("b", "strong", "span", "em", "i") and first.text in (label, label[:-1])


def _quoted(text: str) -> str:
    """Return a text as XPath writes it."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    return "concat(" + ', "\'", '.join(f"'{part}'" for part in text.split("'")) + ")"


def fields_of(trees: Sequence[Tree], taken: set[int]) -> list[Draft]:
    """Return a field for each label that most of the pages have.

    Args:
        taken: gets the elements that hold the values, for others to leave out.
    """
    scopes = [Scope(tree.page) for tree in trees]
    by_label: dict[str, list[Labelled]] = {}
    for tree in trees:
        for one in labelled(tree):
            by_label.setdefault(one.label, []).append(one)
    drafts = []
    for label, found in by_label.items():
        sample = found[0]
        if len(found) * 2 <= len(trees) or (not sample.is_sure and len(trees) < 2):
            continue
        if not sample.is_sure and not _differ(found):
            continue
        name = names.of_property(label.rstrip(": ")) or "value"
        draft = drafted(name, typed({"xpath": sample.xpath}, [one.value.text for one in found]), scopes)
        if draft is None or not _is_right(draft, found, trees):
            continue
        drafts.append(draft)
        for one in found:
            for part in (one.value, one.named):
                taken.update(inner.node.mem_id for inner in part.below())
    return drafts


def _differ(found: Sequence[Labelled]) -> bool:
    return len({one.value.text for one in found}) > 1


def _is_right(draft: Draft, found: Sequence[Labelled], trees: Sequence[Tree]) -> bool:
    """Tell whether the expression finds something on exactly the pages that have the label."""
    with_label = {
        id(tree) for tree in trees for one in found if tree.elements.get(one.value.node.mem_id) is one.value
    }
    return all(
        (value is not None) == (id(tree) in with_label) for value, tree in zip(draft.values, trees, strict=True)
    )
