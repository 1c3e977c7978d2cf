"""The facts of `scraper status`: a run at one moment as plain values, and an estimate of its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scraper.observe.estimate import Estimate, estimate, slowest_domains
from scraper.observe.events import Waiting
from scraper.store.history.status import Status, Worker

#: Domains that are named as having most left, and as waiting longest.
_MOST_NAMED = 8
#: What `limits` counts over a run, and how much of it there is.
_LIMITED = ("pages", "items", "bytes", "duration")


def facts(status: Status) -> dict[str, Any]:
    """Return a run at one moment, as JSON has it."""
    run, counts = status.run, status.run.counts
    doing = [worker.doing for worker in status.workers if worker.doing is not None]
    estimate = estimate_of(status)
    return {
        "name": run.name,
        "run": run.id,
        "state": state_of(status),
        "why": run.why,
        "started_at": _iso(run.started_at),
        "ended_at": _iso(run.ended_at) if run.ended_at is not None else None,
        "seconds": round(run.seconds, 3),
        "pages": counts.pages,
        "items": counts.items,
        "failed": counts.failed,
        "refused": counts.refused,
        "queued": counts.queued,
        "failures": dict(status.failures),
        "pages_per_second": pages_per_second(status),
        "in_flight": sum(each.in_flight for each in doing),
        "seconds_left": round(estimate.seconds, 1) if estimate is not None else None,
        "estimate_by": estimate.basis if estimate is not None else None,
        "limits": limits_of(status),
        "domains": status.domains,
        "longest_queues": dict(longest_queues(status)),
        "waiting": dict(waiting_of(status)),
        "longest_waits": [
            {"domain": wait.domain, "reason": wait.reason, "seconds": round(wait.seconds, 1)}
            for wait in longest_waits(status)
        ],
        "delays": dict(delays_of(status)),
        "paused": [
            {"domain": name, "until": _iso(each.not_before), "why": each.why}
            for name, each in status.paused.items()
            if each.not_before is not None
        ],
        "paused_proxies": [
            {"proxy": each.name, "until": _iso(each.until), "why": each.why} for each in status.proxies
        ],
        "stop_asked_at": _iso(run.stop_asked) if run.stop_asked is not None else None,
        "workers": [_process(each) for each in processes(status.workers)],
    }


def _process(rows: Sequence[Worker]) -> dict[str, Any]:
    doing = [row.doing for row in rows if row.doing is not None]
    return {
        "host": rows[0].host,
        "pid": rows[0].pid,
        "roles": [row.role.value for row in rows],
        "since": _iso(min(row.since for row in rows)),
        "heartbeat_seconds_ago": round(min(row.beat_ago for row in rows), 1),
        "domains": sum(row.domains for row in rows),
        "in_flight": sum(each.in_flight for each in doing),
        "pages_per_second": round(sum(each.pages_per_second for each in doing), 2),
        "parsing": next(
            ({"url": each.parsing[0], "seconds": each.parsing[1]} for each in doing if each.parsing), None
        ),
    }


def state_of(status: Status) -> str:
    """Return how a run stands, in a word or two."""
    if status.coordinator is not None:
        return "stopping" if status.run.stop_asked is not None else "at work"
    if status.run.result is None:
        return "killed"
    return status.run.result


def processes(workers: Sequence[Worker]) -> Iterator[list[Worker]]:
    """Yield those of each process together: one process alone directs and fetches."""
    by_process: dict[tuple[str, int], list[Worker]] = {}
    for worker in workers:
        by_process.setdefault((worker.host, worker.pid), []).append(worker)
    yield from by_process.values()


def pages_per_second(status: Status) -> float:
    """Return those of late, over all shards."""
    return round(sum(worker.doing.pages_per_second for worker in status.workers if worker.doing is not None), 2)


def waiting_of(status: Status) -> Counter[str]:
    """Return how many domains hand out nothing right now, by reason."""
    counts: Counter[str] = Counter()
    for worker in status.workers:
        counts.update(worker.doing.waiting if worker.doing is not None else {})
    return counts


def longest_waits(status: Status) -> list[Waiting]:
    """Return the domains that wait longest."""
    waits = [wait for worker in status.workers if worker.doing is not None for wait in worker.doing.longest]
    return sorted(waits, key=lambda wait: -wait.seconds)[:_MOST_NAMED]


def longest_queues(status: Status) -> list[tuple[str, int]]:
    """Return the domains with most left, where that was counted."""
    return sorted((status.queues or {}).items(), key=lambda each: (-each[1], each[0]))[:_MOST_NAMED]


def delays_of(status: Status) -> list[tuple[str, float]]:
    """Return the domains whose delay follows the server, the slowest first, with that delay in seconds."""
    slowest = sorted(status.delays.items(), key=lambda each: (-each[1], each[0]))
    return [(name, round(delay, 3)) for name, delay in slowest[:_MOST_NAMED]]


def limits_of(status: Status) -> dict[str, dict[str, float]]:
    """Return what the limits of the run as it is crawled leave, by the key of each that holds."""
    limits: Mapping[str, float | None] = status.run.config.get("limits", {})
    counts = status.run.counts
    used = {"pages": counts.pages, "items": counts.items, "bytes": status.bytes, "duration": status.run.seconds}
    return {
        key: {"limit": limit, "left": round(max(0.0, limit - used[key]), 3)}
        for key in _LIMITED
        if (limit := limits.get(key)) is not None
    }


def estimate_of(status: Status) -> Estimate | None:
    """Return when a run at work ends, if it goes on like this and finds nothing more; None where that is open."""
    if status.coordinator is None or status.run.stop_asked is not None:
        return None
    left = {key: limit["left"] for key, limit in limits_of(status).items()}
    slowest = slowest_domains(status.queues or {}, status.run.config, status.delays, 1)
    return estimate(status.run.counts.queued, pages_per_second(status), left, slowest)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
