"""The command `scraper crawl`: its streams, its exit codes and what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import (
    SIX,
    SPIDER,
    Project,
    command,
    environment,
    python_m,
    site_of,
    start,
    titles,
    wait_until,
)
from tests.servers.keepalive import PageServer


class TestCrawl:
    def test_writes_its_export_and_its_figures(self, project: Project, small: PageServer):
        folder = project(small.url)
        done = python_m("crawl", "site.yaml", "--stats", "figures/site.json", cwd=folder)
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
        done = python_m("crawl", "site.yaml", cwd=project(small.url, more="exports: ['-']"))
        assert done.returncode == 0
        assert titles(done.stdout) == SIX

    def test_quiet_says_nothing_of_a_crawl_that_went_well(self, project: Project, small: PageServer):
        done = python_m("crawl", "site.yaml", "--quiet", cwd=project(small.url))
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
        done = python_m("crawl", "site.yaml", "--log-format", "json", "--log-file", "all.log", cwd=folder)
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
        done = python_m("crawl", "site.yaml", "--log-format", "json", cwd=folder)
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
