"""The key `metrics`: what Prometheus is told is what the run's figures say."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.crawl.commands import Project, command, environment, python_m, site_of, start, wait_until
from tests.servers.keepalive import PageServer

parser = pytest.importorskip("prometheus_client.parser")
ROOT = Path(__file__).parents[2]
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def read(text: str) -> Samples:
    """The samples by name and labels, without `crawl`."""
    found: Samples = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels.pop("crawl") == "site"
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def by(samples: Mapping[tuple[tuple[str, str], ...], float], label: str) -> dict[str, float]:
    """Sums by one label, without zeros."""
    sums: Counter[str] = Counter()
    for labels, value in samples.items():
        sums[dict(labels)[label]] += value  # type: ignore[assignment]
    return {name: value for name, value in sums.items() if value}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def asked(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, ConnectionError):
        return ""


@pytest.fixture
def pages(page_server: Callable[..., PageServer]) -> PageServer:
    """Ten pages, one of which fails, with a link that is not admitted."""
    pages: dict[str, Any] = {**site_of(10), "/3": (500, {}, b"")}
    pages["/4"] = '<h1>Page 4</h1><a href="http://elsewhere.example/">away</a>'
    return page_server(pages)


def written(folder: Path) -> Samples:
    return read((folder / "metrics" / "site.prom").read_text())


FILE = 'exports: [out/site.jsonl]\nmetrics: {file: "metrics/{name}.prom"}\nretry: {attempts: 2, backoff: 0}\n'


@pytest.mark.parametrize("more", ["", "engine: {processes: 2}\n"], ids=["one process", "two processes"])
def test_the_file_says_what_the_runs_figures_say(pages: PageServer, project: Project, more: str):
    folder = project(pages.url, more=FILE + more)
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    stats, found = json.loads((folder / "stats.json").read_text()), written(folder)
    for name in ("pages", "items", "retries"):
        assert found[f"scraper_{name}_total"] == {(): stats[name]}
    assert by(found["scraper_failures_total"], "reason") == stats["failures"] == {"http-500": 1}
    assert by(found["scraper_refusals_total"], "reason") == stats["refusals"] == {"offsite": 1}
    assert by(found["scraper_connections_total"], "reason") == stats["reasons"]
    assert by(found["scraper_requests_total"], "domain") == {"127.0.0.1": stats["requests"]}
    assert by(found["scraper_requests_reused_total"], "domain") == {"127.0.0.1": stats["reused"]}
    assert by(found["scraper_received_bytes_total"], "domain") == {"127.0.0.1": stats["bytes"]}
    assert found["scraper_request_seconds_count"] == {(("domain", "127.0.0.1"),): stats["requests"]}
    assert by(found["scraper_run_result"], "result") == {"finished": 1}
    filled = found["scraper_field_filled_ratio"]
    assert {dict(labels)["field"]: ratio for labels, ratio in filled.items()} == {"title": 1, "url": 1}
    assert found["scraper_run_working_seconds"] == {(): stats["seconds"]}
    runs = json.loads(command("runs", "site.yaml", "--json", cwd=folder).stdout)
    assert runs[0]["pages"] == found["scraper_pages_total"][()]
    # Whoever collects it is another user.
    assert (folder / "metrics" / "site.prom").stat().st_mode & 0o044 == 0o044 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_changes_and_a_run_outside_its_gate(pages: PageServer, project: Project):
    folder = project(pages.url, more=FILE + "items: {item: {key: [url]}}\n")
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    good = written(folder)["scraper_last_good_run_timestamp_seconds"]
    done = command("crawl", "site.yaml", "--stats", "stats.json", "--set", "gate.min_items=1000", cwd=folder)
    assert done.returncode == 1
    found, stats = written(folder), json.loads((folder / "stats.json").read_text())
    assert by(found["scraper_run_result"], "result") == {stats["result"]: 1} == {"outside-gate": 1}
    assert found["scraper_last_good_run_timestamp_seconds"][()] == pytest.approx(good[()], abs=0.002)
    changes = {kind: count for kind, count in stats["changes"].items() if kind != "since" and count}
    assert by(found["scraper_changes"], "kind") == changes


def test_a_crawl_that_ends_by_an_error_is_failed(pages: PageServer, project: Project):
    folder = project(pages.url, more=FILE.replace("out/site.jsonl", "/proc/no/site.jsonl"))
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 1
    assert "watches no longer" not in done.stderr
    assert by(written(folder)["scraper_run_result"], "result") == {"failed": 1}


@contextmanager
def held(folder: Path, server_may: Any) -> Iterator[subprocess.Popen[str]]:
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    try:
        yield process
    finally:
        server_may.set()
        process.kill()
        process.communicate()


def test_the_port_is_answered_while_the_crawl_is_at_work(page_server: Callable[..., PageServer], project: Project):
    go_on, site, port = threading.Event(), site_of(5), free_port()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/4":
            go_on.wait(30)
        return 200, {"Content-Type": "text/html"}, site.get(path, "").encode()

    server = page_server(answer)
    folder = project(server.url, more=f"exports: [out/site.jsonl]\nmetrics: {{port: {port}}}\n")
    with held(folder, go_on) as process:
        wait_until(lambda: 'scraper_pages_total{crawl="site"} 5' in asked(port))
        found = read(asked(port))
        assert by(found["scraper_run_result"], "result") == {"running": 1}
        assert found["scraper_in_flight"] == {(): 1}
        assert by(found["scraper_requests_total"], "domain") == {"127.0.0.1": 6}  # robots.txt too
        go_on.set()
        assert process.wait(30) == 0
    assert asked(port) == ""


def test_a_port_that_is_taken_costs_the_metrics_and_not_the_crawl(small: PageServer, project: Project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder = project(small.url, more=f"exports: [out/site.jsonl]\nmetrics: {{port: {port}}}\n")
        done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0
    assert f"metrics cannot be had on 127.0.0.1 port {port}: Address already in use" in done.stderr


def test_many_domains_have_few_labels(project: Project):
    with ExitStack() as stack:
        try:
            servers = [
                stack.enter_context(PageServer({"/": "<h1>Home</h1>"}, host=f"127.0.1.{number}"))
                for number in range(1, 61)
            ]
        except OSError:
            pytest.skip("this machine has one loopback address")
        folder = project(servers[0].url, more=FILE)
        yaml = (folder / "site.yaml").read_text()
        urls = ", ".join(f"{server.url}/" for server in servers)
        (folder / "site.yaml").write_text(yaml.replace(f"[{servers[0].url}/]", f"[{urls}]"))
        done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    requests = by(written(folder)["scraper_requests_total"], "domain")
    stats = json.loads((folder / "stats.json").read_text())
    assert len(stats["domains"]) == 60
    assert len(requests) == 51
    assert sum(requests.values()) == stats["requests"]
    assert requests["other"] == stats["requests"] / 6


def test_nothing_is_imported_that_was_not_asked_for(small: PageServer, project: Project):
    folder = project(small.url)
    code = (
        "import sys, scraper; scraper.crawl('site.yaml'); "
        "sys.exit('prometheus_client' in sys.modules or 'scraper.runs.metrics' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_the_package_it_says_what_to_install(pages: PageServer, project: Project):
    folder = project(pages.url, more=FILE)
    (folder / "prometheus_client.py").write_text("raise ImportError('no such', name='prometheus_client')\n")
    done = python_m("crawl", "site.yaml", cwd=folder, PYTHONPATH=f"{folder}:{ROOT}")
    assert done.returncode == 2
    assert "metrics needs prometheus_client" in done.stderr
    assert "persistent-scraper[metrics]" in done.stderr


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{}", "expected port, file, or both"),
        ("{host: 0.0.0.0}", "expected port, file, or both"),
        ("{host: 0.0.0.0, file: a.prom}", "expected host only beside port"),
        ("{port: 70000}", "metrics.port: expected at most 65535"),
        ("{file: metrics.txt}", "expected a path that ends in .prom"),
        ("{file: 'm/{run}.prom'}", "{name} alone is filled in"),
        ("{prot: 9464}", "metrics.prot: unknown key: did you mean metrics.port?"),
    ],
)
def test_what_cannot_hold_is_said_by_check(project: Project, value: str, said: str):
    folder = project("http://127.0.0.1:1", more=f"metrics: {value}")
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert "site.yaml:" in done.stderr


class TestPrometheus:
    """Debian's Prometheus scrapes the crawl, and its rules are those of docs/metrics/."""

    @pytest.fixture(autouse=True)
    def _installed(self):
        if shutil.which("prometheus") is None:
            pytest.skip("prometheus is not installed")

    def test_it_scrapes_a_crawl_and_its_alerts_fire(self, page_server, project: Project, tmp_path: Path):
        crawl_port, port = free_port(), free_port()
        # As node_exporter hands on what a crawl leaves behind.
        left: dict[str, Any] = {}
        exporter = page_server(left)
        rules = ROOT / "docs" / "metrics" / "alerts.yml"
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 200ms, evaluation_interval: 200ms}\n"
            f"rule_files: ['{rules}']\n"
            f"scrape_configs: [{{job_name: scraper, static_configs: [{{targets: ['127.0.0.1:{crawl_port}', "
            f"'127.0.0.1:{exporter.port}']}}]}}]\n"
        )
        words = [
            *("prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"),
            f"--web.listen-address=127.0.0.1:{port}",
        ]

        def slow(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path[1:].isdecimal() and int(path[1:]) % 2:
                return 500, {}, b""
            time.sleep(0.05)
            return 200, {"Content-Type": "text/html"}, site.get(path, "").encode()

        site = site_of(100)
        server = page_server(slow)
        more = f"exports: []\nmetrics: {{port: {crawl_port}, file: site.prom}}\ngate: {{max_failed: 0.1}}\n"
        folder = project(server.url, more=more)
        sets = ("--set", "retry.attempts=1", "--set", "politeness.concurrency=1")
        prometheus = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: self._query(port, "up") is not None)
            crawl = start("crawl", "site.yaml", *sets, cwd=folder)
            wait_until(lambda: float((self._query(port, "scraper_pages_total") or [0, "0"])[1]) > 3)
            wait_until(
                lambda: self._query(port, 'ALERTS{alertname="ScraperManyFailures",alertstate="firing"}') is not None
            )
            assert crawl.wait(30) == 1
            for result, options in (("outside-gate", []), ("failed", ["--set", "exports=[/proc/no/site.jsonl]"])):
                if options:
                    assert command("crawl", "site.yaml", *sets, *options, cwd=folder).returncode == 1
                told = (folder / "site.prom").read_bytes()
                left["/metrics"] = 200, {"Content-Type": "text/plain; version=0.0.4"}, told
                fires = f'ALERTS{{alertname="ScraperRunFailed",alertstate="firing",result="{result}"}}'
                wait_until(lambda: self._query(port, fires) is not None)  # noqa: B023
        finally:
            crawl.kill()
            crawl.communicate()
            prometheus.terminate()
            prometheus.wait(20)

    def _query(self, port: int, query: str) -> Any:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=5
            ) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return found[0]["value"] if found else None

    def test_the_rules_are_right_and_name_what_there_is(self):
        done = subprocess.run(
            ["promtool", "check", "rules", str(ROOT / "docs" / "metrics" / "alerts.yml")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
