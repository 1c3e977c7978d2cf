"""The key `pipelines`: short and long forms, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper.config import load
from scraper.config.walk import plain_values
from scraper.errors import ConfigError

BEGIN = "spider: spiders/books.py:Books\npipelines:\n"


def pipelines(tmp_path: Path, text: str) -> Any:
    site = tmp_path / "books.yaml"
    site.write_text(BEGIN + text, encoding="utf-8")
    return load(site).config.pipelines


def test_text_is_the_reference_alone(tmp_path: Path) -> None:
    short, long = pipelines(tmp_path, "  - spiders.books:clean\n  - {use: spiders.books:Round, args: {digits: 2}}\n")
    assert (short.use, short.keywords, long.keywords) == ("spiders.books:clean", {}, {"digits": 2})
    assert plain_values(short, readable=True) == "spiders.books:clean"


def test_units_and_forms_of_files(tmp_path: Path) -> None:
    given = "field: pdf, max_bytes: 50MB, types: [Application/PDF], fresh_for: 0, timeout: 2m, folder: out/papers/"
    (files,) = pipelines(tmp_path, f"  - {{use: scraper.pipes:Files, {given}}}\n")
    assert files.keywords == {
        "field": "pdf",
        "folder": "out/papers",
        "max_bytes": 50_000_000,
        "types": ("application/pdf",),
        "fresh_for": 0.0,
        "timeout": 120.0,
    }
    assert plain_values(files, readable=True) == {
        "use": "scraper.pipes:Files",
        "field": "pdf",
        "folder": "out/papers",
        "max_bytes": "50MB",
        "types": ["application/pdf"],
        "fresh_for": "0s",
        "timeout": "2m",
    }


@pytest.mark.parametrize(
    ("entry", "column", "key", "says"),
    [
        ("clean", 5, "pipelines[0]", "module:function"),
        ("7", 5, "pipelines[0]", "mapping such as {use: scraper.pipes:Files"),
        ("{field: pdf}", 5, "pipelines[0].use", "missing"),
        ("{use: scraper.pipes:Files}", 11, "pipelines[0].use", "add field: pdf_url"),
        ("{use: 'spiders.books:Round', field: pdf}", 41, "pipelines[0].field", "scraper.pipes:Files and Images"),
        (
            "{use: scraper.pipes:Files, field: pdf, min_width: 9}",
            55,
            "pipelines[0].min_width",
            "scraper.pipes:Images",
        ),
        ("{use: scraper.pipes:Files, field: pdf, args: {a: 1}}", 50, "pipelines[0].args", "beside use"),
        ("{use: scraper.pipes:Files, field: pdf, max_byte: 1MB}", 44, "pipelines[0].max_byte", "max_bytes?"),
        ("{use: scraper.pipes:Files, field: pdf, max_bytes: big}", 55, "pipelines[0].max_bytes", "10MB"),
        ("{use: scraper.pipes:Files, field: pdf, types: [pdf]}", 52, "pipelines[0].types[0]", "application/pdf"),
        ("{use: scraper.pipes:Files, field: pdf, folder: ../x}", 52, "pipelines[0].folder", "out/files"),
        ("{use: scraper.pipes:Images, field: pdf, min_width: 0}", 56, "pipelines[0].min_width", "1 or more"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, entry: str, column: int, key: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        pipelines(tmp_path, f"  - {entry}\n")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.key) == (3, column, key)
    assert says in str(problem)
