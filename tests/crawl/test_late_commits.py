"""The end of a crawl comes in time, however long its commits take or wait for others."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scraper.engine import batch_writer, shard
from scraper.store import Store
from tests.crawl.commands import wait_until
from tests.crawl.crawling import Follow, crawl, site
from tests.crawl.sharding import Linked, serving, sharded
from tests.servers.keepalive import PageServer


@pytest.mark.timing
def test_time_goes_on_while_somebody_else_writes(tmp_path: Path) -> None:
    """What is over is over, though the working time cannot be written down and nobody can commit."""
    store = tmp_path / "crawl.db"
    began = time.monotonic()
    with serving([900, 900], seconds=0.02) as sites:

        def lock() -> None:
            wait_until(lambda: len(sites.log) > 20)
            with closing(sqlite3.connect(store, isolation_level=None, timeout=20)) as locked:
                locked.execute("BEGIN IMMEDIATE")
                time.sleep(max(0.0, began + 8.0 - time.monotonic()))
                locked.execute("ROLLBACK")

        locking = threading.Thread(target=lock)
        locking.start()
        exports = [str(tmp_path / "items.jsonl")]
        run = sharded(Linked, sites, store=str(store), limits={"duration": 4.0}, exports=exports)
        locking.join()
        asked = [each.began - began for each in sites.log]

    assert (run.result, run.why) == ("limit", "limits.duration: 4 s are over")
    assert len(asked) > 20
    assert max(asked) < 6.0
    assert run.stats["interrupted"] == 0


def test_what_cannot_be_committed_in_time_stays_queued(
    page_server: Callable[..., PageServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit: Any = Store.commit

    def slow(*given: Any, **named: Any) -> Any:
        if given[2].outcomes:
            time.sleep(0.5)
        return commit(*given, **named)

    monkeypatch.setattr(Store, "commit", slow)
    monkeypatch.setattr(batch_writer, "BATCH_OUTCOMES", 4)
    monkeypatch.setattr(shard, "DRAIN_SECONDS", 1.2)
    server, store = page_server(site(60)), str(tmp_path / "crawl.db")
    began = time.monotonic()
    first = crawl(Follow, f"{server.url}/", store=store, limits={"duration": 2.0}, politeness={"concurrency": 8})
    took, asked = time.monotonic() - began, len(server.log)
    monkeypatch.setattr(Store, "commit", commit)
    second = crawl(Follow, f"{server.url}/", store=store, politeness={"concurrency": 8})

    assert first.result == "limit" and 1 < first.stats["pages"] < 61
    # All of them would have taken until 8 seconds.
    assert took < 6.0
    assert first.stats["requests"] == asked
    assert (second.stats["pages"], len(server.log) - asked) == (61, 61)
