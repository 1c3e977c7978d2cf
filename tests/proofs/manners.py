"""Fifty domains at once, each asked every 200 ms: the delay is kept, and hardly any time is lost.

    python -m tests.proofs.manners [--domains 50] [--pages 40] [--delay 0.2] [--scrapy]

Gaps between two requests to a domain are taken twice: right before each send, and from nginx's log. Ideal is
(pages - 1) x delay from the first to the last page's request of a domain's crawl; robots.txt is known before.
With --scrapy the same is measured with Scrapy, where that is installed (DOWNLOAD_DELAY, not randomised).
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import scraper
from scraper.observe.events import Fetched
from tests.servers.nginx import Nginx, NginxRecord, have_nginx

_SCRAPY = """
import sys, scrapy
from scrapy.crawler import CrawlerProcess

class Shelf(scrapy.Spider):
    name = "shelf"
    start_urls = sys.argv[2:]
    def parse(self, response):
        yield {"url": response.url}
        yield from response.follow_all(css="a")

process = CrawlerProcess({
    "DOWNLOAD_DELAY": float(sys.argv[1]), "RANDOMIZE_DOWNLOAD_DELAY": False, "LOG_LEVEL": "ERROR",
    "CONCURRENT_REQUESTS": 100, "TELNETCONSOLE_ENABLED": False, "ROBOTSTXT_OBEY": False,
})
process.crawl(Shelf)
process.start()
"""


class Shelf(scraper.Spider):
    """The first page links to all others of its host."""

    def parse(self, response: scraper.Response) -> Iterable[object]:
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)


def gaps(times: Iterable[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(sorted(times))]


def report(name: str, records: list[NginxRecord], options: argparse.Namespace) -> tuple[float, float]:
    """Print and return the smallest gap by the server's log and ideal / span."""
    by_host = defaultdict(list)
    for record in records:
        if record.path != "/robots.txt":
            by_host[record.host].append(record.time)
    assert len(by_host) == options.domains, f"{len(by_host)} domains were asked"
    # Scrapy does not count a start URL as seen, so it asks for the first page once more.
    (asked,) = {len(times) for times in by_host.values()}
    assert asked - options.pages in (0, 1)
    smallest = min(gap for times in by_host.values() for gap in gaps(times))
    every = [time for times in by_host.values() for time in times]
    ideal = (asked - 1) * options.delay
    span = max(every) - min(every)
    print(f"{name:>8}: smallest gap at the server {smallest * 1000:.0f} ms, ideal / span {ideal / span:.3f}")
    return smallest, ideal / span


def crawl(urls: list[str], folder: Path, **more: object) -> list[tuple[str, float]]:
    """Crawl; the time right before each send, by domain."""
    sent: list[tuple[str, float]] = []

    def note(event: object) -> None:
        if isinstance(event, Fetched) and event.served is not None:
            sent.append((event.domain, event.served.sent_at))

    run = scraper.crawl(
        Shelf,
        start_urls=urls,
        network={"allow_private": True},
        store=str(folder / "s.db"),
        exports=[],
        fresh=True,
        observers=[note],
        **more,
    )
    assert run.result in ("finished", "limit"), run.why
    return sent


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=50)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--scrapy", action="store_true", help="measure Scrapy too")
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> tuple[float, float, float]:
    """Return the smallest gap right before a send and that by the server's log, in seconds, and ideal / span."""
    hosts = [f"127.0.1.{number}" for number in range(1, options.domains + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site").mkdir()
        folder.chmod(0o755)
        for number in range(options.pages):
            targets = range(options.pages) if number == 0 else (0, number - 1)
            links = "".join(f'<a href="{target}.html">{target}</a> ' for target in targets)
            (folder / "site" / f"{number}.html").write_text(f"<html><body>{links}</body></html>")
        smallest_sent, (smallest, share) = ours(folder, hosts, options)
        if options.scrapy:
            scrapy(folder, hosts, options)
    return smallest_sent, smallest, share


def main() -> None:
    if not have_nginx():
        sys.exit("nginx is not installed")
    options = options_of()
    smallest_sent, smallest, share = measure(options)
    if smallest_sent < options.delay or smallest < options.delay - 0.005 or share < 0.99:
        sys.exit("missed: no gap under the delay before the send, none 5 ms under it at the server, 0.99 of ideal")


def ours(folder: Path, hosts: list[str], options: argparse.Namespace) -> tuple[float, tuple[float, float]]:
    (folder / "ours").mkdir()
    with Nginx(folder / "site", folder / "ours", host=hosts[0], more_hosts=hosts[1:]) as server:
        port = server.url.rpartition(":")[2]
        urls = [f"http://{host}:{port}/0.html" for host in hosts]
        # Ask for robots.txt first, and for as many pages as there are domains.
        crawl(urls, folder, limits={"pages": len(urls)}, politeness={"delay": 0})
        before = len(server.log(at_least=2 * len(hosts)))
        sent = crawl(urls, folder, politeness={"delay": options.delay, "jitter": 0})
        server.stop()
        records = server.log()[before:]
    by_domain = defaultdict(list)
    for domain, at in sent:
        by_domain[domain].append(at)
    smallest_sent = min(gap for times in by_domain.values() for gap in gaps(times))
    print(f"    ours: smallest gap right before the send {smallest_sent * 1000:.2f} ms")
    return smallest_sent, report("ours", records, options)


def scrapy(folder: Path, hosts: list[str], options: argparse.Namespace) -> None:
    (folder / "scrapy").mkdir()
    with Nginx(folder / "site", folder / "scrapy", host=hosts[0], more_hosts=hosts[1:]) as server:
        port = server.url.rpartition(":")[2]
        urls = [f"http://{host}:{port}/0.html" for host in hosts]
        subprocess.run([sys.executable, "-c", _SCRAPY, str(options.delay), *urls], check=True)
        server.stop()
        report("Scrapy", server.log(), options)


if __name__ == "__main__":
    main()
