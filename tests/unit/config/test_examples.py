"""Every key of a YAML has an example in docs/yaml.md, and the reader of crawls takes each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scraper.config import load
from scraper.config._examples import AROUND, EXAMPLES, RULE, beside
from scraper.config._reference import keys
from scraper.errors import ConfigError

#: Names for what a user chooses.
CHOSEN = {"HOST": "books.example", "ORIGIN": "https://api.example", "TYPE": "book", "NAME": "title"}
KEYS = dict(keys())


def written(path: str) -> dict[str, Any]:
    """The YAML of an example: its section with what it needs, in a crawl."""
    # YAML 1.1 reads `on` as true where the reader of crawls does not.
    text = EXAMPLES[path].replace("{on:", '{"on":')
    value: Any = yaml.safe_load(f"x: {text}")["x"]
    steps = re.findall(r"[^.\[\]]+|\[\]", path)
    for number in range(len(steps) - 1, -1, -1):
        if steps[number] == "[]":
            value = [value]
            continue
        above = "".join(f".{step}" if step != "[]" else step for step in steps[: number + 1]).lstrip(".")
        around = {**beside(above), **(RULE.get(path, {}) if above.rpartition(".")[0] == "rules[]" else {})}
        value = {**around, CHOSEN.get(steps[number], steps[number]): value}
    fields = {"title": "h1", "price": ".price", "url": {"page": "url"}}
    crawl: dict[str, Any] = {
        "start_urls": ["https://books.example/"],
        "rules": [{"match": "*", "item": "book", "fields": fields}],
        "items": {"book": {"key": ["url"]}},
    }
    if path.startswith("rules"):
        del crawl["items"]
    return {**crawl, **AROUND.get(path, {}), **value}


def test_every_key_has_an_example_and_no_other_has() -> None:
    assert sorted(EXAMPLES) == sorted(KEYS), "add the example to scraper/config/_examples.py"


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_an_example_is_taken_by_the_reader_and_is_not_the_default(path: str, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(written(path), allow_unicode=True), encoding="utf-8")
    try:
        load(file, environ={})
    except ConfigError as error:
        # What a plain environment lacks is named with the extra that brings it.
        assert all("persistent-scraper[" in str(problem) for problem in error.problems), error
    if path != "engine.kind":
        assert EXAMPLES[path] != KEYS[path]
