"""`scraper explain`: what is told of a URL, and that every try is kept."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.errors import Retry
from scraper.request import Request
from scraper.store import Store
from scraper.store.history.explain import KnownOfUrl
from tests.crawl.commands import Project, command, start, wait_until
from tests.crawl.crawling import Pages, crawl
from tests.servers.behaviours import hangs
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

ROBOTS = b"User-agent: *\nDisallow: /closed/\nAllow: /\n"
MORE = """exports: [out/site.jsonl]
retry: {backoff: 10ms}
items: {item: {key: [url]}}
limits: {depth: 2}
scope: {exclude: ["/logout*"]}
"""
LINKS = ("ok", "flaky", "gone", "old", "closed/x", "logout?now", "deep/1", "ok#part", "%6Fk")


class Site:
    """A site whose every link has a story."""

    def __init__(self) -> None:
        self.busy = 2

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        html = {"Content-Type": "text/html; charset=utf-8"}
        if path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, ROBOTS
        if path == "/":
            links = "".join(f'<a href="/{link}">{link}</a>' for link in LINKS)
            return 200, html, f'<h1>Home</h1>{links}<a href="http://other.example/">away</a>'.encode()
        if path == "/flaky" and self.busy:
            self.busy -= 1
            return 503, {**html, "Retry-After": "0"}, b"busy"
        if path in ("/old", "/older"):
            return 302, {"Location": "/older" if path == "/old" else "/ok"}, b""
        if path == "/gone":
            return 404, {"Content-Type": "text/plain"}, b"gone\n"
        if path.startswith("/deep/"):
            number = int(path.rpartition("/")[2])
            return 200, html, f'<h1>Deep {number}</h1><a href="/deep/{number + 1}">on</a>'.encode()
        return 200, {**html, "ETag": '"1"'}, b"<h1>Fine</h1>"


@pytest.fixture
def server(page_server: Callable[..., PageServer]) -> PageServer:
    return page_server(Site())


@pytest.fixture
def folder(project: Project, server: PageServer) -> Path:
    """A project whose crawl is done."""
    made = project(server.url, more=MORE)
    done = command("crawl", "site.yaml", "--quiet", "--set", "politeness.concurrency=1", cwd=made)
    assert done.returncode == 0, done.stderr
    return made


def explained(folder: Path, url: str, *options: str) -> str:
    """What the command says of a URL, runs of spaces as one."""
    done = command("explain", "site.yaml", url, *options, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())


class TestCommand:
    def test_a_start_url(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/")
        assert "run 1 of site, finished" in said
        assert "found on no page: a start URL" in said
        assert f"robots allowed for persistent-scraper by {server.url}/robots.txt; line 3: Allow: /" in said
        assert "result done: 200" in said
        assert f'items item 1\n["item","{server.url}/"]' in said

    def test_a_page_that_took_three_tries(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/flaky")
        assert f"found on {server.url}/\n" in said
        assert "admitted depth 1, callback parse" in said
        tries = [line for line in said.splitlines() if line.startswith("try ")]
        assert [line.split()[1] for line in tries] == ["1", "2", "3"]
        for line in tries[:2]:
            assert " 503 in " in line
            assert "127.0.0.1#1 reused, http-503: the server answered 503, tried again after" in line
        assert " 200 in " in tries[2]
        assert "tried again" not in tries[2]

    def test_a_dead_link(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/gone")
        assert said.count("\ntry ") == 1
        assert "result failed: http-404: the server answered 404" in said
        assert "remedy accept it in the request, or retry it (retry.statuses)" in said
        assert "items none" in said

    def test_a_redirect_forwards_and_backwards(self, folder: Path, server: PageServer):
        first = explained(folder, f"{server.url}/old")
        assert "302 in " in first
        assert f"redirect to {server.url}/older" in first
        assert f"leads to {server.url}/older, redirected\nleads to {server.url}/ok, done" in first
        second = explained(folder, f"{server.url}/older")
        assert f"found on {server.url}/old, which redirects to it" in second
        assert f"redirected {server.url}/old -> {server.url}/older" in second

    def test_what_robots_txt_closes(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/closed/x")
        assert f"refused for persistent-scraper by {server.url}/robots.txt; line 2: Disallow: /closed/" in said
        assert "refused robots: " in said
        assert "\ntry " not in said

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("/logout?now", "refused excluded: scope.exclude has /logout* [scope.exclude: site.yaml:"),
            ("/deep/3", "refused depth: it lies 3 links deep: limits.depth is 2 [limits.depth: site.yaml:"),
        ],
    )
    def test_what_the_yaml_refuses(self, folder: Path, server: PageServer, path: str, why: str):
        said = explained(folder, f"{server.url}{path}")
        assert why in said
        assert f"found on {server.url}/" in said

    def test_what_lies_elsewhere(self, folder: Path, server: PageServer):
        said = explained(folder, "http://other.example/")
        assert f"found on {server.url}/\nrefused offsite: other.example is not within allowed_domains" in said
        assert "has not been fetched" in said

    def test_duplicates_are_known_by_their_canonical_form(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/%6Fk#elsewhere")
        assert f"known as {server.url}/ok: every URL of this form is the same request" in said
        assert f"sent as {server.url}/ok" in said
        assert "result done: 200, 13 B, with ETag; 0 requests found on it" in said

    def test_a_url_that_was_never_seen_is_judged_today(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/new")
        assert "seen never in this run; judged by today's configuration:" in said
        assert "admitted once a page leads to it, unless it lies deeper than limits.depth: 2 [limits.depth:" in said
        assert "line 3: Allow: /" in said
        closed = explained(folder, f"{server.url}/new", "--set", "scope.exclude=[/n*]")
        assert "refused excluded: scope.exclude has /n* [scope.exclude: --set]" in closed

    def test_nothing_is_fetched(self, folder: Path, server: PageServer):
        before = len(server.log)
        server.close()
        explained(folder, f"{server.url}/")
        assert len(server.log) == before

    def test_robots_that_are_ignored(self, folder: Path, server: PageServer):
        said = explained(folder, f"{server.url}/", "--set", "politeness.robots=ignore")
        assert "robots not asked: politeness.robots is ignore [politeness.robots: --set]" in said

    def test_a_run_that_is_named(self, folder: Path, server: PageServer):
        command("crawl", "site.yaml", "--quiet", "--set", "limits.pages=1", cwd=folder)
        assert "result queued" in explained(folder, f"{server.url}/flaky")
        assert "try 3" in explained(folder, f"{server.url}/flaky", "--run", "1")
        done = command("explain", "site.yaml", f"{server.url}/", "--run", "9", cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert "site has no run 9" in done.stderr

    def test_without_a_store_or_a_whole_url(self, project: Project, server: PageServer):
        folder = project(server.url)
        done = command("explain", "site.yaml", f"{server.url}/", cwd=folder)
        assert done.returncode == 1
        assert "run scraper crawl first" in done.stderr
        assert command("explain", "site.yaml", "/page", cwd=folder).returncode == 2

    def test_a_spider_s_words_do_nothing_to_a_terminal(self, project: Project, server: PageServer):
        spider = (
            "from scraper import Spider\n\n"
            "class Pages(Spider):\n"
            "    def parse(self, response):\n"
            "        raise RuntimeError('red \\x1b[31m alert')\n"
        )
        folder = project(server.url, spider=spider)
        command("crawl", "site.yaml", "--quiet", cwd=folder)
        said = explained(folder, f"{server.url}/")
        assert "\x1b" not in said
        assert "result failed: spider: parse raised RuntimeError: red \\x1b[31m alert" in said
        assert "raise RuntimeError" in said


def test_while_a_crawl_is_at_work(project: Project, page_server: Callable[..., PageServer]):
    held = threading.Event()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/slow":
            held.wait(20)
        return 200, {"Content-Type": "text/html"}, b'<h1>Page</h1><a href="/slow">s</a>'

    server = page_server(answer)
    folder = project(server.url)
    process = start("crawl", "site.yaml", "--quiet", "--set", "politeness.robots=ignore", cwd=folder)
    try:
        wait_until(lambda: any(record.path == "/" for record in server.log))
        wait_until(lambda: "done: 200" in explained(folder, f"{server.url}/"))
        assert "run 1 of site, unfinished" in explained(folder, f"{server.url}/slow")
        assert "result queued" in explained(folder, f"{server.url}/slow")
    finally:
        held.set()
        process.communicate(timeout=30)
    assert process.returncode == 0


class TestTriesAreKept:
    """Every outcome of a request that was sent has its try in the store."""

    def tries(self, store: Path, url: str) -> KnownOfUrl:
        with Store.open_existing(store) as opened:
            request = Request(url)
            (known,) = opened.history(1, request, request.fingerprint()).known
            return known

    def test_a_server_that_does_not_answer(self, raw_server: Callable[..., RawServer], tmp_path: Path):
        server = raw_server(hangs())
        crawl(
            Pages,
            f"{server.url}/",
            store=str(tmp_path / "crawl.db"),
            session={"timeout": {"read": "100ms"}},
            retry={"attempts": 2, "backoff": 0},
        )
        first, second = self.tries(tmp_path / "crawl.db", f"{server.url}/").attempts
        assert (first.number, first.status, first.reason, first.wait) == (1, None, "timeout", 0.0)
        assert (second.number, second.reason, second.wait) == (2, "timeout", None)
        assert first.connection != second.connection
        assert second.at >= first.at + 0.1
        assert first.seconds >= 0.1

    def test_a_spider_that_asks_again_and_then_raises(self, page_server: Callable[..., PageServer], tmp_path: Path):
        class Doubting(Pages):
            times = 0

            def parse(self, response: scraper.Response) -> Any:
                Doubting.times += 1
                if Doubting.times == 1:
                    raise Retry("not yet", wait=0)
                raise ValueError("never")
                yield

        server = page_server({"/": "<h1>1</h1>"})
        crawl(Doubting, f"{server.url}/", store=str(tmp_path / "crawl.db"))
        first, second = self.tries(tmp_path / "crawl.db", f"{server.url}/").attempts
        assert (first.status, first.reason, first.message, first.wait is None) == (200, "retry", "not yet", False)
        assert (second.status, second.reason, second.reused) == (200, "spider", True)

    def test_a_failure_that_an_errback_saw(self, page_server: Callable[..., PageServer], tmp_path: Path):
        class Careful(Pages):
            def start(self) -> Any:
                yield scraper.Request(f"{server.url}/none", errback=self.failed)

            def failed(self, failure: Any) -> Any:
                yield {"failed": failure.reason}

        server = page_server({})
        crawl(Careful, store=str(tmp_path / "crawl.db"), allowed_domains=["127.0.0.1"])
        known = self.tries(tmp_path / "crawl.db", f"{server.url}/none")
        assert [(each.status, each.reason) for each in known.attempts] == [(404, "http-404")]
        assert known.items == (("item", None),)

    def test_as_many_as_the_ledger_counts(self, page_server: Callable[..., PageServer], tmp_path: Path):
        server = page_server(Site())
        run = crawl(
            Pages, f"{server.url}/", f"{server.url}/flaky", f"{server.url}/old", store=str(tmp_path / "crawl.db")
        )
        with closing(sqlite3.connect(tmp_path / "crawl.db")) as store:
            (rows,) = store.execute("select count(*) from attempts").fetchone()
            (pages,) = store.execute("select count(*) from pages where sent_at > 0").fetchone()
        assert rows + pages == run.stats["requests"] == len(server.log) == 7
