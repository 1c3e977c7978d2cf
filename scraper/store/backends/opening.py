"""The database of a store, by where the store is."""

from __future__ import annotations

from scraper.config.store_location import StoreLocation
from scraper.optional_dependencies import package
from scraper.store.backends.base import Backend, OwnerLock
from scraper.store.backends.lock import StoreLock, is_held
from scraper.store.backends.sqlite import SqliteBackend


def connect(location: StoreLocation, *, is_locked: bool = False) -> Backend:
    """Return the database of a store, with its tables made where they are not there.

    Args:
        is_locked: the caller holds the store's lock.

    Raises:
        StoreError: it cannot be made, opened or used, or is of a newer version.
        UsageError: a package that it needs is not installed.
    """
    if location.is_file:
        return SqliteBackend(location.path, is_locked=is_locked)
    _require_psycopg()
    from scraper.store.backends.postgres import PostgresBackend

    return PostgresBackend(location)


def lock(location: StoreLocation) -> OwnerLock:
    """Take the store's lock.

    Raises:
        StoreLocked: another process has it.
        StoreError: it cannot be had.
    """
    if location.is_file:
        return StoreLock(location.path)
    _require_psycopg()
    from scraper.store.backends.postgres_lock import PostgresLock

    return PostgresLock(location)


def is_there(location: StoreLocation) -> bool:
    """Tell whether a store was made.

    Raises:
        StoreError: its database cannot be asked.
    """
    if location.is_file:
        return location.path.is_file()
    _require_psycopg()
    from scraper.store.backends.postgres import has_tables

    return has_tables(location)


def is_at_work(location: StoreLocation) -> bool:
    """Tell whether a crawl is at work with a store."""
    if location.is_file:
        return is_held(location.path)
    _require_psycopg()
    from scraper.store.backends.postgres_lock import who_holds

    return who_holds(location) is not None


def _require_psycopg() -> None:
    package("psycopg", "postgres", "a store in PostgreSQL")
