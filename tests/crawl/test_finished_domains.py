"""A domain of which nothing is left is let go, and taken again when something is found for it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from scraper.engine.frontier import leases
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.leases import DomainLeases
from tests.crawl.crawling import Follow, crawl, paths

HTML = {"Content-Type": "text/html"}


def test_with_all_that_is_known_of_it(page_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(leases, "_REST_SECONDS", 0.2)
    monkeypatch.setattr(leases, "_SWEEP_SECONDS", 0.02)
    let_go: Counter[str] = Counter()
    finished = DomainLeases.finished

    def noted(self: DomainLeases) -> list[Domain]:
        gone = finished(self)
        let_go.update(domain.name for domain in gone)
        return gone

    monkeypatch.setattr(DomainLeases, "finished", noted)
    cookies: dict[str, str | None] = {}

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        cookies[path] = headers.get("Cookie")
        return 200, {**HTML, "Set-Cookie": "who=me; Path=/"}, b"x"

    early = page_server(answer, host="127.0.0.2")
    links = ["/", *(f"/{number}" for number in range(10)), f"{early.url}/late"]
    site = {link: f'<a href="{following}">on</a>' for link, following in pairwise(links)}
    site["/"] += f'<a href="{early.url}/early">early</a>'
    long = page_server(site)
    run = crawl(
        Follow,
        f"{long.url}/",
        store=str(tmp_path / "crawl.db"),
        allowed_domains=["127.0.0.1", "127.0.0.2"],
        politeness={"delay": 0.1},
    )
    assert (run.result, run.stats["pages"], run.stats["failed"]) == ("finished", 13, 0)
    assert (paths(early), cookies) == (["/early", "/late"], {"/early": None, "/late": "who=me"})
    assert let_go["127.0.0.2"] >= 1
    assert (run.stats["requests"], run.stats["domains"]["127.0.0.2"]["requests"]) == (13, 2)
