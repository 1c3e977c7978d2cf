"""What the pages for those who come from a script or from crawlee write on our side, run on the demo shop."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.demo.catalogue import ALL_PRODUCTS
from scraper.demo.shop import Shop
from tests.crawl.commands import command, environment

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"(?:^`([\w/.]+)`:\n\n)?^```(python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the shop on this machine needs besides.
MORE = "network: {allow_private: true}\npoliteness: {delay: 0, concurrency: 4}\n"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as server:
        yield server


def written(page: str, folder: Path, shop: Shop) -> list[str]:
    """Write the files that a page names; return the scripts that have no name."""
    scripts = []
    for file, kind, text in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        for example in ("https://shop.example/", "https://books.example/"):
            text = text.replace(example, f"{shop.url}/catalogue/")
        text = text.replace("http://127.0.0.1:8765", shop.url)
        if file:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text + (MORE if kind == "yaml" else ""), encoding="utf-8")
        else:
            assert kind == "python", f"{page}: a YAML without the name of its file"
            scripts.append(text)
    return scripts


def titles(file: Path) -> set[str]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {line["title"] for line in csv.DictReader(lines)}


def test_the_crawl_for_those_who_know_crawlee_finds_the_whole_shop(shop: Shop, tmp_path: Path) -> None:
    assert written("from-crawlee.md", tmp_path, shop) == []
    done = command("crawl", "config/shop.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert titles(tmp_path / "out" / "products.csv") == {product.title for product in ALL_PRODUCTS}


def test_the_script_and_the_crawl_that_it_becomes_run(shop: Shop, tmp_path: Path) -> None:
    scripts = written("from-requests.md", tmp_path, shop)
    assert len(scripts) == 2
    for script in scripts:
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout in ("Smoky Green Tea\n", "200 127.0.0.1#1\n")
    done = command("crawl", "config/books.yaml", "--set", "exports=[out/books.csv]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert titles(tmp_path / "out" / "books.csv") == {product.title for product in ALL_PRODUCTS}
