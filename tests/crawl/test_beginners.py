"""docs/mistakes.md: each mistake is made, and what is said of it is what the table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawl.beginners import MISTAKES, PAGES
from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

TABLE = Path(__file__).parents[2] / "docs" / "mistakes.md"
#: What stands between backticks, of which there may be two.
_CODE = re.compile(r"``(.+?) ?``|`([^`]+)`")


def rows() -> dict[str, str]:
    """The table: by mistake, what is said and what to do, as Markdown."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines if line.startswith("| ")][1:]
    return {title: f"{said} {remedy}" for title, said, remedy in cells}


def test_the_table_has_each_mistake_and_no_other():
    assert list(rows()) == list(MISTAKES)
    assert len(MISTAKES) >= 40


@pytest.mark.parametrize("title", MISTAKES)
def test_what_is_said(title: str, page_server: Callable[..., PageServer], tmp_path: Path):
    url = page_server(PAGES).url
    done = command(*MISTAKES[title].write(tmp_path, url), cwd=tmp_path)
    said = " ".join(done.stderr.split())
    for words in _CODE.findall(rows()[title]):
        assert "".join(words) in said, done.stderr
    # No frame but the user's.
    assert set(re.findall(r'File "([^"]+)"', done.stderr)) <= {str(tmp_path / "spiders" / "books.py")}
    assert "internal error" not in said
