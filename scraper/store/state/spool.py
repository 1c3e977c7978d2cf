"""The spool of a run's archive: records to write, committed with the outcomes that they belong to."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import NamedTuple

from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, delete, select
from scraper.store.tables import chunks, spool

#: Records of the archive; the word for where a field is called `bytes`.
Records = bytes


class Archived(NamedTuple):
    """An exchange beside the frontier's requests."""

    domain: str
    records: Records


class Spooled(NamedTuple):
    """Records of one request, in the order of the table's columns."""

    run: int
    data: bytes


_ADD = Prepared(inserting(spool, Spooled._fields), Spooled._fields)


def add(connection: Connection, rows: list[Spooled]) -> None:
    """Put records in, in this order."""
    _ADD.many(connection, rows)


def first(connection: Connection, run: int, most_bytes: int) -> list[tuple[int, bytes]]:
    """Return the oldest rows of a run with their numbers: up to `most_bytes`, and one at least where there are
    any.
    """
    found: list[tuple[int, bytes]] = []
    size = 0
    query = select(spool.c.id, spool.c.data).where(spool.c.run == run).order_by(spool.c.id)
    with contextlib.closing(connection.stream(query)) as rows:
        for number, data in rows:
            if found and size + len(data) > most_bytes:
                break
            found.append((number, data))
            size += len(data)
    return found


def delete_some(connection: Connection, numbers: Collection[int]) -> None:
    """Take out these rows: they are written."""
    for some in chunks(sorted(numbers)):
        connection.execute(delete(spool).where(spool.c.id.in_(some)))
