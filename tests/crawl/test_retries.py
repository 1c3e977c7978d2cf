"""What fails for a while is tried again: how often, when, and what never."""

from __future__ import annotations

import email.utils
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Request, Spider
from scraper.observe import events
from tests.crawl.crawling import (
    HOST,
    Pages,
    Seen,
    crawl,
    figures,
    prepared,
    reasons_of_failures,
)
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]
HTML = {"Content-Type": "text/html"}


class TestRetries:
    @pytest.mark.parametrize("attempts", [1, 3])
    @pytest.mark.parametrize("status", [425, 500])
    def test_attempts_are_exact(self, page_server: Start, status: int, attempts: int):
        server = page_server({"/a": (status, HTML, b"")})
        run = crawl(Pages, f"{server.url}/a", retry={"attempts": attempts})
        assert reasons_of_failures(run) == {"/a": f"http-{status}"}
        assert (len(server.log), figures(run)["retries"], run.failures[0].attempts) == (
            attempts,
            attempts - 1,
            attempts,
        )

    def test_attempts_are_exact_whatever_the_mix_of_causes(self, raw_server: StartRaw):
        fates = [
            behaviours.reset_in_headers(),
            behaviours.always(behaviours.response(status="500 Oops")),
            behaviours.body_cut_short(),
            behaviours.truncated_gzip(framing="chunked"),
            behaviours.headers_cut_short(),
        ]
        visits: list[int] = []

        def behave(*arguments: Any) -> None:
            visits.append(1)
            fates[(len(visits) - 1) % len(fates)](*arguments)

        seen = Seen()
        server = raw_server(behave)
        run = crawl(Pages, f"{server.url}/a", retry={"attempts": 5}, observers=[seen])
        causes = [event.reason for event in seen.of(events.Retrying)]
        assert (causes, reasons_of_failures(run)) == (
            ["reset", "http-500", "truncated", "truncated"],
            {"/a": "reset"},
        )
        assert len(visits) == 5

    @pytest.mark.parametrize("status", [403, 501])
    def test_what_stays_is_not_tried_again(self, page_server: Start, status: int):
        server = page_server({"/a": (status, HTML, b"")})
        run = crawl(Pages, f"{server.url}/a")
        assert (len(server.log), reasons_of_failures(run)) == (1, {"/a": f"http-{status}"})

    @pytest.mark.parametrize("unsafe", [False, True])
    def test_a_post_is_sent_again_only_where_it_may(self, page_server: Start, unsafe: bool):
        class Posts(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/a", method="POST", data="x", retry_unsafe=unsafe)

        server = page_server({"/a": (500, HTML, b"")})
        run = crawl(Posts, retry={"attempts": 3})
        assert (len(server.log), run.stats["failed"]) == (3 if unsafe else 1, 1)

    @pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
    def test_retry_after_is_waited_for(self, page_server: Start, as_date: bool):
        times: list[float] = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            times.append(time.time())
            if len(times) > 1:
                return 200, HTML, b"x"
            # A date has whole seconds: what is left of it is between one and two.
            value = email.utils.formatdate(int(times[0]) + 2, usegmt=True) if as_date else "1"
            return 503, {"Retry-After": value}, b""

        server = page_server(answer)
        run = crawl(Pages, f"{server.url}/a")
        assert run.stats["pages"] == 1
        assert (times[1] >= int(times[0]) + 2) if as_date else (1.0 <= times[1] - times[0] < 1.9)

    def test_a_wait_over_max_wait_fails(self, page_server: Start):
        server = page_server({"/a": (503, {"Retry-After": "86400"}, b"")})
        run = crawl(Pages, f"{server.url}/a", retry={"max_wait": "1h"})
        assert (len(server.log), reasons_of_failures(run)) == (1, {"/a": "wait-too-long"})
        assert "retry.max_wait" in run.failures[0].message

    def test_503_holds_the_whole_domain(self, page_server: Start):
        times: dict[str, float] = {}

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            first = path not in times
            times.setdefault(path, time.monotonic())
            return (503, {"Retry-After": "1"}, b"") if path == "/a" and first else (200, HTML, b"x")

        server = page_server(answer)
        seen = Seen()
        run = crawl(Pages, f"{server.url}/a", f"{server.url}/b", observers=[seen])
        assert run.stats["pages"] == 2
        assert times["/b"] - times["/a"] >= 0.99
        assert [event.domain for event in seen.of(events.CoolingDown)] == [HOST]

    def test_connection_refused(self):
        with socket.create_server((HOST, 0)) as unused:
            port = unused.getsockname()[1]
        run = crawl(Pages, f"http://{HOST}:{port}/a", retry={"attempts": 2})
        assert reasons_of_failures(run) == {"/a": "connect"}
        assert run.failures[0].attempts == 2
        assert run.stats["connections"] == 0

    def test_a_name_that_does_not_exist(self):
        timeout = {"timeout": {"connect": 2, "total": 3}}
        run = crawl(Pages, "http://nowhere.invalid/a", retry={"attempts": 1}, session=timeout)
        # A resolver that has no network may say nothing at all: then it is the time limit that ends it.
        assert reasons_of_failures(run)["/a"] in ("dns", "connect")

    def test_an_answer_that_is_no_http(self, raw_server: StartRaw):
        server = raw_server(behaviours.sends_then(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"))
        run = crawl(Pages, f"{server.url}/a")
        assert (server.connections, reasons_of_failures(run)) == (1, {"/a": "bad-http"})

    def test_more_retries_due_at_once_than_are_read_at_a_time(self, page_server: Start, tmp_path: Path):
        """A run that was stopped while 150 requests waited for another try resumes all of them."""
        visits: dict[str, int] = {}
        lock = threading.Lock()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            with lock:
                visits[path] = visits.get(path, 0) + 1
                if visits[path] == 1:
                    return 500, {"Retry-After": "2"}, b""
            return 200, HTML, b"x"

        server = page_server(answer)
        starts = [f"{server.url}/p{number}" for number in range(150)]
        settings = {"store": str(tmp_path / "s.db"), "politeness": {"concurrency": 8}}

        class Stopper:
            waiting = 0

            def __call__(self, event: object) -> None:
                self.waiting += isinstance(event, events.Retrying)
                if self.waiting == 150:
                    first.stop(1)

        first = prepared(Pages, *starts, observers=[Stopper()], **settings)
        assert first.run().result == "stopped"
        all_due = max(record.time for record in server.log) + 2.1
        threading.Event().wait(max(0.0, all_due - time.monotonic()))
        run = crawl(Pages, *starts, **settings)
        assert (run.result, run.stats["pages"], len(run.items)) == ("finished", 150, 150)

    def test_a_retry_that_waits_its_turn_survives_a_better_request(self, page_server: Start):
        """A page yields a request of high priority while a retry lies ready: both are done."""
        visits: list[str] = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            visits.append(path)
            if path == "/slow":
                threading.Event().wait(0.9)
            if path == "/flaky" and visits.count(path) == 1:
                return 500, {}, b""
            return 200, HTML, b"x"

        class Better(Spider):
            def parse(self, response: scraper.Response) -> Any:
                yield {"url": response.url}
                if response.url.endswith("/slow"):
                    yield response.follow("/better", priority=9)

        server = page_server(answer)
        starts = [f"{server.url}/{name}" for name in ("slow", "flaky", "x1", "x2")]
        run = crawl(Better, *starts, politeness={"delay": 0.6, "concurrency": 2})
        assert visits.count("/flaky") == 2, visits
        assert sorted(item["url"].rpartition("/")[2] for item in run.items) == ["better", "flaky", "slow", "x1", "x2"]
