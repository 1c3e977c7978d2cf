"""The table of field types, and that the docs show it."""

from __future__ import annotations

from pathlib import Path

from scraper.config.field_types import FIELD_TYPES
from scraper.rules.types import READERS

_DOCS = Path(__file__).parents[3] / "docs" / "rules.md"


def test_docs_show_every_type() -> None:
    table = _DOCS.read_text().partition("## Types\n\n")[2].partition("\n\n")[0].splitlines()
    assert table[2:] == [f"| `{row.name}` | {row.help} |" for row in FIELD_TYPES.values()]


def test_readers_are_those_of_the_table() -> None:
    assert {name: reader.__name__ for name, reader in READERS.items()} == {
        row.name: row.reads for row in FIELD_TYPES.values() if row.reads
    }
