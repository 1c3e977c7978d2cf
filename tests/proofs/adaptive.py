"""A server whose capacity halves in mid-crawl: error rate and time of `delay: auto`, beside Scrapy's AutoThrottle.

    python -m tests.proofs.adaptive [--pages 800] [--capacity 40] [--scrapy .venv-bench/bin/python]

One server answers so many requests a second, one after the other, and 503 at once to what would wait for longer than
a quarter of a second; the other answers at once, and 429 to what is more than so many a second. Once half of the
pages came they answer half as many. Both crawlers begin with a delay of a second, may have eight requests under way,
and send what failed up to four times. Ideal is what the server could have answered in that time. Where Scrapy is not
installed, ours is measured alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from email.message import Message
from functools import partial
from pathlib import Path

import scraper
from scraper.demo.server import Answer, Server

_SCRAPY = """
import sys, scrapy
from scrapy.crawler import CrawlerProcess

class Pages(scrapy.Spider):
    name = "pages"
    start_urls = [sys.argv[1]]
    def parse(self, response):
        yield from response.follow_all(css="a")

process = CrawlerProcess({
    "AUTOTHROTTLE_ENABLED": True, "AUTOTHROTTLE_START_DELAY": 1.0, "AUTOTHROTTLE_MAX_DELAY": 30.0,
    "AUTOTHROTTLE_TARGET_CONCURRENCY": float(sys.argv[2]), "DOWNLOAD_DELAY": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "RETRY_TIMES": 3, "LOG_LEVEL": "CRITICAL", "TELNETCONSOLE_ENABLED": False, "ROBOTSTXT_OBEY": False,
})
process.crawl(Pages)
process.start()
"""
#: What waits for longer is refused, in seconds.
_PATIENCE = 0.25


class Pages(scraper.Spider):
    """The first page links to all others."""

    def parse(self, response: scraper.Response) -> object:
        yield {"url": response.url}
        yield from response.follow_all("a")


class Weakening:
    """Answers `capacity` requests a second, and half as many once half of the pages came."""

    def __init__(self, pages: int, capacity: float, *, queues: bool) -> None:
        self.pages = pages
        self.queues = queues
        self.capacity = capacity
        self.answered = self.refused = 0
        self.times: list[float] = []
        self._lock = threading.Lock()
        self._free_at = 0.0

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        with self._lock:
            now = time.monotonic()
            self.times.append(now)
            if self._free_at - now > _PATIENCE:
                self.refused += 1
                return 503 if self.queues else 429, {"Content-Type": "text/plain"}, b"busy\n"
            rate = self.capacity if self.answered * 2 < self.pages else self.capacity / 2
            self._free_at = max(self._free_at, now) + 1 / rate
            self.answered += 1
            wait = self._free_at - now
        time.sleep(wait if self.queues else 0.005)
        links = "".join(f'<a href="/{number}">x</a>' for number in range(1, self.pages)) if path == "/" else ""
        return 200, {"Content-Type": "text/html"}, f"<h1>{path}</h1>{links}".encode()

    @property
    def seconds(self) -> float:
        return self.times[-1] - self.times[0]

    @property
    def ideal(self) -> float:
        return 1.5 * self.pages / self.capacity


def ours(url: str) -> None:
    politeness = {"robots": "ignore", "delay": "auto", "min_delay": 0.001, "concurrency": 8}
    scraper.crawl(Pages, start_urls=[url], network={"allow_private": True}, politeness=politeness, gate={})


def measure(
    name: str, options: argparse.Namespace, crawl: Callable[[str], object], *, queues: bool
) -> tuple[float, float, int]:
    """Print and return the share of requests that were refused, the time over the ideal one, and pages missing."""
    answer = Weakening(options.pages, options.capacity, queues=queues)
    with Server(answer) as server:
        crawl(f"{server.url}/")
    rate, slowness = answer.refused / len(answer.times), answer.seconds / answer.ideal
    missing = options.pages - answer.answered
    print(
        f"{'queues' if queues else 'counts':>7} {name:<38} {answer.refused:>5,} of {len(answer.times):>5,} refused "
        f"({rate:.1%}), {answer.seconds:.1f} s ({slowness:.2f} of the ideal), {missing} pages missing",
        flush=True,
    )
    return rate, slowness, missing


def autothrottle(python: Path, target: str, url: str) -> None:
    subprocess.run([str(python), "-c", _SCRAPY, url, target], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=800)
    parser.add_argument("--capacity", type=float, default=40.0)
    parser.add_argument("--scrapy", type=Path, default=Path(".venv-bench/bin/python"))
    options = parser.parse_args()
    is_good = True
    for queues in (True, False):
        rate, slowness, missing = measure("delay: auto", options, ours, queues=queues)
        is_good = is_good and rate <= 0.03 and slowness <= 2.0 and missing == 0
        for target in ("1.0", "4.0") if options.scrapy.exists() else ():
            name = f"AutoThrottle, target concurrency {target}"
            measure(name, options, partial(autothrottle, options.scrapy, target), queues=queues)
    if not options.scrapy.exists():
        print(f"Scrapy is not measured: {options.scrapy} is missing (make .venv-bench/.ready)")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
