"""What a run has learned of a domain's servers, and the next one begins with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scraper.store import Store
from tests.crawl.crawling import Pages, crawl, figures
from tests.crawl.test_cli import command
from tests.servers.behaviours import always, announces, response
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer


def profile(store: Path) -> tuple[str, float | None]:
    with Store(store, lock=True) as opened:
        opened.join("reader")
        (lease,) = opened.claim("reader", ["127.0.0.1"])
        return lease.profile.idle_limits, lease.profile.latency


def test_the_idle_limit_of_the_last_run_holds_from_the_first_connection_on(
    raw_server: Callable[..., RawServer], tmp_path: Path
):
    store = tmp_path / "a.db"
    with RawServer(announces(timeout=1)) as telling:
        port, page = telling.port, f"{telling.url}/1"
        crawl(Pages, page, store=str(store))
    (tmp_path / "a.yaml").write_text(f"spider: a.b:C\nstart_urls: [{page}]\nstore: a.db\n", encoding="utf-8")
    done = command("explain", "a.yaml", page, "--set", f"name={Pages.name}", cwd=tmp_path)
    assert re.search(r"\n  server +answers in \S+ m?s on average, keeps an idle connection 1\.00 s\n", done.stdout)
    limits, latency = profile(store)
    assert f'"http://127.0.0.1:{port}":[1.0' in limits
    assert latency is not None and 0 < latency < 5
    # The same server says nothing of it any more.
    with RawServer(always(response()), port=port) as silent:
        run = crawl(Pages, f"{silent.url}/2", f"{silent.url}/3", store=str(store), politeness={"delay": 1})
    assert figures(run)["reasons"] == {"first": 1, "idle": 1}


def test_a_server_that_says_nothing_leaves_no_limit(page_server: Callable[..., PageServer], tmp_path: Path):
    server, store = page_server({"/": "<h1>Home</h1>"}), tmp_path / "a.db"
    crawl(Pages, f"{server.url}/", store=str(store))
    assert profile(store)[0] == "{}"
