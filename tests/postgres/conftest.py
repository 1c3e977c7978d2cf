"""A store in PostgreSQL: one server for all processes of a run of the tests, a schema for each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.config.store_location import StoreLocation, location_of
from scraper.store import Store, tables
from tests.servers.postgres import postgres_bin, shared_postgres
from tests.unit.store.conftest import ME

_HERE = Path(__file__).parent
_emptied = "; ".join(f"DELETE FROM {name}" for name in tables.metadata.tables if name != tables.meta.name)
#: Numbers begin at 1 again.
_COUNTED = (
    "SELECT setval(c.oid, 1, false) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE relkind = 'S' AND nspname = %s"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is about SQLite's files is tested beside them."""
    items[:] = [item for item in items if _HERE not in item.path.parents or not item.get_closest_marker("sqlite")]


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database."""
    if postgres_bin() is None:
        pytest.skip("PostgreSQL is not installed: the store in it is not tested")
    base = tmp_path_factory.getbasetemp()
    with shared_postgres(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as url:
        yield url


@pytest.fixture
def path(database: str, tmp_path: Path) -> StoreLocation:
    """Where a store is that is empty."""
    import psycopg

    schema = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {schema}")
        if connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = %s", [schema]).fetchone() is not None:
            connection.execute(_emptied)
            connection.execute(_COUNTED, [schema])
    return location_of(f"{database}&schema={schema}", "crawl", tmp_path)


@pytest.fixture
def store(path: StoreLocation) -> Iterator[Store]:
    with Store(path, lock=True) as store:
        store.join(ME)
        yield store


@pytest.fixture
def run(store: Store) -> int:
    return store.begin_run("books", "identity", {}).id
