"""Which source a field, a selector or a link of the configuration names."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.config import FieldConfig, FollowConfig, SelectorConfig
from scraper.config.model.selecting import AUTO_DELIMITER
from scraper.rules.sources import Address, Css, Data, OpenGraph, Relation, Selector, ValueSource, XPath

NO_NAMESPACES: Mapping[str, str] = {}


def links_of(
    config: FollowConfig, namespaces: Mapping[str, str] = NO_NAMESPACES, each: SelectorConfig | None = None
) -> Selector:
    """Return what finds the links that a rule follows, whose items come by `each`."""
    if config.rel is not None:
        return Relation(config.rel)
    if config.next is not None:
        from scraper.rules.next_page import NextPage  # few sites have rules for JSON

        return NextPage(config)
    if config.csv is not None:
        from scraper.rules.document_sources import Csv

        return Csv(config.csv, (each and each.csv) or AUTO_DELIMITER)
    return selector_of(config, namespaces) or Css("")


def selector_of(config: FieldConfig | SelectorConfig, namespaces: Mapping[str, str]) -> Selector | None:
    """Return what finds the elements that a selector names, or a field by one; None for a field of another source."""
    if config.css is not None:
        return Css(config.css)
    if config.xpath is not None:
        return XPath(config.xpath)
    if config.json_ is None and config.xml is None and config.csv is None:
        return None
    from scraper.rules import document_sources  # few sites have rules for what is not HTML

    if config.json_ is not None:
        return document_sources.Json(config.json_)
    if config.xml is not None:
        return document_sources.Xml(config.xml, namespaces)
    kind = document_sources.Csv if isinstance(config, FieldConfig) else document_sources.CsvLines
    return kind(config.csv or "")


def source_of(config: FieldConfig, namespaces: Mapping[str, str]) -> ValueSource:
    """Return the source that a field names."""
    selector = selector_of(config, namespaces)
    if selector is not None:
        return selector
    if config.opengraph is not None:
        return OpenGraph(config.opengraph)
    if config.jsonld is not None:
        return Data("jsonld", config.jsonld)
    if config.microdata is not None:
        return Data("microdata", config.microdata)
    return Address()
