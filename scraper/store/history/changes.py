"""Compare two runs: items that are new, changed, gone, or whose page is no longer linked to.

An item is the same in both by its type and its key; where a key comes twice in a run, the last one counts. What is
known since a run are its own items, and those that lingered: known from runs before it, and neither found in it nor
proved gone. So a page that failed once, or a run that a limit ended, makes nothing new when it is found again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from scraper.lazy_dataclass import dataclass
from scraper.store.sql import (
    Connection,
    Expression,
    Subquery,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from scraper.store.tables import Kind, RequestState, failures, frontier, items, lingering, pages, quarantine
from scraper.store.values import RunRow

#: What happened to an item, in the order in which changes come.
ChangeKind = Literal["new", "changed", "gone", "unlinked"]
CHANGE_KINDS: tuple[ChangeKind, ...] = ("new", "changed", "gone", "unlinked")

#: Answers that prove that a page is gone (RFC 9110 sections 15.5.5 and 15.5.11).
GONE_STATUSES = (404, 410)
#: What the later run says of the page of an item that it did not find.
_PROVED_GONE, _STILL_THERE, _PROVES_NOTHING = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one item."""

    kind: ChangeKind
    type: str
    #: The values of its key's fields.
    key: tuple[Any, ...]
    #: Its page: of the later run, or of the earlier one where the later has no such item.
    url: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    #: Of a changed item, the fields that differ.
    fields: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return {
            "change": self.kind,
            "type": self.type,
            "key": list(self.key),
            "page": self.url,
            "before": self.before,
            "after": self.after,
            "fields": list(self.fields),
        }


def between(
    connection: Connection, earlier: RunRow, later: RunRow, kinds: Sequence[ChangeKind] = CHANGE_KINDS
) -> Iterator[Change]:
    """Return the changes from one run to another, by kind. Never more than a portion in memory.

    A type of item whose key was made of other fields in one of them has no changes.
    """
    for kind in kinds:
        if kind == "new" or kind == "changed":
            yield from _found(connection, earlier, later, kind)
        else:
            yield from _missing(connection, earlier, later, kind)


def known(connection: Connection, earlier: RunRow, later: RunRow) -> int:
    """Return how many items are known since the earlier run, of the types that can be compared."""
    comparable = _comparable(earlier, later)
    own = select(func.count()).select_from(items).where(_is_last_of_key(items, earlier), comparable(items.c.type))
    others = select(func.count()).where(lingering.c.run == earlier.id, comparable(lingering.c.type))
    return (connection.scalar(own) or 0) + (connection.scalar(others) or 0)


def doubles(connection: Connection, run: int) -> dict[str, int]:
    """Return how many items of a run have the key of another that came before, by type."""
    keyed = items.c.key.is_not(None)
    count = func.count() - func.count(items.c.key.distinct())
    query = select(items.c.type, count).where(items.c.run == run, keyed).group_by(items.c.type)
    return {row[0]: row[1] for row in connection.execute(query) if row[1]}


def keep_lingering(connection: Connection, earlier: RunRow, later: RunRow) -> None:
    """Note which of the items known since the earlier run the later one neither found nor proved gone."""
    connection.execute(delete(lingering).where(lingering.c.run == later.id))
    missing = _missing_items(earlier, later)
    columns = ("type", "key", "url", "fingerprint", "domain", "request", "data")
    rows = select(
        literal(later.id),
        case((missing.c.proof == _STILL_THERE, 1), else_=missing.c.unlinked),
        *(missing.c[name] for name in columns),
    ).where(missing.c.proof != _PROVED_GONE)
    connection.execute(insert(lingering).from_select(["run", "unlinked", *columns], rows))


# Found in the later run ----------------------------------------------------------------------------------


def _found(
    connection: Connection, earlier: RunRow, later: RunRow, kind: Literal["new", "changed"]
) -> Iterator[Change]:
    """Return its items that were not known, or were known with other values."""
    item, own, other = items.alias("item"), items.alias("own"), lingering.alias("other")
    same = items.alias("same")
    newest = select(func.max(same.c.id)).where(
        same.c.run == earlier.id, same.c.type == item.c.type, same.c.key == item.c.key
    )
    before = func.coalesce(own.c.data, other.c.data)
    query = (
        select(item.c.type, item.c.key, pages.c.url, before, item.c.data)
        .select_from(item)
        .outerjoin(own, own.c.id == newest)
        .outerjoin(other, and_(other.c.run == earlier.id, other.c.type == item.c.type, other.c.key == item.c.key))
        .outerjoin(pages, pages.c.request == item.c.page)
        .where(_is_last_of_key(item, later), _comparable(earlier, later)(item.c.type))
        .where(before.is_(None) if kind == "new" else before != item.c.data)
        .order_by(item.c.type, item.c.key)
    )
    for type_, key, url, old, new in connection.stream(query):
        was, now = None if old is None else json.loads(old), json.loads(new)
        fields = () if was is None else differing(was, now)
        # Text may differ by the order of its fields alone.
        if kind == "new" or fields:
            yield Change(kind, type_, _values(key), url, was, now, fields)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields whose values differ, those of `after` first; a field that is absent is not the same as
    null.
    """
    names = dict.fromkeys([*after, *before])
    return tuple(
        name for name in names if name not in before or name not in after or not _equal(before[name], after[name])
    )


def _equal(one: Any, other: Any) -> bool:
    """Tell whether JSON values are equal: 1 and 1.0 are the same number; true is not one, unlike in Python."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# Missing in the later run --------------------------------------------------------------------------------


def _missing(
    connection: Connection, earlier: RunRow, later: RunRow, kind: Literal["gone", "unlinked"]
) -> Iterator[Change]:
    """Return what was known and is proved gone; or what is still there, not linked to any more, and was so before."""
    missing = _missing_items(earlier, later)
    if kind == "gone":
        holds: Expression = missing.c.proof == _PROVED_GONE
    else:
        holds = and_(missing.c.proof == _STILL_THERE, missing.c.unlinked == 0)
    query = select(missing.c.type, missing.c.key, missing.c.url, missing.c.data).where(holds)
    for type_, key, url, data in connection.stream(query):
        yield Change(kind, type_, _values(key), url, json.loads(data), None)


def _missing_items(earlier: RunRow, later: RunRow) -> Subquery:
    """Return the items known since the earlier run that the later one has not, with what that says of their pages."""
    comparable = _comparable(earlier, later)
    own = (
        select(
            items.c.type,
            items.c.key,
            pages.c.url,
            frontier.c.fingerprint,
            frontier.c.domain,
            frontier.c.request,
            items.c.data,
            literal(0).label("unlinked"),
            _proof(later, items, frontier.c.fingerprint, items.c.page.is_(None)).label("proof"),
        )
        .select_from(items)
        .outerjoin(frontier, frontier.c.id == items.c.page)
        .outerjoin(pages, pages.c.request == items.c.page)
        .where(_is_last_of_key(items, earlier), comparable(items.c.type), _not_in(later, items.c.type, items.c.key))
    )
    others = select(
        lingering.c.type,
        lingering.c.key,
        lingering.c.url,
        lingering.c.fingerprint,
        lingering.c.domain,
        lingering.c.request,
        lingering.c.data,
        lingering.c.unlinked,
        _proof(later, lingering, lingering.c.fingerprint, lingering.c.fingerprint.is_(None)),
    ).where(
        lingering.c.run == earlier.id,
        comparable(lingering.c.type),
        _not_in(later, lingering.c.type, lingering.c.key),
    )
    return union_all(own, others).subquery()


def _proof(later: RunRow, item: Table, fingerprint: Expression, is_of_start: Expression) -> Expression:
    """Return what the later run says of a page: visited, or answered that it is gone; still there; nothing that
    counts.

    What start() yielded has no page: it was looked for where start() finished. Where an item of the type was
    put aside it may be the one, whatever is wrong with it.
    """
    row = frontier.alias("again")
    aside = exists().where(quarantine.c.page == row.c.id, quarantine.c.type == item.c.type)
    aside_at_start = exists().where(
        quarantine.c.run == later.id, quarantine.c.page.is_(None), quarantine.c.type == item.c.type
    )
    said_gone = exists().where(failures.c.request == row.c.id, failures.c.status.in_(GONE_STATUSES))
    visited = and_(
        row.c.kind == Kind.PAGE.value,
        ~aside,
        or_(row.c.state == RequestState.DONE.value, and_(row.c.state == RequestState.FAILED.value, said_gone)),
    )
    said = case(
        (visited, _PROVED_GONE),
        (row.c.state == RequestState.GONE.value, _PROVED_GONE),
        (row.c.state == RequestState.ALIVE.value, _STILL_THERE),
        else_=_PROVES_NOTHING,
    )
    # Of several rows, such as a check and a page found after it, the one that proves most.
    of_page = select(func.max(said)).where(row.c.run == later.id, row.c.fingerprint == fingerprint)
    return case(
        (and_(is_of_start, aside_at_start), _PROVES_NOTHING),
        (is_of_start, _PROVED_GONE if later.start_done else _PROVES_NOTHING),
        else_=func.coalesce(of_page, _PROVES_NOTHING),
    )


def _not_in(run: RunRow, type_: Expression, key: Expression) -> Expression:
    same = items.alias("same")
    found = exists().where(same.c.run == run.id, same.c.type == type_, same.c.key == key)
    return ~found


# Both ----------------------------------------------------------------------------------------------------


def _is_last_of_key(item: Table, run: RunRow) -> Expression:
    """Tell whether an item is a run's last with its key. Said so, not as a group, it is read in the order of
    the index.
    """
    later = items.alias("newer")
    again = exists().where(
        later.c.run == item.c.run, later.c.type == item.c.type, later.c.key == item.c.key, later.c.id > item.c.id
    )
    return and_(item.c.run == run.id, item.c.key.is_not(None), ~again)


def _comparable(earlier: RunRow, later: RunRow) -> Callable[[Expression], Expression]:
    """Tells of a type whether its items can be compared: whether both runs made its key of the same fields."""
    before, after = earlier.config.get("items", {}), later.config.get("items", {})
    different = [name for name in {*before, *after} if _key(before, name) != _key(after, name)]
    return lambda type_: type_.not_in(different)


def _key(config: Mapping[str, Any], name: str) -> list[str]:
    return list(config.get(name, {}).get("key", ()))


def _values(key: str) -> tuple[Any, ...]:
    """Return the values in a key as `scraper.items.key_of` writes it: behind the type."""
    return tuple(json.loads(key)[1:])
