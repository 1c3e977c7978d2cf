"""Thousands of `scraper.crawl()` in one process: none raises, and nothing grows.

python -m tests.proofs.many_crawls [--crawls 2000] [--pages 3] [--megabytes 8]

Some are of two domains, some are stopped from another thread in the middle. After each tenth of them descriptors,
threads and resident memory are noted: of the first two there must be no more at the end than after the first tenth,
and a line fitted through the memory of the second half may rise by so many MB over as many crawls as there are.
The server is a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.crawl.crawling import Follow, prepared, site
from tests.servers.keepalive import PageServer

#: Seconds after which threads that only idle have ended, as those that resolve names.
_IDLE = 12.0


def crawl_once(number: int, url: str, pages: int) -> None:
    """Crawl a small site; every third time by two names, every fifth one is stopped from another thread."""
    starts = [url, url.replace("127.0.0.1", "localhost")] if number % 3 == 0 else [url]
    begun = prepared(Follow, *starts)
    if number % 5 == 0:
        stopping = threading.Timer(0.001 * (number % 40), begun.stop)
        stopping.start()
        begun.run()
        stopping.join()
        return
    run = begun.run()
    if (run.result, run.stats["pages"], run.stats["failed"]) != ("finished", len(starts) * (pages + 1), 0):
        sys.exit(f"FAILED: crawl {number}: {run.result}, {run.stats['pages']} pages, {list(run.failures)}")


def held() -> tuple[int, int, float]:
    """Return the descriptors, the threads and the resident MB of this process, once idle threads have ended."""
    until = time.monotonic() + _IDLE
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.05)
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), resident


def serve(told: Any, pages: int) -> None:
    """Serve the site until told to end."""
    with PageServer(site(pages)) as server:
        told.send(f"{server.url}/")
        told.recv()


def measure(crawls: int, pages: int, url: str) -> list[tuple[int, int, float]]:
    """Crawl so often; return what was held after each tenth."""
    noted = []
    for number in range(1, crawls + 1):
        crawl_once(number, url, pages)
        if number % max(1, crawls // 10) == 0:
            noted.append(held())
            print("{:>6,} crawls: {} descriptors, {} threads, {:.1f} MB".format(number, *noted[-1]), flush=True)
    return noted


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--crawls", type=int, default=2_000)
    parser.add_argument("--pages", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=8.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, options.pages), daemon=True)
    process.start()
    try:
        noted = measure(options.crawls, options.pages, ours.recv())
        ours.send(None)
        process.join(10)
    finally:
        process.terminate()
    memory = [megabytes for _, _, megabytes in noted[len(noted) // 2 :]]
    rise = statistics.linear_regression(range(len(memory)), memory).slope * len(noted)
    (descriptors, threads, _), (last_descriptors, last_threads, _) = noted[0], noted[-1]
    passed = last_descriptors <= descriptors and last_threads <= threads and rise <= options.megabytes
    print(
        f"{options.crawls:,} crawls: none raised; memory rises by {rise:.1f} MB, {last_descriptors - descriptors} "
        f"descriptors and {last_threads - threads} threads more: {'met' if passed else 'MISSED'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
