"""How a run went, as points over its working time: few enough to draw and to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from math import ceil

from scraper.lazy_dataclass import dataclass
from scraper.store.values import Moment

#: Points that are drawn.
MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class Point:
    """The state of a run at one moment of its working time, and the pace since the point before."""

    seconds: float
    pages: int
    items: int
    failed: int
    queued: int
    pages_per_second: float
    #: Mean of the requests that came to an outcome; None where there was none.
    latency: float | None
    bytes_per_second: float
    requests: int
    connections: int
    retries: int


#: In the order of time; nothing of a run from before they were kept.
Course = tuple[Point, ...]


def columns_of(course: Course) -> dict[str, list[float | None]]:
    """Return the points as JSON has them: by what is counted its values, in the order of time."""
    names = [field.name for field in fields(Point)] if course else []
    return {name: [getattr(point, name) for point in course] for name in names}


def course_of(moments: Sequence[Moment], seconds: float) -> Course:
    """Return the points of a run that has worked for so many seconds."""
    if not moments:
        return ()
    last = moments[-1]
    # The last span is not over; what was committed at the very end may be told before the time is.
    end = max(seconds, last.begins + 0.001)
    width = max(last.width, ceil(end / MOST_POINTS))
    groups: dict[int, list[Moment]] = {}
    for moment in moments:
        groups.setdefault(moment.begins // width, []).append(moment)
    ends = [0.0, *(min((number + 1) * width, end) for number in groups)]
    before = 0
    points: list[Point] = []
    for (since, until), group in zip(pairwise(ends), groups.values(), strict=True):
        points.append(_point(group, until, max(until - since, 0.001), before))
        before = group[-1].pages
    return tuple(points)


def _point(group: Sequence[Moment], until: float, span: float, pages_before: int) -> Point:
    newest = group[-1]
    answers = sum(each.answers for each in group)
    return Point(
        seconds=round(until, 3),
        pages=newest.pages,
        items=newest.items,
        failed=newest.failed,
        queued=newest.queued,
        pages_per_second=round((newest.pages - pages_before) / span, 3),
        latency=round(sum(each.answer_seconds for each in group) / answers, 4) if answers else None,
        bytes_per_second=round(sum(each.bytes for each in group) / span, 1),
        requests=sum(each.requests for each in group),
        connections=sum(each.connections for each in group),
        retries=sum(each.retries for each in group),
    )
