"""Two kills of a crawl that writes every kind of export at once; `make export-kills` is the long version."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.proofs.export_kills import Killing, Shop, kinds
from tests.servers.postgres import Postgres, postgres_bin
from tests.servers.s3 import S3


@pytest.fixture
def postgres(servers: ExitStack) -> Postgres:
    if postgres_bin() is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    return servers.enter_context(Postgres())


def test_every_item_once_whatever_was_killed(tmp_path: Path, servers: ExitStack, postgres: Postgres) -> None:
    for package in ("openpyxl", "pyarrow", "s3fs", "xlsxwriter", "zstandard"):
        pytest.importorskip(package)
    every = kinds(tmp_path, postgres, servers.enter_context(S3()))
    killing = Killing(tmp_path, Shop.opened(servers, 12), every, random.Random())
    killing.run(2)
    assert killing.killed == 2
    assert not list(tmp_path.glob("*.part*"))
