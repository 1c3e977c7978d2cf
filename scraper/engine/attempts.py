"""The facts that the store keeps of one sending of a request."""

from __future__ import annotations

import time

from scraper.fetch.base import FetchResult as Fetch
from scraper.store.values import Attempt


def attempt_of(fetch: Fetch, number: int, reason: str = "", message: str = "", wait: float | None = None) -> Attempt:
    """Return the facts of the `number`-th sending of a request.

    Args:
        reason: why it failed, or `redirect`; empty for a page.
        message: the same in words, or where a redirect leads.
        wait: seconds until the next try, where there is one.
    """
    served, now = fetch.served, time.monotonic()
    # Where no connection was had, this is asked right at its end.
    began = served.sent_at if served is not None and served.sent_at else now - fetch.seconds
    return Attempt(
        number=number,
        at=fetch.fetched_at or time.time() - (now - began),
        connection=served.id if served is not None else None,
        reused=served is not None and served.reused,
        status=fetch.response.status if fetch.response is not None else None,
        reason=reason,
        message=message,
        wait=wait,
        seconds=fetch.seconds,
        bytes=fetch.bytes,
        records=fetch.records,
        kept=fetch.kept,
    )
