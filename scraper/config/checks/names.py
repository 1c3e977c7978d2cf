"""Names of items and fields, where only rules make items: all of them are known, so that one more is a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from scraper.config.model.site import SiteConfig
from scraper.config.types.kinds import nearest
from scraper.config.yaml.problems import place, place_of_key
from scraper.config.yaml.tree import Node, Path
from scraper.errors import Problem

#: By type of item, the fields that it can have.
_Known = Mapping[str, Collection[str]]


def check_names(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Return every name of a type or field that no rule makes, at the places that `root` knows.

    A spider or a pipeline makes what it likes, and a model may rename.
    """
    if config.spider is not None or config.pipelines or not config.rules:
        return
    known: dict[str, dict[str, None]] = {}
    for rule in config.rules:
        if rule.fields:
            known.setdefault(rule.item, {}).update(dict.fromkeys(rule.fields))
    yield from _of_items(config, root, known)
    yield from _of_exports(config, root, known)
    yield from _of_gate(config, root, known)


def _of_items(config: SiteConfig, root: Node, known: _Known) -> Iterator[Problem]:
    for kind, item in config.items.items():
        at: Path = ("items", kind)
        if kind not in known:
            yield place_of_key(root, at, _no_type(kind, known))
        elif item.model is None:
            for key in ("key", "required"):
                for number, name in enumerate(getattr(item, key)):
                    if name not in known[kind]:
                        yield place(root, (*at, key, number), _no_field(kind, name, known[kind]))
            for name in item.fields:
                if name not in known[kind]:
                    yield place_of_key(root, (*at, "fields", name), _no_field(kind, name, known[kind]))


def _of_exports(config: SiteConfig, root: Node, known: _Known) -> Iterator[Problem]:
    has_models = any(item.model is not None for item in config.items.values())
    for number, export in enumerate(config.exports):
        at: Path = ("exports", number)
        if export.item is not None and export.item not in known:
            yield place(root, (*at, "item"), _no_type(export.item, known))
            continue
        kinds = [export.item] if export.item is not None else list(known)
        fields = [name for kind in kinds for name in known[kind]]
        for position, name in enumerate(export.fields or () if not has_models else ()):
            if name not in fields:
                yield place(root, (*at, "fields", position), _no_field(" or ".join(kinds), name, fields))


def _of_gate(config: SiteConfig, root: Node, known: _Known) -> Iterator[Problem]:
    if any(item.model is not None for item in config.items.values()):
        return
    fields = {name for names in known.values() for name in names}
    both = {f"{kind}.{name}" for kind, names in known.items() for name in names}
    for written in config.gate.fields:
        if written not in fields and written not in both:
            yield place_of_key(root, ("gate", "fields", written), _no_field("item", written, sorted(fields | both)))


def _no_type(kind: str, known: _Known) -> str:
    if not known:
        return f"expected a rule with fields, since none makes items of type {kind}: add fields to a rule"
    return f"no rule makes items of type {kind}: {_did_you_mean(kind, known)}"


def _no_field(kind: str, name: str, fields: Collection[str]) -> str:
    return f"no rule gives {kind or 'an item'} a field {name}: {_did_you_mean(name, fields)}"


def _did_you_mean(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return f"did you mean {near}?" if near else f"write one of {', '.join(known)}"
