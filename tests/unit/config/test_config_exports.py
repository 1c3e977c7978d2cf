"""The key `exports`: what paths say, which keys go together, and what of it is secret."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.config import Loaded, load
from scraper.config.formats import NAMES
from scraper.config.model.exports import format_of
from scraper.config.show import effective_text, masked
from scraper.errors import ConfigError

KEYED = {"items": {"item": {"key": ["url"]}}}


def loaded(*exports: Any, **more: Any) -> Loaded:
    return load({"spider": "module:Spider", "exports": list(exports), **more})


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("-", "jsonl"),
        ("a.jsonl", "jsonl"),
        ("a.JSON", "json"),
        ("a.csv.gz", "csv"),
        ("a.jsonl.zst", "jsonl"),
        ("a.gz", None),
        ("a.parquet", "parquet"),
        ("out/a.XLSX", "xlsx"),
        ("a.db", "sqlite"),
        ("a.sqlite3", "sqlite"),
        ("s3://bucket/a.parquet", "parquet"),
        ("postgresql://host/shop", "postgres"),
        ("postgres://host/shop", "postgres"),
        ("{name}/{type}.csv", "csv"),
        ("a.docx", None),
    ],
)
def test_the_format_that_a_path_says(path: str, format: str | None) -> None:
    assert format_of(path) == format
    if format is not None:
        assert loaded(path).config.exports[0].format == format


def test_every_key() -> None:
    export = {"path": "a", "format": "csv", "mode": "append", "fields": ["a"], "meta": ["url", "run"]}
    (config,) = loaded(export).config.exports
    assert (config.format, config.mode, config.fields, config.meta) == ("csv", "append", ("a",), ("url", "run"))
    (config,) = loaded({"path": "a.jsonl", "max_bytes": "100MB"}).config.exports
    assert (config.max_bytes, config.mode, config.meta, config.options) == (100_000_000, None, (), {})


@pytest.mark.parametrize(
    ("export", "key", "said"),
    [
        ("out/{nam}.jsonl", "exports[0]", "write {name}"),
        ("out/{}.jsonl", "exports[0]", "only {name}, {date}"),
        ("file:///a.jsonl", "exports[0]", "without file://"),
        ("postgresql://h/d?password=x", "exports[0]", "before the host"),
        ({"path": "a", "format": "postgres"}, "exports[0].path", "postgresql://user@host/database"),
        ("s3://b/a.sqlite", "exports[0]", "expected a path for sqlite"),
        ("a.parquet.gz", "exports[0]", "no compression of parquet"),
        ({"path": "-", "format": "csv"}, "exports[0].format", "expected jsonl for standard output"),
        ({"path": "a.db", "max_bytes": 5}, "exports[0].max_bytes", "expected no max_bytes"),
        ({"path": "-", "max_bytes": 5}, "exports[0].max_bytes", "expected no max_bytes"),
        ({"path": "a.csv", "options": {"a": 1}}, "exports[0].options", "expected no options"),
        ("{type}.sqlite", "exports[0]", "a table a type"),
        ({"path": "{type}.csv", "item": "Book"}, "exports[0].path", "item picks one type"),
        ({"path": "a.csv", "mode": "upsert"}, "exports[0].mode", "only a database can upsert"),
        ({"path": "a.db", "mode": "upsert"}, "exports[0].mode", "items that have a key"),
        ({"path": "a.db", "mode": "insert"}, "exports[0].mode", "replace or append or upsert"),
        ({"path": "a.json", "mode": "append"}, "exports[0].mode", "json cannot grow"),
        ({"path": "a.xlsx", "max_bytes": "1MB"}, "exports[0].max_bytes", "xlsx has no numbered files"),
        ({"path": "a.jsonl", "bom": True}, "exports[0].bom", "expected no bom, since jsonl needs none"),
        ({"path": "a.parquet", "mode": "append"}, "exports[0].mode", "{run} in its path"),
        (
            {"path": "s3://b/a.csv", "mode": "append", "fields": ["a"]},
            "exports[0].mode",
            "only one file under a path",
        ),
        ({"path": "a.csv", "mode": "append"}, "exports[0].mode", "add fields"),
        ({"path": "a.csv", "meta": ["date"]}, "exports[0].meta[0]", "url or run or fetched_at or connection"),
        ({"path": "a.csv", "max_bytes": "5M"}, "exports[0].max_bytes", "10MB"),
    ],
)
def test_what_does_not_go_together(export: Any, key: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(export)
    (problem,) = caught.value.problems
    assert f"{key}: " in str(problem), str(problem)
    assert said in str(problem)


def test_two_exports_of_one_path_however_it_is_written() -> None:
    with pytest.raises(ConfigError, match="expected a path of its own"):
        loaded("out/shop.csv", "./out/{name}.csv", name="shop")


def test_changes_have_no_provenance() -> None:
    with pytest.raises(ConfigError, match="expected no meta"):
        loaded({"path": "a.jsonl", "changes": True, "meta": ["url"]}, **KEYED)


def test_secrets_of_an_export_are_not_shown(tmp_path: Any) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "spider: a:B\nexports:\n  - ${DATABASE}\n"
        "  - {path: 's3://b/a.csv', options: {secret: abc-told, endpoint_url: '${PLACE}', anon: false}}\n"
    )
    environ = {"DATABASE": "postgresql://me:abc-told@host/shop", "PLACE": "https://abc-told/"}
    found = load(path, environ=environ)
    assert found.config.exports[0].path == environ["DATABASE"]
    for shown in (effective_text(found), repr(masked(found))):
        assert "abc-told" not in shown
        assert "postgresql://***@host/shop" in shown


def test_what_is_shown_is_as_short_as_it_may_be() -> None:
    text = effective_text(loaded("a.csv", {"path": "b.jsonl", "meta": ["url"]}))
    assert "a.csv" in text and "meta: [url]" in text


def test_all_formats_are_named() -> None:
    assert NAMES == ("jsonl", "json", "csv", "parquet", "xlsx", "sqlite", "postgres")
