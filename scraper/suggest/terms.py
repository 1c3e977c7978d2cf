"""Lists of terms that are items: a glossary, or the functions of a module, each explained."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.rules.sources import XPath
from scraper.suggest.drafts import Draft, Scope, drafted, typed
from scraper.suggest.elements import Element, Tree
from scraper.suggest.stable import is_stable

_LEAST_TERMS = 6
#: The part of a page's text that such a list has at least.
_LEAST_SHARE = 0.6


def list_of(tree: Tree) -> Element | None:
    """Return the list of terms that is most of a page."""
    if tree.body is None:
        return None
    whole = sum(len(one.text) for one in tree.body.children if not one.is_around) or 1
    for element in tree.body.below():
        if element.tag == "dl" and not element.is_around and len(element.text) >= _LEAST_SHARE * whole:
            terms = [one for one in element.children if one.tag == "dt"]
            values = [one for one in element.children if one.tag == "dd"]
            # Values of a few words describe one thing, and explanations are things of their own.
            if len(terms) >= _LEAST_TERMS and sum(len(one.text) for one in values) >= 80 * len(values) > 0:
                return element
    return None


def each_of(element: Element) -> dict[str, str]:
    """Return the expression that finds the terms of a list."""
    identity = element.attrs.get("id") or ""
    if identity and is_stable(identity):
        return {"xpath": f"//dl[@id='{identity}']/dt"}
    if element.classes:
        return {"xpath": f"//dl[contains(concat(' ', normalize-space(@class), ' '), ' {element.classes[0]} ')]/dt"}
    return {"xpath": "//dl/dt"}


def fields_of(tree: Tree, element: Element) -> list[Draft]:
    """Return the term and what explains it."""
    nodes = XPath(each_of(element)["xpath"]).find(tree.page, None)
    scopes = [Scope(tree.page, node) for node in nodes]
    texts = [one.text for one in element.children if one.tag == "dt"]
    return list(_made(scopes, texts))


def _made(scopes: Sequence[Scope], texts: Sequence[str]) -> list[Draft]:
    term = drafted("term", typed({"xpath": "self::dt"}, texts), scopes)
    explained = drafted("definition", [{"xpath": "following-sibling::dd[1]"}], scopes)
    return [draft for draft in (term, explained) if draft is not None]
