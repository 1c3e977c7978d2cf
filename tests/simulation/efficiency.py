"""How many pages a second workers come to, one after the other put beside the others: `docs/fleet.svg`.

python -m tests.simulation.efficiency [--workers 1,2,4] [--pages 250] [--out FILE.svg]

What commits cost was measured (docs/fleet.md): so many a second with 1, 2, 4 and 8 who write, of 20 pages each, and
how that grows with their pages. All else is as the simulated fleet has it, without faults.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from scraper.store import Store
from scraper.store.outcomes import Batch, Committed
from tests.simulation.clock import Clock, virtual_time
from tests.simulation.database import Database
from tests.simulation.runs import config_of
from tests.simulation.shard import Shard
from tests.simulation.watch import Watch
from tests.simulation.web import Page, Web
from tests.simulation.workers import Fleet
from tests.simulation.world import World

#: Commits of 20 pages a second that one PostgreSQL comes to, by how many write at once.
COMMITS = {1: 224.0, 2: 194.0, 4: 133.0, 8: 117.0}
#: What a commit of so many pages costs, in those of 20: 0.49 with 1 page, 1 with 20 and 4.4 with 200 were measured.
_FIXED, _OF_A_PAGE = 0.5, 0.02
#: Seconds: until all are there, until all are at work, and for which pages are counted then.
_JOINING, _BEGINNING, _COUNTED = 4.0, 4.0, 4.0
#: Mean seconds until an answer.
_LATENCY = 0.1
_DOMAINS_OF_EACH = 60
#: No database here comes to more pages a second.
_MOST_PAGES = 7_000


def commit_seconds(writers: int, pages: int) -> float:
    """Return how long a commit takes."""
    known = max(number for number in COMMITS if number <= max(1, writers))
    return (_FIXED + _OF_A_PAGE * pages) / COMMITS[known]


@dataclass(frozen=True)
class _Timed(World):
    """A world in which commits follow each other, each takes its time, and so does parsing.

    Attributes:
        begins: when start() yields, in virtual time.
        page_seconds: of a worker's parsing.
        ends: when commits that were begun end, in their order.
        parsed: when a worker's parser has done what it has.
    """

    begins: float = 0.0
    page_seconds: float = 0.0
    ends: list[float] = field(default_factory=list)
    parsed: dict[Shard, float] = field(default_factory=dict)

    def store(self, *, lock: bool = False) -> Store:
        store = _TimedStore(Path("simulation.db"), lock=lock)
        store.takes = self.take
        return store

    def take(self, pages: int) -> float:
        """Return when a commit of so many pages that is begun now ends."""
        now = self.clock.now
        while self.ends and self.ends[0] <= now:
            del self.ends[0]
        began = self.ends[-1] if self.ends else now
        self.ends.append(began + commit_seconds(len(self.ends) + 1, pages))
        return self.ends[-1]

    def away(self, shard: Shard) -> float:
        assert isinstance(shard.store, _TimedStore)
        return max(0.0, shard.store.done_at - self.clock.now)

    def until_started(self) -> float:
        return max(0.0, self.begins - self.clock.now)

    def until_answered(self) -> float:
        return self.random.expovariate(1.0 / _LATENCY)

    def until_parsed(self, shard: Shard) -> float:
        now = self.clock.now
        self.parsed[shard] = max(now, self.parsed.get(shard, now)) + self.page_seconds
        return self.parsed[shard] - now

    def luck(self) -> float:
        return 1.0


class _TimedStore(Store):
    """A store whose commits take their time."""

    takes: Callable[[int], float]
    done_at = 0.0

    def commit(self, run: int, batch: Batch, *arguments: Any, **named: Any) -> Committed:
        done = super().commit(run, batch, *arguments, **named)
        self.done_at = self.takes(len(batch.outcomes))
        return done


@dataclass(frozen=True)
class Found:
    """What so many workers came to."""

    workers: int
    pages: float
    commits: float


def measure(workers: int, pace: float) -> Found:
    """Return pages and commits a second of so many workers, each of which parses `pace` pages a second."""
    clock, random = Clock(), Random(1)
    # More than they come to, since some get fewer domains than others.
    each = min(pace, _MOST_PAGES / workers) * (_BEGINNING + _COUNTED) / _DOMAINS_OF_EACH
    names = [
        f"https://d{domain}.example/{page}"
        for domain in range(workers * _DOMAINS_OF_EACH)
        for page in range(int(3 * each) + 2)
    ]
    web = Web(dict.fromkeys(names, Page((), is_broken=False)), names)
    database = Database(clock, shared=True)
    watch = Watch(clock, database, 0.0)
    world = _Timed(
        clock,
        random,
        database,
        config_of(0.0, None),
        web,
        watch,
        print,
        begins=clock.now + _JOINING,
        page_seconds=1.0 / pace,
    )
    with virtual_time(clock), database.everywhere():
        Fleet(world, workers)
        done = []
        for seconds in (_JOINING, _BEGINNING, _COUNTED):
            until = clock.now + seconds
            while clock.now < until:
                clock.step()
            done.append(database.driver.execute("SELECT pages, commits FROM runs").fetchone())
    _, (pages, commits), (more_pages, more_commits) = done
    return Found(workers, (more_pages - pages) / _COUNTED, (more_commits - commits) / _COUNTED)


# The picture ---------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 320, 70, 40


def picture(curves: dict[float, list[Found]]) -> str:
    """Return an SVG: pages a second by the number of workers, a curve for each pace, with its ideal."""
    most = 64
    top = 1.15 * max(each.pages for curve in curves.values() for each in curve)

    def at(workers: float, pages: float) -> str:
        return f"{_LEFT + workers / most * _WIDTH:.1f},{_TOP + (1.0 - pages / top) * _HEIGHT:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 30} {_TOP + _HEIGHT + 50}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-weight="bold">Pages a second of all workers on one PostgreSQL '
        "(simulated; dashed: the ideal)</text>",
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#94a3b8"/>',
        f'<text x="{_LEFT + _WIDTH / 2}" y="{_TOP + _HEIGHT + 40}" text-anchor="middle">workers</text>',
    ]
    for workers in (1, 8, 16, 24, 32, 48, 64):
        x = at(workers, 0).partition(",")[0]
        parts.append(f'<text x="{x}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{workers}</text>')
    for pages in range(0, int(top), 1_000):
        y = at(0, pages).partition(",")[2]
        parts.append(f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end" dy="4">{pages:,}</text>')
    for (pace, curve), colour in zip(curves.items(), ("#2563eb", "#16a34a"), strict=False):
        ideal = min(float(most), top / pace)
        parts.append(f'<polyline points="{at(0, 0)} {at(ideal, ideal * pace)}" fill="none" stroke="{colour}" '
                     'stroke-dasharray="5"/>')  # fmt: skip
        line = " ".join(at(each.workers, each.pages) for each in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for each in curve:
            x, _, y = at(each.workers, each.pages).partition(",")
            said = f"{each.workers} workers: {each.pages:,.0f} pages, {each.commits:.0f} commits a second"
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"><title>{said}</title></circle>')
        x, _, y = at(curve[-1].workers, curve[-1].pages).partition(",")
        parts.append(f'<text x="{x}" y="{y}" text-anchor="end" dy="-8" fill="{colour}">{pace:g} pages a second '
                     "each</text>")  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Measure, print a table, and draw."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--workers", default="1,2,4,8,16,24,32,48,64")
    arguments.add_argument("--pages", default="50,250", help="a second, of each worker")
    arguments.add_argument("--out", type=Path, help="where the picture goes")
    given = arguments.parse_args()
    curves: dict[float, list[Found]] = {}
    for pace in map(float, given.pages.split(",")):
        for workers in map(int, given.workers.split(",")):
            got = measure(workers, pace)
            curves.setdefault(pace, []).append(got)
            print(
                f"{workers} workers of {pace:g} pages a second: {got.pages:,.0f} pages, "
                f"{got.pages / (workers * pace):.2f} of the ideal, {got.commits:.0f} commits a second",
                flush=True,
            )
    if given.out is not None:
        given.out.write_text(picture(curves), encoding="utf-8")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation.efficiency", *sys.argv[1:]],
                  {"PYTHONHASHSEED": "0"})  # fmt: skip
    main()
