"""What a worker on Ray is, without Ray: an object whose methods threads call, which leaves the end to the crawl."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from scraper.components import Components
from scraper.config import load, masked
from scraper.config.store_location import StoreLocation
from scraper.runs.fingerprint import fingerprint_of
from scraper.runs.identity import identity_of
from scraper.store import Store
from scraper.store.values import Ending
from scraper.worker import Worker
from tests.crawl.commands import command, environment, made_project
from tests.postgres.test_crawls import MORE, PATIENCE, said, url_of
from tests.postgres.test_workers import ALL, made, servers, written

#: What Ray does with an actor: it calls its methods from threads, in a folder of its own.
_NODE = """
import os, sys, threading
from pathlib import Path
from scraper.config import load
from scraper.on_ray.actor import WorkerActor
from scraper.on_ray.cluster import environment_of
from scraper.on_ray.messages import Job

loaded = load(Path(sys.argv[1]), sets=["engine.kind=ray"])
job = Job(loaded, environment_of(loaded))
del os.environ["TOKEN"]
actor = WorkerActor()
crawl = threading.Thread(target=actor.crawl, args=(job,))
crawl.start()
heard = []
while not Path("stop").exists():
    heard += actor.said()
actor.stop(5.0)
crawl.join()
print(os.environ["TOKEN"], any("robots.txt" in text for _, text in heard))
"""
_SPIDER = """
import os
from scraper import Spider

class Pages(Spider):
    token = ""

    def parse(self, response):
        assert (os.environ["TOKEN"], os.getcwd().rpartition("/")[2]) == (self.token, "there")
        yield {"title": response.css_first("h1").text(), "url": response.url}
        for link in response.css("a"):
            yield response.follow(link)
"""


def test_a_worker_has_its_files_and_variables_and_leaves_exports_to_the_crawl(path: StoreLocation, tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    with servers() as web:
        for folder in (here, there):
            made(folder, web, url_of(path.url, path.schema), 'args: {token: "${TOKEN}"}\n')
            (folder / "spiders/pages.py").write_text(_SPIDER, "utf-8")
        (there / "site.yaml").unlink()
        node = subprocess.Popen(
            [sys.executable, "-c", _NODE, str(here / "site.yaml")],
            cwd=there,
            env=environment(TOKEN="t0ken-of-the-crawl"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        done = command("crawl", "site.yaml", "--set", "engine.processes=0", cwd=here, TOKEN="t0ken-of-the-crawl")
        (there / "stop").touch()
        out, err = node.communicate(timeout=PATIENCE)
    assert done.returncode == 0, said(done) + err
    assert written(here) == ALL
    assert not (there / "out").exists()
    assert out == "t0ken-of-the-crawl True\n", err
    assert "t0ken-of-the-crawl" not in err


def test_a_worker_that_ends_no_runs_waits_for_a_crawl(path: StoreLocation, tmp_path: Path):
    made_project(tmp_path, "http://127.0.0.1:1", more=MORE.format(url=url_of(path.url, path.schema)))
    loaded = load(tmp_path / "site.yaml", sets=["gate.min_items=0"])
    with Store(path) as store:
        row = store.begin_run("site", identity_of(loaded), masked(loaded), fingerprint_of(Components(loaded)))
        store.end_soon(row.id, Ending("finished", "everything was crawled"))
        worker = Worker(loaded, wait=None, ends_runs=False)
        waiting = threading.Thread(target=worker.run)
        waiting.start()
        time.sleep(1.0)
        run = store.run(row.id)
        worker.stop(0.0)
        waiting.join(PATIENCE)
        assert run is not None
        assert (run.is_finished, waiting.is_alive()) == (False, False)
        ended = Worker(loaded, wait=0.0).run()
        assert ended is not None and ended.result == "finished"
