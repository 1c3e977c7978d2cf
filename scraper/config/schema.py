"""The JSON Schema of what may be written in a site's YAML, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from scraper.config.keys import fields_of, section
from scraper.config.model.frozen import whole_schemas
from scraper.config.model.site import SiteConfig
from scraper.config.walk import field_value

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of the YAML: units as text, short forms, `${VAR}`, defaults."""
    models: list[type[BaseModel]] = [SiteConfig, *_sections(SiteConfig)]
    with whole_schemas():
        for model in reversed(models):
            # Older versions of pydantic write no default of a section that is not built.
            model.model_rebuild(force=True)
        schema: dict[str, Any] = SiteConfig.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.get("$defs", {})
    for model in models:
        written = schema if model is SiteConfig else definitions.get(model.__name__)
        if written is not None:
            _teach(written, model)
    schema.pop("$defs", None)
    schema.pop("required", None)  # the name has a default, which the file's own name gives
    return {
        "$schema": _DIALECT,
        **schema,
        "title": "A site for scraper to crawl",
        "anyOf": [{"required": ["spider"]}, {"required": ["rules"]}],
        "$defs": definitions,
    }


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the sections below one, each once; fields of rules lie in each other."""
    found: dict[type[BaseModel], None] = {}
    unseen = [model]
    while unseen:
        for info in fields_of(unseen.pop()).values():
            new = [candidate for candidate in _models_in(info.annotation) if candidate not in found]
            found.update(dict.fromkeys(new))
            unseen += new
    return list(found)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    model = section(annotation)
    if model:
        return [model]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def _teach(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Defaults as a user would write them, and no titles that only repeat the key."""
    schema.pop("title", None)
    for key, value in schema.get("properties", {}).items():
        info = fields_of(model)[key]
        value.pop("title", None)
        value.pop("default", None)
        if info.is_required() or section(info.annotation) is not None:
            continue
        default = field_value(info, info.get_default(call_default_factory=True), readable=True)
        if default not in ("", None):
            value["default"] = list(default) if isinstance(default, tuple) else default
