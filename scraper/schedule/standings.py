"""Where schedules stand, as a daemon knows it: read from a store when somebody wrote to it, which is closed again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from scraper.config.store_location import StoreLocation
from scraper.lazy_dataclass import dataclass
from scraper.schedule.sites import ScheduledSite
from scraper.store.history.schedule_values import Standing
from scraper.store.history.schedules import Schedules

#: Seconds after a write in which another may leave a file with the same time: file systems count in ticks of the
#: kernel's clock.
_TICK = 0.1

Mark = tuple[tuple[int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a site.

    Attributes:
        standing: where its schedule stands; None before it was first seen.
        due: the moment (seconds since the epoch) from which there is something new to decide; None for never.
    """

    site: ScheduledSite
    mark: Mark | None
    standing: Standing | None
    due: float | None


class Standings:
    """The standings of many sites, at the price of two looks at a site's files where nothing happened.

    Args:
        open_store: opens the schedules of a store.
    """

    def __init__(self, open_store: Callable[[StoreLocation], Schedules]) -> None:
        self._open_store = open_store
        self._known: dict[Path, Known] = {}

    def of(self, site: ScheduledSite) -> Known:
        """Return where a schedule stands.

        Raises:
            StoreError: the store cannot be made, opened or read.
        """
        mark = mark_of(site.store)
        known = self._known.get(site.path)
        if known is None or known.site is not site or mark is None or known.mark != mark:
            with self._open_store(site.store) as schedules:
                standing = schedules.standing(site.name)
            known = self._known[site.path] = Known(site, mark, standing, _due(site, standing))
        return known

    def forget_all_but(self, sites: Collection[ScheduledSite]) -> None:
        """Forget the sites that are no longer looked after."""
        if len(self._known) > len(sites):
            paths = {site.path for site in sites}
            self._known = {path: known for path, known in self._known.items() if path in paths}


def _due(site: ScheduledSite, standing: Standing | None) -> float | None:
    if standing is None or standing.spec != site.times.spec:
        return 0.0
    following = None if standing.paused_at is not None else site.times.after(standing.reached)
    return None if following is None else site.times.due(following)


def mark_of(store: StoreLocation) -> Mark | None:
    """Return what is another after each write to a store; None where that is not certain, as after one just now."""
    if not store.is_file:
        return None
    files = tuple(_look_at(path) for path in (store.path, store.beside("-wal")))
    newest = max((file[2] for file in files if file is not None), default=0)
    return None if 0 <= time.time_ns() - newest < _TICK * 1e9 else files


def _look_at(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
