"""A store with a million queued URLs over ten thousand domains: how soon it is at work, how much memory it takes.

First the store alone, then a whole crawl that resumes it for some seconds, a third of whose domains are dead.

python -m tests.proofs.scale [--urls 1000000] [--domains 10000] [--seconds 20]
                             [--resume 2.0] [--memory 200] [--take 2.0]
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from scraper import Crawl, Request, Response, Spider
from scraper.config import load
from scraper.store.tables import RequestState

NAME = "scale"
#: One in so many domains never answers.
_DEAD = 3

_CRAWL = """
import json, resource, sys, threading, time
from tests.proofs.scale import settings
from scraper import Crawl
from scraper.config import load

path, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
cpu = time.process_time()
began = time.time()
crawl = Crawl(load(settings(path, port)))
threading.Timer(seconds, crawl.stop, (5.0,)).start()
run = crawl.run()
print(json.dumps({
    "began": began, "took": time.time() - began, "cpu": time.process_time() - cpu, "pages": run.stats["pages"],
    "failed": run.stats["failed"], "requests": run.stats["requests"], "why": run.why,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""

_RESUME = """
import json, random, resource, sys, time
from pathlib import Path
from scraper.store import Store
from scraper.store.outcomes import RetryLater, Batch

path, name, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
began = time.perf_counter()
with Store(path, lock=True) as store:
    run = store.resume_run(store.unfinished_run(name), {})
    store.figures(run.id)
    store.join("proof")
    domains = store.domains_with_work(run.id)
    first = store.ready(run.id, domains[0], 2)
    resumed = time.perf_counter() - began
    began = time.perf_counter()
    epochs = {lease.domain: lease.epoch for lease in store.claim("proof", domains)}
    claimed = time.perf_counter() - began

    some = random.Random(seed).sample(domains, min(2_000, len(domains)))
    began = time.process_time()
    taken = [store.ready(run.id, domain, 2) for domain in some]
    take = (time.process_time() - began) / sum(map(len, taken))

    outcomes = [RetryLater(queued, time.time() + 60, 1) for portion in taken for queued in portion]
    began = time.process_time()
    for place in range(0, len(outcomes), 200):
        batch = Batch(outcomes=outcomes[place : place + 200])
        names = {outcome.queued.domain for outcome in batch.outcomes}
        store.commit(run.id, batch, "proof", {name: epochs[name] for name in names})
    commit = (time.process_time() - began) / len(outcomes)

print(json.dumps({
    "queued": run.counts.queued, "domains": len(domains), "first": len(first), "resumed": resumed, "claimed": claimed,
    "take_ms": take * 1000, "commit_ms": commit * 1000,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


class Reader(Spider):
    """Reads each page of its queue and finds nothing new."""

    def start(self) -> Iterator[Request]:
        return iter(())

    def parse_product(self, response: Response) -> Iterator[dict[str, str]]:
        yield {"url": response.url}


def settings(path: str, port: int) -> dict[str, Any]:
    """Of a crawl that reaches every domain through one proxy on loopback."""
    return {
        "name": NAME,
        "spider": "tests.proofs.scale:Reader",
        "store": path,
        "exports": [],
        "gate": {"min_items": 0},
        "allowed_domains": ["example"],
        "session": {"proxies": {"http": f"http://127.0.0.1:{port}"}},
        "politeness": {"robots": "ignore"},
        "network": {"allow_private": True},
    }


class Proxy(socketserver.ThreadingTCPServer):
    """Answers for every domain but the dead ones, whose connections it closes; notes when it was asked first."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        self.first_at: float | None = None
        self.hosts: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Asked)


class _Asked(socketserver.StreamRequestHandler):
    server: Proxy
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            self.server.first_at = self.server.first_at or time.time()
            host = line.split()[1].split(b"/")[2].decode()
            self.server.hosts[host] += 1
            if int(host[4:9]) % _DEAD == 0:
                return
            body = b"<h1>a product</h1>"
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
            self.wfile.write(head % len(body) + body)


def build(path: Path, urls: int, domains: int) -> None:
    """Make a store whose run was stopped with `urls` requests queued, spread evenly over `domains` domains."""
    crawl = Crawl(load(settings(str(path), 9)))
    crawl.stop(0)
    run = crawl.run()
    database = sqlite3.connect(path, isolation_level=None)
    # Safe is what is built after all; an index is made faster at the end than row by row.
    for pragma in ("synchronous=OFF", "cache_size=-65536"):
        database.execute(f"PRAGMA {pragma}")
    made = "select name, sql from sqlite_master where type = 'index' and tbl_name = 'frontier' and sql is not null"
    indexes = database.execute(made).fetchall()
    database.execute("BEGIN")
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    database.executemany(
        "INSERT INTO frontier"
        " (run, fingerprint, copy, kind, domain, state, not_before, rank, attempts, strikes, sent, request)"
        f" VALUES ({run.id}, ?, 0, 0, ?, {RequestState.QUEUED.value}, 0, 0, 0, 0, 0, ?)",
        _rows(urls, domains),
    )
    for _, statement in indexes:
        database.execute(statement)
    database.execute(
        "UPDATE runs SET queued = ?, start_done = 1, commits = 1, result = 'stopped', clean = 1 WHERE id = ?",
        (urls, run.id),
    )
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _rows(urls: int, domains: int) -> Iterator[tuple[bytes, str, str]]:
    """Fingerprint, domain and record of requests, the domains in turn, as a crawl of many sites finds them."""
    for number in range(urls):
        domain = f"site{number % domains:05}.example"
        url = f"http://{domain}/products/{number // domains}/a-name-that-says-something.html"
        fingerprint = blake2b(f"GET {url}".encode(), digest_size=16).digest()
        yield fingerprint, domain, json.dumps({"url": url, "callback": "parse_product", "depth": 3})


def _run(code: str, *arguments: str) -> dict[str, Any]:
    """What a process of its own prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _crawl(path: Path | str, seconds: float) -> dict[str, Any]:
    """Go on with the run for some seconds, and what the proxy saw of it."""
    with Proxy() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        seen = _run(_CRAWL, str(path), str(proxy.server_address[1]), str(seconds))
        proxy.shutdown()
    dead = {host: count for host, count in proxy.hosts.items() if int(host[4:9]) % _DEAD == 0}
    seen |= {
        "first": (proxy.first_at or math.inf) - seen["began"],
        "alive": len(proxy.hosts) - len(dead),
        "dead": sum(dead.values()),
        "dead_domains": len(dead),
    }
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=1_000_000)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it crawls")
    parser.add_argument("--resume", type=float, default=2.0, help="seconds until the first request is at hand")
    parser.add_argument("--memory", type=float, default=200.0, help="MB that the process may take at its peak")
    parser.add_argument("--take", type=float, default=2.0, help="milliseconds of CPU that taking a request may cost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scale.db"
        began = time.perf_counter()
        # In a process of its own: one that is started takes its parent's peak memory for its own.
        builder = multiprocessing.get_context("spawn").Process(
            target=build, args=(path, options.urls, options.domains)
        )
        builder.start()
        builder.join()
        if builder.exitcode:
            sys.exit("the store could not be built")
        seconds, size = time.perf_counter() - began, path.stat().st_size / 1e6
        print(f"built {options.urls:,} URLs over {options.domains:,} domains in {seconds:.0f} s: {size:.0f} MB")
        seen = _run(_RESUME, str(path), NAME, "1")
        crawled = _crawl(path, options.seconds)
    print(
        f"first request at hand after {seen['resumed']:.2f} s, all domains claimed {seen['claimed']:.2f} s later;"
        f" peak {seen['peak']:.0f} MB\n"
        f"of CPU a request: {seen['take_ms']:.2f} ms to take it, {seen['commit_ms']:.2f} ms to commit its outcome"
    )
    assert (seen["queued"], seen["domains"], seen["first"]) == (options.urls, options.domains, 2), seen
    print(
        f"a crawl was at its first request {crawled['first']:.2f} s after its begin; in {crawled['took']:.0f} s"
        f" {crawled['pages']:,} pages of {crawled['alive']:,} domains, {crawled['dead']:,} requests to"
        f" {crawled['dead_domains']:,} dead ones; {1000 * crawled['cpu'] / max(1, crawled['requests']):.2f} ms of CPU"
        f" a request; peak {crawled['peak']:.0f} MB"
    )
    limits = (("resumed", options.resume), ("peak", options.memory), ("take_ms", options.take))
    missed = [f"{key} {seen[key]:.2f} is over {most}" for key, most in limits if seen[key] > most]
    limits = (("first", options.resume), ("peak", options.memory))
    missed += [f"its {key} {crawled[key]:.2f} is over {most}" for key, most in limits if crawled[key] > most]
    if missed:
        sys.exit("; ".join(missed))


if __name__ == "__main__":
    main()
