"""Five hundred pages drawn by a browser on two domains: memory bounded, pace beside others, delays kept.

    python -m tests.proofs.browser_pages [--pages 500] [--at-once 4] [--peers scrapy-playwright,crawlee]

Memory is the sum of the proportional set sizes of the crawl and all that it has started, a few times a second.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from scraper.fetch.browser.memory import descendants
from tests.servers.arrivals import Arrivals, can_listen
from tests.servers.keepalive import PageServer

ROOT = Path(__file__).parents[2]
HOSTS = ("127.0.0.1", "127.0.0.2")
MOST_MEMORY = 1_200_000_000
_DELAY = 0.5
#: How much later a server on a busy machine may read one request than the next, in seconds.
_LATE = 0.03
_HTML, _JS, _JSON = ({"Content-Type": kind} for kind in ("text/html", "text/javascript", "application/json"))
_APP = """
fetch("/api" + location.pathname).then(answer => answer.json()).then(data => {
  const list = document.getElementById("app");
  for (const product of data.products) {
    const card = document.createElement("article");
    card.innerHTML = `<h2><a href="/p/${product.id}">${product.title}</a></h2><p class=price>${product.price}</p>`;
    list.append(card);
  }
  const title = document.createElement("h1");
  title.textContent = data.title; title.className = "done"; list.prepend(title);
});
"""
_PADDING = "".join(f"const unused{number} = {{a: [{number}], b: 'text of a bundle'}};\n" for number in range(400))


def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
    """A page of a shop of scripts."""
    if path.startswith("/api/"):
        products = [{"id": number, "title": f"Product {number} of {path}", "price": number} for number in range(40)]
        return 200, _JSON, json.dumps({"title": path.removeprefix("/api"), "products": products}).encode()
    if path == "/app.js":
        return 200, {**_JS, "Cache-Control": "max-age=600"}, (_PADDING + _APP).encode()
    if path == "/style.css":
        return 200, {"Content-Type": "text/css", "Cache-Control": "max-age=600"}, b"article { margin: 1em }" * 200
    if path == "/robots.txt":
        return 404, {}, b""
    page = "<!doctype html><link rel=stylesheet href=/style.css><div id=app></div><script src=/app.js></script>"
    return 200, _HTML, page.encode()


def memory_of(pid: int) -> int:
    """The bytes of a process and all that it has started, what they share counted once."""
    total = 0
    for each in [pid, *descendants(pid)]:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            total += 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


class Watched:
    """A process and the most memory that it took."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.memory = 0
        began = time.monotonic()
        # Some leave their profiles behind.
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        watch = threading.Thread(target=self._watch)
        watch.start()
        self.code = self._process.wait()
        self.seconds = time.monotonic() - began
        watch.join()

    def _watch(self) -> None:
        while self._process.poll() is None:
            self.memory = max(self.memory, memory_of(self._process.pid))
            time.sleep(0.3)


@contextlib.contextmanager
def served() -> Iterator[list[PageServer]]:
    """Two domains."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(PageServer(answer, host=host)) for host in HOSTS]


def _urls(servers: list[PageServer], pages: int) -> list[str]:
    return [f"{servers[number % 2].url}/p/{number}" for number in range(pages)]


def ours(folder: Path, urls: list[str], at_once: int, **politeness: Any) -> Watched:
    """Crawl by the command, as a user does."""
    site = {
        "name": "pages",
        "start_urls": urls,
        "rules": [{"match": "*", "fields": {"title": {"css": "h1", "required": True}}}],
        "fetcher": "browser",
        "browser": {"wait_for": ".done", "wait_until": "load", "pages": at_once},
        "network": {"allow_private": True},
        "politeness": {"delay": 0, "jitter": 0, "concurrency": at_once, **politeness},
        "exports": ["pages.jsonl"],
    }
    (folder / "pages.yaml").write_text(yaml.safe_dump(site))
    command = [
        sys.executable,
        "-m",
        "scraper",
        "crawl",
        "pages.yaml",
        "--quiet",
        "--fresh",
        "--stats",
        "stats.json",
        "--log-file",
        "log",
    ]
    return Watched(command, folder)


def delays_are_kept(folder: Path, pages: int, at_once: int) -> tuple[float, str]:
    """The shortest time between two requests to a domain, and by whose clock: the kernel's where it may be asked."""
    with served() as servers, contextlib.ExitStack() as stack:
        listens = can_listen()
        heard = [stack.enter_context(Arrivals(urlsplit(server.url).port or 0)) for server in servers if listens]
        run = ours(folder, _urls(servers, pages), at_once, delay=_DELAY)
        assert run.code == 0, run.code
        times = [[each.time for each in arrivals.log()] for arrivals in heard]
        requests = sum(len(server.log) for server in servers)
        if listens:
            assert sum(map(len, times)) == requests
        else:
            times = [[record.time for record in server.log] for server in servers]
    assert json.loads((folder / "stats.json").read_text())["requests"] == requests
    gaps = [after - before for each in times for before, after in itertools.pairwise(each)]
    return min(gaps), "the kernel's clock" if listens else "the servers' own"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--peers", default="scrapy-playwright,crawlee")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="browser-pages-") as name:
        folder = Path(name)
        with served() as servers:
            urls = _urls(servers, options.pages)
            run = ours(folder, urls, options.at_once)
            stats = json.loads((folder / "stats.json").read_text())
            titles = [json.loads(line)["title"] for line in (folder / "pages.jsonl").read_text().splitlines()]
            assert run.code == 0, run.code
            assert sorted(titles) == sorted(f"/p/{number}" for number in range(options.pages))
            assert stats["requests"] == sum(len(server.log) for server in servers)
        pace = options.pages / run.seconds
        print(f"scraper: {options.pages} pages in {run.seconds:.1f} s, {pace:.1f} pages/s, {run.memory / 1e6:.0f} MB")
        assert run.memory <= MOST_MEMORY, f"{run.memory:,} bytes"
        for peer in filter(None, options.peers.split(",")):
            if importlib.util.find_spec(peer.replace("-", "_")) is None:
                print(f"{peer} is not installed here")
                continue
            with served() as servers:
                (folder / "urls").write_text("\n".join(_urls(servers, options.pages)))
                place = [str(folder / "titles"), str(folder / "urls"), str(options.at_once)]
                other = Watched([sys.executable, "-m", "tests.proofs.browser_peers", peer, *place], folder)
                got = len(set((folder / "titles").read_text().split("\n")))
                its = options.pages / other.seconds
                print(f"{peer}: {got} pages in {other.seconds:.1f} s, {its:.1f} pages/s, {other.memory / 1e6:.0f} MB")
                assert got < options.pages or pace >= its * 0.95, f"{peer} is faster: {its:.1f} against {pace:.1f}"
        shortest, clock = delays_are_kept(folder, 16, options.at_once)
        print(f"with a delay of {_DELAY:g} s: no two requests to a domain closer than {shortest:.4f} s by {clock}")
        assert shortest >= _DELAY - (0 if "kernel" in clock else _LATE), shortest


if __name__ == "__main__":
    main()
