"""The command as users have it: a process with arguments, two streams and an exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.servers.keepalive import PageServer

SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url}
        for link in response.css("a"):
            yield response.follow(link)
"""


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with the package that is tested importable, and no colours or width of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(Path(scraper.__file__).parent.parent), "PYTHONIOENCODING": "utf-8", **more}


def start(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "scraper", *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def command(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. No traceback but that of a spider may be seen."""
    process = start(*arguments, cwd=cwd, **more)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "\nTraceback" not in f"\n{err}"
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def site_of(count: int) -> dict[str, str]:
    """A home page, and `count` pages that it leads to."""
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(count))
    return {"/": f"<h1>Home</h1>{links}"} | {f"/{number}": f"<h1>Page {number}</h1>" for number in range(count)}


Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`project(url, spider=…, more="…")` writes a project whose crawl begins at `url`; returns its folder."""

    def make(url: str, *, spider: str = SPIDER, more: str = "exports: [out/site.jsonl]") -> Path:
        (tmp_path / "spiders").mkdir(exist_ok=True)
        (tmp_path / "spiders" / "pages.py").write_text(spider, encoding="utf-8")
        (tmp_path / "site.yaml").write_text(
            "spider: spiders/pages.py:Pages\n"
            f"start_urls: [{url}/]\n"
            "network: {allow_private: true}\n"
            "politeness: {delay: 0, concurrency: 2}\n"
            f"{more}\n",
            encoding="utf-8",
        )
        return tmp_path

    return make


@pytest.fixture
def small(page_server: Callable[..., PageServer]) -> PageServer:
    """A site of six pages."""
    return page_server(site_of(5))


def titles(text: str) -> list[str]:
    return sorted(json.loads(line)["title"] for line in text.splitlines())


SIX = ["Home", *(f"Page {number}" for number in range(5))]


class TestCrawl:
    def test_writes_its_export_and_its_figures(self, project: Project, small: PageServer):
        folder = project(small.url)
        done = command("crawl", "site.yaml", "--stats", "figures/site.json", cwd=folder)
        assert (done.returncode, done.stdout) == (0, "")
        assert "site, run 1, finished: everything was crawled" in done.stderr
        assert titles((folder / "out" / "site.jsonl").read_text(encoding="utf-8")) == SIX
        stats = json.loads((folder / "figures" / "site.json").read_text(encoding="utf-8"))
        assert {
            name: stats[name] for name in ("run", "result", "pages", "items", "failed", "refused", "retries")
        } == {"run": 1, "result": "finished", "pages": 6, "items": 6, "failed": 0, "refused": 0, "retries": 0}
        assert stats["requests"] == len(small.log) == 7
        assert stats["connections"] == small.connections
        assert stats["reused"] == stats["requests"] - stats["connections"]
        assert stats["domains"]["127.0.0.1"]["reasons"]["first"] == 1
        assert stats["seconds"] > 0
        assert stats["bytes"] > 0

    def test_standard_output_is_the_export_s_alone(self, project: Project, small: PageServer):
        done = command("crawl", "site.yaml", cwd=project(small.url, more="exports: ['-']"))
        assert done.returncode == 0
        assert titles(done.stdout) == SIX

    def test_quiet_says_nothing_of_a_crawl_that_went_well(self, project: Project, small: PageServer):
        done = command("crawl", "site.yaml", "--quiet", cwd=project(small.url))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_json_log_is_json_in_every_line(self, project: Project, small: PageServer):
        noisy = SPIDER.replace(
            '        yield {"title"',
            "        import logging, warnings\n"
            "        warnings.warn('an old habit')\n"
            "        logging.getLogger('some.library').warning('from afar')\n"
            '        yield {"title"',
        )
        folder = project(small.url, spider=noisy)
        done = command("crawl", "site.yaml", "--log-format", "json", "--log-file", "all.log", cwd=folder)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert done.returncode == 0
        assert {"run_started", "connected", "fetched", "run_ended", "domain_sums"} <= {
            line["event"] for line in lines
        }
        assert {"from afar"} < {line.get("message", "") for line in lines}
        assert any("an old habit" in line.get("message", "") for line in lines)
        in_file = [json.loads(line)["event"] for line in (folder / "all.log").read_text().splitlines()]
        assert in_file.count("page_done") == 6

    def test_json_log_tells_of_an_error_in_json(self, project: Project, small: PageServer):
        folder = project(small.url, more="exportss: []")
        done = command("crawl", "site.yaml", "--log-format", "json", cwd=folder)
        (line,) = map(json.loads, done.stderr.splitlines())
        assert (done.returncode, line["event"]) == (2, "error")
        assert "did you mean exports" in line["message"]

    def test_outside_its_gate(self, project: Project, small: PageServer):
        folder = project(small.url, more="exports: [out/site.jsonl]\ngate: {min_items: 7}")
        done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
        assert done.returncode == 1
        assert "6 items, fewer than gate.min_items: 7" in done.stderr
        assert "site.jsonl.part" in done.stderr
        assert not (folder / "out" / "site.jsonl").exists()
        assert json.loads((folder / "stats.json").read_text())["result"] == "outside-gate"

    def test_failed_crawl_leaves_its_figures(self, project: Project, small: PageServer):
        folder = project(small.url)
        (folder / "out" / "site.jsonl.part").mkdir(parents=True)
        done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
        assert done.returncode == 1
        assert "error: cannot write" in done.stderr
        assert json.loads((folder / "stats.json").read_text())["result"] == "failed"
        (folder / "out" / "site.jsonl.part").rmdir()
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
        assert titles((folder / "out" / "site.jsonl").read_text()) == SIX

    def test_reader_of_standard_output_that_goes_away(self, project: Project, page_server: Callable[..., PageServer]):
        folder = project(page_server(site_of(50)).url, more="exports: ['-']")
        process = start("crawl", "site.yaml", "--quiet", cwd=folder)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(30) == 1
        err = process.stderr.read()
        process.stderr.close()
        assert "\nTraceback" not in f"\n{err}"
        assert "Exception ignored" not in err
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0

    def test_second_crawl_of_the_same_store(self, project: Project, page_server: Callable[..., PageServer]):
        go_on = threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path == "/":
                go_on.wait(30)
            return 200, {"Content-Type": "text/html"}, b"<h1>Home</h1>"

        server = page_server(answer)
        folder = project(server.url)
        first = start("crawl", "site.yaml", cwd=folder)
        try:
            wait_until(lambda: bool(server.log))
            second = command("crawl", "site.yaml", cwd=folder)
            assert second.returncode == 1
            assert f"already running, pid {first.pid}" in second.stderr
            assert "wait for it to end" in second.stderr
        finally:
            go_on.set()
            _, err = first.communicate(timeout=30)
        assert first.returncode == 0, err

    def test_unfinished_run_of_other_arguments(self, project: Project, small: PageServer):
        folder = project(small.url)
        (folder / "out" / "site.jsonl.part").mkdir(parents=True)
        assert command("crawl", "site.yaml", cwd=folder).returncode == 1
        (folder / "out" / "site.jsonl.part").rmdir()
        other = command("crawl", "site.yaml", "--set", "args.colour=red", cwd=folder)
        assert other.returncode == 2
        assert "--fresh begins a new run" in other.stderr
        assert command("crawl", "site.yaml", "--set", "args.colour=red", "--fresh", cwd=folder).returncode == 0
        listed = json.loads(command("runs", "site.yaml", "--json", cwd=folder).stdout)
        assert [(run["run"], run["result"]) for run in listed] == [(2, "finished"), (1, "abandoned")]

    def test_every_problem_of_a_file_at_once(self, project: Project):
        folder = project("http://127.0.0.1", more="limits: {pages: many}\npolitenes: {delay: 1s}")
        for verb in ("crawl", "check"):
            done = command(verb, "site.yaml", cwd=folder)
            assert (done.returncode, done.stdout) == (2, "")
            assert "site.yaml:5:17: limits.pages: " in done.stderr
            assert "site.yaml:6:1: politenes: " in done.stderr
            assert "did you mean politeness" in done.stderr


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


class TestCheck:
    def test_shows_what_holds_and_no_secret(self, project: Project):
        more = "args: {api_key: hush-1}\norigins: {https://api.example.com: {headers: {Authorization: '${TOKEN}'}}}"
        done = command("check", "site.yaml", cwd=project("http://a.example", more=more), TOKEN="hush-2")
        assert done.returncode == 0
        assert "hush" not in done.stdout + done.stderr
        assert "***" in done.stdout
        assert "ok: site, spider spiders/pages.py:Pages, 1 start URL" in done.stderr

    def test_terminal_that_knows_no_letters_but_ascii(self, project: Project):
        folder = project("http://a.example", more="args: {word: 'Łąka'}")
        done = command("check", "site.yaml", cwd=folder, PYTHONIOENCODING="ascii")
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


class TestFetch:
    def test_shows_each_hop_with_its_connection(self, shop: Shop, tmp_path: Path):
        done = command("fetch", f"{shop.url}/old-catalogue", cwd=tmp_path)
        assert done.returncode == 0
        first, second = done.stdout.split("GET ")[1:]
        assert "status      301" in first
        assert "127.0.0.1#1, new (first), request 1 on it" in first
        assert "leads to    /catalogue/" in first
        assert second.startswith(f"{shop.url}/catalogue/")
        assert "127.0.0.1#1, reused, request 2 on it" in second
        assert "allowed for persistent-scraper" in second
        assert "Content-Type: text/html; charset=utf-8" in second
        assert [record.path for record in shop.log] == ["/old-catalogue", "/catalogue/", "/robots.txt"]

    def test_body_alone_on_standard_output(self, shop: Shop, tmp_path: Path):
        done = command("fetch", f"{shop.url}/private/", "--body", "--set", "user_agent=probe/2", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("<!DOCTYPE html>")
        assert done.stdout.rstrip().endswith("</html>")
        assert "refused for probe by" in done.stderr

    def test_host_that_does_not_answer(self, tmp_path: Path):
        with Shop() as gone:
            url = gone.url
        done = command("fetch", url, cwd=tmp_path)
        assert done.returncode == 1
        assert f"error: {url}/: no connection to" in done.stderr
        assert "look whether the server runs" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["example.com"], "write it whole"),
            (["http://a.example/", "--set", "politeness.delay=1"], "means nothing to fetch"),
            (["http://a.example/", "--set", "session.timeout.total=soon"], "session.timeout.total"),
        ],
    )
    def test_wrong_usage(self, tmp_path: Path, arguments: list[str], said: str):
        done = command("fetch", *arguments, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True)

    def test_redirect_into_a_private_place_that_nobody_typed(
        self, page_server: Callable[..., PageServer], tmp_path: Path
    ):
        server = page_server({"/": (302, {"Location": "http://127.0.0.2:9/"}, b"")})
        done = command("fetch", server.url, cwd=tmp_path)
        assert (done.returncode, "not a public address" in done.stderr) == (1, True)


class TestFirstMinutes:
    def test_new_project_runs_at_once(self, shop: Shop, tmp_path: Path):
        made = command("init", "tea house", cwd=tmp_path)
        assert made.returncode == 0
        assert "scraper crawl config/tea_house.yaml" in made.stderr
        folder = tmp_path / "tea house"
        assert {str(Path(line).relative_to("tea house")) for line in made.stdout.splitlines()} == {
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
        }
        done = command("crawl", "config/tea_house.yaml", cwd=folder, DEMO_URL=shop.url)
        assert done.returncode == 0, done.stderr
        lines = (folder / "out" / "tea_house.jsonl").read_text(encoding="utf-8").splitlines()
        assert sorted(json.loads(line)["sku"] for line in lines) == sorted(product.sku for product in ALL_PRODUCTS)
        assert command("init", "tea house", cwd=tmp_path).returncode == 2

    def test_demo(self, tmp_path: Path):
        for run in (1, 2):
            done = command("demo", "--output", "tried", cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert f"demo, run {run}, finished" in done.stdout
            assert f"All {len(ALL_PRODUCTS)} products and {len(MEMBER_PRODUCTS)} for members came" in done.stdout
            (reasons,) = (line for line in done.stdout.splitlines() if "opened for" in line)
            assert all(reason in reasons for reason in ("first", "concurrency", "closed-by-server"))
        exported = tmp_path / "tried" / "out" / "demo.jsonl"
        assert str(exported) in done.stdout
        skus = Counter(json.loads(line)["sku"] for line in exported.read_text(encoding="utf-8").splitlines())
        assert skus == Counter(product.sku for product in ALL_PRODUCTS + MEMBER_PRODUCTS)

    def test_demo_of_a_spider_that_misses_something(self, tmp_path: Path):
        assert command("demo", "--output", "tried", cwd=tmp_path).returncode == 0
        spider = tmp_path / "tried" / "spiders" / "demo_shop.py"
        text = spider.read_text(encoding="utf-8")
        spider.write_text(text.replace('css_first("h1").text()', 'css_first("h1").text().upper()'), encoding="utf-8")
        done = command("demo", "--output", "tried", cwd=tmp_path)
        assert (done.returncode, "did not come" in done.stdout) == (1, True)

    def test_port_that_is_taken(self, shop: Shop, tmp_path: Path):
        done = command("demo", "--serve", "--port", str(shop.port), cwd=tmp_path)
        assert (done.returncode, "choose another port" in done.stderr) == (2, True)


def test_reader_that_has_enough(tmp_path: Path):
    process = start("schema", cwd=tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) in (0, 1)
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk_behind_standard_output(tmp_path: Path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "scraper", "schema"],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write standard output: ")
    assert "internal error" not in done.stderr
