"""The gate: whether a run that finished was good."""

from __future__ import annotations

from decimal import Decimal

from scraper.config import Gate, SiteConfig
from scraper.health import FieldHealth, Health
from scraper.store.values import ChangeCounts, Counts, RunRow


def gate_of(config: SiteConfig, *, is_default: bool) -> Gate:
    """Return the gate of a crawl.

    Where nobody wrote gate.min_items, its default does not hold for a crawl that makes no items by design: one of
    rules without fields, or one that is there for its archive.

    Args:
        is_default: nobody wrote gate.min_items.
    """
    only_follows = config.spider is None and not any(rule.fields for rule in config.rules)
    if is_default and (only_follows or config.archive is not None):
        return config.gate.model_copy(update={"min_items": None})
    return config.gate


def outside_gate(
    gate: Gate,
    counts: Counts,
    previous: RunRow | None = None,
    changes: ChangeCounts | None = None,
    health: Health | None = None,
    before: Health | None = None,
    *,
    is_default: bool = False,
) -> str | None:
    """Say why a finished run is outside its gate, in a sentence that names figure and bound; None where it is inside.

    Args:
        counts: what the run came to.
        previous: the run that `min_items: 80%` speaks of; without one, that holds for any number of items.
        changes: what `max_gone` speaks of; without an earlier run nothing is gone.
        health: what `fields` speaks of.
        before: that of the previous run, which knows fields that no item has any more.
        is_default: nobody wrote gate.min_items.
    """
    return (
        _too_empty(gate, health or {}, before or {})
        or _too_few_items(gate, counts, previous, is_default=is_default)
        or _too_large("URLs failed", counts.failed, counts.pages + counts.failed, "gate.max_failed", gate.max_failed)
        or _too_large(
            "items were dropped", counts.dropped, counts.items + counts.dropped, "gate.max_dropped", gate.max_dropped
        )
        or _too_many_gone(gate, changes)
    )


def _too_empty(gate: Gate, health: Health, before: Health) -> str | None:
    for written, least in gate.fields.items():
        for kind, name in _meant(written, health, before):
            sums = health[kind]
            field = sums.fields.get(name, FieldHealth())
            if field.filled < Decimal(repr(least)) * sums.items:
                return (
                    f"{kind}.{name} is filled in {field.filled:,} of {sums.items:,} items "
                    f"({sums.share(name):.1%}), fewer than gate.fields.{written}: {least:.1%}"
                )
    return None


def _meant(written: str, health: Health, before: Health) -> list[tuple[str, str]]:
    """Return the types with items, and the field in each, that `price` or `book.price` means.

    Without a type it means each that has such a field, or had it; where none has, all of them.
    """
    kind, dot, name = written.partition(".")
    known = [each for each in health if any(written in run[each].fields for run in (health, before) if each in run)]
    if dot and not known:
        return [(kind, name)] if kind in health else []
    return [(each, written) for each in known or health]


def _too_few_items(gate: Gate, counts: Counts, previous: RunRow | None, *, is_default: bool) -> str | None:
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
        default = f" (nobody wrote gate.min_items; the default is {least})" if is_default else ""
        return f"{counts.items} items, fewer than gate.min_items: {least}{default}"
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
