"""Two hundred crawls that are due at once, on one daemon that may open few files and start few of them at a time.

    python -m tests.proofs.many_schedules [--sites 200] [--at-once 4] [--files 64]

Each site is to be crawled once for its slot, never more than `--at-once` at the same time, by a daemon that may open
`--files` files.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.servers.nginx import Nginx, have_nginx

#: Seconds until the slot at the least: the daemon has seen each of so many sites by then.
_AHEAD = 90.0
_GIVE_UP_SECONDS = 900.0
_SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url}
"""


def write_sites(folder: Path, url: str, sites: int, slot: datetime) -> None:
    """A YAML for each site, all of which share a server, a spider and the time at which they are due."""
    (folder / "spiders").mkdir()
    (folder / "spiders" / "pages.py").write_text(_SPIDER, encoding="utf-8")
    for number in range(sites):
        site = {
            "spider": "spiders/pages.py:Pages",
            "start_urls": [f"{url}/index.html?site={number}"],
            "exports": [],
            "politeness": {"robots": "ignore", "delay": 0},
            "network": {"allow_private": True},
            "schedule": {"cron": f"{slot.minute} {slot.hour} * * *", "timezone": "UTC"},
        }
        (folder / f"site{number:04}.yaml").write_text(json.dumps(site), encoding="utf-8")


def watch(daemon: subprocess.Popen[bytes], output: Path, sites: int) -> tuple[int, int]:
    """Wait until each site's crawl has ended; returns the most that were at work at once, and the most open files."""
    most_children = most_files = 0
    children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children")
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while output.read_text(encoding="utf-8").count("ended: ") < sites:
        if daemon.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the daemon did not run all:\n{output.read_text(encoding='utf-8')[-3000:]}")
        most_children = max(most_children, len(children.read_text(encoding="ascii").split()))
        most_files = max(most_files, len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())))
        time.sleep(0.1)
    return most_children, most_files


def history(folder: Path) -> list[dict[str, Any]]:
    """The runs of all sites, as `scraper schedule history` tells."""
    command = [sys.executable, "-m", "scraper", "schedule", "history", ".", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--files", type=int, default=64, help="how many files the daemon may open (`ulimit -n`)")
    options = parser.parse_args()
    if not have_nginx():
        sys.exit("nginx is not installed")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        site, work, folder = (Path(name) / part for part in ("site", "work", "sites"))
        for each in (site, work, folder):
            each.mkdir()
        (site / "index.html").write_text("<h1>Home</h1>", encoding="utf-8")
        with Nginx(site, work) as server:
            slot = (datetime.now(UTC) + timedelta(seconds=_AHEAD + 60)).replace(second=0, microsecond=0)
            write_sites(folder, server.url, options.sites, slot)
            output = folder / "daemon.out"
            with output.open("wb") as file:
                daemon = subprocess.Popen(
                    [sys.executable, "-m", "scraper", "schedule", "run", ".", "--at-once", str(options.at_once)],
                    cwd=folder,
                    stdout=file,
                    stderr=file,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (options.files, options.files)),
                )
            try:
                children, files = watch(daemon, output, options.sites)
                took = datetime.now(UTC) - slot
            finally:
                daemon.terminate()
                daemon.wait()
            ended = history(folder)
    bad = [row for row in ended if row["result"] != "finished"]
    assert not bad, f"{len(bad)} ended otherwise than well: {bad[:5]}"
    assert sorted(row["name"] for row in ended) == [f"site{number:04}" for number in range(options.sites)]
    print(
        f"{options.sites} crawls that were due at once were run once each in {took.total_seconds():.0f} s,"
        f" {children} at once at most; the daemon had {files} files open at most"
    )
    if children > options.at_once:
        sys.exit("more were at work than may be")


if __name__ == "__main__":
    main()
