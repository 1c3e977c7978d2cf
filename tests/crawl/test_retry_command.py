"""`scraper retry` puts failures back and goes on; the gate looks at the run before."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import SPIDER, Project, command, start, titles, wait_until
from tests.servers.keepalive import PageServer

MORE = """exports: [out/site.jsonl, {path: out/site.csv, fields: [title]}]
retry: {attempts: 1}
"""
POSTING = """
from scraper import Request, Spider

class Pages(Spider):
    def start(self):
        yield Request("URL/form", method="POST", data={"a": "1"})
        yield Request("URL/broken")

    def parse(self, response):
        yield {"title": response.css_first("h1").text()}
"""


class Breaking:
    """A site of which some pages answer 500 and 404 until they are mended."""

    def __init__(self) -> None:
        self.statuses = {"/1": 500, "/3": 404, "/broken": 500, "/form": 500}
        self.robots = 404

    def mend(self) -> None:
        self.statuses.clear()
        self.robots = 404

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        html = {"Content-Type": "text/html; charset=utf-8"}
        if path == "/robots.txt":
            return self.robots, html, b""
        if path in self.statuses:
            return self.statuses[path], html, b""
        if path == "/":
            return 200, html, b"<h1>Home</h1>" + b"".join(b'<a href="/%d">x</a>' % number for number in range(5))
        return 200, html, b"<h1>Page %s</h1>" % path[1:].encode()


ALL = ["Home", *(f"Page {number}" for number in range(5))]


@pytest.fixture
def site() -> Breaking:
    return Breaking()


@pytest.fixture
def server(site: Breaking, page_server: Callable[..., PageServer]) -> PageServer:
    return page_server(site)


def crawled(folder: Path, verb: str, *options: str) -> dict[str, Any]:
    """Crawl or retry to a good end; the figures of it."""
    done = command(verb, "site.yaml", "--quiet", "--stats", "stats.json", *options, cwd=folder)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    stats: dict[str, Any] = json.loads((folder / "stats.json").read_text())
    return stats


class TestRetry:
    def test_all_failures(self, project: Project, site: Breaking, server: PageServer):
        folder = project(server.url, more=MORE)
        stats = crawled(folder, "crawl")
        assert (stats["pages"], stats["failed"], stats["failures"]) == (4, 2, {"http-404": 1, "http-500": 1})
        site.mend()
        before = len(server.log)
        stats = crawled(folder, "retry")
        assert (stats["run"], stats["result"], stats["pages"], stats["items"]) == (1, "finished", 6, 6)
        assert (stats["failed"], stats["failures"], stats["interrupted"]) == (0, {}, 0)
        assert sorted(record.path for record in server.log[before:]) == ["/1", "/3"]
        assert titles((folder / "out" / "site.jsonl").read_text()) == ALL
        assert sorted((folder / "out" / "site.csv").read_text().split("\n")) == sorted(["title", *ALL, ""])
        assert not (folder / "out" / "site.jsonl.part").exists()

    def test_those_of_a_reason(self, project: Project, site: Breaking, server: PageServer):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        site.mend()
        stats = crawled(folder, "retry", "--reason", "http-500", "--reason", "timeout")
        assert (stats["pages"], stats["failures"]) == (5, {"http-404": 1})

    def test_nothing_to_put_back(self, project: Project, server: PageServer):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        before = len(server.log)
        kept = (folder / "out" / "site.jsonl").read_bytes()
        done = command("retry", "site.yaml", "--reason", "timeout", cwd=folder)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "run 1 of site has no failures of reason timeout; it has http-404 1, http-500 1\n"
        assert (len(server.log), (folder / "out" / "site.jsonl").read_bytes()) == (before, kept)
        assert "finished" in command("runs", "site.yaml", cwd=folder).stdout

    def test_what_fails_again_fails(self, project: Project, server: PageServer):
        folder = project(server.url, more=MORE + "gate: {max_failed: 0}\n")
        first = command("crawl", "site.yaml", cwd=folder)
        assert first.returncode == 1
        done = command("retry", "site.yaml", "--set", "retry.backoff=0", cwd=folder)
        assert done.returncode == 1
        assert "put back: 2 failures of run 1" in done.stderr
        assert "2 of 6 URLs failed (33.3%), more than gate.max_failed: 0.0%" in done.stderr
        assert (folder / "out" / "site.jsonl.part").exists()

    def test_robots_that_could_not_be_had_are_asked_for_at_once(
        self, project: Project, site: Breaking, server: PageServer
    ):
        site.robots = 500
        folder = project(server.url, more=MORE + "gate: {min_items: 0}\n")
        assert crawled(folder, "crawl")["failures"] == {"robots-unreachable": 1}
        site.mend()
        stats = crawled(folder, "retry", "--reason", "robots-unreachable")
        assert (stats["pages"], stats["failed"]) == (6, 0)
        assert titles((folder / "out" / "site.jsonl").read_text()) == ALL

    def test_a_post_only_by_its_reason(self, project: Project, site: Breaking, server: PageServer):
        more = MORE + "gate: {min_items: 0}\nallowed_domains: [127.0.0.1]\n"
        folder = project(server.url, spider=POSTING.replace("URL", server.url), more=more)
        crawled(folder, "crawl")
        site.mend()
        done = command("retry", "site.yaml", cwd=folder)
        assert done.returncode == 0
        assert "left alone: 1 request that must not be repeated" in done.stderr
        assert [record.method for record in server.log].count("POST") == 1
        stats = crawled(folder, "retry", "--reason", "http-500")
        assert (stats["failed"], stats["pages"]) == (0, 2)
        assert [record.method for record in server.log].count("POST") == 2

    def test_an_older_run(self, project: Project, site: Breaking, server: PageServer):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        crawled(folder, "crawl")
        site.mend()
        stats = crawled(folder, "retry", "--run", "1")
        assert (stats["run"], stats["failed"]) == (1, 0)
        assert crawled(folder, "crawl")["run"] == 3

    def test_an_older_run_that_is_stopped_is_the_one_to_go_on_with(
        self, project: Project, site: Breaking, server: PageServer
    ):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        crawled(folder, "crawl")
        site.mend()
        (folder / "out" / "site.jsonl.part").mkdir()
        assert command("retry", "site.yaml", "--run", "1", "--quiet", cwd=folder).returncode == 1
        (folder / "out" / "site.jsonl.part").rmdir()
        stats = crawled(folder, "crawl")
        assert (stats["run"], stats["result"], stats["failed"]) == (1, "finished", 0)
        assert crawled(folder, "crawl")["run"] == 3

    def test_only_one_run_may_be_unfinished(self, project: Project, site: Breaking, server: PageServer):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        (folder / "out" / "site.jsonl.part").mkdir()
        assert command("crawl", "site.yaml", "--quiet", cwd=folder).returncode == 1
        (folder / "out" / "site.jsonl.part").rmdir()
        done = command("retry", "site.yaml", "--run", "1", cwd=folder)
        assert done.returncode == 2
        assert "run 2 of site is unfinished" in done.stderr
        site.mend()
        assert crawled(folder, "crawl")["run"] == 2

    def test_run_of_another_spider(self, project: Project, server: PageServer):
        folder = project(server.url, more=MORE)
        crawled(folder, "crawl")
        done = command("retry", "site.yaml", "--set", "start_urls=[http://127.0.0.1:1/]", cwd=folder)
        assert done.returncode == 2
        assert "run 1 of site was started with another start_urls" in done.stderr
        assert "finished" in command("runs", "site.yaml", cwd=folder).stdout

    def test_before_the_first_crawl(self, project: Project, server: PageServer):
        folder = project(server.url)
        done = command("retry", "site.yaml", cwd=folder)
        assert done.returncode == 1
        assert "run scraper crawl first" in done.stderr
        assert not list(folder.glob(".scraper/*"))

    def test_while_a_crawl_is_at_work(self, project: Project, page_server: Callable[..., PageServer]):
        release = threading.Event()

        def slow(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path == "/":
                release.wait(20)
            return 200, {"Content-Type": "text/html"}, b"<h1>Home</h1>"

        server = page_server(slow)
        folder = project(server.url)
        process = start("crawl", "site.yaml", "--quiet", cwd=folder)
        try:
            wait_until(lambda: len(server.log) >= 1)
            done = command("retry", "site.yaml", cwd=folder)
            assert done.returncode == 1
            assert f"already running, pid {process.pid}" in done.stderr
        finally:
            release.set()
            process.communicate(timeout=30)
        assert process.returncode == 0


class TestGate:
    def test_against_the_run_before(self, project: Project, site: Breaking, server: PageServer):
        folder = project(server.url, more=MORE + "gate: {min_items: 80%}\n")
        site.mend()
        assert crawled(folder, "crawl")["items"] == 6
        site.statuses |= {"/1": 404, "/2": 404}
        for run in (2, 3):
            # Run 2 was outside of its gate, so run 3 is not measured by it.
            done = command("crawl", "site.yaml", cwd=folder)
            assert done.returncode == 1
            assert f"site, run {run}, outside-gate:" in done.stderr
            assert "4 items, fewer than gate.min_items: 80% of the 6 of run 1" in " ".join(done.stderr.split())
        site.mend()
        assert crawled(folder, "retry")["run"] == 3

    def test_items_that_pipelines_drop(self, project: Project, site: Breaking, server: PageServer):
        dropping = (
            "from scraper import DropItem\n" + SPIDER + "\n\ndef odd(item):\n"
            "    if item['title'][-1] in '13':\n        raise DropItem('odd')\n    return item\n"
        )
        site.mend()
        more = "exports: []\npipelines: [spiders.pages:odd]\ngate: {max_dropped: 25%}\n"
        done = command("crawl", "site.yaml", cwd=project(server.url, spider=dropping, more=more))
        assert done.returncode == 1
        assert "2 of 6 items were dropped (33.3%), more than gate.max_dropped: 25.0%" in done.stderr
