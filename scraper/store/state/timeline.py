"""How a run went over its working time, in rows that commits write: a bounded number of them, however long it takes.

A row is a span of working time: the run's counts as the last commit in it left them, and the sums of what came. Each
shard adds to the row of its moment. A run of too many rows gets half as many, each twice as long.
"""

from __future__ import annotations

from scraper.lazy_dataclass import dataclass
from scraper.stats import ConnectionStats
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, delete, func, select
from scraper.store.tables import timeline
from scraper.store.values import Counts, Moment

#: Rows that a run has at the most.
MOST_ROWS = 720

_COUNTS = ("pages", "items", "failed", "refused", "queued")
_SUMS = ("answers", "requests", "connections", "retries", "bytes", "answer_seconds")
_COLUMNS = ("run", "begins", "width", "at", *_COUNTS, *_SUMS)
_adding = inserting(timeline, _COLUMNS)
_ADD = Prepared(
    _adding.on_conflict_do_update(
        index_elements=["run", "begins"],
        set_={name: _adding.excluded[name] for name in ("at", *_COUNTS)}
        | {name: timeline.c[name] + _adding.excluded[name] for name in _SUMS},
    ),
    _COLUMNS,
)
_same = timeline.alias("same")
_NEWEST = Prepared(
    select(timeline.c.begins, timeline.c.width).where(
        timeline.c.run == bindparam("run_id"),
        timeline.c.begins == select(func.max(_same.c.begins)).where(_same.c.run == timeline.c.run),
    ),
    ("run_id",),
)


@dataclass(slots=True)
class Came:
    """What one commit brought."""

    answers: int = 0
    requests: int = 0
    connections: int = 0
    retries: int = 0
    bytes: int = 0
    #: From the sending of each to the end of its answer.
    answer_seconds: float = 0.0

    def count(self, more: ConnectionStats) -> None:
        """Add the ledger's sums of a domain."""
        self.requests += more.requests
        self.connections += more.connections
        self.retries += more.retries
        self.bytes += more.bytes


def add(connection: Connection, run: int, seconds: float, at: float, counts: Counts, came: Came) -> None:
    """Add a commit to the row of its moment.

    Args:
        seconds: for how long the run has worked.
        at: when it is, in seconds since the epoch.
        counts: the run's.
    """
    newest = _NEWEST.rows(connection, run)
    begins, width = newest[0] if newest else (-1, 1)
    now = int(seconds) // width * width
    if now > begins and newest and _count(connection, run) >= MOST_ROWS:
        width = _thin(connection, run, 2 * width)
        now = int(seconds) // width * width
    told = (getattr(counts, name) for name in _COUNTS)
    _ADD.one(connection, run, now, width, at, *told, *(getattr(came, name) for name in _SUMS))


def _count(connection: Connection, run: int) -> int:
    return connection.scalar(select(func.count()).where(timeline.c.run == run)) or 0


def _thin(connection: Connection, run: int, width: int) -> int:
    """Make rows of twice the width, and return that."""
    rows = read(connection, run)
    connection.execute(delete(timeline).where(timeline.c.run == run))
    for row in rows:
        values = (getattr(row, name) for name in _COLUMNS[3:])
        _ADD.one(connection, run, row.begins // width * width, width, *values)
    return width


def read(connection: Connection, run: int) -> list[Moment]:
    """Return the rows of a run, in their order."""
    query = select(timeline).where(timeline.c.run == run).order_by(timeline.c.begins)
    return [Moment(**{name: getattr(row, name) for name in _COLUMNS[1:]}) for row in connection.execute(query)]
