"""A crawl through a bad network: latency, bodies cut short, idle and busy connections closed. No page is lost.

python -m tests.proofs.toxic [--latency 0.03] [--cuts 0.02] [--idle 0.02] [--stale 0.02] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import scraper
from tests.servers.nginx import Nginx, docs_root, have_nginx
from tests.servers.proxy import ToxicProxy

PACKAGE = "postgresql-doc-15"


class Manual(scraper.Spider):
    """Every page of the manual."""

    def parse(self, response: scraper.Response) -> Iterable[object]:
        yield {"url": response.url}
        for link in response.links():
            if link.endswith(".html"):
                yield response.follow(link)


def crawl(url: str, folder: Path) -> scraper.Run:
    return scraper.crawl(
        Manual,
        start_urls=[f"{url}/index.html"],
        store=str(folder / "toxic.db"),
        exports=[],
        politeness={"delay": 0, "concurrency": 8},
        retry={"backoff": "50ms"},
        network={"allow_private": True},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.03, help="seconds by which an answer comes later, at most")
    parser.add_argument("--cuts", type=float, default=0.02, help="share of the pieces of answers that are cut")
    parser.add_argument("--idle", type=float, default=0.02, help="seconds after which an idle connection is closed")
    parser.add_argument("--stale", type=float, default=0.02, help="share of requests that meet a closed connection")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    site = docs_root(PACKAGE)
    if site is None or not have_nginx():
        sys.exit(f"nginx or {PACKAGE} is not installed")
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    pages = {path.name for path in site.glob("*.html")}
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory() as work,
        Nginx(site, Path(work)) as nginx,
    ):
        harms = {"latency": options.latency, "cuts": options.cuts, "idle": options.idle, "stale": options.stale}
        with ToxicProxy(nginx.url, **harms, seed=seed) as proxy:
            run = crawl(proxy.url, Path(name))
        stats = run.stats
        urls = [item["url"].rpartition("/")[2] for item in run.items]
        print(f"the network: {proxy.harm}")
        print(
            f"the crawl: {stats['pages']} pages, {stats['failed']} failed, {stats['retries']} retries, "
            f"{stats['requests']} requests on {stats['connections']} connections, {stats['seconds']:.1f} s"
        )
        print(f"why connections were opened: {stats['reasons']}")
    assert proxy.harm.cut and proxy.harm.closed_idle and proxy.harm.closed_under_a_request, "too little was harmed"
    assert stats["connections"] == proxy.harm.connections, "the ledger and the proxy disagree"
    assert len(urls) == len(set(urls)), f"{len(urls) - len(set(urls))} pages twice"
    assert set(urls) == pages, f"lost {sorted(pages - set(urls))[:5]} of {len(pages)}"
    print(f"{len(urls):,} of {len(pages):,} pages, each once")


if __name__ == "__main__":
    main()
