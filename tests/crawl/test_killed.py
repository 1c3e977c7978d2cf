"""A crawl that was killed goes on; a store that cannot be used is refused."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import StoreError, StoreLocked
from tests.crawl.crawling import (
    Pages,
    crawl,
    site,
)
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


SCRIPT = """
import json, os, sys
import scraper
from scraper import Request, Spider

class Killed(Spider):
    def start(self):
        if self.mode == "post":
            yield Request(self.base + "/form", method="POST", data={"a": "1"}, errback="failed")
        elif self.mode == "unsafe":
            yield Request(self.base + "/form", method="POST", data={"a": "1"}, retry_unsafe=True)
        else:
            yield Request(self.base + "/")

    def parse(self, response):
        if self.mode == "poison" and response.url.endswith("/p3"):
            os._exit(9)
        yield {"url": response.url}
        yield from (response.follow(link) for link in response.links())

    def failed(self, failure):
        yield {"failed": failure.reason}

mode, base, store = sys.argv[1:]
run = scraper.crawl(
    Killed, args={"mode": mode, "base": base}, store=store, exports=[], gate={"min_items": 0},
    network={"allow_private": True}, retry={"backoff": 0},
    politeness={"robots": "ignore", "delay": 0, "jitter": 0, "concurrency": 3},
)
print(json.dumps({"result": run.result, "stats": run.stats, "items": list(run.items),
                  "failures": {f.url.rpartition("/")[2]: f.reason for f in run.failures}}))
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "crawl.db")


class TestKilled:
    @pytest.fixture
    def process(self, tmp_path: Path, store: str) -> Callable[..., Any]:
        """`process(mode, server)` begins the script above on the store."""
        script = tmp_path / "killed.py"
        script.write_text(SCRIPT, encoding="utf-8")
        source = str(Path(scraper.__file__).parent.parent)

        @contextmanager
        def begin(mode: str, base: str) -> Iterator[subprocess.Popen[str]]:
            running = subprocess.Popen(
                [sys.executable, str(script), mode, base, store],
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": source},
            )
            try:
                yield running
            finally:
                running.kill()
                running.communicate()

        return begin

    def result_of(self, process: Callable[..., Any], mode: str, base: str) -> Any:
        with process(mode, base) as running:
            out, _ = running.communicate(timeout=30)
            assert running.returncode == 0
        return json.loads(out)

    def test_goes_on_with_nothing_lost_and_nothing_twice(self, page_server: Start, process: Any, store: str):
        enough = threading.Event()
        pages = site(80)

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if len(server.log) >= 40:
                enough.set()
            threading.Event().wait(0.01)
            return 200, HTML, pages[path].encode()

        server = page_server(answer)
        with process("", server.url) as running:
            assert enough.wait(20)
            running.kill()
            running.wait()
        run = self.result_of(process, "", server.url)
        assert (run["result"], run["stats"]["pages"], run["stats"]["interrupted"]) == ("finished", 81, 1)
        urls = [item["url"] for item in run["items"]]
        assert (len(urls), set(urls)) == (81, {server.url + path for path in pages})
        with sqlite3.connect(store) as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]

    @pytest.mark.parametrize(("mode", "posts"), [("post", 1), ("unsafe", 2)])
    def test_the_outcome_of_a_post_is_unknown(self, page_server: Start, process: Any, mode: str, posts: int):
        asked, free = threading.Event(), threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            bodies.append(body)
            asked.set()
            free.wait(10)
            return 200, HTML, b"x"

        bodies: list[bytes] = []
        server = page_server(answer)
        with process(mode, server.url) as running:
            assert asked.wait(20)
            running.kill()
            running.wait()
        free.set()
        run = self.result_of(process, mode, server.url)
        assert bodies == [b"a=1"] * posts
        if mode == "unsafe":
            assert (run["stats"]["pages"], run["failures"]) == (1, {})
        else:
            assert run["failures"] == {"form": "unknown-outcome"}
            # A failure like any other goes to the errback.
            assert run["items"] == [{"failed": "unknown-outcome"}]

    def test_a_page_that_brings_the_process_down(self, page_server: Start, process: Any):
        server = page_server(site(8))
        for _ in range(2):
            with process("poison", server.url) as running:
                assert running.wait(20) == 9
        run = self.result_of(process, "poison", server.url)
        assert (run["failures"], run["stats"]["pages"], run["stats"]["interrupted"]) == ({"p3": "crashed"}, 8, 2)
        assert len({item["url"] for item in run["items"]}) == len(run["items"]) == 8

    def test_one_crawl_a_store(self, page_server: Start, process: Any, store: str):
        asked, free = threading.Event(), threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            asked.set()
            free.wait(10)
            return 200, HTML, b"x"

        server = page_server(answer)
        with process("", server.url) as running:
            assert asked.wait(20)
            with pytest.raises(StoreLocked, match=f"already running, pid {running.pid}") as caught:
                crawl(Pages, server.url, store=store)
            assert (caught.value.pid, caught.value.exit_code) == (running.pid, 1)
            running.kill()
            running.wait()
        free.set()
        run = crawl(Pages, server.url, store=store)
        assert run.result == "finished"


class TestStores:
    def test_of_a_newer_version(self, page_server: Start, store: str):
        server = page_server({"/": "x"})
        crawl(Pages, server.url, store=store)
        with sqlite3.connect(store) as connection:
            connection.execute("update meta set value = '999' where key = 'version'")
        connection.close()
        with pytest.raises(StoreError, match="version 999"):
            crawl(Pages, server.url, store=store)

    def test_a_folder(self, tmp_path: Path):
        with pytest.raises(StoreError, match="cannot be made: there is something else"):
            crawl(Pages, "http://127.0.0.1:9/", store=str(tmp_path))

    def test_below_a_file(self, tmp_path: Path):
        (tmp_path / "file").write_text("x", encoding="utf-8")
        with pytest.raises(StoreError):
            crawl(Pages, "http://127.0.0.1:9/", store=str(tmp_path / "file" / "crawl.db"))

    def test_another_file(self, tmp_path: Path):
        other = tmp_path / "notes.txt"
        other.write_text("These are notes, and no database at all.\n" * 100, encoding="utf-8")
        before = other.read_bytes()
        with pytest.raises(StoreError, match="is not a store"):
            crawl(Pages, "http://127.0.0.1:9/", store=str(other))
        assert other.read_bytes() == before

    def test_the_database_of_another_program(self, tmp_path: Path):
        other = tmp_path / "other.db"
        with sqlite3.connect(other) as connection:
            connection.execute("create table runs (id integer primary key, distance real)")
        connection.close()
        with pytest.raises(StoreError):
            crawl(Pages, "http://127.0.0.1:9/", store=str(other))
        with sqlite3.connect(other) as connection:
            assert connection.execute("select name from sqlite_master").fetchall() == [("runs",)]
        connection.close()

    @pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
    def test_nobody_else_may_read_it(self, page_server: Start, store: str):
        crawl(Pages, page_server({"/": "x"}).url, store=store)
        assert Path(store).stat().st_mode & 0o777 == 0o600
