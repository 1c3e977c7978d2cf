"""Names of types and fields that no rule makes: errors where only rules make items."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import load
from scraper.errors import ConfigError

RULES = """start_urls: [https://example.com/]
rules:
  - {match: "/b/*", item: book, fields: {title: h1, price: .p, url: {page: url}}}
  - {match: "/q/*", item: quote, fields: {text: p}}
"""
WRONG = [
    ("items: {boook: {key: [title]}}", 9, "no rule makes items of type boook: did you mean book?"),
    ("items: {book: {key: [titel]}}", 22, "no rule gives book a field titel: did you mean title?"),
    ("items: {book: {key: [sku]}}", 22, "no rule gives book a field sku: write one of title, price, url"),
    ("items: {book: {required: [pric]}}", 27, "did you mean price?"),
    ("items: {book: {fields: {prise: price}}}", 25, "did you mean price?"),
    ("exports: [{path: a.csv, item: quot}]", 31, "no rule makes items of type quot: did you mean quote?"),
    ("exports: [{path: a.csv, item: book, fields: [title, prize]}]", 53, "did you mean price?"),
    ("gate: {fields: {pryce: 95%}}", 17, "did you mean price?"),
    ("gate: {fields: {quote.txt: 95%}}", 17, "did you mean quote.text?"),
]


@pytest.mark.parametrize(("yaml", "column", "words"), WRONG)
def test_a_name_that_no_rule_makes_is_an_error_with_the_nearest(
    yaml: str, column: int, words: str, tmp_path: Path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"{RULES}{yaml}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(site)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (5, column)
    assert words in problem.text


@pytest.mark.parametrize(
    "more",
    [
        "items: {book: {key: [url], required: [title]}}\ngate: {fields: {price: 95%, quote.text: 1}}",
        "exports: [{path: a.csv, item: quote, fields: [text]}, {path: b.csv, fields: [title, text]}]",
        "spider: a.py:B\nitems: {other: {key: [sku]}}",
        "pipelines: [a.py:f]\nitems: {other: {key: [sku]}}",
    ],
)
def test_names_that_rules_make_and_those_that_others_may_make_are_none(more: str, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"{RULES}{more}\n", encoding="utf-8")
    assert load(site).config.rules
