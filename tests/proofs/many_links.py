"""Pages of 5,000 and of 20,000 new links each: commits, connections, memory and the end stay within their bounds.

python -m tests.proofs.many_links [--links 5000 20000] [--seconds 10] [--only NAME]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from scraper.engine.shard import DRAIN_SECONDS
from tests.servers.keepalive import PageServer

_SPIDER = """
from scraper import Spider

class Links(Spider):
    def parse(self, response):
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""
_POOL = 8
#: Links of the pages that a crawl comes to its end with.
_ROWS = 200_000
#: MB that a process may take, and that the write-ahead log may grow to.
_MOST_RSS, _MOST_WAL = 300, 200
#: What a start of the command, and its last words, may take, in seconds.
_START_SECONDS, _LAST_SECONDS = 2.0, 2.0
#: Seconds beyond `limits.duration`, and after SIGTERM, within which the command ends, its start included.
_MOST_OVER = DRAIN_SECONDS + _START_SECONDS + _LAST_SECONDS
_MOST_STOPPING = 10.0
#: Seconds after which a crawl that goes on is given up.
_GIVE_UP = 120
#: What is said where a process, or the command, did not end by itself.
_FORCED = ("was killed by signal", "did not end in time")


class Site(NamedTuple):
    """Servers on addresses of their own, each page of which links to pages that no other page links to."""

    servers: list[PageServer]
    links: int

    def page(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        if headers.get("If-None-Match") == '"1"':
            return 304, {"ETag": '"1"'}, b""
        number = int(path.removeprefix("/p") or 0)
        first = number * self.links + 1
        addresses = [server.url for server in self.servers]
        links = "".join(
            f'<a href="{addresses[each % len(addresses)]}/p{each}">{each}</a>\n'
            for each in range(first, first + self.links)
        )
        return 200, {"Content-Type": "text/html", "ETag": '"1"'}, links.encode()


class Watch:
    """Peak memory of each process of a crawl, and of its write-ahead log, in MB."""

    def __init__(self, process: subprocess.Popen[str], store: Path) -> None:
        self.rss: dict[int, float] = {}
        self.wal = 0.0
        self._process = process
        self._wal = store.with_name(f"{store.name}-wal")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._process.poll() is None:
            for pid in _family(self._process.pid):
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
                # One that has just ended has none.
                self.rss[pid] = max(self.rss.get(pid, 0.0), int(peak) / 1024)
            if self._wal.exists():
                self.wal = max(self.wal, self._wal.stat().st_size / 1e6)
            time.sleep(0.2)


def _family(pid: int) -> list[int]:
    """Return a process and those that it and its children started."""
    found = [pid]
    for each in found:
        try:
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:
            continue
    return found


def crawl(folder: Path, site: Site, *, sets: list[str], stop_after: float | None = None) -> list[str]:
    """Crawl, and return what is out of bounds."""
    for server in site.servers:
        server.clear_log()
    command = [sys.executable, "-m", "scraper", "crawl", "site.yaml", "--quiet", "--stats", "stats.json"]
    began = time.monotonic()
    said = (folder / "said.txt").open("w+")
    process = subprocess.Popen([*command, *(f"--set={each}" for each in sets)], cwd=folder, text=True, stderr=said)
    watch = Watch(process, folder / "crawl.db")
    duration = next((float(each.rpartition("=")[2].rstrip("s")) for each in sets if "duration" in each), None)
    if stop_after is not None:
        time.sleep(stop_after)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(_GIVE_UP)
    finally:
        process.kill()
    took = time.monotonic() - began
    said.seek(0)
    forced = [line.strip() for line in said if any(words in line for words in _FORCED)]
    said.close()
    stats = json.loads((folder / "stats.json").read_text())
    connections = sum(server.connections for server in site.servers)
    asked = sum(len(server.log) for server in site.servers)
    print(
        f"  exit {code}, {took:.1f} s: {stats['pages']:,} pages, {asked:,} requests on {connections} connections;"
        f" peak {', '.join(f'{each:.0f}' for each in watch.rss.values())} MB; WAL {watch.wal:.0f} MB",
        flush=True,
    )
    # On a slow machine a page may take longer than a connection may idle.
    idled = sum(domain["reasons"].get("idle", 0) for domain in stats["domains"].values())
    bounds: dict[str, tuple[float, float]] = {
        "connections": (connections - idled, _POOL * len(site.servers)),
        "memory of a process": (max(watch.rss.values()), _MOST_RSS),
        "write-ahead log": (watch.wal, _MOST_WAL),
    }
    if stop_after is not None:
        bounds["seconds after SIGTERM"] = took, _MOST_STOPPING
    elif duration is not None:
        bounds["seconds beyond limits.duration"] = took - duration, _MOST_OVER
    return [f"{what}: {value:.1f}, at most {most}" for what, (value, most) in bounds.items() if value > most] + forced


def prove(name: str, links: int, seconds: float) -> list[str]:
    """Run one of the crawls, and return what is out of bounds."""
    print(f"{links:,} links: {name}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        processes = 2 if "processes" in name else 1
        site = Site([], links)
        for number in range(2 * processes if processes > 1 else 1):
            site.servers.append(stack.enter_context(PageServer(site.page, host=f"127.0.0.{number + 1}")))
        (folder / "spiders").mkdir()
        (folder / "spiders" / "links.py").write_text(_SPIDER)
        starts = ", ".join(f"{server.url}/p{number}" for number, server in enumerate(site.servers))
        (folder / "site.yaml").write_text(
            f"spider: spiders/links.py:Links\nstart_urls: [{starts}]\nstore: crawl.db\n"
            f"network: {{allow_private: true}}\nengine: {{processes: {processes}}}\n"
            f"politeness: {{robots: ignore, delay: 0, concurrency: {_POOL}}}\nsession: {{pool: {_POOL}}}\n"
        )
        duration = [f"limits.duration={seconds:g}s"]
        if "SIGTERM" in name:
            return crawl(folder, site, sets=[], stop_after=seconds)
        if "again" in name:
            problems = crawl(folder, site, sets=[f"limits.pages={_ROWS // links}"])
            return problems + crawl(folder, site, sets=duration)
        return crawl(folder, site, sets=duration)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, nargs="*", default=[5_000, 20_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each crawl works")
    parser.add_argument("--only", default="", help="a part of the names of the crawls to run")
    options = parser.parse_args()
    names = (
        "one process, limits.duration",
        "one process, SIGTERM",
        "two processes, limits.duration",
        "two processes, SIGTERM",
        "one process, to an end and then again, by 304",
    )
    problems = [
        f"{links:,} links: {name}: {problem}"
        for links in options.links
        for name in names
        if options.only in name
        for problem in prove(name, links, options.seconds)
    ]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[2]))
    main()
