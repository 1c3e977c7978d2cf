"""Steps of the wall clock move no wait inside of a process, and nothing waits for longer than it may."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scraper.observe import events
from tests.crawl.crawling import HOST, Pages, Seen, crawl, prepared
from tests.servers.keepalive import PageServer

HOUR = 3600.0
HTML = {"Content-Type": "text/html"}


class Clock:
    """The wall clock as the package sees it, which a test may set."""

    def __init__(self) -> None:
        self._time = time.time
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    yield clock


@pytest.mark.parametrize("step", [-HOUR, HOUR])
@pytest.mark.parametrize("status", [500, 503])
def test_a_step_moves_no_retry_that_is_pending(
    page_server: Callable[..., PageServer], clock: Clock, step: float, status: int
) -> None:
    asked: dict[str, float] = {}

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        now = time.monotonic()
        if path in asked:
            asked[path] = now - asked[path]
            return 200, HTML, b"x"
        asked[path] = now
        if len(asked) == 10:
            # Once their tries are in the store.
            threading.Timer(0.5, setattr, (clock, "ahead", step)).start()
        return status, {"Retry-After": "1"}, b""

    server = page_server(answer)
    started = time.monotonic()
    run = crawl(Pages, *(f"{server.url}/p{number}" for number in range(10)), politeness={"concurrency": 8})

    assert (run.stats["pages"], run.stats["failed"]) == (10, 0)
    assert time.monotonic() - started < 30
    # Set forward, nothing is asked for before its time either.
    assert min(asked.values()) >= 0.99


def ahead_in(store: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(store)) as database, database:
        assert database.execute(statement, values).rowcount >= 1


class Unready:
    """Answers 500 until it is ready."""

    is_ready = False

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        if self.is_ready:
            return 200, HTML, b"x"
        return 500, {"Retry-After": "60"}, b""


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE frontier SET not_before = ?", "2 requests of 2 domains"),
        ("UPDATE domains SET not_before = ?, cool_step = 1 WHERE name LIKE '127.%'", "2 domains"),
    ],
    ids=["a request", "a domain"],
)
def test_what_lies_further_ahead_than_it_may_is_due_now_and_it_is_said_once(
    page_server: Callable[..., PageServer], tmp_path: Path, statement: str, what: str
) -> None:
    answer, store, seen = Unready(), tmp_path / "crawl.db", Seen()
    hosts = (HOST, "127.0.0.2")
    urls = [f"{page_server(answer, host=host).url}/a" for host in hosts]
    first = prepared(Pages, *urls, store=str(store))
    threading.Timer(1.0, first.stop, [0.5]).start()
    assert first.run().result == "stopped"
    ahead_in(store, "UPDATE frontier SET not_before = 1")
    ahead_in(store, statement, time.time() + HOUR)
    answer.is_ready = True
    started = time.monotonic()
    run = crawl(Pages, *urls, store=str(store), observers=[seen])

    assert (run.result, run.stats["pages"]) == ("finished", 2)
    assert time.monotonic() - started < 20
    (said,) = [notice.message for notice in seen.of(events.Notice) if "the clock was set back" in notice.message]
    assert said.startswith(f"{what} had to wait for longer than retry.max_wait allows")
    assert said.endswith(f"they are due now ({', '.join(hosts)})")


def test_what_waits_as_long_as_it_may_goes_on_waiting(page_server: Callable[..., PageServer], tmp_path: Path) -> None:
    answer, store, seen = Unready(), tmp_path / "crawl.db", Seen()
    urls = [f"{page_server(answer, host=host).url}/a" for host in (HOST, "127.0.0.2")]
    domains = {"127.0.0.2": {"retry": {"max_wait": "2h"}}}
    first = prepared(Pages, *urls, store=str(store), domains=domains)
    threading.Timer(1.0, first.stop, [0.5]).start()
    assert first.run().result == "stopped"
    ahead_in(store, "UPDATE frontier SET not_before = ?", time.time() + HOUR)
    answer.is_ready = True
    again = prepared(Pages, *urls, store=str(store), domains=domains, observers=[seen])
    threading.Timer(2.0, again.stop, [0.5]).start()
    run = again.run()

    # By its own key the other domain may be asked to wait for two hours.
    assert (run.result, run.stats["pages"]) == ("stopped", 1)
    (said,) = [notice.message for notice in seen.of(events.Notice) if "the clock was set back" in notice.message]
    assert said.startswith("1 request of 1 domain had to wait") and said.endswith(f"({HOST})")


def test_pages_of_the_future_are_asked_for_again_and_it_is_said(
    page_server: Callable[..., PageServer], clock: Clock, tmp_path: Path
) -> None:
    server, store, seen = page_server({"/a": "x"}), str(tmp_path / "crawl.db"), Seen()
    settings = {"store": store, "revisit": {"fresh_for": "10m"}, "politeness": {"robots": "obey"}}
    clock.ahead = HOUR
    crawl(Pages, f"{server.url}/a", **settings)
    crawl(Pages, f"{server.url}/a", **settings)
    assert [record.path for record in server.log] == ["/robots.txt", "/a"]
    clock.ahead = 0.0
    crawl(Pages, f"{server.url}/a", observers=[seen], **settings)

    assert [record.path for record in server.log] == ["/robots.txt", "/a", "/robots.txt", "/a"]
    assert sum("fetched later than now" in notice.message for notice in seen.of(events.Notice)) == 1
