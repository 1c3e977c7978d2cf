"""A server that restarts costs no page; one that is down for good ends its pages, in bounded time."""

from __future__ import annotations

import json
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from scraper.fetch.politeness import Outage
from scraper.observe import events
from tests.crawl.commands import Project, command, start, wait_until
from tests.crawl.crawling import HOST, Follow, Pages, Seen, crawl, paths, reasons_of_failures, site
from tests.crawl.sharding import Linked
from tests.crawl.test_login import Members
from tests.servers.club import PASSWORD, USER, Club
from tests.servers.keepalive import PageServer

HOSTS = ("127.0.0.2", "127.0.0.3")
#: Of a short outage: pauses of 0.05, 0.1, 0.2 … 1.6 s.
RETRY = {"backoff": "50ms", "attempts": 2}


def unused_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def attempts_used(store: Path) -> int:
    """How many requests used up an attempt."""
    with closing(sqlite3.connect(store)) as database:
        return int(database.execute("select count(*) from frontier where attempts > 0").fetchone()[0])


@contextmanager
def begun_later(port: int, seen: Seen, pages: Any) -> Iterator[list[PageServer]]:
    """A server that begins to listen once its domain was held three times."""
    servers: list[PageServer] = []

    def begin() -> None:
        wait_until(lambda: len(seen.of(events.CoolingDown)) >= 3)
        servers.append(PageServer(pages, port=port).__enter__())

    thread = threading.Thread(target=begin)
    thread.start()
    try:
        yield servers
    finally:
        thread.join()
        for server in servers:
            server.__exit__(None, None, None)


@contextmanager
def cutting(port: int, is_over: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """A server that reads a request and resets its connection, until it is over."""
    ended = threading.Event()
    listener = socket.create_server((HOST, port))
    listener.settimeout(0.05)

    def cut() -> None:
        while not is_over() and not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.recv(65_536)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        listener.close()

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_server_that_restarts_costs_no_page() -> None:
    port, asked = unused_port(), 0
    pages = site(200)
    restarted: list[PageServer] = []

    def restart() -> None:
        first.__exit__(None, None, None)
        time.sleep(0.7)
        restarted.append(PageServer(pages, port=port).__enter__())

    restarting = threading.Thread(target=restart)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        nonlocal asked
        asked += 1
        if asked == 50:
            restarting.start()
        return 200, {"Content-Type": "text/html"}, pages[path].encode()

    first = PageServer(answer, port=port).__enter__()
    run = crawl(Follow, first.url, retry=RETRY, politeness={"concurrency": 8})
    restarting.join()
    restarted[0].__exit__(None, None, None)

    assert (run.stats["pages"], run.stats["failed"]) == (201, 0)


@pytest.mark.parametrize("robots", ["obey", "ignore"])
def test_a_start_while_the_server_restarts_waits_for_it(robots: str) -> None:
    port, seen = unused_port(), Seen()

    with begun_later(port, seen, site(3)) as servers:
        run = crawl(Follow, f"http://{HOST}:{port}/", observers=[seen], retry=RETRY, politeness={"robots": robots})

    assert (run.stats["pages"], run.stats["failed"]) == (4, 0)
    assert len(paths(servers[0])) == 4 + (robots == "obey")
    reasons = {event.reason for event in seen.of(events.CoolingDown)}
    assert reasons == {f"http://{HOST}:{port} refuses connections"}
    waits = [event.seconds for event in seen.of(events.CoolingDown)]
    assert waits == sorted(waits) and waits[-1] > 2 * waits[0]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_crawl_with_processes_waits_for_servers_that_are_down(processes: int, tmp_path: Path) -> None:
    ports, seen = (unused_port(), unused_port()), Seen()
    starts = [f"http://{host}:{port}/" for host, port in zip(HOSTS, ports, strict=True)]
    settings: dict[str, Any] = {"engine": {"processes": processes}, "store": str(tmp_path / "crawl.db")}

    with ExitStack() as servers:

        def begin() -> None:
            wait_until(lambda: {event.domain for event in seen.of(events.CoolingDown)} == {*HOSTS})
            for host, port in zip(HOSTS, ports, strict=True):
                servers.enter_context(PageServer(site(20), host=host, port=port))

        beginning = threading.Thread(target=begin)
        beginning.start()
        run = crawl(Linked, *starts, observers=[seen], retry=RETRY, **settings)
        beginning.join()

    assert (run.stats["pages"], run.stats["failed"]) == (42, 0)
    assert attempts_used(tmp_path / "crawl.db") == 0


def test_a_login_waits_for_a_server_that_is_down(tmp_path: Path) -> None:
    """It is no failed login, and nobody logs in twice."""
    port, seen = unused_port(), Seen()
    login = {"url": f"http://{HOST}:{port}/login", "form": {"user": USER, "password": PASSWORD}}
    clubs: list[Club] = []

    def begin() -> None:
        wait_until(lambda: len(seen.of(events.CoolingDown)) >= 3)
        clubs.append(Club(port=port))
        clubs[0].__enter__()

    beginning = threading.Thread(target=begin)
    beginning.start()
    run = crawl(
        Members,
        f"http://{HOST}:{port}/",
        observers=[seen],
        retry=RETRY,
        login=login,
        store=str(tmp_path / "crawl.db"),
    )
    beginning.join()
    clubs[0].__exit__(None, None, None)

    assert (run.stats["pages"], run.stats["failed"]) == (9, 0)
    assert clubs[0].login_requests == [("GET", 200), ("POST", 303)]
    assert attempts_used(tmp_path / "crawl.db") == 0


def test_connections_that_are_reset_before_an_answer_hold_the_domain_too(tmp_path: Path) -> None:
    port, seen, store = unused_port(), Seen(), tmp_path / "crawl.db"
    starts = [f"http://{HOST}:{port}/p{number}" for number in range(40)]

    with cutting(port, lambda: len(seen.of(events.CoolingDown)) >= 2), begun_later(port, seen, site(40)):
        run = crawl(Pages, *starts, observers=[seen], retry=RETRY, politeness={"concurrency": 4}, store=str(store))

    assert (run.stats["pages"], run.stats["failed"]) == (40, 0)
    # Those that were cut off before the domain was held were given their attempt back.
    assert attempts_used(store) == 0


def test_a_page_that_kills_its_connection_fails_alone(page_server: Callable[..., PageServer]) -> None:
    server = page_server(site(30))
    seen = Seen()
    kills = unused_port()
    with cutting(kills):
        run = crawl(
            Pages,
            f"http://{HOST}:{kills}/kills",
            *(f"{server.url}/p{number}" for number in range(30)),
            observers=[seen],
            retry=RETRY,
        )

    assert reasons_of_failures(run) == {"/kills": "reset"}
    assert len(server.log) == 30
    assert not seen.of(events.CoolingDown)


def test_a_server_that_is_down_for_good_ends_its_pages_with_the_reason_they_have() -> None:
    seen = Seen()
    started = time.monotonic()
    run = crawl(Pages, f"http://{HOST}:{unused_port()}/a", observers=[seen], retry={"backoff": "10ms", "attempts": 3})

    assert reasons_of_failures(run) == {"/a": "connect"}
    assert run.failures[0].attempts == 3
    assert len(seen.of(events.CoolingDown)) == Outage.PAUSES
    assert 0.6 < time.monotonic() - started < 5


def test_robots_txt_of_a_server_that_is_down_for_good_ends_its_pages_too() -> None:
    run = crawl(
        Pages,
        f"http://{HOST}:{unused_port()}/a",
        politeness={"robots": "obey"},
        retry={"backoff": "5ms", "attempts": 2},
    )

    assert set(reasons_of_failures(run).values()) == {"robots-unreachable"}


def test_the_next_crawl_asks_for_a_robots_txt_that_was_not_reached(tmp_path: Path) -> None:
    port, settings = unused_port(), {"politeness": {"robots": "obey"}, "store": str(tmp_path / "crawl.db")}
    url = f"http://{HOST}:{port}/"
    first = crawl(Pages, url, retry={"backoff": "1ms"}, **settings)
    with PageServer({"/": "here"}, port=port):
        second = crawl(Pages, url, **settings)

    assert set(reasons_of_failures(first).values()) == {"robots-unreachable"}
    assert (second.stats["pages"], second.stats["failed"]) == (1, 0)


def test_a_port_that_is_closed_holds_its_domain_only_until_another_answers(
    page_server: Callable[..., PageServer],
) -> None:
    server, seen = page_server(site(60)), Seen()
    dead = unused_port()
    starts = [f"http://{HOST}:{dead}/dead{number}" for number in range(5)]
    starts += [f"{server.url}/p{number}" for number in range(60)]

    run = crawl(Pages, *starts, observers=[seen], retry=RETRY, politeness={"concurrency": 2})

    assert set(reasons_of_failures(run).values()) == {"connect"}
    assert (run.stats["pages"], run.stats["failed"]) == (60, 5)
    assert len(seen.of(events.CoolingDown)) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_explain_and_the_report_say_that_a_domain_is_held_and_why(project: Project, processes: int) -> None:
    url = f"http://{HOST}:{unused_port()}"
    folder = project(url, more=f"engine: {{processes: {processes}}}\nretry: {{backoff: 1s}}\n")
    process = start("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    try:
        wait_until(lambda: "refuses connections" in command("explain", "site.yaml", f"{url}/", cwd=folder).stdout)
        process.terminate()
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 143
    # The report is folded to the width of a terminal.
    assert f"{HOST} is left alone until" in told and "it refuses connections" in " ".join(told.split())
    (paused,) = json.loads((folder / "stats.json").read_text())["paused"]
    assert (paused["domain"], paused["why"]) == (HOST, "it refuses connections")


@pytest.mark.timing
def test_each_try_of_a_held_page_is_told_and_none_is_taken_for_put_back(project: Project) -> None:
    port = unused_port()
    url = f"http://{HOST}:{port}"
    folder = project(url, more="retry: {backoff: 100ms}\n")

    def explained() -> str:
        return command("explain", "site.yaml", f"{url}/", cwd=folder).stdout

    process = start("crawl", "site.yaml", "--set", "politeness.robots=ignore", cwd=folder)
    try:
        wait_until(lambda: explained().count("held: no connection to") >= 2)
        with PageServer({"/": "<h1>here</h1>"}, port=port):
            process.communicate(timeout=30)
    finally:
        process.kill()
    told = explained()

    assert process.returncode == 0
    assert told.count("held: no connection to") >= 2
    assert "put back" not in told
    assert "refuses connections" not in told
