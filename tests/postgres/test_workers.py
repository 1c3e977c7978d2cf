"""Workers on a store in PostgreSQL: they join a run, take it over, end it, and never crawl a domain together."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from scraper.config.store_location import StoreLocation
from scraper.ui.crawls import Folder
from scraper.ui.fragments import crawl_part
from scraper.ui.looks import look_at
from tests.crawl.commands import command, made_project, site_of, start, titles, wait_until
from tests.postgres.test_crawls import MORE, PATIENCE, said, url_of
from tests.security.test_bodies import slow
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer
from tests.unit.store.looking import rows

PAGES = 12
#: Addresses of this machine, each of which is a domain of its own.
HOSTS = [f"127.0.0.{number}" for number in range(1, 7)]


@pytest.fixture
def url(path: StoreLocation) -> str:
    return url_of(path.url, path.schema)


@contextmanager
def servers() -> Iterator[list[PageServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(PageServer(site_of(PAGES), host)) for host in HOSTS]


@contextmanager
def telling() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What a webhook was told, and its URL."""
    told: list[dict[str, Any]] = []

    def hear(method: str, path: str, headers: Any, body: bytes) -> Any:
        told.append(json.loads(body))
        return 200, {}, b""

    with PageServer(hear) as server:
        yield told, f"{server.url}/"


def made(folder: Path, web: Sequence[PageServer | RawServer], url: str, more: str = "") -> None:
    folder.mkdir(exist_ok=True)
    made_project(folder, web[0].url, more=MORE.format(url=url) + more)
    site = folder / "site.yaml"
    text = site.read_text("utf-8").replace("delay: 0, concurrency: 2", "delay: 50ms, robots: ignore")
    starts = ", ".join(f"{server.url}/" for server in web)
    site.write_text(text.replace(f"start_urls: [{web[0].url}/]", f"start_urls: [{starts}]"), "utf-8")


def at_work(folder: Path) -> list[dict[str, Any]]:
    done = command("status", "site.yaml", "--json", cwd=folder)
    found: list[dict[str, Any]] = json.loads(done.stdout)["workers"]
    return found


def cells_of_live_page(folder: Path) -> list[str]:
    """Return what the tables of `scraper ui` show of the crawl."""
    crawl = Folder(folder).get("site.yaml")
    assert crawl is not None
    return re.findall(r"<td>([^<]*)</td>", crawl_part(look_at(crawl, closely=True), None))


def written(folder: Path) -> list[str]:
    return titles((folder / "out/site.jsonl").read_text("utf-8"))


ALL = sorted(["Home", *(f"Page {number}" for number in range(PAGES))] * len(HOSTS))


def gone(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out + err


class TestWorker:
    def test_crawls_beside_a_crawl_and_ends_with_it(self, url: str, path: StoreLocation, tmp_path: Path):
        here, there = tmp_path / "here", tmp_path / "there"
        with servers() as web:
            for folder in (here, there):
                made(folder, web, url)
            worker = start("worker", "site.yaml", "--wait", "2m", "--log-format", "json", cwd=there)
            done = command("crawl", "site.yaml", "--set", "engine.processes=0", cwd=here)
            assert done.returncode == 0, said(done)
            code, text = gone(worker)
            assert code == 0, text
            assert written(here) == ALL
            assert not (there / "out").exists(), "exports have one writer"
            sent = Counter((server.url, record.path) for server in web for record in server.log)
            assert set(sent.values()) == {1}
            assert rows(path, "select count(*) from workers") == [(0,)]

    def test_takes_the_run_of_a_killed_crawl_over_writes_its_exports_and_tells_of_it(self, url: str, tmp_path: Path):
        with servers() as web, telling() as (told, hook):
            made(tmp_path, web, url, f"notify: [{{to: '{hook}'}}]\nreport: page.html\nmetrics: {{file: site.prom}}\n")
            bad = command("crawl", "site.yaml", "--set", "limits.pages=1", "--set", "gate.min_items=9", cwd=tmp_path)
            assert bad.returncode == 1, said(bad)
            before = sum(len(server.log) for server in web)
            crawl = start("crawl", "site.yaml", "--set", "politeness.delay=200ms", cwd=tmp_path)
            wait_until(lambda: sum(len(server.log) for server in web) > before + 12, PATIENCE)
            crawl.send_signal(signal.SIGKILL)
            crawl.communicate()
            done = command("worker", "site.yaml", "--set", "politeness.delay=200ms", cwd=tmp_path)
            assert done.returncode == 0, said(done)
            assert written(tmp_path) == ALL
            shown = json.loads(command("runs", "site.yaml", "--json", cwd=tmp_path).stdout)
            assert [(each["run"], each["result"]) for each in shown] == [(2, "finished"), (1, "outside-gate")]
            # The crawl told of its own run, the worker of the one that it ended: each once.
            assert [(each["run"], each["events"]) for each in told] == [(1, ["outside-gate"]), (2, ["recovered"])]
            assert told[1]["report"] == str(tmp_path / "page.html")
            assert ">finished</strong>" in (tmp_path / "page.html").read_text("utf-8")
            figures = (tmp_path / "site.prom").read_text("utf-8")
            assert f'scraper_pages_total{{crawl="site"}} {len(ALL):.1f}\n' in figures
            assert 'scraper_run_result{crawl="site",result="finished"} 1.0\n' in figures

    def test_leaves_exports_that_it_cannot_write_to_the_next_crawl(self, url: str, tmp_path: Path):
        here, there = tmp_path / "here", tmp_path / "there"
        with servers() as web, telling() as (told, hook):
            for folder in (here, there):
                made(folder, web, url, f"notify: [{{to: '{hook}'}}]\nreport: page.html\n")
            (there / "out").write_text("no folder")
            crawl = start("crawl", "site.yaml", cwd=here)
            wait_until(lambda: sum(len(server.log) for server in web) > 12, PATIENCE)
            crawl.send_signal(signal.SIGKILL)
            crawl.communicate()
            done = command("worker", "site.yaml", cwd=there)
            assert (done.returncode, "cannot write" in said(done)) == (1, True), said(done)
            sent = sum(len(server.log) for server in web)
            assert command("crawl", "site.yaml", cwd=here).returncode == 0
            assert written(here) == ALL
            assert sum(len(server.log) for server in web) == sent, "from the store, and by no request"
            assert [(each["events"], each["report"]) for each in told] == [(["failed"], str(there / "page.html"))]
            assert ">failed</strong>" in (there / "page.html").read_text("utf-8")

    def test_that_comes_late_has_its_part_of_the_domains_soon(self, url: str, tmp_path: Path):
        with servers() as web:
            made(tmp_path, web, url)
            sets = "--set", "politeness.delay=1s"
            crawl = start("crawl", "site.yaml", *sets, cwd=tmp_path)
            wait_until(lambda: all(server.log for server in web), PATIENCE)
            worker = start("worker", "site.yaml", *sets, cwd=tmp_path)
            wait_until(lambda: len(at_work(tmp_path)) == 2, PATIENCE)
            wait_until(lambda: sorted(each["domains"] for each in at_work(tmp_path)) == [3, 3], 10.0)
            for process in (worker, crawl):
                process.send_signal(signal.SIGTERM)
                gone(process)

    def test_is_stopped_with_the_run_and_goes_on_with_it(self, url: str, tmp_path: Path):
        with servers() as web:
            made(tmp_path, web, url, "engine: {processes: 2}\n")
            sets = "--set", "politeness.delay=600ms"
            crawl = start("crawl", "site.yaml", *sets, cwd=tmp_path)
            wait_until(lambda: any(server.log for server in web), PATIENCE)
            worker = start("worker", "site.yaml", "--forever", *sets, cwd=tmp_path)
            wait_until(lambda: sum(len(server.log) for server in web) > 8, PATIENCE)
            stopped = command("stop", "site.yaml", cwd=tmp_path)
            assert stopped.returncode == 0, said(stopped)
            assert gone(crawl)[0] == 143
            assert worker.poll() is None
            done = command("crawl", "site.yaml", *sets, cwd=tmp_path)
            assert done.returncode == 0, said(done)
            assert written(tmp_path) == ALL
            worker.send_signal(signal.SIGTERM)
            assert gone(worker)[0] == 143

    def test_goes_on_where_the_crawl_is_interrupted_and_is_stopped_without_it(self, url: str, tmp_path: Path):
        with servers() as web:
            made(tmp_path, web, url)
            sets = "--set", "politeness.delay=2s"
            crawl = start("crawl", "site.yaml", *sets, cwd=tmp_path)
            wait_until(lambda: any(server.log for server in web), PATIENCE)
            worker = start("worker", "site.yaml", *sets, cwd=tmp_path)
            wait_until(lambda: len(at_work(tmp_path)) == 2, PATIENCE)
            assert {str(process.pid) for process in (crawl, worker)} <= set(cells_of_live_page(tmp_path))
            crawl.send_signal(signal.SIGINT)
            code, text = gone(crawl)
            assert (code, "workers go on with run 1" in text) == (130, True), text
            sent = sum(len(server.log) for server in web)
            wait_until(lambda: sum(len(server.log) for server in web) > sent + 3, PATIENCE)
            assert {each["pid"] for each in at_work(tmp_path)} == {worker.pid}
            stopped = command("stop", "site.yaml", cwd=tmp_path)
            assert stopped.returncode == 0, said(stopped)
            code, text = gone(worker)
            assert (code, "was stopped" in text) == (1, True), text
            done = command("worker", "site.yaml", *sets, cwd=tmp_path)
            assert (done.returncode, "was stopped" in said(done)) == (1, True), "a request to stop stands"
            assert command("crawl", "site.yaml", "--set", "politeness.delay=0", cwd=tmp_path).returncode == 0
            assert written(tmp_path) == ALL

    def test_whose_code_or_configuration_differs_says_so(self, url: str, path: StoreLocation, tmp_path: Path):
        here, there = tmp_path / "here", tmp_path / "there"
        with servers() as web:
            for folder in (here, there):
                made(folder, web, url)
            crawl = start("crawl", "site.yaml", "--set", "politeness.delay=2s", cwd=here)
            wait_until(lambda: any(server.log for server in web), PATIENCE)
            other = command("worker", "site.yaml", cwd=there)
            assert (other.returncode, "another YAML (politeness.delay)" in said(other)) == (2, True), other.stderr
            spider = there / "spiders/pages.py"
            spider.write_text(spider.read_text() + "\n# changed\n")
            other = command("worker", "site.yaml", "--set", "politeness.delay=2s", cwd=there)
            assert (other.returncode, "another spider" in said(other)) == (2, True), other.stderr
            crawl.send_signal(signal.SIGTERM)
            gone(crawl)

    def test_has_nothing_to_do(self, url: str, tmp_path: Path):
        made_project(tmp_path, "http://127.0.0.1:1", more=MORE.format(url=url))
        done = command("worker", "site.yaml", cwd=tmp_path)
        assert (done.returncode, "--wait 10m" in said(done)) == (1, True)

    def test_of_a_store_in_a_file_is_refused(self, tmp_path: Path):
        made_project(tmp_path, "http://127.0.0.1:1")
        done = command("worker", "site.yaml", cwd=tmp_path)
        assert (done.returncode, "is a file" in done.stderr) == (2, True), done.stderr


class TestLimits:
    def test_pages_are_exact(self, url: str, path: StoreLocation, tmp_path: Path):
        with servers() as web:
            made(tmp_path, web, url, "limits: {pages: 31}\n")
            workers = [start("worker", "site.yaml", "--forever", cwd=tmp_path) for _ in range(2)]
            done = command("crawl", "site.yaml", "--set", "engine.processes=0", cwd=tmp_path)
            assert done.returncode == 0, said(done)
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
                assert gone(worker)[0] == 143
            assert rows(path, "select pages, result from runs") == [(31, "limit")]
            assert len(written(tmp_path)) == 31

    def test_bytes_are_passed_by_a_second_of_what_workers_have_under_way(
        self, url: str, path: StoreLocation, tmp_path: Path
    ):
        with ExitStack() as stack:
            web = [stack.enter_context(RawServer(slow, host)) for host in HOSTS[:4]]
            made(tmp_path, web, url, "limits: {bytes: 6MB}\n")
            worker = start("worker", "site.yaml", "--wait", "2m", "--set", "politeness.concurrency=4", cwd=tmp_path)
            done = command("crawl", "site.yaml", "--set", "politeness.concurrency=4", cwd=tmp_path)
            gone(worker)
            assert "limits.bytes" in said(done)
            assert rows(path, "select pages, failed, result from runs") == [(0, 0, "outside-gate")]
            ((received,),) = rows(path, "select sum(bytes) from figures")
            # Of a bare megabyte a second, from one page of each of four servers: they would have gone on to 36.
            assert 6_000_000 <= received <= 10_000_000
