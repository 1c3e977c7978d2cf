"""The gate: whether a run that came to its end was good."""

from __future__ import annotations

from decimal import Decimal

from scraper.config import Gate
from scraper.store.values import ChangeCounts, Counts, RunRow


def outside_gate(
    gate: Gate, counts: Counts, previous: RunRow | None = None, changes: ChangeCounts | None = None
) -> str | None:
    """Why a finished run lies outside of its gate, in a sentence that names figure and bound; None where it does not.

    Args:
        counts: what the run came to.
        previous: the run that `min_items: 80%` speaks of; without one, that holds for any number of items.
        changes: what `max_gone` speaks of; without an earlier run nothing is gone.
    """
    return (
        _too_few_items(gate, counts, previous)
        or _too_large("URLs failed", counts.failed, counts.pages + counts.failed, "gate.max_failed", gate.max_failed)
        or _too_large(
            "items were dropped", counts.dropped, counts.items + counts.dropped, "gate.max_dropped", gate.max_dropped
        )
        or _too_many_gone(gate, changes)
    )


def _too_few_items(gate: Gate, counts: Counts, previous: RunRow | None) -> str | None:
    least = gate.min_items
    if isinstance(least, str):
        if previous is None:
            return None
        # Decimal: 7 items are no less than 7% of 100, which binary fractions doubt.
        if counts.items * 100 >= Decimal(least.removesuffix("%").rstrip()) * previous.counts.items:
            return None
        return (
            f"{counts.items:,} items, fewer than gate.min_items: {least} of the {previous.counts.items:,} "
            f"of run {previous.id}"
        )
    if least is not None and counts.items < least:
        return f"{counts.items} items, fewer than gate.min_items: {least}"
    return None


def _too_many_gone(gate: Gate, changes: ChangeCounts | None) -> str | None:
    if changes is None or changes.since is None:
        return None
    what = f"items known since run {changes.since} are gone"
    return _too_large(what, changes.gone, changes.known, "gate.max_gone", gate.max_gone)


def _too_large(what: str, count: int, total: int, key: str, most: float | None) -> str | None:
    if most is None or not total or count / total <= most:
        return None
    return f"{count} of {total} {what} ({count / total:.1%}), more than {key}: {most:.1%}"
