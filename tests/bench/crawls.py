"""The rounds: every side crawls every site, in turn, and what it brings home is compared with the truth."""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.board import Reading, Readings
from tests.bench.serving import Shops, serving
from tests.bench.sides import Job, Side
from tests.bench.site import Site, digest

#: No side needs as long as this for its crawl, in seconds a page and at least.
_PATIENCE, _LEAST_PATIENCE = 0.15, 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """Sides that crawl the same sites in turn.

    Attributes:
        name: of the sites, as in a reading.
        rounds: how often, by side.
    """

    name: str
    sites: Sequence[Site]
    rounds: dict[str, int]


def crawl_all(parts: Sequence[Part], sides: dict[str, Side], work: Path) -> Readings:
    """All rounds of all parts: those of one round after the other, so that a slow minute slows everybody.

    Each round begins with another side. A side that fails, or finds other items than there are, ends the bench.
    """
    readings: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    (work / "root").mkdir()
    (work / "nginx").mkdir()
    truths = {}
    for site in {site.name: site for part in parts for site in part.sites}.values():
        site.write(work / "root")
    for part in parts:
        truths[part.name] = digest(item for site in part.sites for item in site.items())
    with serving(work / "root", work / "nginx") as shops:
        for number in range(max((max(part.rounds.values()) for part in parts), default=0)):
            for part in parts:
                names = [name for name, rounds in part.rounds.items() if number < rounds]
                turn = number % max(1, len(names))
                for name in names[turn:] + names[:turn]:
                    reading = _crawl(sides[name], part, shops, truths[part.name], work)
                    readings[name, part.name].append(reading)
                    _tell(number, sides[name], part, reading)
    return readings


def _crawl(side: Side, part: Part, shops: Shops, truth: str, work: Path) -> Reading:
    pages = sum(site.pages for site in part.sites)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        job = Job(shops.urls(part.sites), Path(folder))
        measured = side.crawl(job, max(_LEAST_PATIENCE, _PATIENCE * pages))
        asked = shops.asked()
        if measured.code != 0:
            sys.exit(f"{side.title} ended with code {measured.code}:\n{job.said()}")
        items = job.items()
        if digest(items) != truth:
            sys.exit(f"{side.title} brought home {len(items)} items, and not those that there are:\n{job.said()}")
    return Reading(pages, measured, asked)


def _tell(number: int, side: Side, part: Part, reading: Reading) -> None:
    print(
        f"round {number + 1}  {part.name:<8} {side.title:<36} {reading.whole:>7,.0f} pages/s  "
        f"{reading.served:>7,.0f} by the log  {reading.measured.cpu:>6.2f} s CPU  {reading.peak:>4.0f} MB",
        flush=True,
    )
