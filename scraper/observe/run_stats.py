"""The figures of a run as JSON: what `--stats FILE` writes, `run.stats` holds and the report prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scraper.errors import ScraperError
from scraper.hiding import hide_in
from scraper.private_files import write_private
from scraper.stats import ConnectionStats, RunSummary


def run_stats(summary: RunSummary, domains: Mapping[str, ConnectionStats]) -> dict[str, Any]:
    """Return the figures of a run, of JSON types only.

    Times are seconds; `started_at` and `ended_at` are ISO 8601 in UTC. The ledger's sums are of all domains,
    and under `domains` each domain's own, by name.
    """
    total = ConnectionStats()
    for figures in domains.values():
        total += figures
    sums = _sums(total)
    return {
        "run": summary.run,
        "name": summary.name,
        "result": summary.result,
        "why": summary.why,
        "started_at": _iso(summary.started_at),
        "ended_at": None if summary.ended_at is None else _iso(summary.ended_at),
        "seconds": round(summary.seconds, 3),
        "interrupted": summary.interrupted,
        "pages": summary.pages,
        "items": summary.items,
        "failed": summary.failed,
        "refused": summary.refused,
        "duplicates": summary.duplicates,
        "dropped": summary.dropped,
        "quarantined": summary.quarantined,
        "redirects": summary.redirects,
        "carried": summary.carried,
        "not_modified": summary.not_modified,
        "unstable": summary.unstable,
        "distrusted": summary.distrusted,
        "checked": summary.checked,
        "sitemaps": summary.sitemaps,
        "sitemaps_unread": summary.sitemaps_unread,
        "files": dict(summary.files),
        "changes": None if summary.changes is None else dict(summary.changes),
        **sums,
        **_by_proxy(total),
        "failures": _by_count(summary.failures),
        "robots_unreachable": dict(summary.robots_unreachable),
        "refusals": _by_count(summary.refusals),
        "traps": dict(summary.traps),
        "drops": dict(summary.drops),
        "skipped": dict(summary.skipped),
        "unfollowed": dict(summary.unfollowed),
        "no_items": None if summary.no_items is None else dict(summary.no_items),
        "health": {kind: {name: dict(sums) for name, sums in by.items()} for kind, by in summary.health.items()},
        "paused": [{**paused, "until": _iso(paused["until"])} for paused in summary.paused],
        "died": [dict(death) for death in summary.died],
        "warnings": list(summary.warnings),
        "exports": list(summary.exports),
        "over_time": {name: list(values) for name, values in summary.over_time.items()},
        "slowest": [dict(page) for page in summary.slowest],
        "examples": {
            kind: {reason: [dict(example) for example in some] for reason, some in by_reason.items()}
            for kind, by_reason in summary.examples.items()
        },
        "domains": {name: _of_domain(domains[name]) for name in sorted(domains)},
    }


def write_stats(path: Path, stats: Mapping[str, Any]) -> None:
    """Write `stats` to `path`, whole or not at all, for its owner alone; its folder is created.

    Raises:
        ScraperError: it cannot be written.
    """
    try:
        write_private(path, (json.dumps(hide_in(stats), indent=2) + "\n").encode())
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ScraperError(
            f"cannot write the stats {path}: {cause}", remedy="name a file that may be written"
        ) from error


def _of_domain(figures: ConnectionStats) -> dict[str, Any]:
    """Return the sums of a domain, and what it has alone: the newest delay where that follows the server."""
    delay = {} if figures.delay is None else {"delay": round(figures.delay, 3)}
    return _sums(figures) | delay | _by_proxy(figures)


def _by_proxy(figures: ConnectionStats) -> dict[str, Any]:
    """Return what went by each proxy, where some were gone by."""
    if not figures.proxies:
        return {}
    return {
        "proxies": {
            name: {**vars(sums), "failures": _by_count(sums.failures)}
            for name, sums in sorted(figures.proxies.items())
        }
    }


def _sums(figures: ConnectionStats) -> dict[str, Any]:
    return {
        "requests": figures.requests,
        "connections": figures.connections,
        "reused": figures.reused,
        "reuse_rate": round(figures.reuse_rate, 4),
        "unused": figures.unused,
        "stale": figures.stale,
        "retries": figures.retries,
        "bytes": figures.bytes,
        "handshake_seconds": round(figures.handshake_seconds, 3),
        "handshakes_saved": figures.reused,
        "seconds_saved": round(figures.seconds_saved, 3),
        "reasons": _by_count(figures.reasons),
    }


def _by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent first."""
    return {str(name): counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
