"""The command forks the processes of a crawl from one that has imported what they need."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawl.commands import Project, python_m, start, wait_until
from tests.crawl.crawling import site
from tests.servers.keepalive import PageServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
Start = Callable[..., PageServer]

SPIDER = """
import os, time
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        time.sleep(self.pause)
        yield {"url": response.url, "process": os.getpid(), "parent": os.getppid()}
        yield from response.follow_all("a")

    pause = 0.01
"""


def items(folder: Path) -> list[dict[str, object]]:
    [path] = folder.glob("out/*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def quick(*more: str) -> list[str]:
    sets = ("politeness.delay=0", "politeness.concurrency=8", "politeness.robots=ignore", *more)
    return [word for text in sets for word in ("--set", text)]


@pytest.mark.parametrize("engine", ["engine.parsers=2", "engine.processes=2"])
def test_all_have_one_parent_which_is_gone_at_the_end(page_server: Start, project: Project, engine: str):
    server = page_server(site(120))
    folder = project(server.url, spider=SPIDER)
    done = python_m("crawl", "site.yaml", *quick(engine), cwd=folder)
    assert done.returncode == 0, done.stderr
    found = items(folder)
    assert sorted(str(item["url"]) for item in found) == sorted(server.url + name for name in site(120))
    [parent] = {item["parent"] for item in found}
    for process in {parent, *(item["process"] for item in found)}:
        with pytest.raises(ProcessLookupError):
            os.kill(int(str(process)), 0)


def crawled_without_it(server: PageServer, folder: Path, engine: str, *, kill_forked: bool) -> tuple[str, list[int]]:
    """Kill the fork server in mid-crawl, with what it forked if asked; return what the crawl printed, and those."""
    running = start("crawl", "site.yaml", *quick(engine), cwd=folder)
    try:
        wait_until(lambda: len(server.log) > 30)
        [forking, *_] = children_of(running.pid)
        forked = children_of(forking)
        os.kill(forking, signal.SIGKILL)
        for victim in forked if kill_forked else ():
            os.kill(victim, signal.SIGKILL)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0, err
    return err, forked


@pytest.mark.parametrize("engine", ["engine.parsers=2", "engine.processes=2"])
def test_goes_on_without_it(page_server: Start, project: Project, engine: str):
    """Replacements are started as new processes then."""
    server = page_server(site(200))
    folder = project(server.url, spider=SPIDER)
    crawled_without_it(server, folder, engine, kill_forked=True)
    assert sorted(str(item["url"]) for item in items(folder)) == sorted(server.url + name for name in site(200))


@pytest.mark.parametrize("engine", ["engine.parsers=2", "engine.processes=2"])
def test_its_death_is_not_taken_for_that_of_others(page_server: Start, project: Project, engine: str):
    server = page_server(site(200))
    folder = project(server.url, spider=SPIDER)
    err, others = crawled_without_it(server, folder, engine, kill_forked=False)
    assert "signal" not in err
    found = items(folder)
    assert sorted(str(item["url"]) for item in found) == sorted(server.url + name for name in site(200))
    assert {item["process"] for item in found} <= set(others)


def children_of(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
