"""A crawl with workers on a Ray cluster of three nodes: a worker, a raylet and the crawl itself are killed.

    python -m tests.proofs.ray_cluster [--pages 250] [--delay 0.2] [--workers 3]

The nodes are on this machine, as is the store in PostgreSQL; eight domains with a delay, each a server of its own. A
worker is killed, then the raylet of another's node, then the crawl that has placed them, and the same command resumes
it. By the servers' logs no two processes have a domain at once, and none is sent to before its delay is over; all
pages have their item, once, in store and export. Of the variable that the configuration names workers have the
value, and nothing that Ray wrote shows it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.proofs.fleet_processes import check_items, check_owners, smallest_gap
from tests.servers.arrivals import Arrivals
from tests.servers.nginx import Nginx
from tests.servers.postgres import Postgres

HOSTS = [f"127.0.0.{number}" for number in range(1, 9)]
_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 180.0
_STORE_BYTES = 80_000_000
_SITE = """
spider: spiders/pages.py:Pages
start_urls: [{starts}]
network: {{allow_private: true}}
politeness: {{delay: {delay}, robots: ignore}}
store: "{store}"
exports: [out/site.jsonl]
items: {{item: {{key: [url]}}}}
retry: {{attempts: 6, backoff: 100ms}}
engine: {{kind: ray, address: "{address}", workers: {workers}}}
args: {{token: "${{PROOF_TOKEN}}"}}
"""
#: It gives no item where the variable did not travel.
_SPIDER = """
import os

from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        assert os.environ["PROOF_TOKEN"] == self.token
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""


class Nodes:
    """A Ray cluster of three nodes on this machine, for `with`."""

    def __enter__(self) -> Nodes:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=False)
        for _ in range(3):
            self.add()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.shutdown()

    def add(self) -> None:
        self._cluster.add_node(num_cpus=2, object_store_memory=_STORE_BYTES, include_dashboard=False)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    @property
    def logs(self) -> Path:
        """The folder of all that Ray writes."""
        return Path(self._cluster.head_node.get_session_dir_path())

    def raylets(self) -> list[int]:
        """The processes that are the nodes, the head's first."""
        nodes = [self._cluster.head_node, *self._cluster.worker_nodes]
        processes = [node.all_processes["raylet"][0].process for node in nodes]
        return [process.pid for process in processes if process.poll() is None]


class Crawl:
    """The command, and what the store says of its run."""

    def __init__(self, folder: Path, database: Postgres, token: str) -> None:
        self._folder, self._database, self._token = folder, database, token
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "crawl.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scraper", "crawl", "site.yaml", "--log-format", "json"],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(_ROOT), "PROOF_TOKEN": self._token},
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def wait(self) -> None:
        """Wait for its end, which has to be a good one."""
        assert self.process is not None
        code = self.process.wait(2 * _PATIENCE_SECONDS)
        assert code == 0, f"exit {code}:\n{self.log[-4000:]}"

    @property
    def log(self) -> str:
        return (self._folder / "crawl.log").read_text("utf-8", "replace")

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self._database.url) as connection:
            connection.execute("SET search_path TO storm")
            return connection.execute(query).fetchall()

    def workers(self) -> dict[int, int]:
        """The process of each worker at work, and the raylet that has started it."""
        with contextlib.suppress(psycopg.Error):
            pids = [pid for (pid,) in self.rows("select distinct pid from workers where role = 'worker'")]
            return {pid: parent for pid in pids if (parent := _parent(pid))}
        return {}

    def wait_for_workers(self, count: int, holds: Callable[[dict[int, int]], bool]) -> dict[int, int]:
        """Return the workers, once there are so many and `holds` is true of them."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            found = self.workers()
            if len(found) == count and holds(found):
                return found
            assert self.process is not None and self.process.poll() is None, f"it has ended:\n{self.log[-4000:]}"
            assert time.monotonic() < until, f"{found}\n{self.log[-4000:]}"
            time.sleep(0.2)


def _parent(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[1])
    return None


@contextlib.contextmanager
def said(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def make_site(folder: Path, pages: int) -> None:
    """Write a home page, and pages that it leads to."""
    folder.mkdir()
    names = [f"{number}.html" for number in range(pages)]
    (folder / "index.html").write_text("".join(f'<a href="{name}">{name}</a>' for name in names), "utf-8")
    for name in names:
        (folder / name).write_text(f"<h1>{name}</h1>", "utf-8")


def make_project(folder: Path, **values: object) -> None:
    """Write the YAML and the spider."""
    (folder / "spiders").mkdir(parents=True)
    (folder / "spiders/pages.py").write_text(_SPIDER, "utf-8")
    (folder / "site.yaml").write_text(_SITE.format(**values), "utf-8")


def storm(crawl: Crawl, nodes: Nodes, workers: int) -> None:
    """Kill a worker, a raylet, and the crawl; resume it to its end."""
    crawl.start()
    with said("workers on three nodes"):
        found = crawl.wait_for_workers(workers, lambda found: True)
        assert len(set(found.values())) == min(3, workers), f"not spread: {found}"
    time.sleep(3.0)
    victim = min(found)
    with said("a worker killed, and another there"):
        os.kill(victim, signal.SIGKILL)
        found = crawl.wait_for_workers(workers, lambda found: victim not in found)
    time.sleep(3.0)
    raylet = next(raylet for raylet in reversed(nodes.raylets()) if raylet in found.values())
    with said("a raylet killed, its worker elsewhere, and the one that Ray forgot has ended"):
        os.kill(raylet, signal.SIGKILL)
        found = crawl.wait_for_workers(workers, lambda found: set(found.values()) <= set(nodes.raylets()))
    nodes.add()
    time.sleep(3.0)
    with said("the crawl killed, and its workers ended by Ray"):
        crawl.kill()
        until = time.monotonic() + _PATIENCE_SECONDS
        while any(map(_parent, found)):
            assert time.monotonic() < until, "workers go on without the crawl"
            time.sleep(0.2)
    assert crawl.rows("select ended_at from runs") == [(None,)], "it ended before: take more pages"
    with said("resumed to its end"):
        crawl.start()
        crawl.wait()


def proof(options: argparse.Namespace, work: Path, database: Postgres, nodes: Nodes, token: str) -> None:
    make_site(work / "pages", options.pages)
    (work / "nginx").mkdir()
    with Nginx(work / "pages", work / "nginx", more_hosts=HOSTS[1:]) as web:
        urls = [web.url.replace(HOSTS[0], host) for host in HOSTS]
        make_project(
            work / "project",
            starts=", ".join(f"{url}/index.html" for url in urls),
            delay=options.delay,
            store=f"{database.url}&schema=storm",
            address=nodes.address,
            workers=options.workers,
        )
        crawl = Crawl(work / "project", database, token)
        with Arrivals(web.port) as arrivals:
            storm(crawl, nodes, options.workers)
        pages = ("index.html", *(f"{number}.html" for number in range(options.pages)))
        wanted = {f"{url}/{page}" for url in urls for page in pages}
        check_items(crawl.rows, work / "project/out/site.jsonl", "url", wanted)
        check_owners(web.log())
        smallest = smallest_gap(arrivals.log(), options.delay)
        sent = len(web.log())
    print(f"{len(wanted):,} pages of {len(HOSTS)} domains once, {sent:,} requests, one owner at a time")
    print(f"smallest gap {smallest * 1000:.1f} ms, delay {options.delay * 1000:.0f} ms")


def check_secret(nodes: Nodes, token: str) -> None:
    """Nothing that Ray wrote shows it."""
    found = subprocess.run(["grep", "-rl", "-e", token, str(nodes.logs)], capture_output=True, text=True)
    assert not found.stdout, f"the secret is in {found.stdout}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=250, help="of each domain")
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    # Its workers give way to all else, which on a busy machine of two cores leaves them nothing.
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")
    token = f"proof{secrets.token_hex(16)}"
    began = time.monotonic()
    with Postgres() as database, tempfile.TemporaryDirectory() as name:
        with said("cluster of three nodes"):
            nodes = Nodes().__enter__()
        try:
            proof(options, Path(name), database, nodes, token)
            check_secret(nodes, token)
        finally:
            logs = nodes.logs
            nodes.__exit__()
            shutil.rmtree(logs, ignore_errors=True)
    print(f"{time.monotonic() - began:.0f} s: nothing lost, nothing twice, and no secret in Ray's files")


if __name__ == "__main__":
    main()
