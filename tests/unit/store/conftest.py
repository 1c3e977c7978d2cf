"""A store with one shard that has joined it, and a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.store import Store
from tests.unit.store.looking import Where

#: The shard's name in leases.
ME = "me"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crawl.db"


@pytest.fixture
def store(path: Where) -> Iterator[Store]:
    with Store(path, lock=True) as store:
        store.join(ME)
        yield store


@pytest.fixture
def run(store: Store) -> int:
    return store.begin_run("books", "identity", {}).id
