"""The JSON Schema: it accepts what may be written, refuses what may not, and teaches."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scraper.config import SiteConfig, json_schema

EXAMPLE = """\
name: books
spider: spiders/books.py:Books
args: {category: travel}
start_urls: [https://books.toscrape.com/]
allowed_domains: [books.toscrape.com]
user_agent: acme-research/1.0 (+https://acme.example/bot)
limits: {depth: 6, pages: 5000, items: 10000, duration: 2h, body: 10MB}
session:
  pool: 8
  headers: {Accept-Language: en}
  timeout: {connect: 5s, read: 20s, total: 60s}
  idle_expiry: 15s
  max_age: 10m
  verify: true
  proxies: {}
  class: requests.Session
politeness: {robots: obey, delay: 1s, jitter: 0.3, concurrency: 1}
domains:
  example.net: {politeness: {delay: 200ms, concurrency: 4}}
retry: {attempts: 4, statuses: [408, 425, 429, 500, 502, 503, 504], backoff: 1s, max_backoff: 60s}
network: {allow_private: false}
store: .scraper/books.db
engine: {processes: 1}
items: {item: {key: [url]}}
pipelines: [spiders.books:clean]
exports: [out/books.jsonl, {path: out/books.csv, fields: [title, price]}]
gate: {min_items: 1, max_failed: 0.05}
schedule: {cron: "0 */6 * * *", timezone: Europe/London}
"""
_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def accepts(schema: Any, value: Any, root: dict[str, Any]) -> bool:
    """As much of JSON Schema 2020-12 as `json_schema` uses."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root):
        return False
    if "anyOf" in schema and not any(accepts(option, value, root) for option in schema["anyOf"]):
        return False
    if value != schema.get("const", value) or value not in schema.get("enum", [value]):
        return False
    types = schema.get("type", list(_TYPES))
    if not any(_is(value, name) for name in ([types] if isinstance(types, str) else types)):
        return False
    if isinstance(value, str):
        return "pattern" not in schema or re.search(schema["pattern"], value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if isinstance(value, list):
        return all(accepts(schema.get("items", True), item, root) for item in value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return set(schema.get("required", ())) <= set(value) and all(
            accepts(known.get(key, schema.get("additionalProperties", True)), item, root)
            for key, item in value.items()
        )
    return True


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE,
        "spider: a:B",
        "{spider: a:B, exports: []}",
        "{spider: a:B, exports: ['-', {path: a, format: csv}], engine: {processes: auto}}",
        "{spider: a:B, limits: {pages: '${PAGES}', duration: '${LONG:-2h}', body: 512}}",
        "{spider: a:B, scope: {exclude: ['/a*', {regex: x}]}, session: {verify: ca.pem}, gate: {max_failed: 5%}}",
        "{spider: a:B, origins: {https://a.com: {auth: {basic: [u, p]}, cert: [a, b], headers: {A: b}}}}",
        "{spider: a:B, domains: {a.com: {session: {timeout: {read: 5}}, retry: {attempts: 1}}}}",
        "{spider: a:B, start_urls: {file: urls.csv, column: url, fields: [sku]}}",
        "{spider: a:B, args: {deep: [{a: 1}]}}",
        "{spider: a:B, gate: {min_items: 80%, max_dropped: 0.1}}",
        "{spider: a:B, gate: {min_items: '${LEAST}'}}",
        "{rules: [{match: /a/*, follow: [a, {xpath: //a}]}]}",
        "{rules: [{match: {selector: h1}, item: b, each: li, fields: {t: h1, p: {css: td, fields: {q: {css: b}}}}}]}",
    ],
)
def test_it_accepts_what_may_be_written(text: str) -> None:
    schema = json_schema()
    assert accepts(schema, yaml.safe_load(text), schema)


@pytest.mark.parametrize(
    "text",
    [
        "{name: a}",
        "{spider: a:B, colour: red}",
        "{spider: a:B, limits: {pages: 0}}",
        "{spider: a:B, limits: {duration: fast}}",
        "{spider: a:B, limits: {body: 10M}}",
        "{spider: a:B, start_urls: https://a.com/}",
        "{spider: a:B, start_urls: {column: url}}",
        "{spider: a:B, politeness: {robots: maybe}}",
        "{spider: a:B, exports: [{fields: [a]}]}",
        "{spider: a:B, exports: [{path: a, format: xml}]}",
        "{spider: a:B, domains: {a.com: {limits: {}}}}",
        "{spider: a:B, network: {allow_private: 1}}",
        "{spider: a:B, engine: {processes: -1}}",
        "{spider: a:B, gate: {min_items: most}}",
        "{spider: a:B, gate: {min_items: -1}}",
        "{rules: [{follow: [a]}]}",
        "{rules: [{match: /a, fields: {t: {css: h1, type: number}}}]}",
        "{rules: [{match: /a, fields: {t: {css: h1, fields: {u: {cs: h1}}}}}]}",
    ],
)
def test_it_refuses_what_may_not_be_written(text: str) -> None:
    schema = json_schema()
    assert not accepts(schema, yaml.safe_load(text), schema)


def test_it_names_its_dialect_and_requires_only_a_spider_or_rules() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["anyOf"] == [{"required": ["spider"]}, {"required": ["rules"]}]
    assert "required" not in schema
    assert set(schema["properties"]) == set(SiteConfig.model_fields)


def test_every_key_is_explained_and_every_section_closed() -> None:
    schema = json_schema()
    for name, section in [("SiteConfig", schema), *schema["$defs"].items()]:
        assert section["additionalProperties"] is False, name
        for key, value in section["properties"].items():
            assert value.get("description") or "$ref" in value, f"{name}.{key}"


def test_defaults_are_shown_as_they_would_be_written() -> None:
    definitions = json_schema()["$defs"]
    assert definitions["Limits"]["properties"]["body"]["default"] == "10MB"
    assert definitions["Politeness"]["properties"]["delay"]["default"] == "1s"
    assert definitions["RetryConfig"]["properties"]["statuses"]["default"] == [408, 425, 429, 500, 502, 503, 504]
    assert definitions["SessionConfig"]["properties"]["class"]["default"] == "requests.Session"
