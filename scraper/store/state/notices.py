"""What somebody is told of runs: each message at most once, whatever is killed meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from scraper.store.sql import Connection, Expression, and_, delete, insert, select, update
from scraper.store.tables import notices

#: Which message of a run it is: an error ended a crawl that will be resumed, or the run has ended.
ERROR, END = "error", "end"


class Unsent(NamedTuple):
    """A message that waits."""

    run: int
    target: str
    kind: str
    #: None as long as nobody has found words for it.
    message: Mapping[str, Any] | None


def owe(connection: Connection, run: int, targets: Collection[str], kind: str) -> None:
    """Note who is to be told of a run, which is worded later; of a run and a kind there is one message for each."""
    for target in targets:
        row = {"run": run, "target": target, "kind": kind, "message": "null"}
        connection.execute(insert(notices).values(row).on_conflict_do_nothing())


def word(connection: Connection, row: Unsent, message: Mapping[str, Any] | None) -> None:
    """Write down what a message says; without words it is not owed."""
    if message is None:
        connection.execute(delete(notices).where(_this(row)))
    else:
        connection.execute(update(notices).where(_this(row)).values(message=json.dumps(message)))


def unsent(connection: Connection, target: str) -> list[Unsent]:
    """Return the messages whose sending has not begun, or has surely failed, the oldest first."""
    query = (
        select(notices.c.run, notices.c.kind, notices.c.message)
        .where(notices.c.target == target, notices.c.begun_at.is_(None))
        .order_by(notices.c.run, notices.c.kind)
    )
    return [Unsent(run, target, kind, json.loads(message)) for run, kind, message in connection.execute(query)]


def begin(connection: Connection, row: Unsent) -> bool:
    """Note that its sending begins; False where another process has begun it."""
    this = update(notices).where(_this(row), notices.c.begun_at.is_(None))
    return connection.execute(this.values(begun_at=time.time())).rowcount == 1


def end(connection: Connection, row: Unsent, *, sent: bool) -> None:
    """Note that it was sent, or that it surely was not."""
    values = {"sent_at": time.time()} if sent else {"begun_at": None}
    connection.execute(update(notices).where(_this(row)).values(**values))


def _this(row: Unsent) -> Expression:
    return and_(notices.c.run == row.run, notices.c.target == row.target, notices.c.kind == row.kind)
