"""What there is to see of a crawl at a moment: read from its store, which is opened for that and closed again."""

from __future__ import annotations

import threading
import time
from functools import partial

from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.observe.estimate import Estimate
from scraper.runs.course import Course, course_of
from scraper.runs.status_facts import estimate_of, pages_per_second, state_of
from scraper.schedule.facts import last_of, next_of, standing_of
from scraper.schedule.standings import Mark, mark_of
from scraper.store import Store
from scraper.store.backends import opening
from scraper.store.history.schedule_values import Occurrence, Standing
from scraper.store.history.status import Status
from scraper.store.values import FailureRow, RunRow
from scraper.ui.crawls import Crawl

#: Runs and failures that a page lists.
_RUNS, _FAILURES = 20, 10
#: Seconds in which a look counts as one of now.
_RECENT = 2.0
AT_WORK = ("at work", "stopping")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a crawl's schedule stands."""

    standing: Standing | None
    last: Occurrence | None

    @property
    def is_paused(self) -> bool:
        """Tell whether it starts nothing until somebody resumes it."""
        return self.standing is not None and self.standing.paused_at is not None


@dataclass(frozen=True, slots=True)
class Look:
    """A crawl at a moment.

    Attributes:
        trouble: why its store could not be read; empty where it could.
        runs: the newest first, but one that is unfinished before them all.
        status: of the first run, while it is unfinished.
        failures: the newest of the first run.
    """

    crawl: Crawl
    trouble: str = ""
    runs: tuple[RunRow, ...] = ()
    status: Status | None = None
    course: Course = ()
    failures: tuple[FailureRow, ...] = ()
    schedule: Schedule | None = None

    @property
    def run(self) -> RunRow | None:
        """Return the run that the next crawl resumes, else the newest."""
        return self.status.run if self.status is not None else next(iter(self.runs), None)

    @property
    def state(self) -> str:
        """Return how it stands, in a word or two."""
        if self.crawl.loaded is None:
            return "broken"
        if self.trouble:
            return "not readable"
        if self.status is not None:
            return state_of(self.status)
        return "never crawled" if self.run is None else self.run.result or "unfinished"

    @property
    def is_at_work(self) -> bool:
        """Tell whether somebody crawls it."""
        return self.state in AT_WORK

    @property
    def pages_per_second(self) -> float:
        """Return the pace of late."""
        return pages_per_second(self.status) if self.status is not None else 0.0

    @property
    def estimate(self) -> Estimate | None:
        """Return when it ends, where that can be told."""
        return estimate_of(self.status) if self.status is not None else None

    @property
    def next_run(self) -> float | None:
        """Return when its schedule starts it next, in seconds since the epoch."""
        site = self.crawl.site
        return next_of(site, self.schedule.standing) if site is not None and self.schedule is not None else None


def look_at(crawl: Crawl, *, closely: bool) -> Look:
    """Return how a crawl stands.

    Args:
        closely: with its course and its newest failures.
    """
    if crawl.loaded is None:
        return Look(crawl)
    try:
        site = crawl.site
        schedule = Schedule(standing_of(site), last_of(site)) if site is not None else None
        if not opening.is_there(crawl.loaded.store):
            return Look(crawl, schedule=schedule)
        with Store.open_existing(crawl.loaded.store) as store:
            return _read(store, crawl, schedule, closely=closely)
    except ScraperError as error:
        return Look(crawl, trouble=str(error))


def _read(store: Store, crawl: Crawl, schedule: Schedule | None, *, closely: bool) -> Look:
    runs = store.all_runs(crawl.name)
    # The one that the next crawl resumes may be an older one, put back by retry.
    runs.sort(key=lambda row: row.is_finished)
    looked = partial(Look, crawl, runs=tuple(runs[:_RUNS]), schedule=schedule)
    if not runs:
        return looked()
    run = runs[0]
    status = None if run.is_finished else store.status(run)
    if not closely:
        return looked(status=status)
    return looked(
        status=status,
        course=course_of(store.timeline(run.id), run.seconds),
        failures=tuple(store.newest_failures(run.id, _FAILURES)),
    )


class Looks:
    """Looks at crawls, at the price of two looks at a store's files where nobody wrote to it. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, bool], tuple[Mark, Look]] = {}
        #: The newest close look at each, and when it was taken: it serves who looks from afar, too.
        self._close: dict[str, tuple[float, Look]] = {}

    def at(self, crawl: Crawl, *, closely: bool = False) -> Look:
        """Return how a crawl stands, as `look_at` does."""
        key = crawl.file, closely
        # Taken before it is read: what is written meanwhile is seen the next time.
        mark = mark_of(crawl.loaded.store) if crawl.loaded is not None else None
        with self._lock:
            known = self._known.get(key)
            at, close = self._close.get(crawl.file, (0.0, None))
        if not closely and close is not None and close.crawl is crawl and time.monotonic() - at < _RECENT:
            return close
        if known is not None and known[0] == mark and known[1].crawl is crawl:
            return known[1]
        look = look_at(crawl, closely=closely)
        with self._lock:
            if closely:
                self._close[crawl.file] = time.monotonic(), look
            if mark is not None and not look.is_at_work and not look.trouble:
                self._known[key] = mark, look
            else:
                self._known.pop(key, None)
        return look
