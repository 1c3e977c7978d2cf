"""`fetcher: auto`: a browser for the pages that need it and no other, decided after a few pages of a pattern."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

import scraper
from scraper.demo.drawn_shop import DrawnShop, missing_and_surplus
from scraper.fetch.ways import MOST, Ways
from scraper.store import Store
from tests.crawl.crawling import SETTINGS, merged
from tests.proofs.browser_kills import ROOT, site_of
from tests.servers.keepalive import PageServer


def _ways(store: Path, domain: str = "127.0.0.1") -> Ways:
    with Store.open_existing(store) as opened:
        profile = opened.profile(domain)
    assert profile is not None
    return Ways.load(profile.ways or "{}")


def test_the_shop_by_auto(tmp_path: Path) -> None:
    """The drawn pages are those that need it; a second run knows that, and `explain` says it."""
    drawn: Counter[str] = Counter()

    def watch(event: Any) -> None:
        if getattr(event, "purpose", "") == "page" and event.served is not None:
            drawn[f"{event.served.fetcher} /{event.url.split('/')[3]}"] += 1

    with DrawnShop(per_category=6) as shop:
        site = site_of(shop, fetcher="auto", store="shop.db")
        (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(site))
        loaded = tmp_path / "drawn.yaml"
        run = scraper.crawl(loaded, observers=[watch])
        assert missing_and_surplus(map(dict, run.items), shop.truth) == ([], [])
        assert run.stats["requests"] == len(shop.log)
        assert drawn == {
            "browser /": 1,
            "browser /category": 4,
            "browser /garden": 1,
            "browser /members": 1,
            "browser /product": 12,
            "browser /late": 6,
            "http /plain": 6,
        }
        ways = _ways(tmp_path / "shop.db")
        products = ways.of(f"{shop.url}/product/x/")
        assert (products.decided, products.drawn) == ("browser", 3)
        assert (ways.of(f"{shop.url}/plain/x/").decided, ways.of(f"{shop.url}/late/x/").decided) == (
            "http",
            "browser",
        )
        first = next(each.path for each in shop.log if each.path.startswith("/late/"))
        said = subprocess.run(
            [sys.executable, "-m", "scraper", "explain", "drawn.yaml", f"{shop.url}{first}"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "auto: browser for pages like 127.0.0.1/late/*/, after 3 of them: price is missing over HTTP" in said


def test_failures_and_empty_pages_teach_nothing(page_server: Callable[..., PageServer], tmp_path: Path) -> None:
    """As long as the data of a page cannot be had, nothing is decided by it; nor by pages that are empty for all."""
    state = {"up": False}
    shell = "<!doctype html><body><div id=app></div><script src=/app.js></script>"
    script = (
        "fetch('/api' + location.pathname).then(answer => answer.json()).then(data => {"
        "document.getElementById('app').innerHTML = '<h1>' + data.title + '</h1><p class=price>' + data.price; });"
    )

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/app.js":
            return 200, {"Content-Type": "text/javascript"}, script.encode()
        if path.startswith("/empty/"):
            return 200, {"Content-Type": "text/html"}, b"<!doctype html><body><div id=app></div><script>1</script>"
        if path.startswith("/api/"):
            data = {"title": path, "price": "1"}
            return (200, {"Content-Type": "application/json"}, json.dumps(data).encode()) if state["up"] else (
                503, {}, b"")  # fmt: skip
        if path.startswith("/busy/") and not state["up"]:
            return 503, {}, b"<body>busy"
        return 200, {"Content-Type": "text/html"}, shell.encode()

    server = page_server(answer)
    pages = [f"{server.url}/{kind}/{number}/" for kind in ("data", "busy", "empty") for number in "abcdef"]
    settings = {
        "name": "auto",
        "start_urls": pages,
        "rules": [{"match": "*", "fields": {"title": {"css": "h1", "required": True}, "price": ".price"}}],
        "fetcher": "auto",
        "store": str(tmp_path / "auto.db"),
        "politeness": {"concurrency": 3},
        "retry": {"attempts": 1},
    }
    run = scraper.crawl(merged(SETTINGS, settings))
    assert list(run.items) == []
    ways = _ways(tmp_path / "auto.db")
    assert [ways.of(url).decided for url in pages] == [""] * 18
    state["up"] = True
    run = scraper.crawl(merged(SETTINGS, settings), fresh=True)
    assert len(list(run.items)) == 12
    ways = _ways(tmp_path / "auto.db")
    assert [ways.of(url).decided for url in pages] == ["browser"] * 12 + [""] * 6
    assert all(ways.of(url).drawn <= MOST for url in pages)
