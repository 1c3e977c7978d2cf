"""What crawls on several processes are tested with: spiders that other processes can import, and who asked what."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import requests

from scraper import Crawl, Run, Spider, StopCrawl
from scraper.config import load
from tests.crawl.crawling import SETTINGS, merged, site
from tests.servers.keepalive import PageServer


class Signed(requests.Session):
    """Says with each request which process sends it."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["X-Process"] = str(os.getpid())


class Linked(Spider):
    """An item a page, and every link."""

    def parse(self, response: Any) -> Any:
        yield {"url": response.url}
        yield from (response.follow(link) for link in response.links())


class Stops(Linked):
    """Has enough at the first page called p7."""

    def parse(self, response: Any) -> Any:
        yield from super().parse(response)
        if response.url.endswith("/p7"):
            raise StopCrawl("that will do")


class Poisoned(Linked):
    """One page brings its process down."""

    def parse(self, response: Any) -> Any:
        if response.url.endswith("/p3"):
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().parse(response)


class FailsToStart(Linked):
    """Its start() does not work."""

    def start(self) -> Any:
        yield from super().start()
        raise ValueError("no more")


@dataclass(frozen=True)
class Asked:
    """One request as its server saw it; times are of time.monotonic()."""

    domain: str
    process: int
    path: str
    began: float
    ended: float


class Sites:
    """A server a domain, on addresses of their own, with one log.

    Args:
        pages: by domain.
        seconds: that an answer takes.
        during: called with each request while it is being answered.
    """

    def __init__(
        self,
        pages: Mapping[str, Mapping[str, str]],
        seconds: float = 0.0,
        during: Callable[[int, int], None] = lambda _number, _process: None,
    ) -> None:
        self.pages = pages
        self.log: list[Asked] = []
        self._seconds = seconds
        self._during = during
        self._came = 0
        self._lock = threading.Lock()
        self.servers = {name: PageServer(self._answering(name), host=name) for name in pages}

    def _answering(self, name: str) -> Any:
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            began, process = time.monotonic(), int(headers.get("X-Process", 0))
            with self._lock:
                self._came += 1
                number = self._came
            self._during(number, process)
            time.sleep(self._seconds)
            page = self.pages[name].get(path)
            self.log.append(Asked(name, process, path, began, time.monotonic()))
            if page is None:
                return 404, {"Content-Type": "text/plain"}, b""
            return 200, {"Content-Type": "text/html; charset=utf-8"}, page.encode()

        return answer

    @property
    def urls(self) -> list[str]:
        """The base URL of each."""
        return [server.url for server in self.servers.values()]

    @property
    def all_pages(self) -> set[str]:
        """The URL of every page."""
        return {self.servers[name].url + path for name, pages in self.pages.items() for path in pages}

    @property
    def processes(self) -> set[int]:
        """Those that asked."""
        return {asked.process for asked in self.log}

    def of(self, name: str) -> list[Asked]:
        """What one domain was asked for, in order."""
        return sorted((asked for asked in self.log if asked.domain == name), key=lambda asked: asked.began)

    def asked_twice(self) -> list[tuple[str, str]]:
        """Pages that were asked for more than once."""
        counts = Counter((asked.domain, asked.path) for asked in self.log)
        return [page for page, count in counts.items() if count > 1]

    def asked_by_two_at_once(self) -> list[tuple[Asked, Asked]]:
        """Requests of two processes to one domain that overlap."""
        found = []
        for name in self.pages:
            asked = self.of(name)
            found += [
                (one, other)
                for place, one in enumerate(asked)
                for other in asked[place + 1 :]
                if other.process != one.process and other.began < one.ended
            ]
        return found

    def gaps_at_changes(self) -> list[float]:
        """Seconds between the last request of one process to a domain, and the first of the next process."""
        return [
            after.began - before.began
            for name in self.pages
            for before, after in pairwise(self.of(name))
            if before.process != after.process
        ]


def linked(sizes: list[int]) -> dict[str, dict[str, str]]:
    """Domains with so many pages; the first page of each leads to the other domains too, but for their ports."""
    return {f"127.0.0.{number + 2}": site(size - 1) for number, size in enumerate(sizes)}


@contextmanager
def serving(sizes: list[int], **options: Any) -> Iterator[Sites]:
    """Sites of these sizes, at work. Skips the test where a machine has but one loopback address."""
    try:
        socket.create_server(("127.0.0.2", 0)).close()
    except OSError:
        pytest.skip("this machine has one loopback address")
    sites = Sites(linked(sizes), **options)
    with ExitStack() as stack:
        for server in sites.servers.values():
            stack.enter_context(server)
        yield sites


def sharded(
    kind: type[Spider],
    sites: Sites,
    *,
    observers: Any = (),
    spider: type[Spider] | None = None,
    **overrides: Any,
) -> Run:
    """Crawl these sites with two processes."""
    settings = merged(SETTINGS, {"session": {"class": f"{__name__}:Signed"}, "engine": {"processes": 2}})
    settings = merged(settings, overrides)
    settings |= {"name": kind.name, "spider": f"{kind.__module__}:{kind.__name__}", "start_urls": sites.urls}
    return Crawl(load(settings), spider=spider, observers=observers).run()


def is_alive(process: int) -> bool:
    """Whether there is a process with this number that is not a zombie."""
    if os.name == "nt":
        return False  # ps is not to be had there
    state = subprocess.run(["ps", "-o", "state=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def leave(processes: set[int], within: float) -> bool:
    """Whether these processes are gone soon."""
    deadline = time.monotonic() + within
    while True:
        # Looking takes a while itself: whoever is gone at the deadline is seen to be.
        is_last = time.monotonic() >= deadline
        if not any(is_alive(process) for process in processes):
            return True
        if is_last:
            return False
        time.sleep(0.02)
