"""The YAML that a probe suggests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scraper.cli._server_probe import Findings
from scraper.cli.probe import suggestion
from scraper.config import SiteConfig, load
from scraper.fetch.robots import Robots, RobotsState
from scraper.stats import Reason, Served

NEW = Served("a#1", False, 1, Reason.FIRST, 0.01, 0.0, 0.02, 0.0)
FOUND = Findings("https://a.example/", Robots(RobotsState.NONE), served=[NEW, replace(NEW, reused=True)])


def suggested(found: Findings, folder: Path, **politeness: Any) -> SiteConfig:
    """What a crawl would make of the suggestion."""
    config = load({"name": "probe", "spider": "a:B", "politeness": politeness}).config
    file = folder / "site.yaml"
    file.write_text(f"spider: a:B\n{suggestion(found, config)}", encoding="utf-8")
    return load(file).config


@pytest.mark.parametrize(
    ("measured", "expiry"),
    [
        ({}, 15.0),
        ({"keep_alive_timeout": 5.0}, 4.5),
        ({"idle_survived": 5.0, "idle_ended": 10.0}, 4.5),
        ({"idle_survived": 15.0}, 15.0),
        ({"idle_ended": 0.25}, 0.1),
    ],
    ids=["not measured", "announced", "between", "longer than the bound", "at once"],
)
def test_idle_expiry_is_below_the_server_s(tmp_path: Path, measured: dict[str, float], expiry: float):
    assert suggested(replace(FOUND, **measured), tmp_path).session.idle_expiry == expiry


def test_delay_is_no_shorter_than_the_crawl_delay(tmp_path: Path):
    asks = replace(FOUND, robots=Robots(RobotsState.RULES, "User-agent: *\nCrawl-delay: 45\n"))
    assert suggested(asks, tmp_path).politeness.delay == 45.0
    assert suggested(asks, tmp_path, delay=60).politeness.delay == 60.0
    assert suggested(FOUND, tmp_path).politeness.delay == 1.0


@pytest.mark.parametrize(("answer", "at_once"), [(0.02, 1), (2.5, 3), (60.0, 8)])
def test_as_many_at_once_as_keep_the_pace(tmp_path: Path, answer: float, at_once: int):
    slow = replace(FOUND, served=[replace(NEW, reused=True, first_byte_seconds=answer)])
    config = suggested(slow, tmp_path)
    assert (config.politeness.concurrency, config.session.pool) == (at_once, at_once)


def test_without_a_delay_one_at_a_time(tmp_path: Path):
    config = suggested(FOUND, tmp_path, delay=0)
    assert (config.politeness.delay, config.politeness.concurrency) == (0.0, 1)
