"""The keys about what changed, and about how many runs are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper.config import Loaded, load
from scraper.errors import ConfigError

KEYED = {"items": {"item": {"key": ["sku"]}}}
FEED = {"exports": [{"path": "out/changes.jsonl", "changes": True}]}


def loaded(**keys: Any) -> Loaded:
    return load({"spider": "module:Spider", **keys})


def test_defaults():
    config = loaded().config
    assert (config.keep_runs, config.gate.max_gone, config.exports[0].changes) == (10, None, False)


def test_read():
    config = loaded(**KEYED, **FEED, gate={"max_gone": "20%"}, keep_runs=3).config
    assert (config.keep_runs, config.gate.max_gone) == (3, 0.2)
    assert (config.exports[0].changes, config.exports[0].format) == (True, "jsonl")


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        (FEED, "exports[0].changes", "expected items that have a key"),
        ({"gate": {"max_gone": 0.2}}, "gate.max_gone", "expected items that have a key"),
        (
            KEYED | {"exports": [{"path": "out/a.csv", "changes": True}]},
            "exports[0].path",
            "expected jsonl for changes",
        ),
        (KEYED | {"exports": [{**FEED["exports"][0], "fields": ["a"]}]}, "exports[0].fields", "expected no fields"),
        ({"keep_runs": 0}, "keep_runs", "expected a whole number of 1 or more"),
    ],
    ids=["changes without a key", "max_gone without a key", "csv", "fields", "no runs"],
)
def test_what_cannot_be(keys: dict[str, Any], key: str, said: str):
    with pytest.raises(ConfigError) as caught:
        loaded(**keys)
    (problem,) = caught.value.problems
    assert f"{key}: {said}" in str(problem)


def test_it_names_the_line(tmp_path: Path):
    file = tmp_path / "site.yaml"
    file.write_text("spider: module:Spider\ngate:\n  max_gone: 20%\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"site\.yaml:3:13: gate\.max_gone: expected items that have a key"):
        load(file)
