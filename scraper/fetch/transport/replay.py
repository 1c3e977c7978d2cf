"""Send a request once, and once more where the first connection was of no use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import requests

from scraper.fetch.transport.exchange import Exchange, RequestContext, here
from scraper.request import IDEMPOTENT

_Answer = TypeVar("_Answer")


def context_here() -> RequestContext:
    """Return the context to which what this thread sends belongs.

    Raises:
        RuntimeError: there is none.
    """
    if here.context is None:
        raise RuntimeError("a Session of scraper was used outside of its crawl; use scraper.Sessions()")
    return here.context


def send_or_replay(
    context: RequestContext, request: requests.PreparedRequest, send: Callable[[Exchange], _Answer]
) -> _Answer:
    """Send once, and once more on a fresh connection when the first was of no use.

    In this order: wait at the gate where something beside the frontier sends (digest auth's second request); send;
    replay a stale send, and one that met the rest of a response longer than it said (RFC 9112 section 6.3), if the
    method is idempotent and the body is at hand.

    Raises:
        requests.RequestException: as `send` raises it.
    """
    exchange = context.next_exchange()
    try:
        return send(exchange)
    except requests.RequestException:
        replayable = request.method in IDEMPOTENT and isinstance(request.body, str | bytes | None)
        if not replayable or not (exchange.stale or exchange.misread):
            raise
    # Not in the handler: what fails now would be taken for what failed before.
    return send(context.next_exchange(fresh=True))
