"""Rules between the parts of a rule: fields within fields, and a crawl without a spider."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from scraper.config.model.site import SiteConfig
from scraper.config.types.selectors import BadSelector, read_css
from scraper.config.yaml.problems import place, place_of_key
from scraper.config.yaml.tree import Listing, Node, Path, Table, find
from scraper.errors import Problem
from scraper.optional_dependencies import install

if TYPE_CHECKING:
    from scraper.config.model.rules import FieldConfig, RuleConfig

#: By type of field that needs one, the module of an extra.
_MODULES = {"markdown": "html_to_markdown", "article": "resiliparse"}


def spider_or_rules(root: Table) -> list[Problem]:
    """Check that a crawl has a spider, or rules, or both."""
    if "spider" in root.entries or "rules" in root.entries:
        return []
    text = "this key is missing: add spider: file.py:Class or package.module:Class, or rules"
    return [root.source.problem("spider", text)]


def check_rules(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Return every rule about rules that `config` breaks."""
    node, way = find(root, ("rules",))
    if config.spider is None and way and isinstance(node, Listing) and not node.items:
        yield place(root, way, "expected at least one rule, got none: add one, or a spider")
    if config.rules and config.spider is None and config.args:
        yield place_of_key(root, ("args",), "expected no args, since rules take none: remove them, or add a spider")
    for number, rule in enumerate(config.rules):
        at = ("rules", number)
        for place_in_list, link in enumerate(rule.follow):
            if link.css is not None and read_css(link.css).text:
                yield _at_selector(
                    root, (*at, "follow", place_in_list), "css", "expected links, got ::text: remove it"
                )
        if rule.match.selector is not None:
            for key in ("fetcher", "wait_for"):
                if getattr(rule, key) is not None:
                    text = f"expected a glob or {{regex: …}} as match, since {key} has to be known before the page is"
                    yield place_of_key(root, (*at, key), text)
        inside = None
        if rule.each is not None:
            inside = rule.each.source
            yield from _each(root, (*at, "each"), rule.each.css)
        if rule.namespaces or _has_xml(rule):
            yield from _namespaces(root, at, rule)
        yield from _fields(root, (*at, "fields"), rule.fields, inside)


def _each(root: Node, path: Path, css: str | None) -> Iterator[Problem]:
    if css is not None and read_css(css).is_part:
        yield _at_selector(root, path, "css", "expected elements, got a part of them: remove what follows ::")


def _fields(root: Node, path: Path, fields: Mapping[str, FieldConfig], inside: str | None) -> Iterator[Problem]:
    """Return what is wrong with fields, which look into what a source of the kind `inside` found (None: the page)."""
    for name, field in fields.items():
        at = (*path, name)
        if inside is not None and field.source not in (inside, "page"):
            yield _at_selector(
                root,
                at,
                field.source,
                f"expected {inside}, as the field around it has it, got {field.source}: write {{{inside}: …}}",
            )
        elif field.css is not None:
            yield from _css(root, at, field, inside)
        elif field.csv is not None and inside is None:
            yield _at_selector(root, at, "csv", "expected each: {csv: auto} beside fields, since a line is an item")
        elif inside is not None and (written := field.xpath or field.xml or "").lstrip("( ").startswith("/"):
            yield _at_selector(
                root,
                at,
                field.source,
                f"expected a path from the element that was found, got {written}: write .{written}, "
                "for / begins at the page's root",
            )
        if field.language is not None:
            yield from _language(root, (*at, "language"), field.language)
        if field.type in _MODULES:
            yield from _prose(root, (*at, "type"), field.type)
        yield from _fields(root, (*at, "fields"), field.fields, field.source)


def _has_xml(rule: RuleConfig) -> bool:
    fields = list(rule.fields.values())
    while fields:
        field = fields.pop()
        if field.xml is not None:
            return True
        fields += field.fields.values()
    return any(each.xml is not None for each in (*rule.follow, *([rule.each] if rule.each is not None else ())))


def _namespaces(root: Node, at: Path, rule: RuleConfig) -> Iterator[Problem]:
    """Return which expressions for XML have prefixes that stand for nothing."""
    from scraper.config.types.documents import XmlPath

    def problem_of(path: Path, xml: str | None) -> Iterator[Problem]:
        try:
            XmlPath(xml or ".", rule.namespaces)
        except BadSelector as error:
            yield _at_selector(root, path, "xml", f"expected an XPath 1.0 expression, got {xml}: {error}")

    def problems_of(path: Path, fields: Mapping[str, FieldConfig]) -> Iterator[Problem]:
        for name, field in fields.items():
            yield from problem_of((*path, name), field.xml)
            yield from problems_of((*path, name, "fields"), field.fields)

    for number, link in enumerate(rule.follow):
        yield from problem_of((*at, "follow", number), link.xml)
    if rule.each is not None:
        yield from problem_of((*at, "each"), rule.each.xml)
    yield from problems_of((*at, "fields"), rule.fields)


def _prose(root: Node, at: Path, kind: str) -> Iterator[Problem]:
    module = _MODULES[kind]
    if importlib.util.find_spec(module) is None:
        remedy = f"run {install('article')}"
        yield place(root, at, f"type: {kind} needs {module.replace('_', '-')}, which is not installed: {remedy}")


def _language(root: Node, at: Path, language: str) -> Iterator[Problem]:
    try:
        from dateparser.data.languages_info import language_order
    except ImportError:
        remedy = f"run {install('dates')}"
        yield place(root, at, f"dates in {language} need dateparser, which is not installed: {remedy}")
        return
    if language not in language_order and language.partition("-")[0] not in language_order:
        yield place(root, at, f"expected a language that dateparser knows, got {language}: write fr, de or en-GB")


def _css(root: Node, at: Path, field: FieldConfig, inside: str | None) -> Iterator[Problem]:
    assert field.css is not None
    if field.fields and read_css(field.css).is_part:
        yield _at_selector(root, at, "css", "expected elements for fields, got a part: remove what follows ::")
    elif inside is None and not read_css(field.css).selector:
        yield _at_selector(root, at, "css", f"expected a selector before ::, got {field.css}: write h1{field.css}")


def _at_selector(root: Node, path: Path, key: str, text: str) -> Problem:
    """Return a problem with a selector, which may be written short."""
    long_form = (*path, key)
    return place(root, long_form if find(root, long_form)[1] == long_form else path, text)
