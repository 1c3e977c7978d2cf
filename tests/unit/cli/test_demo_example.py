"""The demo's files in the package are the worked example of the source tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.demo import example
from scraper.errors import ScraperError

ROOT = Path(__file__).parents[3]


def test_files_are_those_of_the_source_tree(tmp_path: Path):
    assert example.write(tmp_path / "new") == tmp_path / "new" / "config" / "demo.yaml"
    for path in ("config/demo.yaml", "spiders/demo_shop.py", example.DRAWN):
        written, kept = ((root / path).read_text(encoding="utf-8") for root in (tmp_path / "new", ROOT))
        assert written == kept, f"copy {path} to scraper/demo/templates"


def test_what_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "demo.yaml").write_text("mine")
    example.write(tmp_path)
    assert (tmp_path / "config" / "demo.yaml").read_text() == "mine"
    assert (tmp_path / "spiders" / "demo_shop.py").is_file()


def test_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "config").write_text("in the way")
    with pytest.raises(ScraperError, match="choose another folder"):
        example.write(tmp_path)
