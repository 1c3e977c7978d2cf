"""The cost of the live page to a crawl that is watched: pages a second with and without, and what its process takes.

python -m tests.proofs.ui_cost [--rounds 5] [--pages 40000] [--most 0.01]

Crawls take turns: one that nobody watches, one whose page and list of crawls are open, as a browser holds them. Crawl
and live page share one core, where there is something to be taken, and the server has another. What is judged is the
CPU time of the live page's process, as a share of the time that the crawl took: on one core that is what the crawl
goes without. The pages a second are shown besides; they differ from round to round by more than that.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.crawl.commands import made_project, start
from tests.crawl.live_page import Served, serving
from tests.servers.keepalive import Answer, PageServer

_FILLER = "<p>It is long, it is dull and it is bound in cloth; whoever opens it is lost to the world.</p>" * 60
_AT_ONCE = 50


def _answer(count: int, path: str) -> Answer:
    """Return a page of some 6 kB, which leads to fifty others."""
    if not path.strip("/").isdecimal() and path != "/":
        return 404, {}, b""
    first = (int(path[1:] or -1) + 1) * _AT_ONCE
    links = "".join(f'<a href="/{each}">{each}</a>' for each in range(first, min(first + _AT_ONCE, count)))
    return 200, {"Content-Type": "text/html"}, f"<h1>Page {path}</h1>{links}{_FILLER}".encode()


def _serve(told: Any, count: int) -> None:
    """Serve the pages until told to end, on a core of its own."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with PageServer(lambda method, path, headers, body: _answer(count, path)) as server:
        told.send(server.url)
        told.recv()


def crawl(folder: Path) -> tuple[float, float]:
    """Crawl once more; returns pages a second, and the seconds that it took."""
    process = start("crawl", "site.yaml", "--fresh", "--quiet", "--stats", "stats.json", cwd=folder)
    process.communicate()
    stats = json.loads((folder / "stats.json").read_text())
    if process.returncode or stats["failed"]:
        sys.exit(f"FAILED: the crawl ended with {process.returncode}, {stats['failed']} pages failed")
    return stats["pages"] / stats["seconds"], stats["seconds"]


@contextmanager
def watched(served: Served) -> Iterator[list[int]]:
    """Hold both pages open, as a browser does; counts what comes."""
    came = [0]
    connections = [http.client.HTTPConnection(served.host, served.port) for _ in range(2)]

    def read(web: http.client.HTTPConnection, path: str) -> None:
        web.request("GET", path)
        try:
            for line in web.getresponse():
                came[0] += line.startswith(b"data:")
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # it was closed

    for web, path in zip(connections, ("/events", "/crawl/site.yaml/events"), strict=True):
        threading.Thread(target=read, args=(web, path), daemon=True).start()
    try:
        yield came
    finally:
        for web in connections:
            if web.sock is not None:
                web.sock.shutdown(2)


def cpu_of(pid: int) -> float:
    """Return the CPU time that a process has taken, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=40_000)
    parser.add_argument("--most", type=float, default=0.01)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, options.pages), daemon=True)
    process.start()
    alone, seen, shares, messages = [], [], [], 0
    try:
        with tempfile.TemporaryDirectory() as place:
            folder = made_project(Path(place), ours.recv(), more="exports: []\nlimits: {pages: 1000000}")
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            with serving(folder, at=".") as served:
                crawl(folder)  # the first compiles what has no bytecode yet
                for _ in range(options.rounds):
                    alone.append(crawl(folder)[0])
                    with watched(served) as came:
                        time.sleep(1.5)
                        before, at = cpu_of(served.pid), time.monotonic()
                        seen.append(crawl(folder)[0])
                        shares.append((cpu_of(served.pid) - before) / (time.monotonic() - at))
                        messages += came[0]
        ours.send(None)
        process.join(10)
    finally:
        process.terminate()
    share = statistics.median(shares)
    passed = share <= options.most and messages > 4 * options.rounds
    print(
        f"watched: {statistics.median(seen):.0f} pages/s, alone: {statistics.median(alone):.0f}, "
        f"ratio {statistics.median(one / two for one, two in zip(seen, alone, strict=True)):.3f}\n"
        f"the live page took {share:.2%} of a core, {messages} messages; asked for: at most {options.most:.1%}, "
        f"{'met' if passed else 'MISSED'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
