"""Visits: where the newest page of a URL is, so that a later run need not fetch and parse it again."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, delete, exists, insert, select
from scraper.store.tables import items, pages, visits

_NAMES = ("fingerprint", "page")
_adding = inserting(visits, _NAMES)
_NOTE = Prepared(
    _adding.on_conflict_do_update(index_elements=["fingerprint"], set_={"page": _adding.excluded.page}), _NAMES
)
_FORGET = Prepared(delete(visits).where(visits.c.fingerprint == bindparam("fingerprint_")), ("fingerprint_",))
_COPIED = ("run", "commit_number", "type", "key", "page", "data")
_COPY_ITEMS = Prepared(
    insert(items).from_select(
        list(_COPIED),
        select(
            bindparam("new_run"),
            bindparam("number"),
            items.c.type,
            items.c.key,
            bindparam("new_page"),
            items.c.data,
        )
        .where(items.c.page == bindparam("old_page"))
        .order_by(items.c.id),
    ),
    ("new_run", "number", "new_page", "old_page"),
)


def note(connection: Connection, rows: Sequence[tuple[bytes, int]]) -> None:
    """These pages, by fingerprint, are the newest."""
    _NOTE.many(connection, rows)


def forget(connection: Connection, rows: Sequence[tuple[bytes]]) -> None:
    """Forget what is known of these fingerprints: it cannot be relied on."""
    _FORGET.many(connection, rows)


def copy_items(connection: Connection, rows: Sequence[tuple[int, int, int, int]]) -> int:
    """Take items over: (run, commit number, page, the page of the earlier run). Returns how many."""
    return _COPY_ITEMS.many(connection, rows)


def of_earlier_runs(connection: Connection, run: int) -> bool:
    """Tell whether an earlier run has left any."""
    earlier = select(visits.c.page).where(visits.c.page == pages.c.request, pages.c.run != run)
    return bool(connection.scalar(select(exists(earlier))))
