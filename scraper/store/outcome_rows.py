"""The rows that one outcome comes to: of its page, its failure, its sending."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from scraper.hiding import hide
from scraper.store.commit_rows import AttemptRow, FailedRow, PageRow
from scraper.store.outcomes import Done, Failed, Outcome, Unchanged
from scraper.store.state import outgoing
from scraper.store.values import Attempt, StoredItem

_KEY_ENCODER = json.JSONEncoder(ensure_ascii=False)


def page_row(run: int, done: Done) -> PageRow:
    """Return the row of a page that was fetched."""
    yielded, attempt = done.yielded, done.attempt
    sending = attempt if attempt is not None and is_told_by_page(done, attempt) else None
    return PageRow(
        request=done.queued.id,
        run=run,
        url=done.url,
        status=done.status,
        fetched_at=done.fetched_at,
        connection=done.connection,
        bytes=done.size,
        etag=done.etag,
        last_modified=done.last_modified,
        content_hash=done.content_hash,
        requests=yielded.packed if yielded.packed is not None else outgoing.pack(yielded.outgoing),
        item_keys=_keys_of(yielded.items),
        identity=done.identity,
        carried_from=None,
        sent_at=sending.at if sending is not None else None,
        seconds=sending.seconds if sending is not None else None,
        reused=int(sending.reused) if sending is not None else None,
        usage=done.usage,
    )


def carried_row(run: int, carried: Unchanged) -> PageRow:
    """Return the row of a page that is taken over from an earlier run."""
    visit = carried.visit
    return PageRow(
        request=carried.queued.id,
        run=run,
        url=visit.url,
        status=visit.status,
        fetched_at=carried.fetched_at,
        connection=carried.connection,
        bytes=carried.size,
        etag=carried.etag,
        last_modified=carried.last_modified,
        content_hash=visit.content_hash,
        requests=visit.outgoing,
        item_keys=visit.item_keys,
        identity=visit.identity,
        carried_from=visit.page,
        usage=carried.usage,
    )


def failed_row(run: int, failed: Failed, now: float) -> FailedRow:
    """Return the row of a URL that ended without a page."""
    return FailedRow(
        request=failed.queued.id,
        run=run,
        url=failed.queued.request.url,
        reason=failed.reason,
        message=_sayable(failed.message),
        status=failed.status,
        attempts=failed.attempts,
        traceback=_sayable(failed.traceback) if failed.traceback is not None else None,
        at=now,
    )


def attempt_row(run: int, request: int, attempt: Attempt) -> AttemptRow:
    """Return the row of a sending."""
    return AttemptRow(
        run=run,
        request=request,
        number=attempt.number,
        at=attempt.at,
        connection=attempt.connection,
        reused=int(attempt.reused),
        status=attempt.status,
        reason=attempt.reason,
        message=_sayable(attempt.message),
        wait=attempt.wait,
        seconds=attempt.seconds,
        bytes=attempt.bytes,
    )


def is_told_by_page(outcome: Outcome, attempt: Attempt) -> bool:
    """Tell whether the row of a page says all of its sending, as of nearly all pages: it came at the first try."""
    if not isinstance(outcome, Done) or attempt.number != 1 or attempt.reason or attempt.message:
        return False
    said = outcome.connection, outcome.status, outcome.size, None
    return said == (attempt.connection, attempt.status, attempt.bytes, attempt.wait)


def _keys_of(items: Sequence[StoredItem]) -> str:
    """Return the types and keys of a page's items as JSON: `[["item", null]]`."""
    if not items:
        return "[]"
    if len(items) == 1 and items[0].key is None:
        return _keyless(items[0].type)
    return _KEY_ENCODER.encode([(item.type, item.key) for item in items])


@lru_cache(maxsize=64)
def _keyless(kind: str) -> str:
    return _KEY_ENCODER.encode([(kind, None)])


def _sayable(text: str) -> str:
    """Text without secrets, and without lone surrogates, which a page's JSON can bring in and UTF-8 cannot say."""
    text = hide(text)
    return text if text.isascii() else text.encode(errors="replace").decode()
