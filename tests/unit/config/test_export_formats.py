"""The table of export formats, and that the docs show it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from scraper.config.formats import EXPORT_FORMATS, ExportFormat

_DOCS = Path(__file__).parents[3] / "docs" / "exports.md"


def _line(row: ExportFormat) -> str:
    written = row.endings or (f"{row.schemes[0]}://…",)
    return f"| {', '.join(f'`{ending}`' for ending in written)} | {row.name} | {row.help} |"


def test_docs_show_every_format() -> None:
    head, line, *table = _DOCS.read_text().partition("## Formats\n\n")[2].partition("\n\n")[0].splitlines()
    assert head == "| ends in | format | what it is |", line
    assert table == [_line(row) for row in EXPORT_FORMATS.values()]


@pytest.mark.parametrize("row", EXPORT_FORMATS.values(), ids=EXPORT_FORMATS)
def test_format_names_what_opens_it(row: ExportFormat) -> None:
    module, _, name = row.opens.partition(":")
    assert callable(getattr(importlib.import_module(module), name))
