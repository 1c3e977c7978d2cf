"""When a crawl is due: the slots of a `cron` or an `every`, and how much later than its slot a run starts.

All times are seconds since the epoch. A slot is a time that the schedule names; slots come in order and never twice.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from scraper.config import Schedule
from scraper.lazy_dataclass import dataclass

_HOUR = 3600.0
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Times:
    """The times of one schedule.

    `cron` is what the clock on the wall shows in `timezone`. Where daylight saving begins, a time that the clock
    leaves out is the first moment after it; where it ends, a time that the clock shows twice is the first of the two.
    So each runs once. A cron of every hour follows the time that passes: the hour left out has no runs, the doubled
    one has them in both its halves, and the distances stay the same.

    `every` counts the time that passes, whatever the clock shows, from the moment when the schedule was first seen:
    the first slot is one interval after it.
    """

    name: str
    schedule: Schedule

    @property
    def spec(self) -> str:
        """Return what the slots are made from, as text: a schedule in which it differs begins again."""
        return json.dumps([self.schedule.cron, self.schedule.every, self.schedule.timezone])

    def after(self, reached: float) -> float | None:
        """Return the first slot after `reached`, which for `every` is itself a slot or its beginning.

        None if the next fifty years have none.
        """
        return next(self._slots(reached), None)

    def newest(self, reached: float, now: float) -> float | None:
        """Return the newest slot after `reached` whose run is due at `now`, or None."""
        slot = self._newest_slot(reached, now)
        while slot is not None and self.due(slot) > now:
            slot = self.before(slot, reached)
        return slot

    def before(self, slot: float, reached: float) -> float | None:
        """Return the slot before `slot` and after `reached`, or None."""
        return self._newest_slot(reached, slot, before=True)

    def due(self, slot: float) -> float:
        """Return when the run of a slot starts: up to `jitter` later, and before the next slot.

        The share is made of the crawl's name and the slot, so that all daemons agree.
        """
        if not self.schedule.jitter:
            return slot
        following = self.after(slot)
        room = self.schedule.jitter if following is None else min(self.schedule.jitter, following - slot)
        digest = hashlib.blake2b(f"{self.name}\0{slot!r}".encode(), digest_size=8).digest()
        return slot + room * int.from_bytes(digest, "big") / 2**64

    def _newest_slot(self, reached: float, until: float, *, before: bool = False) -> float | None:
        """Return the newest slot in (reached, until], or before `until`."""
        if self.schedule.every is not None:
            count = math.floor((until - reached) / self.schedule.every)
            if before and reached + count * self.schedule.every >= until:
                count -= 1
            return reached + count * self.schedule.every if count > 0 else None
        span = _HOUR
        # From late to early in growing windows: after a long pause there may be very many slots.
        while True:
            start = max(reached, until - span)
            found = None
            for slot in self._slots(start):
                if slot > until or (before and slot == until):
                    break
                found = slot
            if found is not None or start <= reached:
                return found
            span *= 24

    def _slots(self, reached: float) -> Iterator[float]:
        if self.schedule.every is not None:
            count = 1
            while True:
                yield reached + count * self.schedule.every
                count += 1
        assert self.schedule.cron is not None
        newest = reached
        for slot in self._cron_slots(self.schedule.cron, ZoneInfo(self.schedule.timezone), reached):
            if slot > newest:
                newest = slot
                yield slot

    def _cron_slots(self, cron: str, zone: ZoneInfo, reached: float) -> Iterator[float]:
        start = datetime.fromtimestamp(reached, zone)
        if len(CronSim(cron, start).hours) == 24:
            for moment in CronSim(cron, start):
                yield moment.timestamp()
        else:
            # Without a zone cronsim walks along the clock on the wall.
            for shown in CronSim(cron, start.replace(tzinfo=None)):
                yield _first_moment(shown, zone)


def _first_moment(shown: datetime, zone: ZoneInfo) -> float:
    """Return the first moment at which the clock on the wall shows a time, or, where it leaves it out, a later
    one.
    """
    while True:
        moment = shown.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == shown:
            return moment.timestamp()
        shown += _MINUTE
