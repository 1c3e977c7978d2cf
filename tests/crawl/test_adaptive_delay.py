"""`delay: auto` follows the server, and says so; `not_before` is kept, over restarts too."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import scraper
from scraper import Request
from scraper.errors import BadRequest
from tests.crawl.commands import Project, begun, command, site_of, wait_until
from tests.crawl.crawling import HOST, Follow, Pages, crawl
from tests.crawl.test_report import rows
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
AUTO = "politeness: {delay: auto, min_delay: 20ms, jitter: 0, robots: ignore}"


def gaps(server: PageServer) -> list[float]:
    times = sorted(record.time for record in server.log)
    return [after - before for before, after in itertools.pairwise(times)]


def test_it_is_slower_at_once_and_tells_so_everywhere(page_server: Start, project: Project):
    pages = {**site_of(8), "/5": (429, {"Retry-After": "0"}, b"")}
    server = page_server(pages)
    folder = project(server.url, more="report: out/report.html\nretry: {attempts: 2, backoff: 100ms}\ngate: {}")
    site = folder / "site.yaml"
    site.write_text(site.read_text().replace("politeness: {delay: 0, concurrency: 2}", AUTO))
    done = command("crawl", "site.yaml", "--stats", "stats.json", "--log-file", "log.txt", cwd=folder)
    assert done.returncode == 0, done.stderr
    paths = [record.path for record in server.log]
    failed_at = paths.index("/5")
    between = gaps(server)
    # It began with a second, and had come down to some: then it doubled, and later tries doubled it again.
    before, after = between[failed_at - 1], between[failed_at]
    assert between[0] > 0.7 and before < 0.5 and after > 1.4 * before
    log = (folder / "log.txt").read_text()
    assert "is crawled faster, a request every" in log and "instead of" in log
    assert "is crawled slower, a request every" in log and "it answered 429" in log
    (delay,) = [figures["delay"] for figures in json.loads((folder / "stats.json").read_text())["domains"].values()]
    assert 0.02 <= delay <= 30
    assert "its delay came to" in done.stderr and "(delay: auto)" in done.stderr
    html = (folder / "out" / "report.html").read_text()
    assert float(rows(html, "domains")[0][9]) == delay
    status = json.loads(command("status", "site.yaml", "--json", cwd=folder).stdout)
    assert status["delays"] == {HOST: delay}
    # The next run goes on with it, whatever the first delay is.
    pages["/5"] = "<h1>Page 5</h1>"
    assert command("crawl", "site.yaml", "--set", "limits.pages=2", cwd=folder).returncode == 0
    assert abs(gaps(server)[-1] - delay) < 0.2 * delay + 0.05


def test_a_crawl_delay_is_never_undercut(page_server: Start):
    robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nCrawl-delay: 0.3\n")
    server = page_server({**site_of(4), "/robots.txt": robots})
    politeness = {"delay": "auto", "min_delay": 0.01, "jitter": 0, "robots": "obey"}
    run = crawl(Follow, f"{server.url}/", politeness=politeness)
    assert run.stats["pages"] == 5 and min(gaps(server)) >= 0.299


@pytest.mark.parametrize(
    ("politeness", "said"),
    [
        ("{delay: fast}", "or seconds as a number (at most 3650d), or auto"),
        ("{delay: auto, min_delay: 40s}", "expected min_delay to be at most max_delay (30s), got 40s"),
        ("{delay: auto, min_delay: 0}", "expected a duration of more than 0"),
    ],
)
def test_a_wrong_one_is_refused_with_its_place(project: Project, politeness: str, said: str):
    folder = project("http://127.0.0.1:9", more="")
    site = folder / "site.yaml"
    site.write_text(site.read_text().replace("{delay: 0, concurrency: 2}", politeness))
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 2 and said in done.stderr and "site.yaml:4:" in done.stderr


class Later(Pages):
    """Asks for a page at a moment of its own, and for another at once."""

    seconds = 1.2

    def parse(self, response: scraper.Response) -> object:
        yield {"url": response.url}
        if response.url.endswith("/"):
            at = datetime.now(UTC) + timedelta(seconds=self.seconds)
            yield response.follow("/later", not_before=at)
            yield response.follow("/now")


@pytest.mark.parametrize("more", [{}, {"engine": {"processes": 2}}], ids=["one process", "two processes"])
def test_a_request_waits_for_its_moment(page_server: Start, more: dict[str, object]):
    server = page_server({"/": "<h1>x</h1>", "/later": "x", "/now": "x"})
    run = crawl(Later, f"{server.url}/", **more)
    times = {record.path: record.time for record in server.log}
    assert run.stats["pages"] == 3
    assert 1.1 <= times["/later"] - times["/"] < 2.5 and times["/now"] - times["/"] < 1.0


SPIDER = """
import os, time
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.url, "url": response.url}
        if response.url.endswith("/"):
            yield response.follow("/later", not_before=float(os.environ["AT"]))
"""


def test_its_moment_survives_a_kill(page_server: Start, project: Project):
    server = page_server({"/": "<h1>x</h1>", "/later": "x"})
    # What waits for longer than retry.max_wait was put off by a clock that was set back, as a rule.
    folder = project(server.url, spider=SPIDER, more="retry: {max_wait: 1s, max_backoff: 1s}")
    at = time.time() + 4
    with begun("crawl", "site.yaml", cwd=folder, AT=str(at)):
        wait_until(lambda: "queued, not before" in explained(folder, server))
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder, AT="0")
    assert done.returncode == 0, done.stderr
    assert [record.path for record in server.log] == ["/robots.txt", "/", "/later"]
    assert json.loads((folder / "stats.json").read_text())["pages"] == 2
    assert time.time() >= at and "retry.max_wait" not in done.stderr


def explained(folder: Path, server: PageServer) -> str:
    return command("explain", "site.yaml", f"{server.url}/later", cwd=folder).stdout


@pytest.mark.parametrize("at", [-1, "tomorrow", datetime(2030, 1, 1), float("nan"), 1e15])
def test_what_is_no_moment_is_refused(at: object):
    with pytest.raises(BadRequest, match="not_before"):
        Request("https://example.com/", not_before=at)  # type: ignore[arg-type]


def test_a_moment_is_part_of_the_record():
    request = Request("https://example.com/", not_before=datetime(2030, 1, 1, tzinfo=UTC))
    assert Request.from_record(json.loads(request.to_json())).not_before == request.not_before == 1_893_456_000.0
    assert request.short_form is None and "not_before" not in Request("https://example.com/").to_json()


@pytest.mark.parametrize(("more", "warns"), [("delay: 1s", True), ("delay: auto", False)])
def test_check_warns_of_a_bound_of_a_delay_that_is_fixed(project: Project, more: str, warns: bool):
    folder = project("http://127.0.0.1:9")
    site = folder / "site.yaml"
    politeness = f"politeness: {{{more}, min_delay: 5s}}"
    site.write_text(site.read_text().replace("politeness: {delay: 0, concurrency: 2}", politeness))
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 0 and ("min_delay is not looked at" in done.stderr) is warns
