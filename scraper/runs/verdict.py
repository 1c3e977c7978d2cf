"""How a run that ended is judged: by its gate, and by what changed since the run before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scraper.config import Loaded, SiteConfig
from scraper.engine.limits import ShardEnd
from scraper.exports.run_exports import RunExports
from scraper.gate import gate_of, outside_gate
from scraper.items import ItemRow
from scraper.store import Store
from scraper.store.values import ChangeCounts, RunRow


def judge(loaded: Loaded, store: Store, run: int, end: ShardEnd, exports: RunExports) -> tuple[str, str]:
    """Return the result of a run and why: one that finished is judged by its gate."""
    if end.result == "stopped":
        return end.result, end.why
    store.give_files_up(run)
    current = store.run(run)
    assert current is not None
    outside = why_outside_gate(loaded, store, current, exports)
    return ("outside-gate", outside) if outside is not None else (end.result, end.why)


def why_outside_gate(loaded: Loaded, store: Store, run: RunRow, exports: RunExports) -> str | None:
    """Compare a run with the one before it, and return why it is outside its gate; None where it is inside."""
    earlier = store.run_before(run)
    changes = _compare(loaded.config, store, earlier, run, exports)
    health = store.health(run.id)
    before = store.health(earlier.id) if earlier is not None else None
    is_default = loaded.is_default("gate.min_items")
    gate = gate_of(loaded.config, is_default=is_default)
    return outside_gate(gate, run.counts, earlier, changes, health, before, is_default=is_default)


def _compare(
    config: SiteConfig, store: Store, earlier: RunRow | None, run: RunRow, exports: RunExports
) -> ChangeCounts | None:
    """Count what changed since an earlier run, and write it to the exports for it; None without any keys."""
    if not any(item.key for item in config.items.values()):
        return None
    counts: Counter[str] = Counter()

    def rows() -> Iterator[ItemRow]:
        for change in () if earlier is None else store.changes(earlier, run):
            counts[change.kind] += 1
            yield ItemRow(run.commits, change.type, change.record())

    exports.write_changes(rows())
    since, known = (None, 0) if earlier is None else (earlier.id, store.known_items(earlier, run))
    found = ChangeCounts(since, known, **counts)
    store.keep_changes(earlier, run, found)
    return found
