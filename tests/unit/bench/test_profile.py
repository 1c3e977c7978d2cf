"""How samples and clocks become a table of where the time goes."""

from __future__ import annotations

import pytest

from tests.bench.profile import Sample, divide, group_of, part_of, samples_of, table

RUN = "Shard.run (scraper/engine/shard.py:200)"


def sample(thread: int, name: str, *frames: str, count: int = 10) -> Sample:
    return Sample(thread, name, frames, count)


def test_reads_what_is_written():
    lines = ["thread (7): fetch-1;run (a.py:1);read (b.py:2) 12", "thread (8);main (c.py:3) 1"]
    assert samples_of(lines) == [
        Sample(7, "fetch-1", ["run (a.py:1)", "read (b.py:2)"], 12),
        Sample(8, "", ["main (c.py:3)"], 1),
    ]


@pytest.mark.parametrize(
    ("one", "group"),
    [
        (sample(1, "fetch-12"), "fetch"),
        (sample(1, "parse"), "parse"),
        (sample(1, "MainThread", "main (scraper/cli/app.py:71)", RUN), "main"),
        (sample(1, "MainThread", "<module> (scraper/__init__.py:12)"), "start"),
        (sample(1, "", "<module> (scraper/__init__.py:12)"), "start"),
        (sample(1, "watchdog"), "others"),
    ],
)
def test_group(one: Sample, group: str):
    assert group_of(one) == group


@pytest.mark.parametrize(
    ("group", "frames", "part"),
    [
        ("parse", ["SpiderRunner.page (scraper/engine/spider_runner.py:80)"], "parser: the rest"),
        ("parse", ["judge (scraper/engine/frontier/admission.py:70)", "host_of (scraper/urls.py:9)"], "admission"),
        ("parse", ["Css.parse (ours.py:22)", "make_tree (scraper/parse/lexbor.py:61)"], "tree"),
        (
            "main",
            ["commit (scraper/store/store.py:9)", "execute (sqlite3/dbapi2.py:1)"],
            "commit: statements",
        ),
        ("fetch", ["_bootstrap (threading.py:1)"], "the rest"),
        ("others", ["_bootstrap (threading.py:1)"], "the rest"),
    ],
)
def test_the_innermost_frame_that_is_known_decides(group: str, frames: list[str], part: str):
    assert part_of(group, frames) == part


def test_what_no_sample_accounts_for_ran_without_the_lock():
    samples = [
        sample(1, "MainThread", "<module> (scraper/__init__.py:12)", count=50),
        sample(1, "MainThread", RUN, "commit (scraper/store/store.py:9)", count=50),
        sample(2, "parse", "make_tree (scraper/parse/lexbor.py:61)", count=100),
    ]
    found = divide(samples, {1: 1.5, 2: 1.0, 3: 0.25}, rate=100)
    assert found["start"] == {"the rest": 0.5}
    assert found["main"] == {"commit: statements": 0.5, "without the interpreter's lock": 0.5}
    assert found["parse"] == {"tree": 1.0, "without the interpreter's lock": 0.0}
    assert found["others"] == {"without the interpreter's lock": 0.25}


def test_table_leaves_the_start_apart():
    lines = table({"start": {"the rest": 2.0}, "parse": {"tree": 0.3, "links": 0.1}}, pages=1_000).splitlines()
    assert [line.split() for line in lines] == [
        ["parse", "400", "100.0%"],
        ["tree", "300", "75.0%"],
        ["links", "100", "25.0%"],
        ["all", "400"],
        ["and", "once,", "to", "start", "and", "to", "end:", "2.00", "s"],
    ]
