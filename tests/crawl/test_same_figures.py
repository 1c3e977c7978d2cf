"""The figures of a run are the same numbers wherever they are told: --stats, runs, the page about it, its metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.crawl.commands import Project, command, site_of
from tests.crawl.test_metrics import by, read
from tests.crawl.test_report import rows
from tests.servers.keepalive import PageServer

SPIDER = """
from scraper import DropItem, Spider

class Pages(Spider):
    def parse(self, response):
        title = response.css_first("h1").text()
        yield {"title": title, "url": response.url, "price": "1" if title == "Page 2" else None}
        yield from response.follow_all("a")

def clean(item):
    if item["title"] == "Page 7":
        raise DropItem("odd")
    return item
"""
MORE = """
exports: [out/site.jsonl]
metrics: {file: "{name}.prom"}
report: "{name}-{run}.html"
items: {item: {key: [url]}}
pipelines: [spiders.pages:clean]
retry: {attempts: 2, backoff: 0}
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is there")
@pytest.mark.parametrize("more", ["", "engine: {processes: 2}\n"], ids=["one process", "two processes"])
def test_of_a_run_all_figures_are_the_same(page_server: Callable[..., PageServer], project: Project, more: str):
    pages: dict[str, Any] = {**site_of(10), "/3": (500, {}, b"")}
    pages["/4"] = '<h1>Page 4</h1><a href="http://elsewhere.example/">away</a>'
    servers = [page_server(pages), page_server(pages, host="127.0.0.2")]
    folder = project(servers[0].url, spider=SPIDER, more=MORE + more)
    site = folder / "site.yaml"
    site.write_text(site.read_text().replace(f"[{servers[0].url}/]", str([f"{each.url}/" for each in servers])))
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    pages["/1"], pages["/5"] = "<h1>Other</h1>", (404, {}, b"")
    # What was dropped is counted where it is parsed again.
    pages["/7"] = "<h1>Page 7</h1><p>again</p>"
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr

    stats = json.loads((folder / "stats.json").read_text())
    assert stats["failures"] == {"http-404": 2, "http-500": 2} and stats["refusals"] == {"offsite": 1}
    assert stats["drops"] == {"odd": 2} and stats["retries"] == 2 and len(stats["domains"]) == 2
    assert {kind: stats["changes"][kind] for kind in ("new", "changed", "gone")} == {
        "new": 0,
        "changed": 2,
        "gone": 2,
    }
    runs = json.loads(command("runs", "site.yaml", "--json", cwd=folder).stdout)
    # Where the exports went, and what was said to look at, is known to who crawled.
    assert {name for name in stats if runs[0][name] != stats[name]} <= {"exports", "warnings"}
    assert sum(run["requests"] for run in runs) == sum(len(server.log) for server in servers)
    _compare_page((folder / "site-2.html").read_text("utf-8"), stats)
    _compare_metrics((folder / "site.prom").read_text(), stats)


def _compare_page(html: str, stats: dict[str, Any]) -> None:
    plain = {key: value for key, value in stats.items() if isinstance(value, int | float)}
    assert {name: float(value) for name, value in rows(html, "stats")} == plain
    names = ("requests", "connections", "reused", "reuse_rate", "seconds_saved", "bytes", "retries")
    assert {row[0]: [float(cell) for cell in row[1:8]] for row in rows(html, "domains")} == {
        name: [sums[key] for key in names] for name, sums in stats["domains"].items()
    }
    assert {name: int(count) for name, count in rows(html, "reasons")} == stats["reasons"]
    for table in ("failures", "refusals"):
        assert {row[0]: int(row[1]) for row in rows(html, table)} == stats[table]
        for row in rows(html, table):
            assert all(example["url"] in row[3] for example in stats["examples"][table][row[0]])
    columns = stats["over_time"].values()
    points = [[None if value is None else round(value, 6) for value in point] for point in zip(*columns, strict=True)]
    assert [[float(cell) if cell else None for cell in row] for row in rows(html, "course")] == points
    names = ("seconds", "bytes", "status")
    slowest = [[page["url"], *(round(page[name], 6) for name in names)] for page in stats["slowest"]]
    assert [[row[0], *map(float, row[1:])] for row in rows(html, "slowest")] == slowest
    assert slowest and points
    assert {row[0]: float(row[2]) for row in rows(html, "fields")} == {
        f"item.{name}": round(ratio, 6) for name, ratio in _filled(stats).items()
    }
    first = rows(html, "runs")[0]
    changes = [stats["changes"][kind] for kind in ("new", "changed", "gone")]
    names = ("failed", "refused", "requests", "reuse_rate", "bytes", "seconds")
    of_run = [stats["run"], stats["pages"], stats["items"], *changes, *(stats[name] for name in names)]
    assert [float(cell) for cell in (first[0], *first[3:14])] == pytest.approx(of_run, abs=1e-4)


def _compare_metrics(text: str, stats: dict[str, Any]) -> None:
    found = read(text)
    for name in ("pages", "items", "retries"):
        assert found[f"scraper_{name}_total"] == {(): stats[name]}
    for name, key in (("failures", "failures"), ("refusals", "refusals"), ("items_dropped", "drops")):
        assert by(found[f"scraper_{name}_total"], "reason") == stats[key]
    assert by(found["scraper_connections_total"], "reason") == stats["reasons"]
    for name, key in (("requests", "requests"), ("requests_reused", "reused"), ("received_bytes", "bytes")):
        sums = {domain: sums[key] for domain, sums in stats["domains"].items() if sums[key]}
        assert by(found[f"scraper_{name}_total"], "domain") == sums
    assert sum(found["scraper_request_seconds_count"].values()) == stats["requests"]
    assert by(found["scraper_run_result"], "result") == {stats["result"]: 1}
    assert found["scraper_run_working_seconds"] == {(): stats["seconds"]}
    changes = {kind: count for kind, count in stats["changes"].items() if kind != "since" and count}
    assert by(found["scraper_changes"], "kind") == changes
    filled = {dict(labels)["field"]: ratio for labels, ratio in found["scraper_field_filled_ratio"].items()}
    assert filled == pytest.approx(_filled(stats))


def _filled(stats: dict[str, Any]) -> dict[str, float]:
    return {name: sums["filled"] / sum(sums.values()) for name, sums in stats["health"]["item"].items()}
