"""A project that `scraper init --template browser` has made, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

from scraper.demo.shop import ALL_PRODUCTS, Shop
from tests.crawl.commands import command


def test_a_project_with_a_browser_crawls_the_demo_shop(tmp_path: Path) -> None:
    assert command("init", "site", "--template", "browser", cwd=tmp_path).returncode == 0
    root = tmp_path / "site"
    with Shop() as shop:
        assert command("check", "config/site.yaml", cwd=root, DEMO_URL=shop.url).returncode == 0
        words = ("--quiet", "--set", "limits.pages=12")
        done = command("crawl", "config/site.yaml", *words, cwd=root, DEMO_URL=shop.url)
    assert done.returncode == 0, done.stderr
    items = [json.loads(line) for line in (root / "out" / "site.jsonl").read_text(encoding="utf-8").splitlines()]
    known = {product.sku for product in ALL_PRODUCTS}
    assert items
    assert all(item["sku"] in known for item in items)
