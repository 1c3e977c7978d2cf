"""The page of a large run stays small, and is made soon; a run at work has its end drawn."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from scraper.observe.estimate import Estimate
from scraper.observe.run_stats import run_stats
from scraper.report.bounds import Bound
from scraper.report.figures import Beside, Changes, Field, Happened, RunFigures
from scraper.report.page import page_of
from scraper.runs.course import Point
from scraper.stats import ConnectionStats, RunSummary
from scraper.store.history.changes import CHANGE_KINDS, Change
from scraper.store.values import Counts, Example, RunRow, SlowPage

START = 1_700_000_000.0


def row(number: int, **values: Any) -> RunRow:
    known = {
        "id": number, "name": "shop", "identity": "", "config": {}, "hosts": (), "started_at": START,
        "ended_at": START + 7200, "result": "finished", "why": "everything was crawled", "seconds": 7200.0,
        "clean": True, "interrupted": 0, "start_taken": 1, "start_done": True, "commits": 1,
        "counts": Counts(100_000, 100_000),
    }  # fmt: skip
    return RunRow(**known | values)


def url_of(number: int, length: int = 2_000) -> str:
    return f"https://shop{number % 1000}.example/{number}?q=".ljust(length, "x")


def course(points: int = 240) -> tuple[Point, ...]:
    return tuple(
        Point(
            30.0 * n + 0.123, 417 * n, 417 * n, n, 99_999 - n, 13.9 + n / 7, 0.123 + n / 977, 1e6 / (n + 3), 417, 9, 2
        )
        for n in range(1, points + 1)
    )


def large() -> RunFigures:
    """A run of 100,000 pages over 1,000 domains, in which all that can happen has."""
    sums = ConnectionStats(105_231, 1_333, 3, 99_999, 7, 123, 2_700_123_456, 33.25, 4_321.125, {"first": 1_000})
    reasons = {"first": 1, "concurrency": 3, "closed-by-server": 12, "idle": 7}
    one = ConnectionStats(105, 23, 0, 82, 0, 3, 2_700_123, 1.25, 12.125, reasons)
    domains = {f"shop-of-somebody-{number}.example": one for number in range(1_000)}
    failures = {f"reason-{number}": 9_000 - number for number in range(12)}
    summary = RunSummary(
        run=10, name="shop", result="finished", why="everything was crawled", pages=100_000, items=100_000, failed=9,
        refused=9, duplicates=9, dropped=0, redirects=9, seconds=7200.0, started_at=START, ended_at=START + 7200,
        interrupted=0, failures=failures, refusals=failures, traps={}, exports=(),
        warnings=[f"{url_of(number, 500)} is strange" for number in range(30)],
        changes={"since": 9, "known": 9, "new": 9_000, "changed": 9_000, "gone": 9_000, "unlinked": 9_000},
    )  # fmt: skip
    happened = tuple(
        Happened(reason, count, "what it means", "what to do about it", tuple(
            Example(url_of(number), "the server answered " * 5, url_of(number + 1)) for number in range(3)
        ))
        for reason, count in failures.items()
    )  # fmt: skip
    values = {"title": "t" * 500, "price": 9, "url": url_of(1)}
    changes = tuple(
        Change(kind, "item", (url_of(number),), url_of(number), values, values, ("title", "price"))
        for kind in CHANGE_KINDS
        for number in range(150)
    )
    shares = dict.fromkeys(range(1, 11), 0.987654)
    return RunFigures(
        row=row(10),
        made_at=START,
        is_at_work=False,
        stats=run_stats(summary, domains),
        gate=(Bound("gate.min_items", "at least 2 items", None),),
        course=course(),
        estimate=None,
        failures=happened,
        refusals=happened,
        slowest=tuple(SlowPage(url_of(number), 12.345, 123_456, 200) for number in range(25)),
        fields=tuple(Field("item", f"field_{number}", shares, None) for number in range(40)),
        changes=Changes(row(9), dict.fromkeys(CHANGE_KINDS, 9000), changes),
        runs=tuple(Beside(row(10 - number), sums, course() if number < 5 else None) for number in range(10)),
    )


def test_a_large_run_with_long_urls_is_a_megabyte_at_the_most():
    began = time.process_time()
    html = page_of(large(), "config/shop.yaml")
    assert time.process_time() - began < 3.0
    assert len(html.encode()) <= 1_000_000
    # What is cut off is told, and each reason has an example with all of its URL.
    assert html.count("These are the first of 9,000; ") == len(CHANGE_KINDS)
    for name in ("failures", "refusals"):
        assert html.split(f'data-name="{name}"')[1].count(f'href="{url_of(0).replace("&", "&amp;")}"') >= 12


def drawn(html: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', html)
    found: dict[str, Any] = json.loads(data)
    return found


def test_the_estimate_is_drawn_and_said_while_a_run_is_at_work():
    at_work = row(10, ended_at=None, result=None, counts=replace(Counts(), pages=4_170, queued=600))
    points = course(10)
    estimate = Estimate(120.0, "the delay of a.example, of which 600 are queued")
    figures = replace(large(), row=at_work, is_at_work=True, course=points, estimate=estimate)
    html = page_of(figures, "site.yaml")
    progress = drawn(html)["progress"]
    assert progress["labels"] == ["seconds", "pages done", "queued", "failed", "estimate"]
    seconds, *lines = progress["columns"]
    assert seconds[-2:] == [points[-1].seconds, pytest.approx(points[-1].seconds + 120.0)]
    # It leads from what is queued now to nothing, where all other lines have ended.
    assert [line[-2:] for line in lines] == [[4170.0, None], [99_989.0, None], [10.0, None], [99_989.0, 0.0]]
    assert lines[-1][:-2] == [None] * (len(seconds) - 2)
    said = unescape(re.sub("<[^>]*>", "", html))
    assert "600 queued; it ends in about 2 min 00 s, by the delay of a.example, of which 600 are queued." in said
    assert "estimate: 0.0 to 99989.0" in said
    assert "estimate" not in drawn(page_of(replace(figures, estimate=None), "site.yaml"))["progress"]["labels"]
