"""The gate of a run in words: each of its bounds, and whether the run is inside."""

from __future__ import annotations

from collections.abc import Iterable

from scraper.config import Gate
from scraper.gate import outside_gate
from scraper.health import Health
from scraper.lazy_dataclass import dataclass
from scraper.store.values import RunRow


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound of the gate."""

    key: str
    #: What it asks for, in words.
    words: str
    #: Why the run is outside of it; None where it is inside.
    outside: str | None


_NOTHING = Gate.model_construct(min_items=None, max_failed=None, max_dropped=None, max_gone=None, fields={})


def bounds_of(gate: Gate, row: RunRow, earlier: RunRow | None, health: Health, before: Health) -> Iterable[Bound]:
    """Return each bound that is set; the gate itself judges it, alone."""
    for key, words, alone in _each(gate):
        only = _NOTHING.model_copy(update=alone)
        yield Bound(key, words, outside_gate(only, row.counts, earlier, row.changes, health, before))


def _each(gate: Gate) -> Iterable[tuple[str, str, dict[str, object]]]:
    if gate.min_items is not None:
        least = gate.min_items
        what = "of the items of the good run before" if isinstance(least, str) else "items"
        yield "gate.min_items", f"at least {least} {what}", {"min_items": least}
    for name, words in (
        ("max_failed", "of the URLs failed"),
        ("max_dropped", "of the items were dropped by pipelines"),
        ("max_gone", "of the known items are gone"),
    ):
        most = getattr(gate, name)
        if most is not None:
            yield f"gate.{name}", f"at most {most:.1%} {words}", {name: most}
    for field, share in gate.fields.items():
        yield (
            f"gate.fields.{field}",
            f"{field} filled in at least {share:.1%} of the items",
            {"fields": {field: share}},
        )
