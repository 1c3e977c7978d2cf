"""Peak memory of a crawl of many pages against one of few: it stays flat, whatever the site's size.

python -m tests.proofs.memory [--few 2000] [--many 20000] [--kilobytes 20] [--margin 60]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers.nginx import Nginx, have_nginx

_CRAWL = """
import json, resource, sys
import scraper

class Shelf(scraper.Spider):
    def parse(self, response):
        yield {"url": response.url, "title": response.select_one("h1").get_text()}
        for link in response.links():
            yield response.follow(link)

start, folder = sys.argv[1:]
run = scraper.crawl(
    Shelf, start_urls=[start], store=folder + "/s.db", exports=[folder + "/o.jsonl"],
    politeness={"delay": 0, "concurrency": 8}, network={"allow_private": True},
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"items": len(list(run.items)), "peak": peak, "seconds": run.stats["seconds"]}))
"""


def write_site(folder: Path, pages: int, kilobytes: int) -> None:
    """Pages of about the same size, each with 20 links, all of them reached from the first."""
    paragraph = "<p>" + "the quick brown fox jumps over the lazy dog " * 10 + "</p>\n"
    for number in range(pages):
        targets = {
            number + 1,
            *(number * 10 + step for step in range(1, 11)),
            *(number // step for step in range(2, 12)),
        }
        links = "".join(f'<li><a href="{target}.html">page {target}</a></li>' for target in targets if target < pages)
        head = f"<!DOCTYPE html><html><body><h1>Page {number}</h1><ul>{links}</ul>"
        filler = paragraph * max(0, (kilobytes * 1000 - len(head)) // len(paragraph))
        (folder / f"{number}.html").write_text(head + filler + "</body></html>", encoding="utf-8")


def measure(pages: int, kilobytes: int) -> float:
    """Peak resident memory in MB of a crawl of `pages` pages, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        site, work, out = (Path(name) / part for part in ("site", "work", "out"))
        for folder in (site, work, out):
            folder.mkdir()
        Path(name).chmod(0o755)
        write_site(site, pages, kilobytes)
        with Nginx(site, work) as server:
            done = subprocess.run(
                [sys.executable, "-c", _CRAWL, f"{server.url}/0.html", str(out)], capture_output=True, text=True
            )
        if done.returncode:
            sys.exit(done.stderr)
        result = json.loads(done.stdout)
        assert result["items"] == pages, f"{result['items']} items of {pages} pages"
        print(
            f"{pages:>7,} pages of {kilobytes} KB: peak {result['peak']:.0f} MB, {result['seconds']:.1f} s",
            flush=True,
        )
        return float(result["peak"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--kilobytes", type=int, default=20)
    parser.add_argument("--margin", type=float, default=60.0, help="MB that many pages may take beyond few")
    options = parser.parse_args()
    if not have_nginx():
        sys.exit("nginx is not installed")
    few = measure(options.few, options.kilobytes)
    many = measure(options.many, options.kilobytes)
    print(f"{many - few:+.0f} MB for ten times the pages; {options.margin:.0f} MB are allowed")
    if many - few > options.margin:
        sys.exit(1)


if __name__ == "__main__":
    main()
