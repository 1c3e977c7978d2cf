"""A store that was damaged, or written by hand, is told to be so: where, and what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from scraper.config.store_location import StoreLocation
from scraper.store import Store
from scraper.store.backends import damage
from tests.crawl.commands import Project, command
from tests.servers.keepalive import PageServer

SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.url, "n": 1, "file": "/f.pdf"}
        yield {"title": response.url, "n": "none", "file": "/none.pdf"}
        yield from map(response.follow, response.links())
"""
MORE = """name: site
items: {item: {key: [title], fields: {n: int}}}
pipelines: [{use: "scraper.pipes:Files", field: file}]
exports: []
gate: {min_items: 0, max_failed: 100%}
"""
#: A column, what is written there, and the verb that comes to it.
WRONG = [
    ("runs.config", "{", "runs --failures"),
    ("runs.changes", "[1", "runs --run 1"),
    ("runs.stop_asked", "soon", "status"),
    ("figures.reasons", "{", "status"),
    ("figures.bytes", "many", "status"),
    ("profiles.idle_limits", "{", "explain {url}/gone"),
    ("origins.asked_at", b"\0\xff", "explain {url}/"),
    ("items.data", "{", "export --output -"),
    ("items.data", b"\xff", "export --output -"),
    ("quarantine.problems", "no", "quarantine"),
    ("shapes.filled", "{", "export --output -"),
]


@pytest.fixture
def crawled(page_server: Callable[..., PageServer], project: Project) -> tuple[Path, str]:
    pdf = (200, {"Content-Type": "application/pdf", "Set-Cookie": "a=b", "ETag": '"x"'}, b"%PDF-1.4")
    server = page_server({"/": "<a href=/gone>x</a><a href=http://other.example/>y</a>", "/f.pdf": pdf})
    folder = project(server.url, spider=SPIDER, more=MORE)
    for _ in range(2):
        assert command("crawl", "site.yaml", "--fresh", cwd=folder).returncode == 0
    return folder, server.url


def test_what_it_holds_that_does_not_belong_there_is_told(crawled: tuple[Path, str]) -> None:
    folder, url = crawled
    store, kept = folder / ".scraper/site.db", folder / "kept.db"
    # All that is in the store as it was written belongs there.
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Store.open_existing(StoreLocation(store)) as opened, opened._database.reading() as reading:
        assert damage.first_wrong(reading) is None
    shutil.copy(store, kept)
    for place, value, line in WRONG:
        for each in store.parent.glob("site.db*"):
            each.unlink()
        shutil.copy(kept, store)
        table, column = place.split(".")
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute(f"update {table} set {column} = ?", (value,)).rowcount > 0
            connection.commit()
        verb, *words = line.format(url=url).split()
        done = command(verb, "site.yaml", *words, cwd=folder)
        assert done.returncode == 1, (place, done.stderr)
        assert f"is damaged: {place} holds" in done.stderr, (place, done.stderr)
        assert "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("schedule_runs.slot", "soon"),
        ("schedule_runs.result", b"\x00\xff"),
        ("schedule_runs.state", "asleep"),
        ("schedule_runs.exit_code", "none"),
        ("schedules.reached", "never"),
        ("schedules.spec", b"\x00"),
    ],
)
def test_a_damaged_history_of_a_schedule(
    page_server: Callable[..., PageServer], project: Project, place: str, value: object
):
    folder = project(page_server({"/": "<h1>Home</h1>"}).url, more="exports: []\nschedule: {every: 1h}\n")
    assert command("schedule", "trigger", "site.yaml", cwd=folder).returncode == 0
    table, column = place.split(".")
    with closing(sqlite3.connect(folder / ".scraper" / "site.db")) as connection:
        assert connection.execute(f"update {table} set {column} = ?", (value,)).rowcount > 0
        connection.commit()
    verbs = ("list",) if table == "schedules" else ("list", "history")
    for verb in verbs:
        done = command("schedule", verb, "site.yaml", cwd=folder)
        assert f"the store is damaged: {place} holds" in done.stderr, (verb, done.stderr)
        assert "internal error" not in done.stderr
        assert done.returncode == 1
