"""`scraper status` tells what a crawl does, and `scraper stop` drains it, both from another process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.observe.events import Tick
from scraper.store import Store
from tests.crawl.commands import Project, command, site_of, start, titles, wait_until
from tests.servers.keepalive import PageServer

PAGES = 30
ALL = sorted(["Home", *(f"Page {number}" for number in range(PAGES))])
LIMITED = "limits: {pages: 1000, duration: 1h}\nexports: [out/site.jsonl]"


def told(folder: Path) -> dict[str, Any]:
    done = command("status", "site.yaml", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def site(page_server: Callable[..., PageServer]) -> tuple[PageServer, threading.Event]:
    """A site that answers after its tenth page once it may go on."""
    pages, go_on = site_of(PAGES), threading.Event()
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        asked.append(path)
        if len(asked) > 10:
            go_on.wait(60)
        status, text = (200, pages[path]) if path in pages else (404, "")
        return status, {"Content-Type": "text/html; charset=utf-8"}, text.encode()

    return page_server(answer), go_on


@contextmanager
def crawling(folder: Path, site: tuple[PageServer, threading.Event], *more: str) -> Iterator[subprocess.Popen[str]]:
    """A crawl that is in the middle of its pages."""
    process = start("crawl", "site.yaml", "--stats", "stats.json", *more, cwd=folder)
    try:
        wait_until(lambda: len(site[0].log) > 8)
        yield process
    finally:
        site[1].set()
        process.kill()
        process.communicate()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_it_does_and_its_end_from_elsewhere(project: Project, site: Any, processes: int):
    folder = project(site[0].url, more=LIMITED)
    with crawling(folder, site, "--set", f"engine.processes={processes}") as crawl:
        wait_until(lambda: told(folder)["in_flight"] > 0 and told(folder)["pages"] > 5)
        found = told(folder)
        assert (found["state"], found["run"], found["failed"]) == ("at work", 1, 0)
        assert found["pages"] + found["queued"] == PAGES + 1
        assert found["limits"]["pages"] == {"limit": 1000, "left": 1000 - found["pages"]}
        assert found["longest_queues"] == {"127.0.0.1": found["queued"]}
        roles = [role for worker in found["workers"] for role in worker["roles"]]
        assert sorted(roles) == ["coordinator", *["shard"] * processes]
        assert found["workers"][0]["pid"] == crawl.pid
        assert sum(worker["domains"] for worker in found["workers"]) == 1
        text = command("status", "site.yaml", cwd=folder).stdout
        assert f"site is at work: run 1, began at {found['started_at'][:2]}" in text
        assert str(crawl.pid) in text and "limits leave" in text

        stopping = start("stop", "site.yaml", cwd=folder)
        assert crawl.stderr is not None
        assert any("scraper stop: stopping" in line for line in iter(crawl.stderr.readline, ""))
        site[1].set()
        _, said = stopping.communicate(timeout=60)
        assert stopping.returncode == 0, said
        assert f"pid {crawl.pid} on" in said and "run 1 has stopped" in said
        _, err = crawl.communicate(timeout=60)
        assert crawl.returncode == 143, err
        assert json.loads((folder / "stats.json").read_text())["result"] == "stopped"

    left = told(folder)
    assert (left["state"], left["workers"], left["estimate_by"]) == ("stopped", [], None)
    text = command("status", "site.yaml", cwd=folder).stdout
    assert f"scraper crawl site.yaml resumes it, with {left['queued']} queued over 1 domain" in text
    # The request is over with the run that it was for: nothing stops the next one.
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert titles((folder / "out" / "site.jsonl").read_text()) == ALL
    assert told(folder)["state"] == "finished"


def test_a_look_waits_for_nobody_and_takes_no_lock(project: Project, site: Any):
    folder = project(site[0].url, more=LIMITED)
    store = folder / ".scraper" / "site.db"
    with crawling(folder, site), closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert told(folder)["state"] == "at work"
        other.execute("ROLLBACK")


def test_one_that_does_not_answer(project: Project, site: Any):
    folder = project(site[0].url, more=LIMITED)
    with crawling(folder, site) as crawl:
        crawl.send_signal(signal.SIGSTOP)
        late = command("stop", "site.yaml", "--timeout", "1s", cwd=folder)
        assert late.returncode == 1
        assert "has not stopped within 1.00 s" in late.stderr and "the request stands" in late.stderr
        assert told(folder)["state"] == "stopping"

        # Where the tests run in the background, SIGINT is ignored by all that they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        waiting = start("stop", "site.yaml", cwd=folder)
        signal.signal(signal.SIGINT, before)
        assert waiting.stderr is not None
        assert "is asked to stop" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
        assert (waiting.returncode, "the request stands" in err) == (130, True)

        crawl.send_signal(signal.SIGCONT)
        site[1].set()
        _, err = crawl.communicate(timeout=60)
        assert crawl.returncode == 143, err


def test_one_that_was_killed_is_not_at_work(project: Project, site: Any):
    folder = project(site[0].url, more=LIMITED)
    with crawling(folder, site) as crawl:
        crawl.kill()
        crawl.wait()
        found = told(folder)
        assert (found["state"], found["workers"]) == ("killed", [])
        stopped = command("stop", "site.yaml", cwd=folder)
        assert stopped.returncode == 1
        assert "site is not at work: there is nothing to stop" in stopped.stderr


def test_watching_ends_with_the_crawl(project: Project, site: Any):
    folder = project(site[0].url, more=LIMITED)
    with crawling(folder, site):
        watching = start("status", "site.yaml", "--watch", "--json", cwd=folder)
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["state"] == "at work"
        site[1].set()
        out, err = watching.communicate(timeout=60)
        assert watching.returncode == 0, err
        assert json.loads(out.splitlines()[-1])["state"] == "finished"


@pytest.mark.parametrize("verb", ["status", "stop"])
def test_without_a_store_there_is_nothing(project: Project, verb: str):
    done = command(verb, "site.yaml", cwd=project("http://127.0.0.1"))
    assert done.returncode == 1
    assert "there is no store" in done.stderr


def test_a_timeout_that_is_none(project: Project):
    done = command("stop", "site.yaml", "--timeout", "soon", cwd=project("http://127.0.0.1"))
    assert done.returncode == 2
    assert "--timeout soon" in done.stderr


pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to other processes")


def test_a_crawl_from_python_returns_its_run(project: Project, site: Any):
    folder = project(site[0].url, more=LIMITED)

    def ask(event: object) -> None:
        if isinstance(event, Tick) and event.pages > 5:
            with Store(folder / ".scraper" / "site.db") as store:
                store.ask_to_stop(1)
            site[1].set()

    run = scraper.crawl(folder / "site.yaml", politeness={"delay": 0.3, "jitter": 0}, observers=[ask])
    assert (run.result, run.id) == ("stopped", 1)
    assert 5 < run.stats["pages"] < PAGES
