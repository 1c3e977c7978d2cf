"""Fields of what pages carry for machines: JSON-LD, microdata, OpenGraph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scraper.rules.data import types_of
from scraper.suggest import names
from scraper.suggest.drafts import Draft, Scope, drafted
from scraper.suggest.elements import Tree

#: Types that say nothing of what a page is about.
_ABOUT_THE_SITE = frozenset(
    "WebSite WebPage BreadcrumbList Organization SearchAction ItemList ListItem Corporation CollectionPage "
    "ImageObject SiteNavigationElement WPHeader WPFooter Store OnlineStore NewsMediaOrganization ItemPage FAQPage "
    "Question Answer Offer AggregateRating Rating Brand PostalAddress Review Person ContactPoint".split()
)
_PEOPLE = ("Person",)
_DEEPEST = 3
_NO_PROPERTIES = frozenset(
    "@id @type @context mainEntityOfPage isPartOf publisher potentialAction logo sameAs hasPart breadcrumb review "
    "reviews isRelatedTo isSimilarTo itemCondition inLanguage priceValidUntil seller width height "
    "itemListElement interactionStatistic".split()
)
_PRICES = frozenset({"price", "lowPrice", "highPrice"})
_ADDRESSES = frozenset({"url", "image", "thumbnailUrl", "contentUrl", "availability"})


def main_type(data: Sequence[Any]) -> str | None:
    """Return the type of the one thing that a page's data is about."""
    found: dict[str, int] = {}
    for one in _tops(data):
        for name in types_of(one)[:1]:
            if name not in _ABOUT_THE_SITE and len(one) > 2:
                found[name] = found.get(name, 0) + 1
    single = [name for name, count in found.items() if count == 1]
    return single[0] if len(single) >= 1 else None


def _tops(data: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for one in data:
        if isinstance(one, list):
            yield from _tops(one)
        elif isinstance(one, dict):
            graph = one.get("@graph")
            if isinstance(graph, list):
                yield from _tops(graph)
            yield one


def fields_of(trees: Sequence[Tree]) -> list[Draft]:
    """Return the fields of the thing that the pages' data is about, of JSON-LD before microdata."""
    scopes = [Scope(tree.page) for tree in trees]
    drafts: list[Draft] = []
    for kind, all_data in (
        ("jsonld", [tree.page.json_ld for tree in trees]),
        ("microdata", [tree.page.microdata for tree in trees]),
    ):
        types = [main_type(data) for data in all_data]
        name = next((one for one in types if one), None)
        if name is None or sum(one == name for one in types) * 2 < len(types):
            continue
        paths: dict[tuple[str, ...], Any] = {}
        for data in all_data:
            for one in _tops(data):
                if name in types_of(one):
                    for path, value in _paths(one, (name,)):
                        paths.setdefault(path, value)
                    break
        for path, value in paths.items():
            source: dict[str, Any] = {kind: ".".join(path)}
            if isinstance(value, list):
                source["many"] = True
            draft = drafted(_name(path), _ways(source, path[-1]), scopes)
            if draft is not None:
                drafts.append(draft)
    return drafts


def graph_fields(trees: Sequence[Tree]) -> list[Draft]:
    """Return what OpenGraph says of the pages, for what nothing else does."""
    scopes = [Scope(tree.page) for tree in trees]
    found = []
    for name, kind in (("title", None), ("image", "url"), ("description", None), ("article:published_time", "date")):
        source = {"opengraph": name, **({"type": kind} if kind else {})}
        draft = drafted("date" if kind == "date" else name, [source], scopes)
        if draft is not None and (len(trees) == 1 or len({str(value) for value in draft.values}) > 1):
            found.append(draft)
    return found


def _paths(one: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in one.items():
        if key in _NO_PROPERTIES or key.startswith("@") or not key.replace("_", "").replace("-", "").isalnum():
            continue
        if isinstance(value, list):
            scalars = [entry for entry in value if _is_scalar(entry)]
            if len(value) == 1:
                value = value[0]
            elif scalars and len(scalars) == len(value):
                yield (*path, key), scalars
                continue
            else:
                value = next((entry for entry in value if isinstance(entry, dict)), None)
        if _is_scalar(value):
            yield (*path, key), value
        elif isinstance(value, dict) and len(path) < _DEEPEST and "@value" not in value:
            yield from _paths(value, (*path, key))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _name(path: tuple[str, ...]) -> str:
    last = path[-1]
    if last == "name" and len(path) > 2:
        return names.of_property(path[-2])
    if last in ("name", "headline", "title"):
        return "title"
    return names.of_property(last)


def _ways(source: dict[str, Any], key: str) -> list[dict[str, Any]]:
    if key in _PRICES:
        return [{**source, "type": "price"}, source]
    if key in _ADDRESSES:
        return [{**source, "type": "url"}, source]
    if "date" in key.lower() or key in ("uploadDate", "validThrough"):
        return [{**source, "type": "date"}, source]
    if key.endswith(("Count", "count")):
        return [{**source, "type": "int"}, source]
    if key.endswith(("Value", "Rating")):
        return [{**source, "type": "float"}, source]
    return [source]
