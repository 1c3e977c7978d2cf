"""`usage`: what a site reserves of it is refused, and what it says is kept beside the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from tests.crawl.commands import Project, command
from tests.crawl.crawling import Follow, crawl
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
ROBOTS = "User-agent: *\nContent-Signal: search=yes, ai-train=no\nContent-Signal: /open search=yes, ai-train=yes\n"


def pages(**more: Any) -> dict[str, Any]:
    html = {"Content-Type": "text/html"}
    return {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, ROBOTS.encode()),
        "/": '<h1>x</h1><a href="/open/a">a</a><a href="/open/b">b</a><a href="/closed">c</a>',
        "/open/a": "<h1>a</h1>",
        "/open/b": (200, {**html, "tdm-reservation": "1"}, b"<h1>b</h1>"),
        "/closed": "<h1>c</h1>",
        **more,
    }


class Says(Follow):
    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url, "usage": dict(response.usage)}
        yield from (response.follow(link) for link in response.links())


@pytest.mark.parametrize("engine", [{}, {"parsers": 1}], ids=["here", "in a parser"])
def test_what_is_said_is_with_the_page(page_server: Start, engine: dict[str, int]):
    server = page_server(pages())
    run = crawl(Says, f"{server.url}/", politeness={"robots": "obey"}, engine=engine)
    said = {item["url"].removeprefix(server.url): item["usage"] for item in run.items}
    assert said == {
        "/": {"search": True, "ai-train": False},
        "/closed": {"search": True, "ai-train": False},
        "/open/a": {"search": True, "ai-train": True},
        "/open/b": {"search": True, "ai-train": False, "tdm": False},
    }
    assert run.stats["refused"] == 0


def test_what_is_reserved_is_refused_before_it_is_sent_or_used(page_server: Start, project: Project):
    server = page_server(pages())
    folder = project(
        server.url,
        more="usage: ai-train",
    )
    site = folder / "site.yaml"
    site.write_text(
        site.read_text().replace(
            f"[{server.url}/]", f"['{server.url}/', '{server.url}/open/a', '{server.url}/open/b']"
        )
    )
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    stats = json.loads((folder / "stats.json").read_text())
    # The page whose answer reserves it was fetched, and nobody got it.
    assert sorted(record.path for record in server.log) == ["/open/a", "/open/b", "/robots.txt"]
    assert (stats["pages"], stats["refusals"], stats["failed"]) == (1, {"usage": 2}, 0)
    assert done.returncode == 0, done.stderr
    told = command("explain", "site.yaml", f"{server.url}/", cwd=folder).stdout
    assert "ai-train is reserved by robots.txt of" in told
    assert "line 2: Content-Signal: search=yes, ai-train=no" in told and "licence" in told
    told = command("explain", "site.yaml", f"{server.url}/open/b", cwd=folder).stdout
    assert "ai-train is reserved by the answer" in told
    told = command("explain", "site.yaml", f"{server.url}/open/a", cwd=folder).stdout
    assert "its site said ai-train=yes, search=yes" in told and "of its use it says ai-train=yes, search=yes" in told


def test_another_use_is_not_refused_and_a_later_run_knows_what_was_said(page_server: Start, project: Project):
    server = page_server(pages())
    folder = project(server.url, more="usage: [search, ai-input]\nrevisit: {fresh_for: 1h}")
    for _ in range(2):
        assert command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder).returncode == 0
        assert json.loads((folder / "stats.json").read_text())["pages"] == 4
        told = command("explain", "site.yaml", f"{server.url}/open/b", cwd=folder).stdout
        assert "its site said ai-train=no, search=yes, tdm=no" in told
    sets = ("--set", "usage=tdm", "--fresh", "--stats", "stats.json")
    assert command("crawl", "site.yaml", *sets, cwd=folder).returncode == 0
    stats = json.loads((folder / "stats.json").read_text())
    # Nothing was sent: what an answer said in an earlier run still holds.
    assert (stats["pages"], stats["refusals"], stats["requests"]) == (3, {"usage": 1}, 0)


def test_fetch_and_a_wrong_use(page_server: Start, project: Project):
    server = page_server(pages())
    folder = project(server.url, more="usage: training")
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 2 and "expected search or ai-input or ai-train or tdm" in done.stderr
    done = command("fetch", f"{server.url}/closed", cwd=folder)
    assert "of its use it says ai-train=no, search=yes" in done.stdout + done.stderr


def test_files_of_items_are_content_too(page_server: Start, project: Project):
    image = {"Content-Type": "image/png"}
    files = {
        "/": "<h1>x</h1>",
        "/open/a.png": (200, image, b"png"),
        "/open/b.png": (200, {**image, "Content-Usage": "train-ai=n"}, b"png"),
        "/c.png": (200, image, b"png"),
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nContent-Usage: /c ai-train=no\n"),
    }
    spider = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url, "images": ["/open/a.png", "/open/b.png", "/c.png"]}
"""
    server = page_server(files)
    pipelines = "pipelines: [{use: 'scraper.pipes:Files', field: images, folder: out/files}]"
    folder = project(server.url, spider=spider, more=f"usage: ai-train\n{pipelines}\nexports: [out/site.jsonl]")
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len([path for path in (folder / "out" / "files").rglob("*") if path.is_file()]) == 1
    assert done.stderr.count("could not be fetched: ai-train is reserved by") == 2
    assert "/c.png" not in {record.path for record in server.log}
