"""From the address of a site that nobody here has looked at to items of one's own: the steps, the lines, the time.

docs/suggest.md has a table of it, whose rows are run here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from scraper.demo.catalogue import ALL_PRODUCTS
from tests.crawl.commands import command
from tests.crawl.other_look import pages
from tests.servers.keepalive import PageServer

PAGE = Path(__file__).parents[2] / "docs" / "suggest.md"
MINUTE = 60.0
#: Where each site of the table is served from.
FOLDERS = {
    "PostgreSQL's manual": "/usr/share/doc/postgresql-doc-15/html",
    "Python's library": "/usr/share/doc/python3.11/html",
    "Vim's help": "/usr/share/doc/vim/html",
}


def rows() -> list[list[str]]:
    """The table's rows: site, start, way, lines that were changed, items of so many pages, fields."""
    text = PAGE.read_text(encoding="utf-8").partition("## Four sites")[2]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[1:]]


def serving(name: str) -> PageServer | None:
    if name not in FOLDERS:
        return PageServer(pages())
    folder = Path(FOLDERS[name])
    if not folder.is_dir():
        return None

    def answer(method: str, path: str, headers: Message, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        file = folder / path.lstrip("/").partition("?")[0]
        if not file.is_file():
            return 404, {"Content-Type": "text/plain"}, b"no such page\n"
        return 200, {"Content-Type": "text/html; charset=utf-8"}, file.read_bytes()

    return PageServer(answer)


def test_the_table_names_four_sites_and_two_ways() -> None:
    assert {row[0] for row in rows()} == {*FOLDERS, "The demo shop behind another look"}
    assert {row[2].split()[1].strip("`") for row in rows()} == {"suggest", "init"}
    assert all(int(row[3]) <= 2 for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}, {row[2].split()[1]}")
def test_own_items_come_of_a_site_within_a_minute(row: list[str], tmp_path: Path) -> None:
    name, start, way, changed, items_said, fields_said = row
    server = serving(name)
    if server is None:
        pytest.skip(f"{FOLDERS[name]} is not installed")
    began = time.monotonic()
    with server:
        url = f"{server.url}{start.strip('`')}"
        if "init" in way:
            done = command("init", ".", "--name", "site", "--url", url, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            file = "config/site.yaml"
        else:
            done = command("suggest", url, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            file = "site.yaml"
            (tmp_path / file).write_text(done.stdout, encoding="utf-8")
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert int(changed) == 0
        limit = re.search(r"of (\d+) page", items_said)
        assert limit is not None
        words = ("--set", f"limits.pages={limit[1]}", "--set", "politeness.delay=0")
        crawled = command("crawl", file, "--quiet", *words, cwd=tmp_path)
    assert crawled.returncode == 0, crawled.stderr
    assert time.monotonic() - began < MINUTE
    items: list[dict[str, Any]] = [
        json.loads(line) for line in (tmp_path / "out" / "site.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(items) == int(items_said.split()[0].replace(",", ""))
    assert ", ".join(items[0]) == fields_said
    assert all(next(iter(item.values())) for item in items)
    if name not in FOLDERS:
        known = {product.title: float(product.price[1:]) for product in ALL_PRODUCTS}
        assert all(known[item["title"]] == item["price"] for item in items)
    assert text.startswith("#")
