"""A page that hangs the process which parses it does so once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scraper.engine.crash_marker import CrashMarker
from tests.crawl.commands import command, start, wait_until

#: `re` never lets go of the interpreter: no thread, signal or timer of Python gets its turn.
HANGS = """
import re
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        if response.url.endswith("/evil"):
            re.search("(a|a|aa)+$", "a" * 200 + "b")
        yield {"title": response.url}
        yield from map(response.follow, response.links())
"""
PAGES = {"/": '<a href="/evil">e</a><a href="/good">g</a>', "/evil": "<p>", "/good": "<p>"}


def marked(folder: Path) -> bool:
    """Whether a page is being parsed, and has been for a second."""
    for path in (folder / ".scraper").glob("*.parsing-0"):
        marker = CrashMarker(path, 1)
        return marker.noted() is not None and marker.age() > 1.1
    return False


def test_a_page_that_hung_the_process_fails_when_it_is_met_again_and_the_rest_is_crawled(
    page_server, project
) -> None:
    server = page_server(PAGES)
    folder = project(server.url, spider=HANGS, more="limits: {parse: 1s}\nexports: [out/site.jsonl]")
    process = start("crawl", "site.yaml", cwd=folder)
    try:
        wait_until(lambda: marked(folder))
    finally:
        process.kill()
        process.communicate()
    done = command("crawl", "site.yaml", cwd=folder)
    assert "in case that page hung it" in done.stderr
    failures = command("runs", "site.yaml", "--failures", cwd=folder).stdout
    assert "parse-timeout" in failures
    assert "crashed" not in failures
    assert (folder / "out" / "site.jsonl").read_text().count("/good") == 1
    assert [record.path for record in server.log].count("/evil") == 2


def test_a_parser_that_a_page_hangs_is_ended_and_another_takes_the_rest(page_server, project) -> None:
    more = "limits: {parse: 1s}\nengine: {parsers: 1}\nexports: [out/site.jsonl]"
    folder = project(page_server(PAGES).url, spider=HANGS, more=more)
    begun = time.monotonic()
    command("crawl", "site.yaml", cwd=folder)
    assert time.monotonic() - begun < 30
    assert "parse-timeout" in command("runs", "site.yaml", "--failures", cwd=folder).stdout
    assert (folder / "out" / "site.jsonl").read_text().count("/good") == 1


@pytest.mark.parametrize("passed", [0.0, 3_600.0])
def test_a_marker_says_how_long_ago_its_page_was_begun(passed: float, tmp_path: Path, monkeypatch) -> None:
    marker = CrashMarker(tmp_path / "x.parsing-0", 1)
    marker.write(7)
    now = time.time() + passed
    monkeypatch.setattr(time, "time", lambda: now)
    assert CrashMarker(tmp_path / "x.parsing-0", 1).age() == pytest.approx(passed, abs=5)
