"""A run's rows as points to draw: as few as can be read, with the pace between them."""

from __future__ import annotations

from scraper.runs.course import MOST_POINTS, course_of
from scraper.store.values import Moment


def row(begins: int, pages: int, *, width: int = 1, answers: int = 0, took: float = 0.0, bytes: int = 0) -> Moment:
    return Moment(
        begins=begins,
        width=width,
        at=0.0,
        pages=pages,
        items=0,
        failed=0,
        refused=0,
        queued=0,
        answers=answers,
        answer_seconds=took,
        requests=answers,
        connections=0,
        retries=0,
        bytes=bytes,
    )


def test_without_rows_there_is_nothing_to_draw():
    assert course_of([], 10.0) == ()


def test_pace_is_that_since_the_point_before_however_long_nothing_came():
    points = course_of([row(0, 10), row(4, 30, answers=4, took=2.0, bytes=800)], 10.0)
    assert [(point.seconds, point.pages_per_second) for point in points] == [(1.0, 10.0), (5.0, 5.0)]
    assert (points[1].latency, points[1].bytes_per_second, points[0].latency) == (0.5, 200.0, None)


def test_last_span_ends_with_the_run():
    (point,) = course_of([row(0, 10)], 0.5)
    assert (point.seconds, point.pages_per_second) == (0.5, 20.0)


def test_many_rows_become_few_points_that_lose_nothing():
    points = course_of([row(each, each + 1, answers=1) for each in range(700)], 700.0)
    assert len(points) <= MOST_POINTS
    assert (sum(point.requests for point in points), points[-1].pages) == (700, 700)
    assert {point.pages_per_second for point in points} == {1.0}
