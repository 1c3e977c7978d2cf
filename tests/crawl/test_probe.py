"""`scraper probe`: what it measures, and that it keeps its bounds."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crawl.commands import command
from tests.servers.behaviours import announces, closes_after, http_1_0
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

QUICK = ("--set", "politeness.delay=20ms")
HTML = {"Content-Type": "text/html; charset=utf-8"}


def probed(url: str, folder: Path, *options: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What is said by heading, and the YAML that is suggested."""
    done = command("probe", url, *QUICK, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    report, _, suggested = done.stdout.partition("\n\n")
    said: dict[str, str] = {"url": report.splitlines()[0]}
    for line in report.splitlines()[1:]:
        head, text = line[2:15].strip(), line[15:]
        said[head or "more"] = text
    return said, yaml.safe_load(suggested)


def asking_for_a_delay(method: str, path: str, headers: Any, body: bytes) -> Any:
    """Answers as a server should; its robots.txt asks for 100 ms between requests."""
    if path == "/robots.txt":
        return 200, {"Content-Type": "text/plain"}, b"User-agent: *\nAllow: /page\nCrawl-delay: 0.1\n"
    if headers.get("If-None-Match") == '"1"':
        return 304, {"ETag": '"1"'}, b""
    packed = gzip.compress(b"<h1>A page</h1>" * 200, mtime=0)
    return 200, {**HTML, "ETag": '"1"', "Content-Encoding": "gzip"}, packed


def test_server_that_keeps_connections_alive(page_server: Callable[..., PageServer], tmp_path: Path):
    server = page_server(asking_for_a_delay)
    said, suggested = probed(f"{server.url}/page", tmp_path, "--idle", "0.3")
    assert said["url"] == f"{server.url}/page"
    assert said["robots"].startswith("allowed for persistent-scraper by ")
    assert "line 2: Allow: /page; it asks for 100 ms between requests" in said["robots"]
    assert said["status"] == "200"
    assert said["keep-alive"] == "yes, for 6 requests a connection at least"
    assert re.fullmatch(r"longer than 3\d\d ms, the longest that was tried", said["idle limit"])
    assert re.fullmatch(
        r"\S+ ms \(median of 2\); a request on an open connection \S+ ms \(median of 6\)", said["handshake"]
    )
    assert said["compression"].startswith("gzip: 3.0 kB sent as ")
    assert said["validators"] == "ETag; a conditional request is answered with 304, as it should be"
    assert re.match("8 requests in ", said["asked"])
    assert "cut short by" not in said
    assert suggested["politeness"] == {"delay": "100ms", "concurrency": 1}
    assert suggested["session"] == {"pool": 1, "idle_expiry": "300ms"}
    assert (len(server.log), server.connections) == (8, 2)


@pytest.mark.timing
def test_the_crawl_delay_holds_from_the_request_on_that_follows_robots_txt(
    page_server: Callable[..., PageServer], tmp_path: Path
):
    server = page_server(asking_for_a_delay)
    probed(f"{server.url}/page", tmp_path, "--idle", "0.3")
    times = [record.time for record in server.log]
    assert len(times) == 8
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.09


NEVER = "Fri, 01 May 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("first", "later", "said_of_it"),
    [
        (("ETag", '"1"'), (304, {}), "304, but it is answered with 304 on a false condition, too"),
        (("Last-Modified", NEVER), (304, {}), "304, but it is answered with 304 on a false condition, too"),
        (("ETag", '"1"'), (304, {"ETag": '"2"'}), "304, but the 304 says itself that the page changed"),
        (("ETag", '"1"'), (200, {"ETag": '"2"'}), "200, but the ETag is new each time, over the same body"),
        (("ETag", '"1"'), (200, {"ETag": '"1"'}), "200, so they are of no use"),
    ],
    ids=["always-304", "always-304-by-date", "contradiction", "new-each-time", "ignored"],
)
def test_server_that_does_not_keep_its_word(
    page_server: Callable[..., PageServer],
    tmp_path: Path,
    first: tuple[str, str],
    later: tuple[int, dict[str, str]],
    said_of_it: str,
):
    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/robots.txt":
            return 404, HTML, b""
        is_conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
        status, more = later if is_conditional else (200, dict([first]))
        return status, {**HTML, **more}, b"" if status == 304 else b"<h1>A page</h1>"

    server = page_server(answer)
    said, suggested = probed(f"{server.url}/", tmp_path, "--idle", "0.2")
    assert said_of_it in said["validators"]
    assert suggested.get("revisit") == ({"conditional": False} if "false condition" in said_of_it else None)
    assert len(server.log) <= 12


@pytest.mark.timing
def test_server_that_ends_idle_connections(page_server: Callable[..., PageServer], tmp_path: Path):
    server = page_server({"/": "<h1>Home</h1>"}, idle_timeout=0.5)
    said, suggested = probed(f"{server.url}/", tmp_path, "--idle", "1")
    between = re.fullmatch(r"between (\d+) ms and (\d+) ms", said["idle limit"])
    assert between is not None
    assert int(between[1]) <= 520
    assert int(between[2]) >= 500
    assert int(suggested["session"]["idle_expiry"].removesuffix("ms")) < int(between[1])
    assert said["validators"] == said["compression"] == "none"
    assert len(server.log) <= 12


def test_server_that_says_how_long(raw_server: Callable[..., RawServer], tmp_path: Path):
    server = raw_server(announces(timeout=5, maximum=100))
    said, suggested = probed(f"{server.url}/", tmp_path)
    assert said["idle limit"] == "5.00 s, as the server says"
    assert re.fullmatch(r"it says Keep-Alive: timeout=5, max=\d+", said["more"])
    assert suggested["session"]["idle_expiry"] == "4.5s"


def test_server_that_ends_connections_after_some_requests(raw_server: Callable[..., RawServer], tmp_path: Path):
    server = raw_server(closes_after(3))
    said, _ = probed(f"{server.url}/", tmp_path, "--idle", "0.2")
    assert said["keep-alive"] == "yes, for 3 requests a connection (dropped)"
    assert said["idle limit"].startswith("longer than 2")
    assert len(server.received) <= 12


def test_server_that_keeps_none(raw_server: Callable[..., RawServer], tmp_path: Path):
    server = raw_server(http_1_0())
    said, suggested = probed(f"{server.url}/", tmp_path)
    assert said["keep-alive"] == "no: each request needs a connection of its own (closed-by-server)"
    assert said["idle limit"] == "not measured"
    assert "idle_expiry" not in suggested["session"]
    assert len(server.received) == server.connections <= 12


def test_what_robots_txt_closes_is_not_asked_for(page_server: Callable[..., PageServer], tmp_path: Path):
    robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /\n")
    server = page_server({"/robots.txt": robots, "/": "<h1>Home</h1>"})
    done = command("probe", f"{server.url}/", *QUICK, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: robots.txt does not allow {server.url}/" in done.stderr
    assert [record.path for record in server.log] == ["/robots.txt"]
    said, _ = probed(f"{server.url}/", tmp_path, "--set", "politeness.robots=ignore", "--idle", "0")
    assert "robots" not in said


def test_redirects_count(page_server: Callable[..., PageServer], tmp_path: Path):
    server = page_server({"/": (301, {"Location": "/home"}, b""), "/home": "<h1>Home</h1>"})
    said, _ = probed(f"{server.url}/", tmp_path, "--idle", "0")
    assert said["url"] == f"{server.url}/home"
    assert len(server.log) == int(said["asked"].split()[0]) <= 12


def test_server_that_has_enough(page_server: Callable[..., PageServer], tmp_path: Path):
    left = [200, 200]

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/robots.txt":
            return 404, HTML, b""
        return (left.pop() if left else 429), HTML, b"<h1>Home</h1>"

    server = page_server(answer)
    said, _ = probed(f"{server.url}/", tmp_path, "--idle", "0")
    assert said["cut short by"] == "it answered 429"
    assert len(server.log) == 4


@pytest.mark.parametrize("robots", ["obey", "ignore"])
def test_nobody_there(tmp_path: Path, robots: str):
    done = command("probe", "http://127.0.0.1:9/", *QUICK, "--set", f"politeness.robots={robots}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "look whether the server runs" in done.stderr


def test_delay_that_its_bound_has_no_time_for(page_server: Callable[..., PageServer], tmp_path: Path):
    robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nCrawl-delay: 60\n")
    server = page_server({"/robots.txt": robots, "/": "<h1>Home</h1>"})
    done = command("probe", f"{server.url}/", "--idle", "0", cwd=tmp_path)
    assert (done.returncode, len(server.log)) == (1, 1)
    assert "error: the bound of 30 s, with 30.0 s between requests\n  a larger --idle" in done.stderr


def test_bounds_are_said_first(page_server: Callable[..., PageServer], tmp_path: Path):
    server = page_server({"/": "<h1>Home</h1>"})
    done = command("probe", f"{server.url}/", *QUICK, "--idle", "0", cwd=tmp_path)
    assert done.stderr == "at most 12 requests, at most 30 s\n"
