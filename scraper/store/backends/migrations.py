"""Bring a store of an older version to this one: in place, in one transaction, with a copy of the old one kept."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from scraper.errors import StoreError
from scraper.store import tables
from scraper.store.sql import Connection, select, update

#: What makes a store of each version one of the next.
_STEPS = {
    2: (
        "ALTER TABLE domains ADD COLUMN not_before FLOAT",
        "ALTER TABLE domains ADD COLUMN cool_step INTEGER DEFAULT '0' NOT NULL",
        "ALTER TABLE domains ADD COLUMN pauses INTEGER DEFAULT '0' NOT NULL",
        # Of leases that were counted by another clock: nobody works with a store while it is migrated.
        "DELETE FROM shards",
        "ALTER TABLE shards ADD COLUMN boot TEXT DEFAULT '' NOT NULL",
    ),
    3: ("ALTER TABLE files ADD COLUMN name TEXT",),
    4: (
        "ALTER TABLE pages ADD COLUMN sent_at FLOAT",
        "ALTER TABLE pages ADD COLUMN seconds FLOAT",
        "ALTER TABLE pages ADD COLUMN reused INTEGER",
    ),
    5: (
        "ALTER TABLE figures ADD COLUMN seconds_saved FLOAT DEFAULT '0' NOT NULL",
        # As it was told then: by the mean.
        "UPDATE figures SET seconds_saved = reused * handshake_seconds / connections WHERE connections > 0",
    ),
    # Nobody works with a store while it is migrated: who did is not to be found any more.
    6: ("DROP TABLE shards", "ALTER TABLE runs ADD COLUMN stop_asked FLOAT"),
    7: ("ALTER TABLE runs ADD COLUMN ending TEXT", "ALTER TABLE runs ADD COLUMN fingerprint TEXT"),
    8: ("ALTER TABLE profiles ADD COLUMN delay FLOAT", "ALTER TABLE figures ADD COLUMN delay FLOAT"),
    9: ("ALTER TABLE profiles ADD COLUMN proxy TEXT", "ALTER TABLE figures ADD COLUMN proxies TEXT"),
    10: ("ALTER TABLE profiles ADD COLUMN ways TEXT",),
    11: ("ALTER TABLE pages ADD COLUMN usage TEXT",),
}


def version_of(connection: Connection, store: object, *, another: str) -> int | None:
    """Return the version of a store; None of a new one.

    Args:
        store: its place, for the message.
        another: what may be named instead, for the remedy.

    Raises:
        StoreError: it has a version that cannot be brought to ours.
    """
    row = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "version")).first()
    said = None if row is None else str(row[0])
    version = int(said) if said is not None and re.fullmatch("[0-9]{1,9}", said) else None
    if said is not None and (version is None or (version != tables.VERSION and not can_migrate(version))):
        raise StoreError(
            f"the store {store} has version {said}, this scraper uses {tables.VERSION}",
            remedy=f"use the scraper that made it, or another {another}",
        )
    return version


def can_migrate(version: int) -> bool:
    """Tell whether a store of this version can be brought to ours."""
    return version < tables.VERSION and all(each in _STEPS for each in range(version, tables.VERSION))


def migrate(connection: Connection, version: int) -> None:
    """Make a store of an older version one of ours, in the transaction that is open."""
    for each in range(version, tables.VERSION):
        for statement in _STEPS[each]:
            connection.run(statement)
    this = update(tables.meta).where(tables.meta.c.key == "version")
    connection.execute(this.values(value=str(tables.VERSION)))


def keep_copy(path: Path, version: int) -> Path:
    """Copy a store to `PATH.vN`, whole or not at all, and return that path.

    Raises:
        OSError, sqlite3.Error: it cannot be written.
    """
    copy = path.with_name(f"{path.name}.v{version}")
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(sqlite3.connect(part)) as new:
            old.backup(new)
        part.replace(copy)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return copy
