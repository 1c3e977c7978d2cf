"""The pages that are made from the code are those of today's, and none is missing from the site."""

from __future__ import annotations

import re
from pathlib import Path

import scraper
from scraper.cli import _manual
from scraper.config import _reference

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_key_is_described_as_it_is() -> None:
    assert page("yaml.md") == _reference.reference(), "run: python -m scraper.config._reference > docs/yaml.md"


def test_the_manual_page_is_of_today() -> None:
    assert page("scraper.1") == _manual.manual(), "run: python -m scraper.cli._manual > docs/scraper.1"


def test_every_public_name_is_documented() -> None:
    named = re.findall(r"^\.\. auto\w+:: scraper\.(\w+)$", page("api.md"), flags=re.MULTILINE)
    assert sorted(named) == sorted(scraper.__all__)


def test_every_page_is_in_the_contents_and_in_the_list_for_programs() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    contents = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", page("index.md"), flags=re.DOTALL)
    assert set("".join(contents).split()) == pages
    assert set(re.findall(r"\(([\w-]+)\.html\)", page("llms.txt"))) == pages
