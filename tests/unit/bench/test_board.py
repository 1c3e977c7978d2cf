"""The board's arithmetic and its tables."""

from __future__ import annotations

import pytest

from tests.bench.board import (
    BEGIN,
    END,
    Reading,
    Row,
    Verdict,
    filled,
    paired,
    ranked,
    ratio_table,
    side_table,
    verdicts,
)
from tests.bench.measure import Measured
from tests.bench.serving import Asked

ROW = Row("ours", ("css", "one"), "theirs", ("tuned", "one"), 3.0)


def reading(seconds: float, served: float = 1.0, peak: float = 100.0) -> Reading:
    return Reading(600, Measured(0, seconds, cpu=1.2, peak=peak), Asked(602, 8, served))


class TestPaired:
    def test_the_median_of_the_rounds_own_ratios(self):
        # A round in which the machine was ten times slower changes nothing; the ratio of medians would be 2.5.
        assert paired([6, 0.6, 5], [3, 0.3, 2]) == 2

    def test_rounds_without_a_counterpart_are_left_out(self):
        assert paired([6, 100], [3]) == 2

    def test_nothing_to_compare(self):
        assert paired([], [1.0]) is None


class TestVerdicts:
    def test_ratio_of_pages_a_second(self):
        readings = {("css", "one"): [reading(2, served=1)], ("tuned", "one"): [reading(8, served=2)]}
        (verdict,) = verdicts(readings, [ROW])
        assert (verdict.ratio, verdict.served, verdict.is_met) == (4.0, 2.0, True)

    @pytest.mark.parametrize(("seconds", "met"), [(6, True), (5.9, False)])
    def test_the_target_itself_is_enough(self, seconds: float, met: bool):
        readings = {("css", "one"): [reading(2)], ("tuned", "one"): [reading(seconds)]}
        assert verdicts(readings, [ROW])[0].is_met is met

    @pytest.mark.parametrize(("peak", "met"), [(99.0, True), (100.0, False), (101.0, False)])
    def test_lower_is_lower(self, peak: float, met: bool):
        row = Row("a", ("css", "one"), "b", ("tuned", "one"), 1.0, lambda one: one.peak, at_most=True)
        readings = {("css", "one"): [reading(1, peak=peak)], ("tuned", "one"): [reading(1)]}
        assert verdicts(readings, [row])[0].is_met is met

    def test_a_side_that_did_not_run(self):
        (verdict,) = verdicts({("css", "one"): [reading(2)]}, [ROW])
        assert (verdict.ratio, verdict.is_met) == (None, None)


def test_ratio_table():
    table = ratio_table(
        [
            Verdict("css", "Scrapy", 3.456, 3.0, served=4.0),
            Verdict("soup", "Scrapy", 1.0, 1.1, note="a word"),
            Verdict("memory", "Scrapy", 0.8, 1.0, at_most=True),
            Verdict("css2", "Go", None, 0.6),
        ]
    )
    assert table.splitlines()[2:] == [
        "| css | Scrapy | 3.46x | 4.00x | ≥ 3 | met |",
        "| soup | Scrapy | 1.00x | - | ≥ 1.1 | **missed**; a word |",
        "| memory | Scrapy | 0.80x | - | < 1 | met |",
        "| css2 | Go | - | - | ≥ 0.6 | not run |",
    ]


def test_side_table_has_the_fastest_first():
    readings = {
        ("slow", "one"): [reading(3)],
        ("fast", "one"): [reading(1), reading(2), reading(1.5)],
        ("fast", "twenty"): [reading(1)],
    }
    titles = {"slow": "Slow", "fast": "Fast"}
    assert ranked(readings, "one") == ["fast", "slow"]
    assert side_table(readings, "one", titles).splitlines()[2:] == [
        "| Fast | 400 | 600 | 2.00 | 100 | 8 | 3 |",
        "| Slow | 200 | 600 | 2.00 | 100 | 8 | 1 |",
    ]


class TestFilled:
    def test_only_what_is_between_the_markers_changes(self):
        assert filled(f"before {BEGIN} old {END} after", "new") == f"before {BEGIN}\n\nnew\n\n{END} after"

    def test_twice_is_as_once(self):
        once = filled(f"a {BEGIN}{END} b", "new")
        assert filled(once, "new") == once

    @pytest.mark.parametrize("document", ["", f"{BEGIN} open", f"closed {END}"])
    def test_no_markers(self, document: str):
        with pytest.raises(ValueError, match="has no"):
            filled(document, "new")
