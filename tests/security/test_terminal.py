"""What a page says, or a store from elsewhere holds, does nothing to the terminal that shows it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scraper.observe.text import harmless
from tests.crawl.commands import Project, command
from tests.security.attacks import on_terminal
from tests.servers.keepalive import PageServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")

#: A title, a colour by C1, what turns text around, what ends a line.
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2028\x7f\r\nFAKE LINE"
DOES_SOMETHING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        text = response.css_first("h1").text()
        yield {"title": text, "n": 1}
        yield {"title": text, "n": text}
        yield from map(response.follow, response.links())

    def fails(self, response):
        raise ValueError(response.css_first("h1").text())
"""
MORE = """name: site
items: {item: {key: [title], fields: {n: int}}}
exports: [%s]
schedule: {every: 1d}
gate: {min_items: 0, max_failed: 100%%}
"""


def is_harmless(shown: str) -> bool:
    return DOES_SOMETHING.search(shown) is None


@pytest.fixture
def crawled(page_server: Callable[..., PageServer], project: Project) -> Path:
    """A project of which a run is in the store: items, some put aside, failures."""
    pages: dict[str, Any] = {"/": "<h1>fine</h1><a href=/gone>x</a><a href=/off>y</a>"}
    folder = project(page_server(pages).url, spider=SPIDER, more=MORE % "out/x.jsonl")
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    return folder


def poison(store: Path, tables: tuple[str, ...]) -> int:
    """Write it behind every text in these tables, and within the texts of JSON; returns how many were written."""
    count = 0
    with closing(sqlite3.connect(store)) as connection:
        for table in tables:
            for column in [row[1] for row in connection.execute(f"pragma table_info({table})")]:
                found = connection.execute(f"select distinct {column} from {table} where typeof({column}) = 'text'")
                for (text,) in found.fetchall():
                    is_json = text[:1] in "[{"
                    new = json.dumps(poisoned(json.loads(text))) if is_json else text + HOSTILE
                    connection.execute(f"update {table} set {column} = ? where {column} = ?", (new, text))
                    count += 1
        connection.commit()
    return count


def poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: poisoned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner) for inner in value]
    return value + HOSTILE if isinstance(value, str) else value


#: What lists each of them.
LISTED = {
    "failures": ("runs --failures --verbose", "runs --failures --csv", "runs --failures --json", "status"),
    "quarantine": ("quarantine", "quarantine --json"),
    "items": ("export --output -", "export --output - --format csv"),
    "domains": ("cookies", "status"),
    "attempts": ("explain {url}/gone",),
    "figures": ("runs --run 1", "runs --json"),
}


@pytest.mark.parametrize("table", LISTED)
def test_what_a_store_from_elsewhere_holds_is_shown_as_text(table: str, crawled: Path) -> None:
    url = (crawled / "site.yaml").read_text().partition("[")[2].partition("/]")[0]
    assert poison(crawled / ".scraper/site.db", (table,)) > 0 or table == "domains"
    for line in LISTED[table]:
        verb, *words = line.format(url=url).split()
        shown = on_terminal(verb, "site.yaml", *words, cwd=crawled)
        assert shown.strip()
        assert is_harmless(shown), (line, shown)
        if "csv" not in line:
            assert "\nFAKE LINE" not in shown, (line, shown)


def test_an_export_to_the_terminal_is_shown_as_text(page_server: Callable[..., PageServer], project: Project) -> None:
    server = page_server({"/": (200, {"Content-Type": "text/html; charset=utf-8"}, f"<h1>{HOSTILE}</h1>".encode())})
    folder = project(server.url, spider=SPIDER, more=MORE % "'-'")
    shown = on_terminal("crawl", "site.yaml", "--quiet", cwd=folder)
    assert "owned" in shown
    assert is_harmless(shown), shown
    piped = command("crawl", "site.yaml", "--quiet", "--fresh", cwd=folder)
    assert "\u202e" in piped.stdout, "what is no terminal gets the data as they are"


def test_a_body_on_the_terminal_is_shown_as_text(page_server: Callable[..., PageServer], tmp_path: Path) -> None:
    body = f"<p>{HOSTILE}\n\tnext".encode()
    server = page_server({"/": (200, {"Content-Type": "text/html", "X-Odd": "a\x9bb"}, body)})
    shown = on_terminal("fetch", f"{server.url}/", "--body", cwd=tmp_path)
    assert "owned" in shown
    assert "\n\tnext" in shown
    assert is_harmless(shown.replace("\t", "")), shown
    assert command("fetch", f"{server.url}/", "--body", cwd=tmp_path).stdout.encode() == body


def test_lines_stay_lines_and_nothing_else_does_anything() -> None:
    every = "".join(map(chr, [*range(0x300), *range(0x2000, 0x2100)]))
    shown = harmless(every)
    assert is_harmless(shown.replace("\t", "").replace("\n", ""))
    assert (shown.count("\n"), shown.count("\t")) == (1, 1)
    assert harmless("plain, é 漢字\n\tnext") == "plain, é 漢字\n\tnext"
