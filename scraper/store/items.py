"""Items in SQL, and how far each export has followed them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from scraper.exports.base import ItemRow, Position
from scraper.store.tables import exports, items


def after(connection: Connection, run: int, commit: int, limit: int) -> list[ItemRow]:
    """The run's items of the commits after `commit`: whole commits in order, `limit` rows or a little more.

    A commit is the unit since ids are not in the order of commits where several shards write.
    """
    following = (items.c.run == run, items.c.commit_number > commit)
    last = connection.scalar(
        select(items.c.commit_number).where(*following).order_by(items.c.commit_number).offset(limit - 1).limit(1)
    )
    query = select(items.c.commit_number, items.c.type, items.c.data).where(*following)
    if last is not None:
        query = query.where(items.c.commit_number <= last)
    rows = connection.execute(query.order_by(items.c.commit_number, items.c.id))
    return [ItemRow(number, kind, json.loads(data)) for number, kind, data in rows]


def position(connection: Connection, run: int, name: str) -> Position | None:
    """How far the export `name` got."""
    text = connection.scalar(select(exports.c.position).where(exports.c.run == run, exports.c.name == name))
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def keep_position(connection: Connection, run: int, name: str, reached: Position) -> None:
    """Keep how far the export `name` got."""
    connection.execute(delete(exports).where(exports.c.run == run, exports.c.name == name))
    connection.execute(insert(exports).values(run=run, name=name, position=json.dumps(reached)))
