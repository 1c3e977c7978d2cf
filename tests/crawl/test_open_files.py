"""A machine that is short of files, memory or ports: it waits, and no server is blamed for it."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.engine.parsers import parser
from scraper.engine.parsers.line import make_line
from scraper.errors import NoRoom
from scraper.fetch.transport import direct_connection
from scraper.fetch.transport.happy_eyeballs import connect_first
from scraper.fetch.transport.open_files import Shortage
from scraper.observe import events
from tests.bench.broad_server import hosts, site
from tests.crawl.crawling import Follow, Pages, Seen, crawl, figures, paths
from tests.crawl.crawling import site as linked
from tests.servers.keepalive import PageServer

resource = pytest.importorskip("resource", reason="this system has no limits of a process")
pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one address of the loopback")

DOMAINS, PAGES, LATENCY = 300, 3, 0.2
SPIDER = """
from scraper import Spider

class Shop(Spider):
    def parse(self, response):
        yield {"url": response.url}
        yield from (response.follow(link) for link in response.links())
"""


class Slow(Follow):
    """Pages wait for their parser."""

    def parse(self, response: Any) -> Any:
        time.sleep(0.02)
        yield from super().parse(response)


@pytest.fixture(scope="module")
def many() -> Iterator[Callable[[], dict[str, float]]]:
    """Many domains; called, it says what they were asked for since."""
    command = [sys.executable, "-m", "tests.bench.broad_server", str(DOMAINS), str(PAGES), str(LATENCY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        sent, answers = process.stdin, process.stdout

        def asked() -> dict[str, float]:
            sent.write("\n")
            sent.flush()
            said: dict[str, float] = json.loads(answers.readline())
            return said

        asked.port = int(answers.readline())  # type: ignore[attr-defined]
        yield asked
        sent.close()
        process.terminate()


def limited(
    folder: Path, port: int, files: str, *options: str, domains: int = DOMAINS
) -> subprocess.CompletedProcess[str]:
    """What the command does with so many domains under a limit of files; its figures are in stats.json."""
    (folder / "spiders").mkdir(exist_ok=True)
    (folder / "spiders/shop.py").write_text(SPIDER)
    settings = {
        "spider": "spiders/shop.py:Shop",
        "start_urls": [f"http://{host}:{port}{site(PAGES).start}" for host in hosts(domains)],
        "politeness": {"delay": 0},
        "network": {"allow_private": True},
    }
    (folder / "shop.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "scraper", "crawl", "shop.yaml", "--stats", "stats.json", *options]
    return subprocess.run(
        ["sh", "-c", f'ulimit {files}; exec "$@"', "sh", *command], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.timing
def test_more_domains_than_files_fail_nothing(many: Any, tmp_path: Path):
    many()
    done = limited(tmp_path, many.port, "-n 256")
    assert done.returncode == 0, done.stderr
    stats, seen = json.loads((tmp_path / "stats.json").read_text()), many()
    assert (stats["pages"], stats["failed"], stats["retries"]) == (DOMAINS * (PAGES + 1), 0, 0)
    assert (stats["requests"], stats["connections"]) == (seen["requests"], seen["connections"])
    # A place is taken from who has had a turn, rather than from who is about to be asked again.
    assert stats["reused"] >= 0.7 * stats["requests"]
    assert "128 requests are in flight at most, and not the 256 of engine.in_flight" in done.stderr


@pytest.mark.parametrize("workers", ["engine.processes=2", "engine.parsers=2"])
def test_nor_do_they_with_several_processes(many: Any, tmp_path: Path, workers: str):
    many()
    done = limited(tmp_path, many.port, "-n 64", "--set", workers, domains=60)
    assert done.returncode == 0, done.stderr
    stats, seen = json.loads((tmp_path / "stats.json").read_text()), many()
    assert (stats["pages"], stats["failed"], stats["retries"]) == (60 * (PAGES + 1), 0, 0)
    assert (stats["requests"], stats["connections"]) == (seen["requests"], seen["connections"])


def test_too_few_files_for_so_many_processes_are_one_sentence(tmp_path: Path):
    done = limited(tmp_path, 9, "-n 48", "--quiet", "--set", "engine.processes=30", domains=30)
    assert done.returncode == 1
    assert "error: a process of the crawl could not be started: Too many open files" in done.stderr
    assert "raise `ulimit -n`, or set engine.processes: 1 and engine.parsers: 0" in done.stderr
    assert "Traceback" not in done.stderr


def test_parsers_for_which_there_are_no_files_are_done_without(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
):
    server, seen = page_server(linked(30)), Seen()
    made: list[Any] = []

    def make_one() -> Any:
        if made:
            raise NO_FILE
        made.append(make_line())
        return made[-1]

    monkeypatch.setattr(parser, "make_line", make_one)
    run = crawl(Slow, f"{server.url}/", engine={"parsers": 3}, observers=[seen])
    assert (run.stats["pages"], run.stats["failed"]) == (31, 0)
    (said,) = [notice.message for notice in seen.of(events.Notice) if "ulimit" in notice.message]
    assert said.startswith("1 parser must do: a process of the crawl could not be started: Too many open files")


def test_the_limit_is_raised_where_that_is_allowed(many: Any, tmp_path: Path):
    many()
    done = limited(tmp_path, many.port, "-S -n 64", "--log-file", "log", domains=60)
    assert done.returncode == 0, done.stderr
    assert "raised the limit of open files from 64 to" in (tmp_path / "log").read_text()
    assert "limit of open files" not in done.stderr
    assert many()["connections"] == 60


def test_too_few_files_are_one_sentence_and_no_traceback(tmp_path: Path):
    done = limited(tmp_path, 9, "-n 30", domains=1)
    assert done.returncode == 1
    assert "the system lets a process open 30 files" in done.stderr
    assert "ulimit -n 256" in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def no_more_files(spare: int) -> Iterator[None]:
    """A limit at which this process can open so many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = socket.socket()
    numbers = [highest.fileno(), *(int(each.name) for each in Path("/dev/fd").iterdir())]
    highest.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(numbers) + 1 + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Short:
    """Connections for which this machine has no room the first times."""

    def __init__(self, times: int, error: OSError) -> None:
        self.left = times
        self._error = error

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if self.left > 0:
            self.left -= 1
            raise self._error
        return connect_first(*args, **keywords)


NO_FILE = OSError(errno.EMFILE, "Too many open files")
ERRORS = [
    NO_FILE,
    OSError(errno.ENFILE, "Too many open files in system"),
    OSError(errno.ENOBUFS, "No buffer space available"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    Shortage(errno.EADDRNOTAVAIL, "no local port is free"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: errno.errorcode[error.errno])
def test_a_moment_without_room_uses_no_attempt(
    error: OSError, page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
):
    server = page_server(linked(3) | {"/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\n")})
    monkeypatch.setattr(direct_connection, "connect_first", Short(3, error))
    run = crawl(Follow, f"{server.url}/", politeness={"robots": "obey"}, retry={"attempts": 1})
    assert (run.stats["pages"], run.stats["failed"], run.stats["retries"]) == (4, 0, 0)
    assert figures(run)["requests"] == len(server.log) == 5


def test_even_for_longer_than_a_request_may_take(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
):
    """Then the page, and robots.txt, are asked for again."""
    server = page_server(linked(1))
    monkeypatch.setattr(direct_connection, "connect_first", Short(12, NO_FILE))
    settings: dict[str, Any] = {"session": {"timeout": {"total": 0.1}}, "retry": {"attempts": 1}}
    run = crawl(Pages, f"{server.url}/", politeness={"robots": "obey"}, **settings)
    assert (run.stats["pages"], run.stats["failed"], run.stats["retries"]) == (1, 0, 0)
    assert paths(server) == ["/robots.txt", "/"]


def test_a_session_of_a_script_waits_too(page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch):
    server = page_server(linked(1))
    monkeypatch.setattr(direct_connection, "connect_first", Short(3, NO_FILE))
    with scraper.Sessions() as web:
        assert web.get(server.url).status_code == 200
        assert web.figures["127.0.0.1"].requests == 1


def test_a_session_of_a_script_says_what_is_missing(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
):
    server = page_server(linked(1))
    monkeypatch.setattr(direct_connection, "connect_first", Short(10**9, NO_FILE))
    settings = scraper.config.SessionConfig.model_validate({"timeout": {"total": 0.1}})
    with scraper.Sessions(session=settings) as web, pytest.raises(NoRoom, match="ulimit -n"):
        web.get(server.url)


def test_sessions_close_what_idles_for_another_domain(page_server: Callable[..., PageServer]):
    """With real files: nothing but closing an idle connection makes room for the next."""
    servers = [page_server(linked(1), host=f"127.0.0.{number}") for number in range(1, 9)]
    with scraper.Sessions() as web, no_more_files(6):
        for _ in range(2):
            assert [web.get(server.url).status_code for server in servers] == [200] * len(servers)
