"""Files that items name: which items wait for them, and what is known of each file, over all runs.

An item whose files are not all at their end is in the table with the commit number 0, which no export ever reaches.
The commit in which the last of them ends completes the item and gives it that commit's own number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from scraper.store.backends.statements import Prepared, inserting
from scraper.store.outcomes import FileEnded
from scraper.store.sql import Connection, exists, func, insert, select, update
from scraper.store.tables import Kind, RequestState, attachments, files, frontier, items
from scraper.store.values import Attachment, FileRow, KeptFile, Queued, StoredItem

#: The commit number of an item that waits.
WAITING = 0
#: The reason of a file that was not fetched before the run ended.
NOT_FETCHED = "not-fetched"


#: Redirects of a file that are followed within one commit.
_MOST_MOVES = 20


class FileState(IntEnum):
    """The state of a file that an item names."""

    OPEN = 0
    STORED = 1
    FAILED = 2


class _Row(NamedTuple):
    """A row of the files, in the order of their columns."""

    fingerprint: bytes
    url: str
    run: int
    reason: str
    moved_to: bytes | None
    path: str | None
    hash: str | None
    size: int | None
    type: str | None
    etag: str | None
    last_modified: str | None
    checked_at: float | None
    name: str | None


#: The columns that hold a file that was fetched, as `KeptFile` has them.
_FACTS = _Row._fields[5:]
_adding = inserting(files, _Row._fields)
_HAD = Prepared(
    _adding.on_conflict_do_update(
        index_elements=["fingerprint"], set_={name: _adding.excluded[name] for name in _Row._fields[1:]}
    ),
    _Row._fields,
)
# What was fetched before stays known: the next run may be told that it is the same.
_ENDED = ("url", "run", "reason", "moved_to")
_FAILED = Prepared(
    _adding.on_conflict_do_update(
        index_elements=["fingerprint"], set_={name: _adding.excluded[name] for name in _ENDED}
    ),
    _Row._fields,
)


#: What a row says of a file that never was fetched.
_NOTHING = (None,) * 8


class Hold(NamedTuple):
    """Items of one page with the files that they name."""

    page: int | None
    item: StoredItem


class Copy(NamedTuple):
    """Items taken over from the page of an earlier run; which of their files are fetched again."""

    page: int
    earlier: int
    open: frozenset[bytes]


def record(url: str, kept: KeptFile | None, reason: str = "") -> dict[str, Any]:
    """Return what an item says of one of its files."""
    return {
        "url": url,
        "path": kept.path if kept is not None else None,
        "name": kept.name if kept is not None else None,
        "hash": kept.hash if kept is not None else None,
        "size": kept.size if kept is not None else None,
        "type": kept.type if kept is not None else None,
        "status": "failed" if kept is None else "stored",
        "reason": reason or None,
    }


def known(connection: Connection, fingerprint: bytes, *, follow: bool = True) -> FileRow | None:
    """Return what is known of a file; None where it is nothing.

    Args:
        follow: of one whose URL redirected, what is known of the file to which; else nothing.
    """
    for _ in range(_MOST_MOVES):
        row = connection.execute(select(files).where(files.c.fingerprint == fingerprint)).first()
        if row is None or (row.moved_to is not None and not follow):
            return None
        if row.moved_to is None:
            kept = None
            if row.path is not None:
                kept = KeptFile(*(getattr(row, name) for name in _FACTS))
            return FileRow(row.url, row.run, row.reason, kept)
        fingerprint = row.moved_to
    return None


def write(
    connection: Connection,
    run: int,
    number: int,
    held: Sequence[Hold],
    copies: Sequence[Copy],
    ended: Sequence[FileEnded],
    moved: Sequence[tuple[Queued, bytes]],
) -> None:
    """Write all that a commit brings of files; items whose last file ended get the commit's number.

    Args:
        moved: files whose URL redirects, with the fingerprints of those to which.
    """
    for page, item in held:
        _hold(connection, run, number, page, item)
    for copy in copies:
        _hold_copies(connection, run, copy)
    for redirected, target in moved:
        row = _Row(redirected.fingerprint, redirected.request.url, run, "", target, *_NOTHING)
        _FAILED.many(connection, [row])
    for outcome in ended:
        _end(connection, run, outcome)
    if held or copies or moved:
        _end_known(connection, run)
    if held or copies or moved or ended:
        _release(connection, run, number)


def give_up(connection: Connection, run: int, number: int) -> None:
    """Release the items that wait for files, at the end of a run: what is open was not fetched."""
    rows = connection.execute(select(attachments.c.id, attachments.c.url).where(_is_open(run))).all()
    for row, url in rows:
        text = json.dumps(record(url, None, NOT_FETCHED), ensure_ascii=False)
        connection.execute(
            update(attachments).where(attachments.c.id == row).values(record=text, state=FileState.FAILED.value)
        )
    _release(connection, run, number)


def are_open(connection: Connection, run: int) -> bool:
    """Tell whether an item of the run waits for a file that is still to be fetched."""
    queued = exists().where(
        frontier.c.run == run,
        frontier.c.fingerprint == attachments.c.fingerprint,
        frontier.c.copy == -Kind.FILE.value,
        frontier.c.state == RequestState.QUEUED.value,
    )
    return connection.execute(select(attachments.c.id).where(_is_open(run), queued).limit(1)).first() is not None


def stored(connection: Connection, run: int) -> list[tuple[bytes, str]]:
    """Return fingerprint and URL of the files that a run stored, or found to be the same."""
    is_stored = (files.c.run == run, files.c.reason == "", files.c.moved_to.is_(None), files.c.path.is_not(None))
    query = select(files.c.fingerprint, files.c.url).where(*is_stored)
    return [(bytes(fingerprint), url) for fingerprint, url in connection.execute(query)]


def have_waiting(connection: Connection, run: int) -> bool:
    """Tell whether an item of the run is held back."""
    query = select(items.c.id).where(items.c.run == run, items.c.commit_number == WAITING)
    return connection.execute(query.limit(1)).first() is not None


def counts(connection: Connection, run: int) -> dict[str, int]:
    """Return how many files of a run's items were `stored` and `failed`, each once, and the `bytes` of the former."""
    table = attachments
    query = select(table.c.state, func.count(table.c.fingerprint.distinct())).where(table.c.run == run)
    found = {int(state): int(count) for state, count in connection.execute(query.group_by(table.c.state))}
    of_run = select(table.c.fingerprint).where(table.c.run == run, table.c.state == FileState.STORED.value)
    size = connection.scalar(select(func.sum(files.c.size)).where(files.c.fingerprint.in_(of_run)))
    stored, failed = (found.get(state.value, 0) for state in (FileState.STORED, FileState.FAILED))
    return {"stored": stored, "failed": failed, "bytes": int(size or 0)}


# What comes ------------------------------------------------------------------------------------------------


def _hold(connection: Connection, run: int, number: int, page: int | None, item: StoredItem) -> None:
    """Write an item with its files; its number is that of the commit where none of them is open."""
    is_open = any(each.ended is None for each in item.attachments)
    row = {"run": run, "commit_number": WAITING, "type": item.type, "key": item.key, "page": page, "data": item.data}
    made = connection.insert(insert(items).values(row))
    connection.execute(insert(attachments), [_row(run, made, each) for each in item.attachments])
    if not is_open:
        _complete(connection, made, item.data, number)


def _row(run: int, item: int, attachment: Attachment) -> dict[str, Any]:
    state, text = _said(attachment.url, attachment.ended)
    return {
        "run": run,
        "item": item,
        "field": attachment.field,
        "place": attachment.place,
        "fingerprint": attachment.fingerprint,
        "url": attachment.url,
        "state": state,
        "record": text,
    }


def _said(url: str, ended: FileRow | None) -> tuple[int, str | None]:
    """State and record of an attachment."""
    if ended is None:
        return FileState.OPEN.value, None
    kept = ended.kept if not ended.reason else None
    state = FileState.FAILED if kept is None else FileState.STORED
    return state.value, json.dumps(record(url, kept, ended.reason), ensure_ascii=False)


def _hold_copies(connection: Connection, run: int, copy: Copy) -> None:
    """Give the copies of items the files of the originals; which were copied in their order."""
    table = attachments
    of_page = select(items.c.id).order_by(items.c.id)
    old = list(connection.scalars(of_page.where(items.c.page == copy.earlier)))
    rows = connection.execute(select(table).where(table.c.item.in_(old)).order_by(table.c.id)).all() if old else []
    if not rows:
        return
    new = dict(zip(old, connection.scalars(of_page.where(items.c.page == copy.page)), strict=True))
    for row in rows:
        ended = None if row.fingerprint in copy.open else known(connection, row.fingerprint)
        state, text = (row.state, row.record) if ended is None else _said(row.url, ended)
        if row.fingerprint in copy.open:
            state, text = FileState.OPEN.value, None
        values = {"run": run, "item": new[row.item], "state": state, "record": text}
        kept = {name: getattr(row, name) for name in ("field", "place", "fingerprint", "url")}
        connection.execute(insert(table).values(**values, **kept))
    waiting = {new[row.item] for row in rows}
    connection.execute(update(items).where(items.c.id.in_(waiting)).values(commit_number=WAITING))


def _end(connection: Connection, run: int, outcome: FileEnded) -> None:
    """Note that a file has ended."""
    queued, kept = outcome.queued, outcome.kept
    if kept is None:
        row = _Row(queued.fingerprint, queued.request.url, run, outcome.reason, None, *_NOTHING)
        _FAILED.many(connection, [row])
    else:
        facts = (getattr(kept, name) for name in _FACTS)
        _HAD.many(connection, [_Row(queued.fingerprint, queued.request.url, run, "", None, *facts)])
    ended = FileRow(queued.request.url, run, outcome.reason, kept)
    _close(connection, run, queued.fingerprint, ended)


def _end_known(connection: Connection, run: int) -> None:
    """Return what is open and has ended in this run before: another page, or another shard, fetched it."""
    query = (
        select(files.c.fingerprint, files.c.moved_to)
        .join(attachments, attachments.c.fingerprint == files.c.fingerprint)
        .where(_is_open(run), files.c.run == run)
        .distinct()
    )
    for _ in range(_MOST_MOVES):
        rows = connection.execute(query).all()
        for fingerprint, target in rows:
            if target is None:
                _close(connection, run, fingerprint, known(connection, fingerprint))
            else:
                _open(connection, run, fingerprint, fingerprint=target)
        if all(target is None for _, target in rows):
            return


def _close(connection: Connection, run: int, fingerprint: bytes, ended: FileRow | None) -> None:
    table = attachments
    query = select(table.c.id, table.c.url).where(_is_open(run), table.c.fingerprint == fingerprint)
    for number, url in connection.execute(query).all():
        state, text = _said(url, ended)
        connection.execute(update(table).where(table.c.id == number).values(state=state, record=text))


def _open(connection: Connection, run: int, old: bytes, *, fingerprint: bytes) -> None:
    same = (_is_open(run), attachments.c.fingerprint == old)
    connection.execute(update(attachments).where(*same).values(fingerprint=fingerprint))


def _is_open(run: int) -> Any:
    return (attachments.c.run == run) & attachments.c.record.is_(None)


# Items that need not wait any longer -------------------------------------------------------------------------


def _release(connection: Connection, run: int, number: int) -> None:
    waits = exists().where(attachments.c.item == items.c.id, attachments.c.record.is_(None))
    query = select(items.c.id, items.c.data).where(items.c.run == run, items.c.commit_number == WAITING, ~waits)
    for item, data in connection.execute(query.order_by(items.c.id)).all():
        _complete(connection, item, data, number)


def _complete(connection: Connection, item: int, data: str, number: int) -> None:
    """Write into an item what came of its files."""
    table = attachments
    query = select(table.c.field, table.c.place, table.c.record).where(table.c.item == item)
    filled: dict[str, Any] = json.loads(data)
    lists: set[str] = set()
    for field, place, text in connection.execute(query.order_by(table.c.id)):
        if place < 0:
            filled[field] = json.loads(text)
            continue
        if field not in lists:
            lists.add(field)
            filled[field] = []
        filled[field].append(json.loads(text))
    text = json.dumps(filled, ensure_ascii=False, separators=(",", ":"))
    connection.execute(update(items).where(items.c.id == item).values(data=text, commit_number=number))
