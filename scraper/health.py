"""Selector health: how often each field of each type of item held something, and which fields died.

What counts is every item that a page gave: also one that a pipeline dropped, or that was put aside. A selector that
finds nothing shows there first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from scraper.lazy_dataclass import dataclass

#: Fields of an item that are looked at; what has more is not a record but a table.
MOST_FIELDS = 200
#: A field lived where at least this share of the items had it, and is dead where less than a tenth of that has it.
LIVED = 0.5
DEAD_PART = 0.1
#: So many items are needed to tell.
LEAST_ITEMS = 10


class Shape(NamedTuple):
    """The fields of an item that held something, without its values: most items of a type share one shape."""

    type: str
    filled: tuple[str, ...]
    empty: tuple[str, ...]
    #: What a page said there is not of the field's type.
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that its model refused, as the store keeps it."""

    type: str
    url: str  # of its page; empty for one of start()
    data: str  # JSON
    problems: str  # JSON: [{"field": …, "message": …}, …]
    #: A pipeline raised: the same page may give it another time.
    is_failed: bool = False


def is_filled(value: Any) -> bool:
    """Tell whether a value of an item, as plain JSON, says anything: not null, nor empty or blank text, nor empty."""
    if isinstance(value, str):
        return value != "" and not value.isspace()
    return value is not None and value != [] and value != {}


def shape_of(kind: str, data: Mapping[str, Any], failed: tuple[str, ...] = ()) -> Shape:
    """Return the shape of an item.

    Args:
        kind: its type.
        data: its fields, as plain JSON values.
        failed: those that made no sense, whatever they hold now.
    """
    filled: list[str] = []
    empty: list[str] = []
    for name, value in data.items() if len(data) <= MOST_FIELDS else islice(data.items(), MOST_FIELDS):
        if failed and name in failed:
            continue
        (filled if is_filled(value) else empty).append(name)
    return Shape(kind, tuple(filled), tuple(empty), failed[:MOST_FIELDS])


# Sums ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class FieldHealth:
    """Of how many items a field held something, or what is not of its type."""

    filled: int = 0
    failed: int = 0


@dataclass(slots=True)
class TypeHealth:
    """The items of one type: how many there were, and their fields by name."""

    items: int = 0
    fields: dict[str, FieldHealth] = field(default_factory=dict)

    def share(self, name: str) -> float:
        """Return the share of the items that had the field filled, 0 to 1."""
        found = self.fields.get(name)
        return found.filled / self.items if found is not None and self.items else 0.0

    def figures(self) -> dict[str, dict[str, int]]:
        """By field, how many items had it filled, empty or missing, and failed; at most so many fields as count."""
        return {
            name: {"filled": sums.filled, "empty": self.items - sums.filled - sums.failed, "failed": sums.failed}
            for name, sums in islice(sorted(self.fields.items()), MOST_FIELDS)
        }


#: By type of item.
Health = dict[str, TypeHealth]


def health_of(counts: Iterable[tuple[Shape, int]]) -> Health:
    """Return the sums over shapes, each with how many items had it."""
    health: Health = {}
    for shape, count in counts:
        kind = health.setdefault(shape.type, TypeHealth())
        kind.items += count
        for name in shape.empty:
            kind.fields.setdefault(name, FieldHealth())
        for name in shape.filled:
            kind.fields.setdefault(name, FieldHealth()).filled += count
        for name in shape.failed:
            kind.fields.setdefault(name, FieldHealth()).failed += count
    return health


# Death ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Death:
    """A field that lived in an earlier run, and that next to no item has any more."""

    type: str
    field: str
    filled: int
    items: int
    #: The newest run in which it lived, when that began (seconds since the epoch), and in which share of its items.
    run: int
    lived_at: float
    share: float
    #: Pages of the later run whose items lack it.
    examples: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON; the moment is ISO 8601 in UTC."""
        lived_at = datetime.fromtimestamp(self.lived_at, UTC).isoformat(timespec="seconds")
        return {**asdict(self), "share": round(self.share, 4), "lived_at": lived_at, "examples": list(self.examples)}


def deaths(now: Health, earlier: Iterable[tuple[int, float, Health]]) -> list[Death]:
    """Return the fields that died, by type and name.

    Args:
        now: the run that is looked at.
        earlier: runs inside their gates before it, the newest first: number, beginning (seconds since the epoch),
            health. Each is asked: a field that has been dead for several runs is as dead as before.
    """
    found: dict[tuple[str, str], Death] = {}
    for run, began_at, health in earlier:
        for kind, before in health.items():
            current = now.get(kind)
            if current is None or current.items < LEAST_ITEMS:
                continue
            for name in before.fields:
                share = before.share(name)
                if share < LIVED or (kind, name) in found or current.share(name) >= DEAD_PART * share:
                    continue
                filled = current.fields[name].filled if name in current.fields else 0
                found[kind, name] = Death(kind, name, filled, current.items, run, began_at, share)
    return [found[key] for key in sorted(found)]
