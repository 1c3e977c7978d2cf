"""A crawl that was stopped or killed goes on: nothing lost, nothing twice."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Failure, Request, Response, Run, RunMismatch, Spider
from scraper.observe import events
from scraper.store import Store
from tests.crawl.crawling import (
    Follow,
    Pages,
    Seen,
    crawl,
    figures,
    paths,
    prepared,
    reasons_of_failures,
    site,
)
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
HTML = {"Content-Type": "text/html"}


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "crawl.db")


def stopped_after(pages: int, kind: type[Spider], *start_urls: str, seconds: float = 5, **overrides: Any) -> Run:
    """A run that is stopped when so many pages are done."""
    done: list[object] = []

    def watch(event: object) -> None:
        if isinstance(event, events.PageDone):
            done.append(event)
            if len(done) == pages:
                threading.Thread(target=crawl_.stop, args=(seconds,)).start()

    crawl_ = prepared(kind, *start_urls, observers=[watch], **overrides)
    return crawl_.run()


class TestStopped:
    def test_goes_on_with_nothing_lost_and_nothing_twice(self, page_server: Start, store: str):
        server = page_server(site(40))
        settings = {"store": store, "politeness": {"delay": 0.02}}
        run = stopped_after(5, Follow, server.url, **settings)
        assert (run.result, run.exit_code) == ("stopped", 1)
        assert 5 <= run.stats["pages"] < 41
        seen = Seen()
        resumed = crawl(Follow, server.url, observers=[seen], **settings)
        assert (resumed.id, resumed.result, resumed.stats["pages"]) == (run.id, "finished", 41)
        assert Counter(item["url"] for item in resumed.items).most_common(1)[0][1] == 1
        assert Counter(paths(server)) == Counter(site(40).keys())
        started = seen.of(events.RunStarted)[0]
        assert (started.resumed, started.changed_keys, started.interrupted) == (True, (), 0)
        assert figures(resumed)["requests"] == len(server.log)

    def test_a_finished_run_is_followed_by_a_new_one(self, page_server: Start, store: str):
        server = page_server(site(1))
        first, second = (crawl(Follow, server.url, store=store) for _ in range(2))
        assert (first.id, second.id, second.stats["pages"], len(first.items)) == (1, 2, 2, 2)

    def test_limits_hold_over_resumptions(self, page_server: Start, store: str):
        server = page_server(site(40))
        settings = {"store": store, "politeness": {"delay": 0.04}, "limits": {"pages": 25}}
        stopped = stopped_after(4, Follow, server.url, **settings)
        run = crawl(Follow, server.url, **settings)
        assert stopped.result == "stopped"
        assert (run.result, run.stats["pages"], len(run.items)) == ("limit", 25, 25)

    def test_the_delay_holds_over_a_resumption(self, page_server: Start, store: str):
        server = page_server(site(10))
        settings = {"store": store, "politeness": {"delay": 0.4}}
        stopped_after(1, Follow, server.url, **settings)
        before = len(server.log)
        begun = time.monotonic()
        stopped_after(1, Follow, server.url, **settings)
        assert server.log[before].time - begun >= 0.395

    @pytest.mark.parametrize(
        ("answer", "retry", "seconds"),
        [
            ((429, {"Retry-After": "3"}, b""), {}, 3.0),
            ((500, {}, b""), {"backoff": 0.2, "attempts": 1}, 2.0),
        ],
        ids=["retry-after", "circuit"],
    )
    def test_a_domain_that_was_left_alone_is_so_after_it(
        self, page_server: Start, store: str, answer: Any, retry: dict[str, Any], seconds: float
    ):
        server = page_server(lambda *_: answer if len(server.log) < (20 if retry else 1) else (200, HTML, b"x"))
        starts = [f"{server.url}/{number}" for number in range(40)]

        def stop(event: object) -> None:
            if isinstance(event, events.CoolingDown):
                first.stop(1)

        settings = {"store": store, "retry": retry}
        first = prepared(Pages, *starts, observers=[stop], **settings)
        assert first.run().result == "stopped"
        last, before = server.log[-1].time, len(server.log)
        run = crawl(Pages, *starts, **settings)
        assert server.log[before].time - last >= seconds - 0.1
        assert run.stats["pages"] == (20 if retry else 40)

    def test_attempts_are_counted_over_a_resumption(self, page_server: Start, store: str):
        server = page_server({"/a": (500, {"Retry-After": "1"}, b"")})

        def stop(event: object) -> None:
            if isinstance(event, events.Retrying):
                first.stop(1)

        settings = {"store": store, "retry": {"attempts": 2}}
        first = prepared(Pages, f"{server.url}/a", observers=[stop], **settings)
        assert first.run().result == "stopped"
        run = crawl(Pages, f"{server.url}/a", **settings)
        assert (len(server.log), reasons_of_failures(run)) == (2, {"/a": "http-500"})

    def test_cookies_are_remembered(self, page_server: Start, store: str):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if path == "/login":
                return (
                    200,
                    {**HTML, "Set-Cookie": "who=me; Path=/"},
                    b'<a href="/in/1"><a href="/in/2"><a href="/in/3">',
                )
            return (200 if headers.get("Cookie") == "who=me" else 403), HTML, b"x"

        server = page_server(answer)
        settings = {"store": store, "politeness": {"delay": 0.05}}
        stopped_after(1, Follow, f"{server.url}/login", **settings)
        run = crawl(Follow, f"{server.url}/login", **settings)
        assert (paths(server).count("/login"), run.stats["pages"], run.stats["failed"]) == (1, 4, 0)

    def test_start_goes_on_where_it_was(self, page_server: Start, store: str):
        class Numbers(Spider):
            def start(self) -> Any:
                yield {"item": "of start"}
                for number in range(30):
                    yield Request(f"{server.url}/p{number}", dont_filter=True)

            def parse(self, response: Response) -> Any:
                yield {"url": response.url}

        server = page_server(site(30))
        settings = {"store": store, "politeness": {"delay": 0.02}}
        stopped_after(3, Numbers, **settings)
        run = crawl(Numbers, **settings)
        assert (run.stats["pages"], len(run.items), len(server.log)) == (30, 31, 30)

    def test_a_callback_that_outlasts_the_stop_is_no_crash(self, page_server: Start, store: str):
        """Stopped twice while it runs: the page is not taken for one that brings the process down."""
        entered, free = threading.Event(), threading.Event()

        class Slow(Spider):
            def parse(self, response: Response) -> Any:
                entered.set()
                free.wait(10)
                yield {"url": response.url}

        def stop_once_entered(slow: scraper.Crawl) -> None:
            entered.wait(5)
            slow.stop(0.1)

        server = page_server({"/": "x"})
        threads_before = set(threading.enumerate())
        for _ in range(2):
            entered.clear()
            slow = prepared(Slow, server.url, store=store)
            stopper = threading.Thread(target=stop_once_entered, args=(slow,))
            stopper.start()
            assert slow.run().result == "stopped"
            stopper.join()
        free.set()
        for thread in set(threading.enumerate()) - threads_before:
            thread.join(1)
        run = crawl(Slow, server.url, store=store)
        assert (reasons_of_failures(run), run.stats["pages"]) == ({}, 1)

    def test_keyboard_interrupt_drains_and_is_raised_again(self, page_server: Start, store: str):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            threading.Timer(0.15, _thread.interrupt_main).start()
            threading.Event().wait(0.6)
            return 200, HTML, b"x"

        server = page_server(answer)
        # Whoever runs the tests in the background has it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):
            crawl(Pages, f"{server.url}/a", store=store)
        assert paths(server) == ["/a"]
        server.clear_log()
        run = crawl(Pages, f"{server.url}/a", store=store)
        assert (run.id, run.result, run.stats["pages"], paths(server)) == (1, "finished", 1, [])


class TestIdentity:
    @pytest.fixture
    def unfinished(self, page_server: Start, store: str) -> tuple[str, dict[str, Any]]:
        server = page_server(site(20))
        settings = {"store": store, "politeness": {"delay": 0.02}, "args": {"kind": "a"}}
        assert stopped_after(2, Follow, server.url, **settings).result == "stopped"
        return server.url, settings

    def test_other_args(self, unfinished: Any):
        url, settings = unfinished
        with pytest.raises(RunMismatch, match=r"args.*--fresh") as caught:
            crawl(Follow, url, **settings | {"args": {"kind": "b"}})
        assert caught.value.exit_code == 2

    def test_other_start_urls(self, unfinished: Any):
        url, settings = unfinished
        with pytest.raises(RunMismatch, match="start_urls"):
            crawl(Follow, f"{url}/p1", **settings)

    def test_another_spider(self, unfinished: Any):
        class Other(Follow):
            name = Follow.name

        url, settings = unfinished
        with pytest.raises(RunMismatch, match="spider"):
            crawl(Other, url, **settings)

    def test_fresh_gives_it_up(self, unfinished: Any):
        url, settings = unfinished
        run = crawl(Follow, url, fresh=True, **settings | {"args": {"kind": "b"}})
        assert (run.id, run.result, run.stats["pages"]) == (2, "finished", 21)
        with Store.open_existing(Path(settings["store"])) as opened:
            assert [(row.id, row.result) for row in opened.all_runs()] == [(2, "finished"), (1, "abandoned")]

    def test_what_else_differs_is_named_and_holds(self, unfinished: Any):
        url, settings = unfinished
        seen = Seen()
        changed = settings | {"politeness": {"delay": 0}, "limits": {"pages": 5}}
        run = crawl(Follow, url, observers=[seen], **changed)
        assert set(seen.of(events.RunStarted)[0].changed_keys) == {"limits.pages", "politeness.delay"}
        assert run.result == "limit"


class TestFailures:
    def test_a_failure_keeps_what_happened(self, page_server: Start, store: str):
        class Careful(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/gone", errback=self.failed)

            def failed(self, failure: Failure) -> Any:
                yield {"reason": failure.reason}

        server = page_server({})
        run = crawl(Careful, store=store)
        failed = run.failures[0]
        assert (failed.url, failed.status, failed.attempts) == (f"{server.url}/gone", 404, 1)
        assert run.stats["failures"] == {"http-404": 1}
