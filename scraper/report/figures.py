"""Gather all figures of a run, from the store alone: what the page shows is what `--stats`, `runs` and `diff` say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import ValidationError

from scraper.config import Gate, Loaded
from scraper.gate import gate_of
from scraper.lazy_dataclass import dataclass
from scraper.observe.estimate import Estimate
from scraper.reasons import reason_row, remedy_of
from scraper.report.bounds import Bound, bounds_of
from scraper.runs.course import Course, course_of
from scraper.runs.status_facts import estimate_of
from scraper.runs.summary import stats_of
from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.history.changes import CHANGE_KINDS, Change
from scraper.store.values import Example, RunRow, SlowPage

#: Runs side by side, and those of them whose courses are drawn.
_RUNS, _DRAWN = 10, 5
#: Changes of one kind.
_CHANGES = 150


@dataclass(frozen=True, slots=True)
class Happened:
    """What failed or was refused for one reason."""

    reason: str
    count: int
    meaning: str
    remedy: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an earlier run: how many of each kind, and the first of each."""

    since: RunRow
    counts: Mapping[str, int]
    first: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """How often a field was filled, from run to run."""

    type: str
    name: str
    #: By number of the run, the share of its items; None where it had no item of the type.
    shares: Mapping[int, float | None]
    #: As the stats have it, where it died.
    death: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Beside:
    """A run in a row with others."""

    row: RunRow
    sums: ConnectionStats
    course: Course | None


@dataclass(frozen=True, slots=True)
class RunFigures:
    """All that is known of a run."""

    row: RunRow
    made_at: float  # seconds since the epoch
    is_at_work: bool
    #: As `--stats` writes them.
    stats: Mapping[str, Any]
    gate: tuple[Bound, ...]
    course: Course
    #: Of a run at work: when it ends.
    estimate: Estimate | None
    failures: tuple[Happened, ...]
    refusals: tuple[Happened, ...]
    slowest: tuple[SlowPage, ...]
    fields: tuple[Field, ...]
    #: None where no item has a key, or there is no earlier run.
    changes: Changes | None
    #: Itself and those before it, the newest first.
    runs: tuple[Beside, ...]


def figures_of(store: Store, row: RunRow, loaded: Loaded, stats: Mapping[str, Any] | None = None) -> RunFigures:
    """Return the figures of a run.

    Args:
        stats: its figures as `--stats` writes them, where they are at hand.
    """
    stats = stats_of(store, row, (), loaded.config) if stats is None else stats
    rows = [each for each in store.all_runs(row.name) if each.id <= row.id][:_RUNS]
    courses = {each.id: course_of(store.timeline(each.id), each.seconds) for each in rows[:_DRAWN]}
    earlier = store.run_before(row)
    status = None if row.is_finished else store.status(row)
    return RunFigures(
        row=row,
        made_at=time.time(),
        is_at_work=status is not None and status.coordinator is not None,
        stats=stats,
        gate=_bounds(store, row, earlier, loaded),
        course=courses[row.id],
        estimate=estimate_of(status) if status is not None else None,
        failures=tuple(_happened(stats, "failures")),
        refusals=tuple(_happened(stats, "refusals")),
        slowest=tuple(SlowPage(**page) for page in stats["slowest"]),
        fields=tuple(_fields(store, rows, stats["died"])),
        changes=_changes(store, earlier, row, loaded),
        runs=tuple(_beside(store, each, courses.get(each.id)) for each in rows),
    )


def _bounds(store: Store, row: RunRow, earlier: RunRow | None, loaded: Loaded) -> tuple[Bound, ...]:
    """Return the gate of a run, as the YAML had it then."""
    is_default = loaded.is_default("gate.min_items")
    try:
        gate = Gate.model_validate(row.config.get("gate", {}))
    except ValidationError:
        gate = loaded.config.gate
    gate = gate_of(loaded.config.model_copy(update={"gate": gate}), is_default=is_default)
    before = store.health(earlier.id) if earlier is not None else {}
    return tuple(bounds_of(gate, row, earlier, store.health(row.id), before))


def _happened(stats: Mapping[str, Any], kind: str) -> Iterable[Happened]:
    """Return what failed or was refused, by reason, as far as there are examples."""
    for reason, examples in stats["examples"][kind].items():
        row = reason_row(reason)
        yield Happened(
            reason=reason,
            count=stats[kind][reason],
            meaning=row.meaning if row is not None else "",
            remedy=remedy_of(reason),
            examples=tuple(Example(**example) for example in examples),
        )


def _fields(store: Store, rows: Sequence[RunRow], died: Sequence[Mapping[str, Any]]) -> Iterable[Field]:
    """Return the fields of the runs' items, those that died first."""
    health = {row.id: store.health(row.id) for row in rows}
    names = {(kind, name) for run in health.values() for kind, sums in run.items() for name in sums.fields}
    deaths = {(death["type"], death["field"]): death for death in died}
    for kind, name in sorted(names, key=lambda each: (each not in deaths, each)):
        shares = {run: found[kind].share(name) if kind in found else None for run, found in health.items()}
        yield Field(kind, name, shares, deaths.get((kind, name)))


def _changes(store: Store, earlier: RunRow | None, row: RunRow, loaded: Loaded) -> Changes | None:
    """Return what `scraper diff` says of a run and the one before it."""
    if earlier is None or not any(item.key for item in loaded.config.items.values()):
        return None
    first = [change for kind in CHANGE_KINDS for change in islice(store.changes(earlier, row, [kind]), _CHANGES)]
    known = row.changes
    if row.is_finished and known is not None and known.since == earlier.id:
        # They were counted when it was judged.
        counts: Mapping[str, int] = {kind: getattr(known, kind) for kind in CHANGE_KINDS}
    else:
        found = Counter(change.kind for change in store.changes(earlier, row))
        counts = {kind: found[kind] for kind in CHANGE_KINDS}
    return Changes(earlier, counts, tuple(first))


def _beside(store: Store, row: RunRow, course: Course | None) -> Beside:
    sums = ConnectionStats()
    for more in store.figures(row.id).values():
        sums += more
    return Beside(row, sums, course)
