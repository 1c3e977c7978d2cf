"""What an earlier call of the crawl left to wait for longer than anything may."""

from __future__ import annotations

from scraper.config import SiteConfig
from scraper.observe.text import counted
from scraper.store import Store

#: Domains that are named.
_NAMED = 3


def end_overlong_waits(store: Store, run: int, config: SiteConfig) -> str:
    """Make due what waits for longer than its domain's `retry` allows; return what was, in words, or "".

    All processes of a crawl count waits by one clock that no step of the wall clock changes, so that only what was
    there before the crawl began can lie so far ahead.
    """
    of_domains = {name: settings.retry.longest_wait for name, settings in config.domains.items()}
    names, requests = store.recall(run, config.for_domain("").retry.longest_wait, of_domains)
    if not names:
        return ""
    what = f"{counted(requests, 'request')} of " if requests else ""
    named = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    why = "since the clock was set back or that key was lowered"
    return (
        f"{what}{counted(len(names), 'domain')} had to wait for longer than retry.max_wait allows, {why}: "
        f"they are due now ({named})"
    )
