"""Kept pages are parsed again with nothing fetched: those of the store, and those of an archive."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import command, made_project
from tests.servers.keepalive import Answer, PageServer

Start = Callable[..., PageServer]
FIRST = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url}
        yield from response.follow_all("a")
"""
#: The spider as it is edited: another field, and a link that nobody followed.
EDITED = FIRST.replace('"title": response.css_first("h1").text()', '"heading": response.css_first("h1").text() + "!"')
FURTHER = EDITED + '        yield response.follow("/new")\n'
BODIES = "exports: [out/site.jsonl]\nrevisit: {keep_bodies: true}\n"
ARCHIVE = "exports: [out/site.jsonl]\narchive: out/{name}-{run}.warc.gz\n"
PARSERS = f"{BODIES}engine: {{parsers: 1}}\n"
PROCESSES = f"{BODIES}engine: {{processes: 2}}\n"


@pytest.fixture
def served(page_server: Start) -> PageServer:
    pages: dict[str, Any] = {
        "/": '<h1>Home</h1><a href="/a">a</a><a href="/moved">b</a><a href="/gone">c</a>',
        "/a": (
            200,
            {"Content-Type": "text/html; charset=iso-8859-1", "ETag": '"1"'},
            "<h1>Café</h1>".encode("latin-1"),
        ),
        "/moved": (302, {"Location": "/b"}, b""),
        "/b": "<h1>B</h1>",
    }
    return page_server(pages)


def titles(folder: Path, field: str) -> list[str]:
    lines = (folder / "out" / "site.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted(str(json.loads(line)[field]) for line in lines)


def edited(folder: Path, text: str) -> None:
    (folder / "spiders" / "pages.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "more", [BODIES, ARCHIVE, PARSERS, PROCESSES], ids=["store", "archive", "parsers", "processes"]
)
def test_an_edited_spider_makes_new_items_of_them_and_nothing_is_sent(
    served: PageServer, tmp_path: Path, more: str
) -> None:
    folder = made_project(tmp_path, served.url, spider=FIRST, more=more)
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    assert titles(folder, "title") == ["B", "Café", "Home"]
    connections = served.connections
    edited(folder, EDITED)
    done = command("crawl", "site.yaml", "--cached", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert titles(folder, "heading") == ["B!", "Café!", "Home!"]
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    assert (stats["pages"], stats["requests"], stats["connections"], stats["failed"]) == (3, 0, 0, 1)
    assert served.connections == connections


def test_nothing_is_waited_for(served: PageServer, tmp_path: Path) -> None:
    """Neither the moment of a request, nor a pause of its domain."""
    folder = made_project(tmp_path, served.url, spider=FIRST, more=BODIES)
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    with contextlib.closing(sqlite3.connect(next(folder.glob(".scraper/*.db")))) as store, store:
        store.execute("update domains set not_before = ?, pauses = 2", (time.time() + 3_600,))
    later = "yield from (response.follow(link, not_before=32_503_680_000) for link in response.links())"
    edited(folder, EDITED.replace('yield from response.follow_all("a")', later))
    done = command("crawl", "site.yaml", "--cached", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert titles(folder, "heading") == ["B!", "Café!", "Home!"]


def test_a_page_of_which_nothing_is_kept_is_refused(served: PageServer, tmp_path: Path) -> None:
    folder = made_project(tmp_path, served.url, spider=FIRST, more=BODIES)
    command("crawl", "site.yaml", cwd=folder)
    edited(folder, FURTHER)
    done = command("crawl", "site.yaml", "--cached", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "refused: not-cached 1" in done.stderr
    assert not any(record.path == "/new" for record in served.log)


def test_without_kept_pages_it_says_how_to_keep_them(served: PageServer, tmp_path: Path) -> None:
    folder = made_project(tmp_path, served.url, spider=FIRST)
    command("crawl", "site.yaml", cwd=folder)
    done = command("crawl", "site.yaml", "--cached", cwd=folder)
    assert done.returncode == 2
    assert "revisit: {keep_bodies: true}" in done.stderr


def test_an_unfinished_run_is_not_given_up_for_it(served: PageServer, tmp_path: Path) -> None:
    folder = made_project(tmp_path, served.url, spider=FIRST, more=f"{BODIES}limits: {{pages: 1}}\n")
    command("crawl", "site.yaml", cwd=folder)
    edited(folder, FIRST.replace("yield {", "raise KeyboardInterrupt\n        yield {", 1))
    command("crawl", "site.yaml", cwd=folder)
    edited(folder, FIRST)
    done = command("crawl", "site.yaml", "--cached", cwd=folder)
    assert done.returncode == 2
    assert "is unfinished, and --cached would give it up" in done.stderr
    assert command("crawl", "site.yaml", "--cached", "--fresh", cwd=folder).returncode == 0


def test_the_next_crawl_asks_servers_again_whether_pages_changed(page_server: Start, tmp_path: Path) -> None:
    asked: list[str | None] = []

    def answer(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path != "/":
            return 404, {}, b""
        asked.append(headers["If-None-Match"])
        if asked[-1] == '"1"':
            return 304, {"ETag": '"1"'}, b""
        return 200, {"Content-Type": "text/html", "ETag": '"1"'}, b"<h1>Home</h1>"

    folder = made_project(tmp_path, page_server(answer).url, spider=FIRST, more=BODIES)
    command("crawl", "site.yaml", cwd=folder)
    edited(folder, EDITED)
    command("crawl", "site.yaml", "--cached", cwd=folder)
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    # By what came with the page; what its kept body gave last stands.
    assert asked == [None, '"1"']
    assert titles(folder, "heading") == ["Home!"]
