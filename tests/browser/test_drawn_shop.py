"""The shop that scripts draw: every product once, and the server's log says who asked for what."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import scraper
from scraper.demo.drawn_shop import DrawnShop, missing_and_surplus
from tests.crawl.crawling import merged
from tests.proofs.browser_kills import site_of


def crawl_shop(shop: DrawnShop, **overrides: Any) -> scraper.Run:
    """Crawl it by rules."""
    return scraper.crawl(merged(site_of(shop, exports=[]), overrides))


def test_every_product_comes_once_and_the_log_agrees(drawn_shop: DrawnShop) -> None:
    run = crawl_shop(drawn_shop)
    assert missing_and_surplus(map(dict, run.items), drawn_shop.truth) == ([], [])
    assert (run.stats["failed"], run.result) == (0, "finished")
    log = drawn_shop.log
    assert run.stats["requests"] == len(log)
    assert run.stats["connections"] == drawn_shop.connections
    asked = Counter(record.path.partition("?")[0] for record in log)
    # robots.txt holds for what pages ask for.
    assert "/api/track" not in asked
    # Scripts are kept; a session that a page has begun is everybody's.
    assert (asked["/app.js"], asked["/late.js"], asked["/api/login"], asked["/robots.txt"]) == (1, 1, 1, 1)
    # No page was fetched twice: once over HTTP, and drawn from what came.
    assert {
        path: count for path, count in asked.items() if count > 1 and not re.match("/api/(members|garden)/", path)
    } == {}


def test_without_a_browser_they_are_not_there(drawn_shop: DrawnShop) -> None:
    run = crawl_shop(drawn_shop, fetcher="http", gate={"min_items": 0})
    assert list(run.items) == []
    assert [record.path for record in drawn_shop.log] == ["/robots.txt", "/"]
