"""The README's Python and YAML, run as they stand against the demo shop."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from scraper.demo import example
from scraper.demo.shop import ALL_PRODUCTS, DEFAULT_PORT, Shop
from tests.crawl.commands import command
from tests.unit.test_readme import blocks

SPIDER, CRAWL, SESSIONS = blocks("python")


def test_spider_and_yaml(shop: Shop, tmp_path: Path):
    for folder, name, text in (("spiders", "books.py", SPIDER), ("config", "books.yaml", blocks("yaml")[0])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
    assert command("check", "config/books.yaml", cwd=tmp_path).returncode == 0
    here = [f"start_urls=[{shop.url}/catalogue/]", "network.allow_private=true", "politeness.delay=0", "gate={}"]
    sets = [word for text in here for word in ("--set", text)]
    done = command("crawl", "config/books.yaml", *sets, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "books.jsonl").read_text(encoding="utf-8").splitlines()
    found = sorted((item["title"], item["price"]) for item in map(json.loads, lines))
    assert found == sorted((product.title, product.price) for product in ALL_PRODUCTS)


def test_from_python(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    example.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMO_URL", shop.url)
    summary, *items = run(CRAWL)
    # 40 pages hold fewer items than the gate of the demo asks for.
    assert summary.startswith(f"outside-gate {len(items)} items on ")
    assert 0 < len(items) <= 40


def test_sessions(shop: Shop):
    lines = run(SESSIONS.replace(str(DEFAULT_PORT), str(shop.port)))
    assert lines == ["200 127.0.0.1#1"] * 3 + ["67% reused"]
    assert shop.connections == 1


def run(code: str) -> list[str]:
    """The lines that a block prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "readme"})
    return printed.getvalue().splitlines()
