"""When a run ends if it goes on like this and finds nothing more, and which domains take longest."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """How many seconds a run has left, if it goes on like this and finds nothing more; and what that rests on."""

    seconds: float
    basis: str


class SlowDomain(NamedTuple):
    """How long a domain takes by its delay."""

    seconds: float
    name: str
    queued: int


def estimate(
    queued: int, pace: float, left: Mapping[str, float], slowest: Iterable[SlowDomain] = ()
) -> Estimate | None:
    """Return when a run ends; None where that is open.

    What is queued ends at the pace of late, but no sooner than the domain whose delay makes it the last; or a limit
    is reached before.

    Args:
        pace: pages a second, of late.
        left: what `limits` leave, by their keys.
        slowest: the domain that takes longest, as far as that is known.
    """
    found: list[Estimate] = []
    pages = left.get("pages")
    if pages is not None and pages < queued and pace:
        found.append(Estimate(pages / pace, "limits.pages"))
    else:
        by_pace = [Estimate(queued / pace if queued else 0.0, "what is queued")] if pace or not queued else []
        by_delay = [
            Estimate(each.seconds, f"the delay of {each.name}, of which {each.queued:,} are queued")
            for each in slowest
        ]
        found += sorted([*by_pace, *by_delay])[-1:]
    duration = left.get("duration")
    if duration is not None:
        found.append(Estimate(duration, "limits.duration"))
    return min(found, default=None)


def slowest_domains(
    queues: Mapping[str, int], config: Mapping[str, Any], delays: Mapping[str, float], most: int
) -> tuple[SlowDomain, ...]:
    """Return the domains that take longest by their delays, the slowest first.

    Args:
        queues: what is queued, by domain.
        config: that which the run is crawled by.
        delays: what those came to that follow the server (`delay: auto`), in seconds.
    """
    times = ((queued * _delay(config, domain, delays), domain, queued) for domain, queued in queues.items())
    return tuple(SlowDomain(*each) for each in heapq.nlargest(most, times) if each[0])


def follows_servers(config: Mapping[str, Any]) -> bool:
    """Tell whether there may be delays that follow the server."""
    settings = (config, *config.get("domains", {}).values())
    return any(each.get("politeness", {}).get("delay") == "auto" for each in settings)


def _delay(config: Mapping[str, Any], domain: str, delays: Mapping[str, float]) -> float:
    """Return the mean delay of a domain, in seconds; 0 where it follows the server and nothing is known of it yet."""
    politeness = config.get("domains", {}).get(domain, config).get("politeness", {})
    delay = politeness.get("delay", 0.0)
    delay = delay if isinstance(delay, int | float) else delays.get(domain, 0.0)
    mean: float = delay * (1.0 + politeness.get("jitter", 0.0) / 2)
    return mean
