"""When a run is at its end, as far as that can be said of what is known: limits, and the spider's StopCrawl."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.config import Limits
from scraper.config.model.run import MOST_PAGES
from scraper.config.types.units import format_size
from scraper.lazy_dataclass import dataclass
from scraper.store.outcomes import Outcome, Unchanged
from scraper.store.values import Counts


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """How a shard ended: `finished`, `limit` or `stopped`, and why in words."""

    result: str
    why: str


STOPPED = ShardEnd("stopped", "stopped by request")
FINISHED = ShardEnd("finished", "everything was crawled")


def stopped_by_spider(message: str) -> ShardEnd:
    """Return the end of a crawl whose spider raised StopCrawl."""
    return ShardEnd("finished", f"the spider stopped it: {message}" if message else "the spider stopped it")


def cut(limits: Limits, items: int, outcomes: Sequence[Outcome]) -> tuple[list[Outcome], ShardEnd | None]:
    """Return the outcomes up to the page with which `limits.items` is reached, or which said StopCrawl, and that end.

    Args:
        items: items that are committed.
    """
    if limits.items is not None and items >= limits.items:
        return [], _items_reached(limits)
    for place, outcome in enumerate(outcomes):
        yielded = getattr(outcome, "yielded", None)
        if yielded is None:
            continue
        items += outcome.items if isinstance(outcome, Unchanged) else len(yielded.items)
        if yielded.stop is not None:
            return list(outcomes[: place + 1]), stopped_by_spider(yielded.stop)
        if limits.items is not None and items >= limits.items:
            return list(outcomes[: place + 1]), _items_reached(limits)
    return list(outcomes), None


def time_is_up(limits: Limits, worked: float) -> ShardEnd | None:
    """Tell whether `limits.duration` is over after `worked` seconds."""
    if limits.duration is None or worked < limits.duration:
        return None
    return ShardEnd("limit", f"limits.duration: {limits.duration:g} s are over")


def bytes_are_over(limits: Limits, received: int) -> ShardEnd | None:
    """Tell whether `limits.bytes` is reached after so many bytes of bodies over the wire."""
    if limits.bytes is None or received < limits.bytes:
        return None
    return ShardEnd("limit", f"limits.bytes: {format_size(limits.bytes)} are reached")


def limit_reached(limits: Limits, counts: Counts, *, all_started: bool) -> ShardEnd | None:
    """Tell whether the committed counts reach a limit.

    Args:
        all_started: start() gives no more.
    """
    if limits.items is not None and counts.items >= limits.items:
        return _items_reached(limits)
    if limits.pages is not None and counts.pages >= limits.pages:
        if counts.queued == 0 and all_started:
            return FINISHED
        default = ", the default; null lifts it" if limits.pages == MOST_PAGES else ""
        return ShardEnd("limit", f"limits.pages: {limits.pages} is reached{default}")
    return None


def _items_reached(limits: Limits) -> ShardEnd:
    return ShardEnd("limit", f"limits.items: {limits.items} is reached")
