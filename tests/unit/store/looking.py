"""Looks into a store past its methods, in whatever database it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scraper.config.store_location import StoreLocation
from scraper.store.backends import opening
from scraper.store.backends.base import Backend

#: Where a store is, as `Store` takes it.
Where = StoreLocation | Path


def rows(where: Where, query: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    backend = _opened(where)
    try:
        with backend.reading() as connection:
            return [tuple(row) for row in connection.run(query)]
    finally:
        backend.close()


def change(where: Where, statement: str) -> None:
    """Run a statement that writes."""
    backend = _opened(where)
    try:
        with backend.writing() as connection:
            connection.run(statement)
    finally:
        backend.close()


def _opened(where: Where) -> Backend:
    return opening.connect(where if isinstance(where, StoreLocation) else StoreLocation(where))
