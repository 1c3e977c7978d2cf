"""Samples of a run: URLs that failed or were refused, a few a reason, and the pages that took longest."""

from __future__ import annotations

from functools import cache, partial

from scraper.store.history.runs import page_with_link
from scraper.store.sql import Connection, func, select
from scraper.store.tables import attempts, failures, frontier, pages, refusals
from scraper.store.values import Example, SlowPage


def of_failures(connection: Connection, run: int, reason: str, most: int) -> list[Example]:
    """Return the first URLs that failed for a reason."""
    query = select(failures.c.url, failures.c.message, failures.c.request)
    query = query.where(failures.c.run == run, failures.c.reason == reason).limit(most)
    page_of = cache(partial(page_with_link, connection))
    return [Example(row[0], row[1], page_of(row[2])) for row in connection.execute(query).all()]


def of_refusals(connection: Connection, run: int, reason: str, most: int) -> list[Example]:
    """Return some URLs that were refused for a reason."""
    query = select(refusals.c.url, refusals.c.message, pages.c.url)
    query = query.outerjoin(pages, pages.c.request == refusals.c.found_on)
    query = query.where(refusals.c.run == run, refusals.c.reason == reason).limit(most)
    return [Example(*row) for row in connection.execute(query).all()]


def slowest(connection: Connection, run: int, most: int) -> list[SlowPage]:
    """Return the pages that took longest, from the sending to the end of the body; not those of earlier runs."""
    # There is no index of pages by run: those of one lie together by the numbers of its requests.
    least, last = connection.execute(
        select(func.min(frontier.c.id), func.max(frontier.c.id)).where(frontier.c.run == run)
    ).all()[0]
    if least is None:
        return []
    first_try = select(pages.c.url, pages.c.seconds, pages.c.bytes, pages.c.status).where(
        pages.c.request.between(least, last), pages.c.run == run, pages.c.seconds.is_not(None)
    )
    later = (
        select(pages.c.url, attempts.c.seconds, attempts.c.bytes, pages.c.status)
        .select_from(attempts)
        .join(pages, pages.c.request == attempts.c.request)
        .where(attempts.c.request.between(least, last), attempts.c.run == run, attempts.c.reason == "")
    )
    found = [
        SlowPage(*row)
        for query, column in ((first_try, pages.c.seconds), (later, attempts.c.seconds))
        for row in connection.execute(query.order_by(column.desc()).limit(most))
    ]
    return sorted(found, key=lambda page: -page.seconds)[:most]
