"""Items in SQL, and how far each export has followed them."""

from __future__ import annotations

import json
from typing import Any

from scraper.items import DUPLICATE, ItemRow, ItemSource, Position
from scraper.store.outcomes import Batch, Done, Failed
from scraper.store.sql import Connection, delete, func, insert, select
from scraper.store.tables import chunks, exports, failures, items, pages


def after(connection: Connection, run: int, commit: int, limit: int, *, sources: bool = False) -> list[ItemRow]:
    """Return the run's items of the commits after `commit`: whole commits in order, `limit` rows or a little more.

    A commit is the unit since ids are not in the order of commits where several shards write.

    Args:
        sources: whether to tell where each came from.
    """
    following = (items.c.run == run, items.c.commit_number > commit)
    last = connection.scalar(
        select(items.c.commit_number).where(*following).order_by(items.c.commit_number).offset(limit - 1).limit(1)
    )
    query = select(items.c.commit_number, items.c.type, items.c.data).where(*following)
    if last is not None:
        query = query.where(items.c.commit_number <= last)
    query = query.order_by(items.c.commit_number, items.c.id)
    if not sources:
        return [ItemRow(number, kind, json.loads(data)) for number, kind, data in connection.execute(query)]
    query = query.outerjoin(pages, pages.c.request == items.c.page)
    query = query.outerjoin(failures, failures.c.request == items.c.page)
    told = (func.coalesce(pages.c.url, failures.c.url), pages.c.fetched_at, pages.c.connection)
    return [
        ItemRow(number, kind, json.loads(data), ItemSource(url, fetched_at, used))
        for number, kind, data, url, fetched_at, used in connection.execute(query.add_columns(*told))
    ]


def place_of(connection: Connection, run: int, place: int) -> tuple[int, int] | None:
    """Return the commit of the run's item at a place, counted from 0, and how many items lie in commits before it."""
    these = (items.c.run == run, items.c.commit_number > 0)
    query = select(items.c.commit_number).where(*these).order_by(items.c.commit_number, items.c.id)
    commit = connection.scalar(query.offset(place).limit(1))
    if commit is None:
        return None
    before = select(func.count()).where(*these, items.c.commit_number < commit)
    return commit, connection.scalar(before) or 0


def drop_known(connection: Connection, run: int, batch: Batch) -> None:
    """Drop from a batch the items that are to be unique and whose key the run has, or an earlier one of the batch.

    Nobody else adds items to the run meanwhile: the transaction has its next number.
    """
    given = [start.yielded for start in batch.starts]
    given += [outcome.yielded for outcome in batch.outcomes if isinstance(outcome, Done | Failed) and outcome.yielded]
    keys: dict[str, list[str]] = {}
    for yielded in given:
        for item in yielded.items:
            if item.unique and item.key is not None:
                keys.setdefault(item.type, []).append(item.key)
    seen: set[str] = set()  # a key names its type
    for kind, asked in keys.items():
        for some in chunks(asked):
            same = (items.c.run == run, items.c.type == kind, items.c.key.in_(some))
            seen.update(connection.scalars(select(items.c.key).where(*same)))
    for yielded in given if keys else ():
        kept = []
        for item in yielded.items:
            if not item.unique or item.key is None or item.key not in seen:
                kept.append(item)
                if item.unique and item.key is not None:
                    seen.add(item.key)
        yielded.dropped += [DUPLICATE] * (len(yielded.items) - len(kept))
        yielded.items[:] = kept


def position(connection: Connection, run: int, name: str) -> Position | None:
    """Return how far the export `name` got."""
    text = connection.scalar(select(exports.c.position).where(exports.c.run == run, exports.c.name == name))
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def keep_position(connection: Connection, run: int, name: str, reached: Position) -> None:
    """Keep how far the export `name` got."""
    connection.execute(delete(exports).where(exports.c.run == run, exports.c.name == name))
    connection.execute(insert(exports).values(run=run, name=name, position=json.dumps(reached)))
