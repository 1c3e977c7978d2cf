"""Every mishap of the table: how its URL ends, that the crawl goes on, that the ledger knows what became of it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper import Spider
from tests.crawl.crawling import HOST, agrees, crawl, figures, site
from tests.servers.keepalive import PageServer
from tests.servers.mishaps import BODY_LIMIT, DONE, HEALTHY, Mishap, all_mishaps, server_of
from tests.servers.raw import RawServer

#: Seconds that a request has: those that wait for its end need not wait long, the others must not run into it.
SHORT, LONG = 0.6, 5.0


class Whole(Spider):
    """Yields the bodies, and looks at each page as spiders do."""

    def parse(self, response: scraper.Response) -> Any:
        response.links()
        assert response.text is not None
        yield {"url": response.url, "body": response.body.decode("latin-1")}


@pytest.fixture
def server(raw_server: Callable[..., RawServer]) -> RawServer:
    return raw_server(server_of())


@pytest.mark.parametrize("mishap", all_mishaps(), ids=lambda mishap: mishap.name)
def test_mishap(server: RawServer, page_server: Callable[..., PageServer], mishap: Mishap):
    """The mishap first, then a healthy page of the same server, and one of another domain."""
    other = page_server(site(0)).url.replace(HOST, "localhost")
    bad, good = f"{server.url}/{mishap.name}/1", f"{server.url}/healthy"
    total = SHORT if mishap.waits else LONG
    began = time.monotonic()
    run = crawl(
        Whole,
        bad,
        good,
        f"{other}/",
        allowed_domains=[HOST, "localhost"],
        session={"timeout": {"total": total}},
        limits={"body": BODY_LIMIT},
        retry={"attempts": 1},
    )
    elapsed = time.monotonic() - began
    bodies = {item["url"]: item["body"].encode("latin-1") for item in run.items}
    assert elapsed < total + 2.0
    assert bodies[good] == HEALTHY
    assert f"{other}/" in bodies
    assert outcome_of(run) == mishap.outcome
    if mishap.body is not None:
        (body,) = (body for url, body in bodies.items() if url not in (good, f"{other}/"))
        assert body == mishap.body
    assert agrees(run, server)
    assert sum(figures(run)["reasons"].values()) == figures(run)["connections"]


def outcome_of(run: scraper.Run) -> str:
    """How the one URL that is not healthy ended."""
    if run.stats["refused"]:
        (reason,) = run.stats["refusals"]
        return f"refused:{reason}"
    if run.failures:
        (failure,) = run.failures
        return failure.reason
    return DONE if run.stats["pages"] == 3 else f"{run.stats['pages']} pages"


@pytest.mark.parametrize(
    "name",
    [row.name for row in all_mishaps() if row.outcome == "body-too-large"]
    + ["chunk-of-negative-size", "100000-headers"],
)
def test_memory_is_bounded(server: RawServer, name: str):
    """What is held while a body is read stays near `limits.body`, whatever is sent."""
    crawl(Whole, f"{server.url}/healthy")
    tracemalloc.start()
    try:
        run = crawl(
            Whole,
            f"{server.url}/{name}/1",
            session={"timeout": {"total": 10}},
            limits={"body": BODY_LIMIT},
            retry={"attempts": 1},
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.stats["failed"] == 1
    assert peak < 8 * BODY_LIMIT
