"""A store in PostgreSQL with texts that are no JSON is told to be damaged, and where, as a file is."""

from __future__ import annotations

from pathlib import Path

import psycopg

from scraper.config.store_location import StoreLocation
from tests.crawl.commands import command, made_project, site_of
from tests.postgres.test_crawls import MORE, PASSWORD, url_of
from tests.servers.keepalive import PageServer

#: A column that holds JSON, what is written there, and the verb that comes to it.
WRONG = [
    ("runs.config", "{", "runs --failures"),
    ("figures.reasons", "{", "status"),
    ("items.data", "[1", "export --output -"),
    ("schedule_runs.state", "asleep", "schedule"),
]


def test_what_it_holds_that_does_not_belong_there_is_told(path: StoreLocation, tmp_path: Path) -> None:
    with PageServer(site_of(2)) as server:
        url = url_of(path.url, path.schema)
        folder = made_project(tmp_path, server.url, more=MORE.format(url=url) + "schedule: {every: 1h}\n")
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
        assert command("schedule", "trigger", "site.yaml", cwd=folder).returncode == 0
    for place, value, line in WRONG:
        table, column = place.split(".")
        verb, *words = line.split()
        with psycopg.connect(path.url, autocommit=True) as connection:
            connection.execute(f"SET search_path TO {path.schema}")
            kept = connection.execute(f"SELECT {column} FROM {table}").fetchall()[0]
            assert connection.execute(f"UPDATE {table} SET {column} = %s", [value]).rowcount > 0
            arguments = (verb, "list", "site.yaml") if verb == "schedule" else (verb, "site.yaml", *words)
            done = command(*arguments, cwd=folder)
            connection.execute(f"UPDATE {table} SET {column} = %s", kept)
        assert done.returncode == 1, (place, done.stderr)
        assert f"is damaged: {place} holds" in done.stderr, (place, done.stderr)
        assert "internal error" not in done.stderr
        assert PASSWORD not in done.stderr
