"""The key `schedule`: what it takes, what it refuses, and that the address of a webhook is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import effective_text, load, masked
from scraper.errors import ConfigError

SPIDER = "spider: spiders/a.py:A\n"


def write(folder: Path, schedule: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(f"{SPIDER}schedule: {schedule}\n", encoding="utf-8")
    return path


def test_defaults(tmp_path: Path):
    schedule = load(write(tmp_path, "{every: 6h}")).config.schedule
    assert schedule is not None
    assert (schedule.cron, schedule.every, schedule.timezone, schedule.jitter) == (None, 21_600.0, "UTC", 0.0)
    assert (schedule.overlap, schedule.catch_up, schedule.on_failure) == ("skip", "none", None)


@pytest.mark.parametrize(
    ("written", "command", "post"),
    [
        ("'tell me'", "tell me", None),
        ("{command: [tell, me]}", ("tell", "me"), None),
        ("{post: 'https://hooks.example/x'}", None, "https://hooks.example/x"),
    ],
)
def test_on_failure(tmp_path: Path, written: str, command: object, post: str | None):
    schedule = load(write(tmp_path, f"{{every: 6h, on_failure: {written}}}")).config.schedule
    assert schedule is not None
    assert schedule.on_failure is not None
    assert (schedule.on_failure.command, schedule.on_failure.post) == (command, post)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("{}", "add cron"),
        ("{cron: '0 1 * * *', every: 6h}", "leave one of them out"),
        ("{every: 0}", "a duration of more than 0"),
        ("{cron: '0 0 1 * * *'}", "five fields"),
        ("{every: 6h, overlap: wait}", "skip or queue"),
        ("{every: 6h, catch_up: all}", "none or once"),
        ("{every: 6h, on_failure: {}}", "a command, {command: [word, …]} or {post: URL}"),
        ("{every: 6h, on_failure: {post: hooks.example}}", "an absolute http or https URL"),
        ("{every: 6h, on_failure: {command: [5]}}", "a list of its words"),
        ("{every: 6h, on_fail: x}", "did you mean schedule.on_failure?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, schedule: str, said: str):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, schedule))
    assert [problem.line for problem in caught.value.problems] == [2]
    assert said in str(caught.value)


def test_a_webhook_from_the_environment_is_not_shown(tmp_path: Path):
    path = write(tmp_path, '{every: 6h, on_failure: {post: "${HOOK}"}}')
    loaded = load(path, environ={"HOOK": "https://hooks.example/5550123"})
    assert "5550123" not in effective_text(loaded) + str(masked(loaded))
    assert "every: 6h" in effective_text(loaded)
