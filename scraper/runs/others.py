"""Others who work on a run: at its end they are waited for, as long as their leases hold."""

from __future__ import annotations

import time

from scraper.store import Store

_LOOK_SECONDS = 0.25


def wait_for_others(store: Store, run: int) -> None:
    """Return once nobody can commit anything to a run any more: they have left, or were taken off."""
    while True:
        store.void_expired(run)
        if not store.are_crawling(run):
            return
        time.sleep(_LOOK_SECONDS)
