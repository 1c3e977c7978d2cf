"""The figures of a run, as the store has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scraper.advice import Seen, advice
from scraper.config import SiteConfig
from scraper.engine.frontier.admission import NOFOLLOW, TRAP
from scraper.observe.run_stats import run_stats
from scraper.runs.course import columns_of, course_of
from scraper.stats import RunSummary
from scraper.store import Store
from scraper.store.history.quarantine import SKIPPED, UNFOLLOWED, UNREAD
from scraper.store.values import Example, RunRow
from scraper.without_items import why_no_items

#: Traps that the figures name, and causes for which no robots.txt could be fetched.
_MOST_TRAPS = _MOST_CAUSES = 10
#: Pages that took longest; reasons of failures and refusals of which there are examples, and how many of each.
_SLOWEST, _REASONS, _EXAMPLES = 25, 40, 3
_NO_ROBOTS = "robots-unreachable"


def _advice(config: SiteConfig, store: Store, run: RunRow) -> list[str]:
    """Return what to look at in a run that ended by itself; of one that was cut off nothing can be told."""
    if run.result not in ("finished", "limit", "outside-gate"):
        return []
    said = store.refused_why(run.id, "nofollow", len(NOFOLLOW))
    seen = Seen(
        pages=run.counts.pages,
        health=store.health(run.id),
        filled_before=store.filled_before(run),
        matched=store.matched_rules(run) if config.rules else (),
        unread=store.noted(run.id, UNREAD) if config.rules else {},
        doubles=store.doubles(run.id) if any(item.key for item in config.items.values()) else {},
        nofollow=said.get(NOFOLLOW["page"], 0),
    )
    return advice(config, seen)


def stats_of(
    store: Store,
    run: RunRow,
    exports: Sequence[str] = (),
    config: SiteConfig | None = None,
    *,
    details: bool = True,
) -> dict[str, Any]:
    """Return the figures of a run as `--stats` writes them.

    Args:
        config: that of the crawl, where warnings are wanted.
        details: with its course, its slowest pages, and examples of what failed and was refused.
    """
    failures, refusals = store.counts_by_reason(run.id)
    quarantined, drops = store.left_out(run.id)
    counts = asdict(run.counts)
    del counts["queued"]
    summary = RunSummary(
        **counts,
        run=run.id,
        name=run.name,
        result=run.result or "unfinished",
        why=run.why,
        seconds=run.seconds,
        started_at=run.started_at,
        ended_at=run.ended_at,
        interrupted=run.interrupted,
        failures=failures,
        refusals=refusals,
        traps=store.refused_why(run.id, TRAP, _MOST_TRAPS) if TRAP in refusals else {},
        robots_unreachable=store.failed_why(run.id, _NO_ROBOTS, _MOST_CAUSES) if _NO_ROBOTS in failures else {},
        exports=tuple(exports),
        changes=asdict(run.changes) if run.changes is not None else None,
        quarantined=quarantined,
        drops=drops,
        skipped=store.noted(run.id, SKIPPED),
        unfollowed=store.noted(run.id, UNFOLLOWED),
        no_items=why_no_items(store, run, quarantined + sum(drops.values())),
        health={kind: sums.figures() for kind, sums in sorted(store.health(run.id).items())},
        warnings=_advice(config, store, run) if config is not None else (),
        died=[death.record() for death in store.died(run)],
        files=store.file_counts(run.id),
        **(_details(store, run, failures, refusals) if details else {}),
        paused=[] if run.is_finished else _paused(store),
    )
    return run_stats(summary, store.figures(run.id))


def _details(store: Store, run: RunRow, failures: Mapping[str, int], refusals: Mapping[str, int]) -> dict[str, Any]:
    return {
        "over_time": columns_of(course_of(store.timeline(run.id), run.seconds)),
        "slowest": [asdict(page) for page in store.slowest_pages(run.id, _SLOWEST)],
        "examples": {
            "failures": _examples(failures, run.id, store.failure_examples),
            "refusals": _examples(refusals, run.id, store.refusal_examples),
        },
    }


def _examples(
    counts: Mapping[str, int], run: int, look: Callable[[int, str, int], Sequence[Example]]
) -> dict[str, list[dict[str, Any]]]:
    """Return some URLs of each reason, of the most frequent."""
    reasons = sorted(counts, key=lambda reason: (-counts[reason], reason))[:_REASONS]
    return {reason: [asdict(example) for example in look(run, reason, _EXAMPLES)] for reason in reasons}


def _paused(store: Store) -> list[dict[str, Any]]:
    """Return the domains that are left alone, as the stats name them."""
    return [{"domain": name, "until": each.not_before, "why": each.why} for name, each in store.paused().items()]
