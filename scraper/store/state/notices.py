"""What somebody is told of runs: each message at most once, whatever is killed meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from scraper.store.sql import Connection, and_, insert, select, update
from scraper.store.tables import notices


class Unsent(NamedTuple):
    """A message that waits."""

    run: int
    kind: str
    message: Mapping[str, Any]


def put(connection: Connection, run: int, target: str, kind: str, message: Mapping[str, Any]) -> None:
    """Keep a message until it is sent; of a run and a kind there is one."""
    row = {"run": run, "target": target, "kind": kind, "message": json.dumps(message)}
    connection.execute(insert(notices).values(row).on_conflict_do_nothing())


def unsent(connection: Connection, target: str) -> list[Unsent]:
    """Return the messages whose sending has not begun, or has surely failed, the oldest first."""
    query = (
        select(notices.c.run, notices.c.kind, notices.c.message)
        .where(notices.c.target == target, notices.c.begun_at.is_(None))
        .order_by(notices.c.run, notices.c.kind)
    )
    return [Unsent(run, kind, json.loads(message)) for run, kind, message in connection.execute(query)]


def note(connection: Connection, row: Unsent, target: str, *, begun: bool, sent: bool) -> None:
    """Note how far the sending is: begun before it, then sent, or not even begun where it surely failed."""
    now = time.time()
    this = and_(notices.c.run == row.run, notices.c.target == target, notices.c.kind == row.kind)
    connection.execute(
        update(notices).where(this).values(begun_at=now if begun else None, sent_at=now if sent else None)
    )
