"""Selectors that find what is meant and nothing else, by names that last: tried on every scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from selectolax.lexbor import SelectolaxError

from scraper.rules.page import Page
from scraper.rules.sources import Css
from scraper.suggest.elements import Element
from scraper.suggest.stable import is_presentational, is_stable, module_prefix

#: Attributes that name what an element is.
_NAMING = (
    "itemprop",
    "data-testid",
    "data-test",
    "data-qa",
    "data-cy",
    "data-field",
    "data-role",
    "data-hook",
    "rel",
)
_MOST_TRIED = 120
#: A selector that is wrong in more of its scopes is not taken.
_MOST_WRONG = 0.04


class Aim(NamedTuple):
    """What a selector is to find in one scope.

    Attributes:
        page: where the scope lies.
        scope: in which element it looks; None is the whole page.
        wanted: what it is to find, in order; empty where it is to find nothing.
    """

    page: Page
    scope: Element | None
    wanted: list[Element]


def simple(element: Element, *, may_have_id: bool = True) -> Iterator[str]:
    """Return compounds that may stand for an element, the best first."""
    attrs, tag = element.attrs, element.tag
    identity = attrs.get("id") or ""
    if may_have_id and identity and is_stable(identity):
        yield f"#{identity}"
    for name in _NAMING:
        value = attrs.get(name) or ""
        if value and value.replace("-", "").replace("_", "").isalnum() and value.isascii() and is_stable(value):
            yield f'[{name}="{value}"]'
    for name in element.classes:
        yield f".{name}"
        yield f"{tag}.{name}"
    if len(element.classes) > 1:
        yield tag + "".join(f".{name}" for name in element.classes[:2])
    for name in (attrs.get("class") or "").split():
        if prefix := module_prefix(name):
            yield f'[class*="{prefix}"]'
    yield tag
    if tag == "time" and "datetime" in attrs:
        yield "time[datetime]"
    if "itemscope" in attrs and (kind := (attrs.get("itemtype") or "").rpartition("/")[2]).isalnum():
        yield f'[itemtype$="/{kind}"]'
    for name in (attrs.get("class") or "").split():
        if is_presentational(name) and is_stable(name):
            yield f"{tag}.{name}"
            break


def placed(element: Element) -> str:
    """Return the compound that says which of its siblings of a name an element is."""
    return f"{element.tag}:nth-of-type({element.place})"


def candidates(element: Element, top: Element | None) -> Iterator[str]:
    """Return selectors that may find an element below `top`, the best first: names, then names within names, then
    places.
    """
    own = list(simple(element, may_have_id=top is None))
    named = [one for one in own if one != element.tag]
    headings = element.tag in ("h1", "h2", "h3", "h4", "h5", "h6", "time")
    yield from own if headings else named
    above = []
    for one in element.above():
        if one is top or one.tag in ("body", "html"):
            break
        above.append(one)
    if not headings:
        yield element.tag
    for one in above[:6]:
        for outer in list(simple(one, may_have_id=top is None))[:3]:
            for inner in (*named[:2], element.tag):
                yield f"{outer} {inner}"
            if one is element.parent:
                yield f"{outer} > {element.tag}"
                yield f"{outer} > {placed(element)}"
    yield from _beside(element, top)
    for inner in (*named[:2], element.tag):
        yield f"{inner}:nth-of-type({element.place})"
    # The whole way, by places, from the nearest name on.
    way = placed(element)
    for one in above:
        for outer in list(simple(one, may_have_id=top is None))[:3]:
            yield f"{outer} > {way}"
        way = f"{placed(one)} > {way}"
    yield way if top is None else f"{top.tag} > {way}"
    if top is None:
        yield f"body > {way}"


def _beside(element: Element, top: Element | None) -> Iterator[str]:
    """Return selectors by what stands right before an element."""
    siblings = element.parent.children if element.parent is not None else []
    behind = element.tag
    for before in siblings[max(0, element.number - 2) : element.number][::-1]:
        for outer in list(simple(before, may_have_id=top is None))[:2]:
            if outer != element.tag:
                yield f"{outer} + {behind}"
        behind = f"{before.tag} + {behind}"


def best(aims: Sequence[Aim], *, many: bool = False) -> str | None:
    """Return the first selector that finds in each scope what is wanted there; None where none does.

    Args:
        many: whether all that it finds is to be right; else the first of it.
    """
    tried = set()
    allowed = _MOST_WRONG * len(aims)
    close: tuple[float, str] | None = None
    for selector in _first(_made(aims), _MOST_TRIED):
        if selector in tried:
            continue
        tried.add(selector)
        wrong = _wrong(selector, aims, allowed, many=many)
        if wrong == 0:
            return selector
        if wrong <= allowed and (close is None or wrong < close[0]):
            close = (wrong, selector)
    return close[1] if close else None


def _made(aims: Sequence[Aim]) -> Iterator[str]:
    """Return candidates of the first element that is wanted, then those of a later one, which may be named better."""
    wanted = [(aim.wanted[0], aim.scope) for aim in aims if aim.wanted]
    for element, scope in (wanted[0], wanted[len(wanted) // 2]) if wanted else ():
        yield from candidates(element, scope)


def _first(made: Iterable[str], most: int) -> Iterator[str]:
    for number, one in enumerate(made):
        if number >= most * 3:
            return
        yield one


def _wrong(selector: str, aims: Sequence[Aim], most: float, *, many: bool) -> float:
    """Return in how many scopes a selector finds something else, as soon as that is too many."""
    try:
        source = Css(selector)
        wrong = 0
        for aim in aims:
            if not _is_right(source, aim, many=many):
                wrong += 1
                if wrong > most:
                    return wrong
    except (SelectolaxError, ValueError):
        return float("inf")
    return wrong


def _is_right(source: Css, aim: Aim, *, many: bool) -> bool:
    within = aim.scope.node if aim.scope is not None else None
    if many:
        return _ids(source.find(aim.page, within)) == [one.node.mem_id for one in aim.wanted]
    found = source.first(aim.page, within)
    if found is None or not aim.wanted:
        return found is None and not aim.wanted
    return bool(found.mem_id == aim.wanted[0].node.mem_id)


def _ids(nodes: Iterable[Any]) -> list[int]:
    return [node.mem_id for node in nodes]


def of_links(page: Page, container: Element, links: Sequence[Element]) -> str | None:
    """Return a selector that finds the links in an element, and hardly any other."""
    wanted = {one.node.mem_id for one in links}
    for outer in (container, *container.above()):
        for name in simple(outer):
            found = set(_ids(Css(f"{name} a").find(page, None)))
            if (
                found >= wanted
                and len(found) <= 1.15 * len(wanted) + 2
                and (name != outer.tag or name in ("main", "article", "pre", "body"))
            ):
                return f"{name} a"
    return of_group(page, links, lambda element: ())


def of_group(page: Page, elements: Sequence[Element], lacks: Callable[[Element], Iterable[str]]) -> str | None:
    """Return a selector that finds exactly these elements on their page; None where none does.

    Args:
        lacks: called with an element of them; returns selectors for things that each of them has, and that what
            else is found may lack.
    """
    wanted = {one.node.mem_id for one in elements}
    wider: list[str] = []
    for selector in list(dict.fromkeys(_group_candidates(elements)))[:_MOST_TRIED]:
        try:
            found = set(_ids(Css(selector).find(page, None)))
        except (SelectolaxError, ValueError):
            continue
        if found == wanted:
            return selector
        if found > wanted and len(found) < 6 * len(wanted):
            wider.append(selector)
    filters = [f":has({one})" for one in lacks(elements[0])] if wider else []
    filters += [f":not({one})" for one in list(dict.fromkeys(_of_others(page, wider[:1], wanted)))[:3]]
    for selector in wider[:12]:
        for filtered in filters:
            try:
                if set(_ids(Css(selector + filtered).find(page, None))) == wanted:
                    return selector + filtered
            except (SelectolaxError, ValueError):
                continue
    return None


def _of_others(page: Page, wider: Sequence[str], wanted: set[int]) -> Iterator[str]:
    """Return classes that what is found too much has, such as `.ad`."""
    for selector in wider:
        for node in Css(selector).find(page, None):
            if node.mem_id not in wanted:
                for name in (node.attributes.get("class") or "").split():
                    if is_stable(name):
                        yield f".{name}"


def _group_candidates(elements: Sequence[Element]) -> Iterator[str]:
    first = elements[len(elements) // 2]
    common = [name for name in first.classes if all(name in one.classes for one in elements)]
    compounds = [*(f".{name}" for name in common), *(f"{first.tag}.{name}" for name in common)]
    compounds += [one for one in simple(first, may_have_id=False) if one.startswith("[") or one == first.tag]
    if first.parent is not None and first.tag != "tr":
        yield from (one for one in compounds if one != first.tag)
    for compound in compounds:
        for is_bare in (False, True):
            for number, one in enumerate(first.above()):
                if one.tag in ("body", "html"):
                    break
                for outer in simple(one):
                    if (outer == one.tag) is is_bare:
                        if number == 0:
                            yield f"{outer} > {compound}"
                        yield f"{outer} {compound}"
    yield from compounds
    way = first.tag
    for one in first.above():
        way = f"{one.tag} > {way}" if one.tag == "body" else f"{placed(one)} > {way}"
        yield way
