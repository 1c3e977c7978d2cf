"""While leases cannot be renewed nothing is handed out, and nothing connected to."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scraper.engine.frontier import heartbeat
from tests.crawl.crawling import Pages, prepared
from tests.servers.keepalive import PageServer

HTML = {"Content-Type": "text/html; charset=utf-8"}


def test_nothing_is_connected_to_while_leases_cannot_be_renewed(
    page_server: Callable[..., PageServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody keeps the store locked for longer than a lease holds."""
    for name, seconds in {"LEASE_SECONDS": 1.2, "MARGIN_SECONDS": 0.4, "BEAT_SECONDS": 0.1}.items():
        monkeypatch.setattr(heartbeat, name, seconds)
    connections: dict[str, int] = {}

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        time.sleep(0.02)
        return 200, {**HTML, "Connection": "close"}, b"<h1>here</h1>"

    server = page_server(answer)
    store = tmp_path / "crawl.db"
    starts = [f"{server.url}/{number}" for number in range(400)]
    crawl = prepared(Pages, *starts, store=str(store), politeness={"concurrency": 2})
    running = threading.Thread(target=crawl.run)
    running.start()
    while len(server.log) < 20:
        time.sleep(0.01)
    with closing(sqlite3.connect(store, isolation_level=None, timeout=20)) as locked:
        locked.execute("BEGIN IMMEDIATE")
        time.sleep(1.2)
        connections["overdue"] = server.connections
        time.sleep(1.0)
        connections["unlocked"] = server.connections
        locked.execute("ROLLBACK")
    running.join(60)

    assert connections["unlocked"] == connections["overdue"] < 400
    assert len({record.path for record in server.log}) == 400
