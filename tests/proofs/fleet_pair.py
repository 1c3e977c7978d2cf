"""Two workers on PostgreSQL against one crawl of two processes on SQLite: the same pages of twenty domains.

    python -m tests.proofs.fleet_pair [--domains 20] [--pages 1100] [--rounds 3] [--least 0.7]

Pages of PostgreSQL's documentation behind nginx, without a delay. Pages a second are counted from the first request
to the last by nginx's log, so that no start counts. The rounds are paired; the median of their ratios counts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.proofs.fleet_processes import ROOT, docs_sets, documentation_project
from tests.servers.nginx import Nginx, docs_root, have_nginx
from tests.servers.postgres import Postgres, postgres_bin

_POLITENESS = "politeness.concurrency=4"


def command(site: Path, verb: str, sets: list[str], *more: str) -> list[str]:
    flags = [word for text in sets for word in ("--set", text)]
    return [sys.executable, "-m", "scraper", verb, str(site), "--quiet", *more, *flags]


def begun(words: list[str], cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, cwd=cwd, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})


def pace(web: Nginx, before: int, wanted: int) -> float:
    """Pages a second by the log of the server."""
    log = web.log(before + wanted)[before:]
    assert len({(record.host, record.path) for record in log}) == wanted == len(log), f"{len(log)} requests"
    return (wanted - 1) / (max(record.time for record in log) - min(record.time for record in log))


def on_sqlite(site: Path, urls: list[str], web: Nginx, wanted: int, number: int) -> float:
    before = len(web.log())
    store, out = site.with_name(f"{number}.db"), site.with_name(f"{number}.jsonl")
    sets = docs_sets(urls, store, out, _POLITENESS, "engine.processes=2")
    assert begun(command(site, "crawl", sets), site.parent).wait(300) == 0
    return pace(web, before, wanted)


def on_postgres(site: Path, urls: list[str], web: Nginx, wanted: int, number: int, database: Postgres) -> float:
    before = len(web.log())
    out = site.with_name(f"{number}-pg.jsonl")
    sets = docs_sets(urls, f"{database.url}&schema=pair{number}", out, _POLITENESS)
    workers = [begun(command(site, "worker", sets, "--wait", "1m"), site.parent) for _ in range(2)]
    assert begun(command(site, "crawl", [*sets, "engine.processes=0"]), site.parent).wait(300) == 0
    assert [worker.wait(60) for worker in workers] == [0, 0]
    return pace(web, before, wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=20)
    parser.add_argument("--pages", type=int, default=1100, help="of each domain")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--least", type=float, default=0.7)
    options = parser.parse_args()
    docs = docs_root("postgresql-doc-15")
    if docs is None or not have_nginx() or postgres_bin() is None:
        sys.exit("nginx, PostgreSQL or postgresql-doc-15 is not installed")
    hosts = [f"127.0.2.{number + 1}" for number in range(options.domains)]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as work, Postgres() as database:
        pages = sorted(docs.glob("*.html"))[: options.pages]
        served = Path(folder) / "served"
        served.mkdir()
        for page in pages:
            (served / page.name).write_bytes(page.read_bytes())
        links = "".join(f'<a href="{page.name}">it</a> ' for page in pages)
        (served / "index.html").write_text(f"<html><title>all</title>{links}</html>")
        wanted = options.domains * len(list(served.iterdir()))
        with Nginx(served, Path(work), host=hosts[0], more_hosts=hosts[1:]) as web:
            urls = [f"http://{host}:{web.port}" for host in hosts]
            site = documentation_project(Path(folder))
            spider = site.with_name("pages.py")
            # The first page leads to all others, which lead nowhere.
            first = "in links * response.url.endswith('/index.html'):"
            spider.write_text(spider.read_text("utf-8").replace("in links:", first), "utf-8")
            ratios = []
            for number in range(options.rounds):
                sqlite = on_sqlite(site, urls, web, wanted, number)
                postgres = on_postgres(site, urls, web, wanted, number, database)
                ratios.append(postgres / sqlite)
                told = f"SQLite {sqlite:,.0f} pages/s, PostgreSQL {postgres:,.0f}: {ratios[-1]:.2f}"
                print(f"round {number + 1}: {told}", flush=True)
    ratio = statistics.median(ratios)
    print(f"two workers on PostgreSQL have {ratio:.2f} of the pace of two processes on SQLite")
    if ratio < options.least:
        sys.exit(f"missed: {options.least}")


if __name__ == "__main__":
    main()
