"""Runs: how one begins, goes on after a stop or a kill, and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any

from scraper import urls
from scraper.hiding import hide
from scraper.stats import GOOD_RESULTS
from scraper.store.sql import Connection, Expression, Row, Table, func, insert, select, update
from scraper.store.tables import RequestState, failures, frontier, pages, refusals, runs
from scraper.store.values import COUNTS, ChangeCounts, Counts, Ending, FailureRow, RunRow


def begin(
    connection: Connection,
    name: str,
    identity: str,
    config: Mapping[str, Any],
    now: float,
    fingerprint: Mapping[str, str] | None = None,
) -> RunRow:
    """Return a new run."""
    digests = None if fingerprint is None else json.dumps(fingerprint)
    values = {"name": name, "identity": identity, "config": json.dumps(config), "started_at": now, "clean": 0}
    number = connection.insert(insert(runs).values(values, fingerprint=digests))
    run = get(connection, number)
    assert run is not None
    return run


def resume(
    connection: Connection,
    run: RunRow,
    config: Mapping[str, Any],
    fingerprint: Mapping[str, str] | None = None,
    *,
    joins: bool = False,
) -> RunRow:
    """Resume an unfinished run; one that was killed is counted as interrupted once more.

    Args:
        joins: others are at work on it, and nothing was interrupted.
    """
    connection.execute(
        update(runs)
        .where(runs.c.id == run.id)
        .values(
            config=json.dumps(config),
            result=None,
            why="",
            clean=0,
            stop_asked=None,
            interrupted=runs.c.interrupted + int(not run.clean and not joins),
            ending=runs.c.ending if joins else None,
            fingerprint=None if fingerprint is None else json.dumps(fingerprint),
        )
    )
    resumed = get(connection, run.id)
    assert resumed is not None
    return resumed


def end(connection: Connection, run: int, result: str, why: str, *, ended_at: float | None) -> None:
    """Note how a run ended; without `ended_at` it is unfinished, and the next crawl resumes it."""
    connection.execute(
        update(runs).where(runs.c.id == run).values(result=result, why=hide(why), ended_at=ended_at, clean=1)
    )


def add_seconds(connection: Connection, run: int, seconds: float, *, interrupted: bool) -> None:
    """Add working time, and an interruption where there was one."""
    more = {"seconds": runs.c.seconds + seconds, "interrupted": runs.c.interrupted + int(interrupted)}
    connection.execute(update(runs).where(runs.c.id == run).values(more))


def ask_to_stop(connection: Connection, run: int, now: float) -> None:
    """Ask whoever directs an unfinished run to stop it. Who was asked before is not asked again."""
    this = update(runs).where(runs.c.id == run, runs.c.ended_at.is_(None), runs.c.stop_asked.is_(None))
    connection.execute(this.values(stop_asked=now))


def is_asked_to_stop(connection: Connection, run: int) -> bool:
    """Tell whether somebody asked a run to stop, and it has not been resumed since."""
    return connection.scalar(select(runs.c.stop_asked).where(runs.c.id == run)) is not None


def set_ending(connection: Connection, run: int, ending: Ending) -> None:
    """Tell all who work on a run how it is to end, unless that was told before; files may be waited for no longer."""
    waits = select(runs.c.ending).where(runs.c.id == run)
    before = connection.scalar(waits.locking("NO KEY UPDATE"))
    if before is None or (json.loads(before)["files_only"] and not ending.files_only):
        text = json.dumps(asdict(ending))
        connection.execute(update(runs).where(runs.c.id == run, runs.c.ended_at.is_(None)).values(ending=text))


def add_queued(connection: Connection, run: int, count: int) -> None:
    """So many more requests are queued, without a page that they were found on."""
    connection.execute(update(runs).where(runs.c.id == run).values(queued=runs.c.queued + count))


def keep_changes(connection: Connection, run: int, counts: ChangeCounts) -> None:
    """Keep the result of a comparison with an earlier run."""
    connection.execute(update(runs).where(runs.c.id == run).values(changes=json.dumps(asdict(counts))))


def origins_reached(connection: Connection, run: int) -> set[str]:
    """Return the origins of a run's pages."""
    done = select(pages.c.url).join(frontier, frontier.c.id == pages.c.request).where(frontier.c.run == run)
    return {urls.origin_of(url) for (url,) in connection.stream(done)}


def get(connection: Connection, run: int) -> RunRow | None:
    """Return one run."""
    row = connection.execute(select(runs).where(runs.c.id == run)).first()
    return _run(row) if row is not None else None


def item_count(connection: Connection, run: int) -> int:
    """Return the items that a run has."""
    return connection.scalar(select(runs.c["items"]).where(runs.c.id == run)) or 0


def every(connection: Connection, name: str | None = None) -> list[RunRow]:
    """Return all runs, the newest first."""
    query = select(runs).order_by(runs.c.id.desc())
    if name is not None:
        query = query.where(runs.c.name == name)
    return [_run(row) for row in connection.execute(query)]


def unfinished(connection: Connection, name: str) -> RunRow | None:
    """Return the run of that name that the next crawl resumes; there is never more than one."""
    return _newest(connection, runs.c.name == name, runs.c.ended_at.is_(None))


def before(connection: Connection, run: RunRow) -> RunRow | None:
    """Return the newest run of the same name before `run` that ended inside its gate."""
    return _newest(
        connection,
        runs.c.name == run.name,
        runs.c.id < run.id,
        runs.c.ended_at.is_not(None),
        runs.c.result.in_(GOOD_RESULTS),
    )


def _newest(connection: Connection, *where: Expression) -> RunRow | None:
    row = connection.execute(select(runs).where(*where).order_by(runs.c.id.desc()).limit(1)).first()
    return _run(row) if row is not None else None


def _run(row: Row) -> RunRow:
    return RunRow(
        id=row.id,
        name=row.name,
        identity=row.identity,
        config=json.loads(row.config),
        hosts=tuple(json.loads(row.hosts)),
        started_at=row.started_at,
        ended_at=row.ended_at,
        result=row.result,
        why=row.why,
        seconds=row.seconds,
        clean=bool(row.clean),
        interrupted=row.interrupted,
        start_taken=row.start_taken,
        start_done=bool(row.start_done),
        commits=row.commits,
        counts=Counts(*(getattr(row, name) for name in COUNTS)),
        changes=ChangeCounts(**json.loads(row.changes)) if row.changes is not None else None,
        stop_asked=row.stop_asked,
        ending=Ending(**json.loads(row.ending)) if row.ending is not None else None,
        fingerprint=json.loads(row.fingerprint) if row.fingerprint is not None else None,
    )


def failure_rows(
    connection: Connection, run: int, reason: str | None = None, newest: int | None = None
) -> Iterator[FailureRow]:
    """Return the URLs of a run that ended without a page, in the order in which they did; or the newest, first."""
    query = select(failures).where(failures.c.run == run)
    if newest is None:
        query = query.order_by(failures.c.at, failures.c.request)
    else:
        query = query.order_by(failures.c.at.desc(), failures.c.request.desc()).limit(newest)
    if reason is not None:
        query = query.where(failures.c.reason == reason)
    page_of = cache(partial(page_with_link, connection))
    for row in connection.execute(query).all():
        yield replace(_failure(row), found_on=page_of(row.request))


def failure_of(connection: Connection, request: int) -> FailureRow | None:
    """Return why a request ended without a page; None where it did not."""
    row = connection.execute(select(failures).where(failures.c.request == request)).first()
    return _failure(row) if row is not None else None


def page_with_link(connection: Connection, request: int) -> str | None:
    """Return the URL of the page on which a request was found; of the target of a redirect, that with the link."""
    found_on = connection.scalar(select(frontier.c.found_on).where(frontier.c.id == request))
    if found_on is None:
        return None
    row = connection.execute(select(frontier).where(frontier.c.id == found_on)).first()
    if row is None:
        return None
    if row.state == RequestState.REDIRECTED.value:
        return page_with_link(connection, row.id)
    return str(json.loads(row.request)["url"])


def _failure(row: Row) -> FailureRow:
    return FailureRow(row.url, row.reason, row.message, row.status, row.attempts, row.traceback, row.at)


def counts_by_reason(connection: Connection, run: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many failed and how many were refused, by reason."""
    return failed_by_reason(connection, run), _by_reason(connection, refusals, run)


def failed_by_reason(connection: Connection, run: int) -> dict[str, int]:
    """Return how many failed, by reason."""
    return _by_reason(connection, failures, run)


def _by_reason(connection: Connection, table: Table, run: int) -> dict[str, int]:
    query = select(table.c.reason, func.count()).where(table.c.run == run).group_by(table.c.reason)
    return {row[0]: row[1] for row in connection.execute(query.order_by(table.c.reason))}


def refused_why(connection: Connection, run: int, reason: str, most: int) -> dict[str, int]:
    """Return how many URLs were refused for one reason, by message, the most frequent first."""
    return _by_message(connection, refusals, run, reason, most)


def failed_why(connection: Connection, run: int, reason: str, most: int) -> dict[str, int]:
    """Return how many URLs failed for one reason, by message, the most frequent first."""
    return _by_message(connection, failures, run, reason, most)


def _by_message(connection: Connection, table: Table, run: int, reason: str, most: int) -> dict[str, int]:
    query = select(table.c.message, func.count()).where(table.c.run == run, table.c.reason == reason)
    counts = {row[0]: row[1] for row in connection.execute(query.group_by(table.c.message))}
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:most])
