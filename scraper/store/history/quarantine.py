"""Items that were put aside, since their model refused them; and how many a pipeline dropped, by reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scraper.health import Quarantined
from scraper.hiding import hide
from scraper.lazy_dataclass import dataclass
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, func, insert, select
from scraper.store.tables import drops, quarantine

#: A reason that a user wrote is cut after so many characters, and the most frequent ones are told apart.
LONGEST_REASON = 200
MOST_REASONS = 50
OTHER_REASONS = "(others)"

_NAMES = ("run", "page", "url", "type", "data", "problems", "at")
_ADD = Prepared(inserting(quarantine, _NAMES), _NAMES)
_COPY = Prepared(
    insert(quarantine).from_select(
        list(_NAMES),
        select(
            bindparam("new_run"),
            bindparam("new_page"),
            *(quarantine.c[name] for name in _NAMES[2:]),
        )
        .where(quarantine.c.page == bindparam("old_page"))
        .order_by(quarantine.c.id),
    ),
    ("new_run", "new_page", "old_page"),
)

_DROP = ("run", "reason", "items")
_dropping = inserting(drops, _DROP)
_ADD_DROPS = Prepared(
    _dropping.on_conflict_do_update(
        index_elements=["run", "reason"], set_={"items": drops.c["items"] + _dropping.excluded["items"]}
    ),
    _DROP,
)


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """An item that was put aside. `at` is in seconds since the epoch."""

    url: str
    type: str
    data: Mapping[str, Any]
    #: Field and message; the field is a path such as `offers[0].price`, and empty where the whole item is meant.
    problems: tuple[tuple[str, str], ...]
    at: float


#: What is counted beside the items that were dropped begins with one of these: pages of another kind than their
#: callback reads, links that lead to no page, pages on which a callback gave nothing and one of these by name, those
#: whose JSON-LD cannot be read (an empty text each, and one example), and rules that were for a page.
SKIPPED = "skipped page: "
UNFOLLOWED = "unfollowed link: "
EMPTY = "empty callback: "
EMPTY_PAGE = "page of an empty callback: "
UNREAD = "unread JSON-LD: "
_MATCHED = "rule for a page: "
_NOTED = (SKIPPED, UNFOLLOWED, EMPTY, EMPTY_PAGE, UNREAD, _MATCHED)


def matched(rule: int) -> str:
    """Return the reason under which it is noted that a rule, by its number, was for a page."""
    return f"{_MATCHED}{rule}"


class LeftOut:
    """The items that one commit quarantines and drops.

    Args:
        run: the run's number.
        now: seconds since the epoch.
    """

    def __init__(self, run: int, now: float) -> None:
        self._run = run
        self._now = now
        self._rows: list[tuple[object, ...]] = []
        self._carried: list[tuple[int, int, int]] = []
        self._reasons: Counter[str] = Counter()

    def add(self, aside: Sequence[Quarantined], dropped: Sequence[str], page: int | None) -> None:
        """Add items of a page, or of start(), and the reasons of those that were dropped."""
        for item in aside:
            self._rows.append((self._run, page, item.url, item.type, item.data, hide(item.problems), self._now))
        for reason in dropped:
            self._reasons[hide(reason)[:LONGEST_REASON].encode(errors="replace").decode()] += 1

    def carry(self, page: int, earlier: int) -> None:
        """Keep in quarantine what an unchanged page left there in an earlier run."""
        self._carried.append((self._run, page, earlier))

    def write(self, connection: Connection) -> None:
        """Keep it."""
        _ADD.many(connection, self._rows)
        _COPY.many(connection, self._carried)
        _ADD_DROPS.many(connection, [(self._run, *pair) for pair in self._reasons.items()])


def count(connection: Connection, run: int) -> int:
    """Return how many items of a run were put aside."""
    return connection.scalar(select(func.count()).where(quarantine.c.run == run)) or 0


def drop_reasons(connection: Connection, run: int) -> dict[str, int]:
    """Return how many items were dropped, by reason, the most frequent first."""
    found = [row for row in _counted(connection, run) if not row[0].startswith(_NOTED)]
    reasons = {row[0]: row[1] for row in found[:MOST_REASONS]}
    others = sum(row[1] for row in found[MOST_REASONS:])
    return {**reasons, OTHER_REASONS: others} if others else reasons


def noted(connection: Connection, run: int, kind: str) -> dict[str, int]:
    """Return what a run counted of one kind (`SKIPPED`, …), the most frequent first."""
    rows = _counted(connection, run)
    return {row[0].removeprefix(kind): row[1] for row in rows if row[0].startswith(kind)}


def matched_rules(connection: Connection, run: int, *, with_earlier: bool) -> set[int]:
    """Return the numbers of the rules that were for a page in a run, or in one before it too."""
    these = drops.c.run <= run if with_earlier else drops.c.run == run
    reasons = connection.scalars(select(drops.c.reason).where(these))
    return {int(reason.removeprefix(_MATCHED)) for reason in reasons if reason.startswith(_MATCHED)}


def _counted(connection: Connection, run: int) -> list[Any]:
    query = select(drops.c.reason, drops.c["items"]).where(drops.c.run == run)
    return list(connection.execute(query.order_by(drops.c["items"].desc(), drops.c.reason)).all())


def rows(connection: Connection, run: int) -> Iterator[QuarantineRow]:
    """Return what was put aside in a run, in order, never more than a portion in memory."""
    query = select(quarantine).where(quarantine.c.run == run).order_by(quarantine.c.id)
    for row in connection.stream(query):
        problems = tuple((problem["field"], problem["message"]) for problem in json.loads(row.problems))
        yield QuarantineRow(row.url, row.type, json.loads(row.data), problems, row.at)
