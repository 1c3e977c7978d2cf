"""What a crawl would do, and what a run left: `scraper check`, `runs` and `export`."""

from __future__ import annotations

import csv
import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import SIX, Project, command, python_m, site_of, start, titles
from tests.servers.keepalive import PageServer


class TestCheck:
    def test_shows_what_holds_and_no_secret(self, project: Project):
        more = "args: {api_key: hush-1}\norigins: {https://api.example.com: {headers: {Authorization: '${TOKEN}'}}}"
        done = command("check", "site.yaml", cwd=project("http://a.example", more=more), TOKEN="hush-2")
        assert done.returncode == 0
        assert "hush" not in done.stdout + done.stderr
        assert "***" in done.stdout
        assert "ok: site, spider spiders/pages.py:Pages, 1 start URL" in done.stderr

    def test_names_what_threads_send_and_why(self, project: Project):
        own = "domains: {b.example: {session: {class: 'spiders.pages:Own'}}}\nengine: {threads: 4}"
        folder = project("http://a.example", more=own)
        with (folder / "spiders" / "pages.py").open("a") as spider:
            spider.write("\n\nimport requests\n\n\nclass Own(requests.Session):\n    pass\n")
        done = command("check", "site.yaml", cwd=folder)
        assert done.returncode == 0
        said = "threads send what is for b.example, 4 at once at most: session.class is spiders.pages:Own"
        assert said in done.stderr.splitlines()
        assert "a.example" not in done.stderr

    def test_a_session_that_cannot_be_observed(self, project: Project):
        folder = project("http://a.example", more="session: {class: 'spiders.pages:Own'}")
        with (folder / "spiders" / "pages.py").open("a") as spider:
            spider.write(
                "\n\nimport requests\nfrom requests.adapters import BaseAdapter\n\n\nclass Own(requests.Session):\n"
                "    def __init__(self):\n        super().__init__()\n        self.mount('http://', BaseAdapter())\n"
                "        self.close = lambda: None\n"
            )
        done = command("check", "site.yaml", cwd=folder)
        assert done.returncode == 2
        assert "site.yaml:5:18: session.class: connections of spiders.pages:Own cannot be observed" in done.stderr
        done = command("check", "site.yaml", "--set", "network.allow_unobserved=true", cwd=folder)
        assert done.returncode == 0

    def test_terminal_that_knows_no_letters_but_ascii(self, project: Project):
        folder = project("http://a.example", more="args: {word: 'Łąka'}")
        done = python_m("check", "site.yaml", cwd=folder, PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert "\\u0141\\u0105ka" in done.stdout

    def test_all_that_cannot_be_imported(self, project: Project):
        more = "pipelines: [spiders.pages:nothing]\norigins: {https://a.example: {auth: 'spiders.pages:none'}}"
        folder = project("http://a.example", more=more)
        done = command("check", "site.yaml", "--set", "spider=spiders/pages.py:Page", cwd=folder)
        assert done.returncode == 2
        assert "spiders/pages.py has no Page (did you mean Pages?)" in done.stderr
        assert "site.yaml:5:13: pipelines[0]: spiders.pages has no nothing" in done.stderr
        done = command("check", "site.yaml", "--set", "pipelines=[]", cwd=folder)
        assert done.returncode == 2
        assert "origins.https://a.example.auth" in done.stderr


class TestRunsAndExport:
    @pytest.fixture
    def folder(self, project: Project, page_server: Callable[..., PageServer]) -> Path:
        pages = {**site_of(2), "/": '<h1>Home</h1><a href="/0">a</a><a href="/bad">b</a><a href="/gone">c</a>'}
        pages["/bad"] = "<p>no heading</p>"
        folder = project(page_server(pages).url)
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
        return folder

    def test_table(self, folder: Path):
        head, row = command("runs", "site.yaml", cwd=folder).stdout.splitlines()
        assert head.split()[:6] == ["run", "started", "result", "pages", "304", "items"]
        assert [row.split()[0], *row.split()[3:7]] == ["1", "finished", "2", "0", "2"]

    def test_failures(self, folder: Path):
        done = command("runs", "site.yaml", "--failures", cwd=folder)
        assert done.returncode == 0
        reasons = Counter(line.split()[0] for line in done.stdout.splitlines())
        assert reasons == {"http-404": 1, "spider": 1}
        assert "AttributeError" in done.stdout
        one = command("runs", "site.yaml", "--failures", "--reason", "spider", "--json", cwd=folder)
        (failure,) = json.loads(one.stdout)
        assert failure["url"].endswith("/bad")
        assert "spiders/pages.py" in failure["traceback"].replace("\\", "/")
        told = command("runs", "site.yaml", "--failures", "--verbose", cwd=folder).stdout
        assert "response.css_first" in told

    def test_run_that_is_not_there(self, folder: Path):
        done = command("runs", "site.yaml", "--run", "7", cwd=folder)
        assert (done.returncode, "site has no run 7" in done.stderr) == (2, True)

    def test_no_store_yet(self, project: Project, tmp_path: Path):
        done = command("runs", "site.yaml", cwd=project("http://a.example"))
        assert done.returncode == 1
        assert "run scraper crawl first" in done.stderr
        assert not (tmp_path / ".scraper").exists()

    def test_a_run_that_was_killed_is_interrupted_before_anybody_resumes_it(
        self, project: Project, page_server: Callable[..., PageServer]
    ):
        was_asked, was_killed = threading.Event(), threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            # It is asked for once the page that leads to it is in the store.
            if path == "/second":
                was_asked.set()
                was_killed.wait(30)
            return 200, {"Content-Type": "text/html"}, b"<h1>Page</h1><a href='/second'>second</a>"

        def figures() -> tuple[int, int]:
            (run,) = json.loads(command("runs", "site.yaml", "--json", cwd=folder).stdout)
            return run["pages"], run["interrupted"]

        folder = project(page_server(answer).url)
        process = start("crawl", "site.yaml", "--set", "politeness.robots=ignore", cwd=folder)
        try:
            assert was_asked.wait(30)
            while_it_crawls = figures()
        finally:
            process.kill()
            process.communicate()
            was_killed.set()
        killed = figures()
        report = command("runs", "site.yaml", "--run", "1", cwd=folder).stdout
        done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)

        assert (while_it_crawls, killed) == ((1, 0), (1, 1))
        assert "interrupted 1 time: " in report
        assert (done.returncode, json.loads((folder / "stats.json").read_text())["interrupted"]) == (0, 1)
        assert figures() == (2, 1)

    def test_one_run_s_report(self, folder: Path):
        done = command("runs", "site.yaml", "--run", "1", cwd=folder)
        assert "site, run 1, finished" in done.stdout
        assert "opened for: " in done.stdout

    def test_export_again(self, folder: Path):
        done = command("export", "site.yaml", cwd=folder)
        assert done.returncode == 0
        assert done.stdout == (folder / "out" / "site.jsonl").read_text(encoding="utf-8")
        command("export", "site.yaml", "--output", "again/site.csv", "--fields", "url,title", cwd=folder)
        with (folder / "again" / "site.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert sorted(row["title"] for row in rows) == ["Home", "Page 0"]
        assert list(rows[0]) == ["url", "title"]
        assert not list((folder / "again").glob("*.part"))

    def test_export_of_a_format_that_nothing_names(self, folder: Path):
        done = command("export", "site.yaml", "--output", "items.txt", cwd=folder)
        assert (done.returncode, "add --format, one of jsonl, json, csv" in done.stderr) == (2, True), done.stderr
        done = command("export", "site.yaml", "--output", "items.txt", "--format", "csv", cwd=folder)
        assert done.returncode == 0
        assert (folder / "items.txt").read_bytes().startswith(b"title,url\r\n")

    def test_unfinished_run_is_written_where_it_is_named(self, project: Project, small: PageServer):
        folder = project(small.url)
        (folder / "out" / "site.jsonl.part").mkdir(parents=True)
        assert command("crawl", "site.yaml", cwd=folder).returncode == 1
        refused = command("export", "site.yaml", cwd=folder)
        assert (refused.returncode, refused.stdout, "--run 1 writes" in refused.stderr) == (2, "", True)
        done = command("export", "site.yaml", "--run", "1", cwd=folder)
        assert done.returncode == 0
        assert "unfinished" in done.stderr
        assert set(titles(done.stdout)) <= set(SIX)
