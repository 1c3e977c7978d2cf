"""Whole crawls of pages that nobody here wrote, with nginx's own log as the witness."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import scraper


class Links(scraper.Spider):
    """Follows every link and reads nothing else, so that a large tree is crawled quickly."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url}
        for link in response.links():
            if link.endswith((".html", "/")):
                yield response.follow(link)


SPIDER = Path(__file__).parents[2] / "spiders" / "docs.py"


def site(url: str, folder: Path, **more: Any) -> dict[str, Any]:
    """The documentation spider from `url`, as fast as the server answers, with everything below `folder`."""
    return {
        "name": "docs",
        "spider": f"{SPIDER}:Docs",
        "start_urls": [f"{url}/index.html"],
        "session": {"pool": 8},
        "politeness": {"delay": 0, "concurrency": 8},
        "network": {"allow_private": True},
        "store": str(folder / "docs.db"),
        "exports": [str(folder / "docs.jsonl")],
        **more,
    }


def check_ledger_equals_log(server: Any, *runs: scraper.Run) -> Counter[int]:
    """The ledger's counts of these runs are nginx's; returns nginx's requests by connection."""
    server.stop()
    log = server.log()
    connections = Counter(record.connection for record in log)
    sums = Counter(
        {key: sum(run.stats[key] for run in runs) for key in ("requests", "connections", "unused", "reused")}
    )
    assert sums["requests"] == len(log)
    assert sums["connections"] - sums["unused"] == len(connections)
    assert sums["reused"] == len(log) - len(connections)
    for run in runs:
        assert sum(run.stats["reasons"].values()) == run.stats["connections"]
    # What the log calls the how-manieth request on its connection agrees with what was sent.
    assert sum(record.request > 1 for record in log) == sums["reused"]
    return connections


def test_the_documentation_of_postgresql_twice(docs: Any, nginx: Any, tmp_path: Path):
    """1,169 pages from a server that ends its connections; nothing changed; 20 changed, 5 added, 3 removed."""
    root = tmp_path / "html"
    shutil.copytree(docs("postgresql-doc-15"), root)
    server = nginx(root, "keepalive_requests 50;")
    exports = [str(tmp_path / "docs.jsonl"), {"path": str(tmp_path / "changes.jsonl"), "changes": True}]
    settings = site(server.url, tmp_path, items={"item": {"key": ["url"]}}, exports=exports)

    def items() -> dict[str, Any]:
        lines = (tmp_path / "docs.jsonl").read_text("utf-8").splitlines()
        return {item["url"]: item for item in map(json.loads, lines)}

    def changed() -> Counter[str]:
        lines = (tmp_path / "changes.jsonl").read_text("utf-8").splitlines()
        return Counter(json.loads(line)["change"] for line in lines)

    runs = [scraper.crawl(settings)]
    first, before = runs[0].stats, items()
    assert list(before) == [item["url"] for item in runs[0].items]
    assert (runs[0].result, first["pages"], len(before)) == ("finished", 1169, 1169)
    assert first["reasons"]["closed-by-server"] >= (1169 // 50) - 8

    runs.append(scraper.crawl(settings))
    second = runs[1].stats
    assert (second["pages"], second["items"], second["not_modified"], second["bytes"]) == (1169, 1169, 1169, 0)
    assert (items(), changed()) == (before, Counter())
    assert first["seconds"] >= 3 * second["seconds"]

    names = sorted(path.name for path in root.glob("sql-*.html"))
    for name in names[:20]:
        page = root / name
        page.write_text(page.read_text("utf-8").replace("<title>", "<title>Changed: "), "utf-8")
    for name in names[20:23]:
        (root / name).unlink()
    index = root / "index.html"
    links = "".join(f'<a href="new-{number}.html"></a>' for number in range(5))
    index.write_text(index.read_text("utf-8").replace("</body>", f"{links}</body>"), "utf-8")
    for number in range(5):
        (root / f"new-{number}.html").write_text(f"<title>New {number}</title><h1>New {number}</h1>", "utf-8")
    runs.append(scraper.crawl(settings))
    third = runs[2].stats
    assert changed() == {"changed": 20, "new": 5, "gone": 3}
    assert (third["pages"], third["not_modified"], third["items"]) == (1171, 1145, 1171)
    assert {key: third["changes"][key] for key in ("new", "changed", "gone", "unlinked")} == {
        "new": 5,
        "changed": 20,
        "gone": 3,
        "unlinked": 0,
    }
    assert max(check_ledger_equals_log(server, *runs).values()) == 50
    assert Counter(record.status for record in server.log())[304] == 1169 + 1145


class OpenConnections(threading.Thread):
    """Counts the connections that the system has established to a port, again and again.

    The system does not list its sockets at one moment: while it walks over them one may close and another open, and
    both be listed. So those are counted that stand in two lists running: all of them were open between the two.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = f":{port:04X}"
        self._done = threading.Event()
        self.most = self.samples = 0

    def run(self) -> None:
        before: set[str] = set()
        while not self._done.wait(0.002):
            now = self._listed()
            self.most = max(self.most, len(now & before))
            self.samples += 1
            before = now

    def _listed(self) -> set[str]:
        """Those at the server's side, by the address at the other."""
        established = "01"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {row[2] for row in rows if row[1].endswith(self._port) and row[3] == established}

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.mark.timing
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the system has no /proc/net/tcp")
def test_never_more_connections_than_the_pool_has(docs: Any, nginx: Any, tmp_path: Path) -> None:
    server = nginx(docs("postgresql-doc-15"), "keepalive_requests 20;")
    witness = OpenConnections(int(server.url.rpartition(":")[2]))
    witness.start()

    run = scraper.crawl(
        site(
            server.url,
            tmp_path,
            limits={"pages": 300},
            session={"pool": 3},
            politeness={"delay": 0, "concurrency": 3},
        )
    )

    witness.stop()
    assert run.stats["pages"] == 300
    assert run.stats["connections"] >= 300 / 20
    assert witness.samples > 20
    assert 1 <= witness.most <= 3


@pytest.mark.parametrize("pages", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_connections_that_the_server_drops_while_idle(docs: Any, nginx: Any, tmp_path: Path, pages: int) -> None:
    """keepalive_timeout 1 with a delay over it: each page has a connection of its own, and the ledger says why."""
    server = nginx(docs("postgresql-doc-15"), "keepalive_timeout 1;")
    politeness = {"delay": "1.1s", "jitter": 0, "concurrency": 1}

    run = scraper.crawl(site(server.url, tmp_path, politeness=politeness, limits={"pages": pages}))

    assert run.stats["pages"] == pages
    assert run.stats["failed"] == run.stats["retries"] == 0
    connections = check_ledger_equals_log(server, run)
    assert set(connections.values()) == {1}
    assert run.stats["reasons"] == {"first": 1, "dropped": pages}


def test_a_page_of_17000_links_and_the_broken_ones(docs: Any, nginx: Any, tmp_path: Path) -> None:
    server = nginx(docs("python3.11-doc"))
    settings = site(server.url, tmp_path)
    del settings["spider"]

    run = scraper.crawl(Links, **settings)

    server.stop()
    answered = {record.path: record.status for record in server.log() if record.path != "/robots.txt"}
    missing = {path for path, status in answered.items() if status == 404}
    assert run.result == "finished"
    assert missing
    assert {failure.url.removeprefix(server.url) for failure in run.failures} == missing
    assert {failure.reason for failure in run.failures} == {"http-404"}
    assert len(list(run.items)) == run.stats["pages"] == sum(status == 200 for status in answered.values())


def test_pages_declared_latin_1(docs: Any, nginx: Any, tmp_path: Path) -> None:
    server = nginx(docs("vim-doc"))

    run = scraper.crawl(site(server.url, tmp_path, limits={"pages": 40}))

    assert run.stats["pages"] == 40
    assert not any("\ufffd" in item["title"] for item in run.items)
