"""Crawls by a browser: they need Playwright, which has an environment of its own (`make browser`), and Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from scraper.demo.drawn_shop import DrawnShop
from tests.crawl.conftest import page_server, servers, shop

__all__ = ["page_server", "servers", "shop"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, and say why."""
    why = ""
    if not _has_playwright():
        why = "Playwright is not installed here: make browser"
    elif not any(map(shutil.which, ("chromium", "google-chrome"))):
        why = "Chromium is not installed"
    for item in items:
        if why and "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=why))


def _has_playwright() -> bool:
    import importlib.util

    return importlib.util.find_spec("playwright") is not None


@pytest.fixture
def drawn_shop() -> Iterator[DrawnShop]:
    """A small shop that scripts draw."""
    with DrawnShop(per_category=4) as shop:
        yield shop
