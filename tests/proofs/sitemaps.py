"""A crawl seeded by an index of twenty sitemaps in gzip, a million URLs altogether: memory bounded, each queued once.

And then once more, when every file is answered by 304 and read from the store.

python -m tests.proofs.sitemaps [--files 20] [--urls 50000] [--memory 150] [--cost 60]
"""

from __future__ import annotations

import argparse
import gzip
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from scraper.store.tables import Kind
from tests.servers.keepalive import Answer, PageServer

#: Figures of the run: those that tell that it did its work, and those that tell that something went wrong.
_EXPECTED = ("pages", "sitemaps")
_NONE = ("sitemaps_unread", "failed", "refused", "duplicates")
_ETAG = '"1"'
_XML = {"Content-Type": "application/xml", "ETag": _ETAG}

# Sitemaps go before pages, and one of the two takes the only place: so the first page is fetched when all are read.
_CRAWL = """
import json, sys, time
import scraper
from scraper import Spider

class Listed(Spider):
    def parse(self, response):
        yield {"url": response.url}

def peak_megabytes():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        import resource
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS, in kB elsewhere
        return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)

before, began = peak_megabytes(), time.process_time()
run = scraper.crawl(
    Listed, sitemaps=[sys.argv[1]], store=sys.argv[2], exports=[], limits={"pages": 1},
    network={"allow_private": True}, politeness={"robots": "ignore", "delay": 0, "jitter": 0},
)
cpu = time.process_time() - began
print(json.dumps({"stats": run.stats, "cpu": cpu, "before": before, "peak": peak_megabytes()}))
"""


def sitemaps(files: int, urls: int) -> Mapping[str, Answer]:
    """An index and its files, by path."""
    pages: dict[str, Answer] = {}
    listed = "".join(f"<sitemap><loc>/sitemap-{number}.xml.gz</loc></sitemap>" for number in range(files))
    pages["/sitemap.xml"] = 200, _XML, f"<?xml version='1.0'?><sitemapindex>{listed}</sitemapindex>".encode()
    for number in range(files):
        entries = "\n".join(
            f"<url><loc>/products/{number}/{one}/a-name-that-says-something</loc>"
            f"<lastmod>2024-{one % 12 + 1:02}-{one % 28 + 1:02}</lastmod><priority>0.5</priority></url>"
            for one in range(urls)
        )
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}\n</urlset>'
        pages[f"/sitemap-{number}.xml.gz"] = (
            200,
            {"Content-Type": "application/gzip", "ETag": _ETAG},
            gzip.compress(body.encode()),
        )
    return pages


def crawl(url: str, store: Path) -> tuple[dict[str, float], float]:
    """Crawl in a process of its own; its figures, and how long it took."""
    began = time.perf_counter()
    command = [sys.executable, "-c", _CRAWL, f"{url.rstrip('/')}/sitemap.xml", str(store)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seen = json.loads(done.stdout)
    stats = seen["stats"]
    figures = {key: seen[key] for key in ("cpu", "before", "peak")}
    return figures | {key: stats[key] for key in (*_EXPECTED, *_NONE)}, time.perf_counter() - began


def queued(store: Path, run: int) -> tuple[int, int]:
    """How many pages the frontier holds of a run, and how many different ones."""
    counting = "select count(*), count(distinct request) from frontier where kind = ? and run = ?"
    with closing(sqlite3.connect(store)) as database:
        rows, different = database.execute(counting, (Kind.PAGE.value, run)).fetchone()
    return rows, different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--urls", type=int, default=50_000, help="in each of the files")
    parser.add_argument("--memory", type=float, default=150.0, help="MB that the process may take at its peak")
    parser.add_argument("--cost", type=float, default=60.0, help="microseconds of CPU that a URL may cost")
    options = parser.parse_args()
    total = options.files * options.urls
    answers = sitemaps(options.files, options.urls)

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path in answers and headers.get("If-None-Match") == _ETAG:
            return 304, {"ETag": _ETAG}, b""
        return answers.get(path) or (200, {"Content-Type": "text/html"}, b"<p>a page</p>")

    with tempfile.TemporaryDirectory() as folder, PageServer(answer) as server:
        store = Path(folder) / "crawl.db"
        for run, status in ((1, 200), (2, 304)):
            known = len(server.log)
            seen, seconds = crawl(server.url, store)
            rows, different = queued(store, run)
            size = store.stat().st_size / 1e6
            cost = seen["cpu"] / total * 1e6
            print(
                f"{total:,} URLs of {options.files} files, all answered by {status}, queued in {seconds:.0f} s,"
                f" {seen['cpu']:.0f} s of CPU, {cost:.0f} us a URL; peak {seen['peak']:.0f} MB"
                f" ({seen['before']:.0f} MB before it began); a store of {size:.0f} MB",
                flush=True,
            )
            statuses = {each.status for each in server.log[known:] if each.path in answers}
            assert statuses == {status}, statuses
            assert rows == different == total, (rows, different, total)
            assert [seen[key] for key in _EXPECTED] == [1, options.files + 1], seen
            assert not any(seen[key] for key in _NONE), seen
            if seen["peak"] > options.memory:
                sys.exit(f"a peak of {seen['peak']:.0f} MB is over {options.memory:.0f}")
            if cost > options.cost:
                sys.exit(f"{cost:.0f} us a URL is over {options.cost:.0f}")


if __name__ == "__main__":
    main()
