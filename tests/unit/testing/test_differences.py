"""What is shown of a page that differs from what was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.testing.differences import differences


def outcome(*titles: str, requests: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    items = [{"type": "item", "fields": {"title": title, "n": 1}} for title in titles]
    return {"items": items, "requests": [{"url": url} for url in requests], **more}


@pytest.mark.parametrize(
    ("expected", "now", "lines"),
    [
        (outcome("a", "b"), outcome("a", "b"), []),
        (outcome("a"), outcome("b"), ["item 1 (item)", '  title: "a" -> "b"']),
        (
            outcome("a", "b"),
            outcome("new", "a", "b"),
            ['+ item 1 {"fields": {"n": 1, "title": "new"}, "type": "item"}'],
        ),
        (outcome("a", "b"), outcome("b"), ['- item 1 {"fields": {"n": 1, "title": "a"}, "type": "item"}']),
        (outcome(requests=("x", "y")), outcome(requests=("y", "x")), []),
        (
            outcome(requests=("x", "x")),
            outcome(requests=("x", "y")),
            ['- request {"url": "x"}', '+ request {"url": "y"}'],
        ),
        (outcome(dropped=["no a"]), outcome(), ["- dropped no a"]),
        (outcome(), outcome(ended="StopCrawl: enough"), ['ended: absent -> "StopCrawl: enough"']),
    ],
)
def test_lines(expected: Any, now: Any, lines: list[str]) -> None:
    assert differences(expected, now) == lines


def test_fields_by_their_path_and_by_their_type() -> None:
    before = {"items": [{"type": "a", "fields": {"x": 1, "deep": {"y": [1], "z": 0}, "old": None}}]}
    after = {"items": [{"type": "b", "fields": {"x": 1.0, "deep": {"y": [2], "z": 0}, "new": None}}]}
    assert differences(before, after) == [
        "item 1 (b)",
        '  type: "a" -> "b"',
        "  x: 1 -> 1.0",
        "  deep.y: [1] -> [2]",
        "  old: null -> absent",
        "  new: absent -> null",
    ]


def test_what_is_quarantined_is_compared_with_its_problems() -> None:
    fields = {"price": "x"}
    before = {"quarantined": [{"type": "a", "fields": fields, "problems": ["price: no number"]}]}
    after = {"quarantined": [{"type": "a", "fields": fields, "problems": ["price: too dear"]}]}
    assert differences(before, after) == [
        "quarantined 1 (a)",
        '  problems: ["price: no number"] -> ["price: too dear"]',
    ]


def test_ignored_fields_make_no_difference() -> None:
    assert differences(outcome("a"), outcome("b"), ["title"]) == []


def test_long_values_are_cut_around_the_first_difference() -> None:
    text = "x" * 5_000
    line = differences(outcome(text + "1" + text), outcome(text + "2" + text))[1]
    assert "x1x" in line
    assert "x2x" in line
    assert len(line) < 250
