"""Pages name types and fields, and fill cells, headers and logs: none of it leaves its place or runs."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from scraper.fetch.conditional import conditions_of, validators_of
from scraper.observe.text import plain, plain_json
from tests.crawl.commands import command, start

NAMES = ("..", ".", "...", "", "a\0b", "x" * 300, "é" * 150)
SPIDER = f"""
from scraper import Spider
from scraper.items import NamedItem

class Pages(Spider):
    def parse(self, response):
        yield {{"title": "fine"}}
        for name in {NAMES!r}:
            yield NamedItem(name, {{"title": "bad type"}})
        for name in ("a\\0b", "x" * 300):
            yield {{"title": "bad field", name: 1}}
        for name in ("../../evil", "/etc/evil", "a\\\\b", "CON "):
            yield NamedItem(name, {{"title": "odd type"}})
"""
PATHS = (
    "deep/{type}/x.jsonl",
    "deep/{type}.jsonl",
    "deep/x-{type}.csv",
    "deep/x.db",
    "deep/x.jsonl",
    "deep/{type}/a.jsonl.gz",
)


@pytest.mark.parametrize("path", PATHS)
def test_names_of_types_and_fields_fail_no_export_and_leave_no_folder(
    path: str, page_server, project, tmp_path
) -> None:
    folder = project(page_server({"/": "<p>x"}).url, spider=SPIDER, more=f'exports: ["{path}"]')
    before = set(tmp_path.parent.iterdir())
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert set(tmp_path.parent.iterdir()) == before
    written = [each.relative_to(folder).parts for each in folder.rglob("*") if each.is_file()]
    assert all(parts[0] in ("deep", "spiders", "site.yaml", ".scraper") for parts in written)
    assert not Path("/etc/evil").exists()
    aside = command("quarantine", "site.yaml", "--json", cwd=folder).stdout.splitlines()
    assert len(aside) == len(NAMES) + 2
    if path.endswith(".db"):
        assert sqlite3.connect(folder / path).execute("SELECT title FROM item").fetchall() == [("fine",)]
    else:
        assert any("deep" in parts for parts in written)


ONE = "from scraper import Spider\nclass Pages(Spider):\n  def parse(self, r):\n    {}\n"
SKIPPED = [
    "\n",
    "\r\n",
    "\t",
    "\v",
    "\f",
    "\0",
    "\x1b",
    "\x85",
    "\xa0",
    "\xad",
    "\u1680",
    "\u180e",
    "\u2003",
    "\u200b",
]
SKIPPED += ["\u200d", "\u200e", "\u2028", "\u202e", "\u2060", "\u3000", "\ufeff", "\ufe0f", " \ufeff ", "\n \n"]
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"


@pytest.mark.parametrize("sign", SIGNS)
def test_no_cell_is_a_formula_whatever_stands_before_it(sign: str, page_server, project) -> None:
    cells = [sign + "cmd", *(before + sign + "1+1" for before in SKIPPED)]
    spider = ONE.format(f"for c in {cells!r}: yield {{'c': c}}")
    folder = project(page_server({"/": "<p>x"}).url, spider=spider, more="exports: [out/x.csv]")
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    with (folder / "out" / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = [row[0] for row in csv.reader(file)][1:]
    assert [row[:1] for row in rows] == ["'"] * len(cells)
    assert [row[1:] for row in rows] == cells


def str_values(value: object) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, dict | list):
        return [text for each in (value.values() if isinstance(value, dict) else value) for text in str_values(each)]
    return [value] if isinstance(value, str) else []


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2028\x7f"


def test_json_of_what_was_put_aside_says_the_same_and_does_nothing_to_a_terminal(page_server, project) -> None:
    spider = ONE.format(f"yield {{'price': {HOSTILE!r}}}")
    more = "items: {item: {fields: {price: int}}}\nexports: []"
    folder = project(page_server({"/": "<p>x"}).url, spider=spider, more=more)
    command("crawl", "site.yaml", cwd=folder)
    out = command("quarantine", "site.yaml", "--json", cwd=folder).stdout
    assert out.count("\n") == 1
    assert plain(out[:-1]) == out[:-1]
    assert HOSTILE in str_values(json.loads(out))


def test_json_of_all_that_does_something_to_a_terminal_is_read_as_it_was() -> None:
    text = "".join(map(chr, [*range(0x20, 0x300), *range(0x2000, 0x2100), 0xFEFF]))
    line = plain_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(line) == text
    assert plain(line[:1000]) == line[:1000]


def test_a_traceback_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    # A name with escapes is the file's own.
    process = start("--traceback", "check", f"no{HOSTILE}.yaml", cwd=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" in err
    assert not set(err) & set("\x1b\x07\x9b\u202e\u2028\x7f")


@pytest.mark.parametrize("mark", ["\n", "\r", "\0", "\x1b", "\x7f", "\u0100", "\r\nX-Injected: 1"])
def test_control_characters_of_validators_are_not_sent_back(mark: str) -> None:
    tag, date = f'"a{mark}b"', f"Sun, 06 Nov 1994 08:49:37 GMT{mark}"
    assert validators_of({"ETag": tag, "Last-Modified": date}) == (None, None)
    assert conditions_of(tag, date) == {}, "a store may come from elsewhere"


def test_a_validator_too_long_for_servers_is_not_sent_back(page_server, project) -> None:
    assert validators_of({"ETag": f'"{"a" * 60_000}"'}) == (None, None)
    assert validators_of({"ETag": '"fine"'}) == ('"fine"', None)
