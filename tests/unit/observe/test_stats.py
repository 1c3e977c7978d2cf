from __future__ import annotations

import json

import pytest

from scraper.errors import ScraperError
from scraper.observe.run_stats import write_stats


def test_the_sums_are_of_all_domains(make_stats):
    stats = make_stats()
    assert [stats[key] for key in ("requests", "connections", "unused", "reused", "stale", "retries", "bytes")] == [
        110,
        9,
        1,
        102,
        1,
        2,
        1_000_000,
    ]
    assert stats["reasons"] == {"concurrency": 3, "first": 3, "idle": 3}
    assert stats["reuse_rate"] == round(102 / 110, 4)


def test_each_domain_has_its_own(make_stats):
    domain = make_stats()["domains"]["a.example"]
    assert domain["requests"] == 100
    assert domain["reuse_rate"] == 0.97
    assert domain["reasons"] == {"concurrency": 3, "first": 1}
    assert domain["handshakes_saved"] == 97


def test_what_reuse_saved_is_summed_over_domains(make_stats):
    stats = make_stats()
    assert stats["domains"]["a.example"]["seconds_saved"] == pytest.approx(9.7)
    assert stats["domains"]["b.example"]["seconds_saved"] == pytest.approx(5.0)
    assert stats["seconds_saved"] == pytest.approx(9.7 + 5.0)


def test_what_the_contract_names_is_there(make_stats):
    named = "run result pages requests connections reused items failed refused retries bytes seconds domains"
    stats = make_stats(failed=3, failures={"timeout": 1, "http-404": 2}, exports=("out/a.jsonl",), interrupted=1)
    assert set(named.split()) <= stats.keys()
    assert list(stats["failures"].items()) == [("http-404", 2), ("timeout", 1)]
    assert (stats["exports"], stats["interrupted"], stats["why"]) == (["out/a.jsonl"], 1, "the frontier is empty")


def test_times_are_iso_in_utc(make_stats):
    stats = make_stats()
    assert stats["started_at"] == "2023-11-14T22:13:20.000+00:00"
    assert stats["ended_at"] == "2023-11-14T22:14:42.400+00:00"
    assert make_stats(ended_at=None)["ended_at"] is None


def test_a_run_without_requests(make_stats):
    stats = make_stats({}, pages=0)
    assert (stats["requests"], stats["reuse_rate"], stats["seconds_saved"], stats["domains"]) == (0, 0.0, 0, {})


def test_the_file_is_json_and_replaced_whole(make_stats, tmp_path):
    path = tmp_path / "new" / "stats.json"
    for pages in (1, 2):
        write_stats(path, make_stats(pages=pages))
        assert json.loads(path.read_text(encoding="utf-8")) == make_stats(pages=pages)
    assert [entry.name for entry in path.parent.iterdir()] == ["stats.json"]


def test_a_file_that_cannot_be_written_is_told(make_stats, tmp_path):
    with pytest.raises(ScraperError, match="name a file that may be written"):
        write_stats(tmp_path, make_stats())
    (tmp_path / "file").write_text("")
    with pytest.raises(ScraperError, match="cannot write the stats"):
        write_stats(tmp_path / "file" / "stats.json", make_stats())
