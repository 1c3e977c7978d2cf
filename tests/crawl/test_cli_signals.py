"""A crawl that is told to stop: it ends in time, with the right code, and nothing is lost or found twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import SPIDER, Project, command, site_of, start, titles, wait_until
from tests.servers.keepalive import PageServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to other processes")

PAGES = 60
ALL = sorted(["Home", *(f"Page {number}" for number in range(PAGES))])

HANGING = SPIDER.replace(
    "    def parse(self, response):\n",
    "    def parse(self, response):\n"
    "        if not response.url.endswith('/'):\n"
    "            import time; time.sleep(300)\n",
)


@pytest.fixture
def slow(page_server: Callable[..., PageServer]) -> PageServer:
    """A site whose pages take a moment each."""
    pages = site_of(PAGES)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        time.sleep(0.04)
        status, text = (200, pages[path]) if path in pages else (404, "")
        return status, {"Content-Type": "text/html; charset=utf-8"}, text.encode()

    return page_server(answer)


def end_of(process: subprocess.Popen[str], within: float) -> str:
    """What it said; it ends within so many seconds."""
    began = time.monotonic()
    try:
        _, err = process.communicate(timeout=within)
    finally:
        process.kill()
    assert time.monotonic() - began < within
    assert "\nTraceback" not in f"\n{err}"
    return err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_stopped_crawl_is_gone_on_with(project: Project, slow: PageServer, number: int, code: int):
    folder = project(slow.url)
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    wait_until(lambda: len(slow.log) > PAGES // 3)
    process.send_signal(number)
    err = end_of(process, 10)
    assert process.returncode == code, err
    assert f"{signal.Signals(number).name}: stopping" in err
    assert "The same command resumes it." in err
    assert json.loads((folder / "stats.json").read_text())["result"] == "stopped"
    assert len(slow.log) < PAGES

    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert titles((folder / "out" / "site.jsonl").read_text()) == ALL
    stats = json.loads((folder / "stats.json").read_text())
    # Nothing was cut off, so nothing was fetched again.
    assert (stats["run"], stats["pages"], stats["interrupted"]) == (1, PAGES + 1, 0)
    asked = [record.path for record in slow.log if record.path != "/robots.txt"]
    assert len(asked) == len(set(asked)) == PAGES + 1


def test_second_signal_ends_a_crawl_whose_callback_hangs(project: Project, slow: PageServer):
    folder = project(slow.url, spider=HANGING)
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    wait_until(lambda: len(slow.log) > 4)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    err = end_of(process, 4)
    assert process.returncode == 130, err
    assert "stopping at once" in err
    assert json.loads((folder / "stats.json").read_text())["result"] == "stopped"

    (folder / "spiders" / "pages.py").write_text(SPIDER)
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert titles((folder / "out" / "site.jsonl").read_text()) == ALL


def test_callback_that_hangs_holds_up_the_end_for_ten_seconds_at_most(project: Project, slow: PageServer):
    folder = project(slow.url, spider=HANGING)
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    wait_until(lambda: len(slow.log) > 4)
    process.send_signal(signal.SIGTERM)
    err = end_of(process, 10.5)
    assert process.returncode == 143, err
    assert json.loads((folder / "stats.json").read_text())["result"] == "stopped"


#: A callback that lets nobody end it, and end nothing.
HOLDS_ALL = SPIDER.replace(
    "    def parse(self, response):\n",
    "    def parse(self, response):\n"
    "        if response.url.endswith('/2'):\n"
    "            import sqlite3; locked = sqlite3.connect('.scraper/site.db', isolation_level=None)\n"
    "            locked.execute('BEGIN IMMEDIATE'); import time; time.sleep(300)\n",
)


def test_the_figures_are_written_also_where_a_stop_runs_out_of_time(project: Project, slow: PageServer):
    folder = project(slow.url, spider=HOLDS_ALL)
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    wait_until(lambda: any(record.path.endswith("/2") for record in slow.log))
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    err = end_of(process, 5)

    assert process.returncode == 143, err
    assert "something did not end in time" in err
    stats = json.loads((folder / "stats.json").read_text())
    assert (stats["result"], stats["interrupted"]) == ("stopped", 1)
    assert stats["pages"] >= 1 and "did not end in time" in stats["why"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="the system stops no processes")
def test_a_process_that_was_stopped_says_so_when_it_goes_on(project: Project, slow: PageServer):
    process = start("crawl", "site.yaml", "--set", "politeness.delay=1s", cwd=project(slow.url))
    wait_until(lambda: len(slow.log) > 1)
    process.send_signal(signal.SIGSTOP)
    time.sleep(8)
    process.send_signal(signal.SIGCONT)
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    err = end_of(process, 10)

    assert f"process {process.pid} was stopped for " in err
    assert "Traceback" not in err


def test_signal_while_the_spider_is_imported(project: Project, slow: PageServer, tmp_path: Path):
    reached = tmp_path / "reached"
    importing = f"import pathlib, time\npathlib.Path({str(reached)!r}).touch()\ntime.sleep(300)\n"
    process = start("crawl", "site.yaml", cwd=project(slow.url, spider=importing + SPIDER))
    wait_until(reached.exists)
    process.send_signal(signal.SIGTERM)
    err = end_of(process, 5)
    assert (process.returncode, err) == (143, "")
