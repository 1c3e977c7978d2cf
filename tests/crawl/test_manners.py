"""robots.txt, the pace of a domain, and the time that a request has."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper import Request
from scraper.observe import events
from tests.crawl.crawling import (
    HOST,
    Follow,
    Pages,
    Seen,
    crawl,
    figures,
    paths,
    reasons_of_failures,
    site,
)
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

pytestmark = pytest.mark.timing

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]
HTML = {"Content-Type": "text/html"}


def to(place: str, status: int = 302, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Location": place, **headers}, b""


def gaps(server: PageServer | RawServer) -> list[float]:
    """Seconds between the arrivals of requests."""
    records = server.log if isinstance(server, PageServer) else server.received
    times = sorted(record.time for record in records)
    return [after - before for before, after in itertools.pairwise(times)]


class TestDeadlines:
    @pytest.mark.parametrize(
        "behaviour",
        [
            behaviours.drips(interval=0.05, head_first=False),
            behaviours.drips(interval=0.1),
            behaviours.hangs(),
            behaviours.endless_continue(interval=0.02),
            behaviours.endless_headers(interval=0.02),
        ],
        ids=["head dripped", "body dripped", "no answer", "100 Continue for ever", "headers for ever"],
    )
    def test_ends_at_the_total(self, raw_server: StartRaw, behaviour: Any):
        server = raw_server(behaviour)
        began = time.monotonic()
        run = crawl(Pages, f"{server.url}/x", session={"timeout": {"total": 0.5}}, retry={"attempts": 1})
        assert reasons_of_failures(run) == {"/x": "timeout"}
        assert 0.45 < time.monotonic() - began < 2.5
        assert (figures(run)["requests"], server.connections) == (1, 1)

    def test_a_read_that_is_not_served_in_time(self, raw_server: StartRaw):
        server = raw_server(behaviours.hangs())
        run = crawl(Pages, f"{server.url}/x", session={"timeout": {"read": 0.2}}, retry={"attempts": 2})
        assert reasons_of_failures(run) == {"/x": "timeout"}
        assert server.connections == 2


class TestRobots:
    def rules(self, text: str, **pages: Any) -> dict[str, Any]:
        found = {"/robots.txt": (200, {"Content-Type": "text/plain"}, text.encode())}
        return found | {f"/{name}": "x" for name in ("open", "closed")} | pages

    def test_obeyed_and_asked_first(self, page_server: Start):
        server = page_server(self.rules("User-agent: *\nDisallow: /closed"))
        run = crawl(Pages, f"{server.url}/closed", f"{server.url}/open", politeness={"robots": "obey"})
        assert paths(server) == ["/robots.txt", "/open"]
        assert (run.stats["pages"], run.stats["failed"], run.stats["refusals"]) == (1, 0, {"robots": 1})

    def test_ignored(self, page_server: Start):
        server = page_server(self.rules("User-agent: *\nDisallow: /"))
        run = crawl(Pages, f"{server.url}/closed", f"{server.url}/open")
        assert (paths(server), run.stats["pages"]) == (["/closed", "/open"], 2)

    def test_our_product_token_is_what_matches(self, page_server: Start):
        server = page_server(self.rules("User-agent: acme\nDisallow: /closed\n\nUser-agent: *\nDisallow: /open"))
        settings = {"user_agent": "acme/2.0 (+https://acme.example)", "politeness": {"robots": "obey"}}
        run = crawl(Pages, f"{server.url}/closed", f"{server.url}/open", **settings)
        assert paths(server) == ["/robots.txt", "/open"]
        assert run.stats["refused"] == 1

    @pytest.mark.parametrize("status", [403, 404])
    def test_4xx_allows(self, page_server: Start, status: int):
        server = page_server(self.rules("") | {"/robots.txt": (status, {}, b"")})
        run = crawl(Pages, f"{server.url}/open", politeness={"robots": "obey"})
        assert (paths(server), run.stats["pages"]) == (["/robots.txt", "/open"], 1)

    @pytest.mark.parametrize("status", [500, 503])
    def test_5xx_refuses_after_its_attempts(self, page_server: Start, status: int):
        server = page_server(self.rules("") | {"/robots.txt": (status, {}, b"")})
        starts = [f"{server.url}/open", f"{server.url}/closed"]
        run = crawl(Pages, *starts, politeness={"robots": "obey"}, retry={"attempts": 2})
        assert paths(server) == ["/robots.txt"] * 2
        assert reasons_of_failures(run) == dict.fromkeys(("/open", "/closed"), "robots-unreachable")

    def test_unreachable_refuses(self, raw_server: StartRaw):
        server = raw_server(behaviours.reset_before_headers())
        run = crawl(Pages, f"{server.url}/open", politeness={"robots": "obey"}, retry={"attempts": 2})
        assert {record.path for record in server.received} == {"/robots.txt"}
        assert reasons_of_failures(run) == {"/open": "robots-unreachable"}

    def test_what_robots_txt_keeps_from_us_reaches_the_errback(self, page_server: Start):
        class Asks(Pages):
            def start(self) -> Any:
                yield Request(f"{server.url}/open", errback="failed")

            def failed(self, failure: scraper.Failure) -> Any:
                yield {"reason": failure.reason}

        server = page_server({"/robots.txt": (500, {}, b"")})
        run = crawl(Asks, politeness={"robots": "obey"}, retry={"attempts": 1})
        assert list(run.items) == [{"reason": "robots-unreachable"}]

    @pytest.mark.parametrize(("status", "kind"), [(200, events.Refused), (500, events.PageFailed)])
    def test_what_it_keeps_from_us_is_told(self, page_server: Start, status: int, kind: type):
        server = page_server(self.rules("") | {"/robots.txt": (status, {}, b"User-agent: *\nDisallow: /")})
        seen = Seen()
        crawl(Pages, f"{server.url}/open", politeness={"robots": "obey"}, retry={"attempts": 1}, observers=[seen])
        assert [event.url for event in seen.of(kind)] == [f"{server.url}/open"]

    def test_a_private_address_names_the_key_that_allows_it(self, page_server: Start):
        server = page_server(self.rules(""))
        run = crawl(Pages, f"{server.url}/open", politeness={"robots": "obey"}, network={"allow_private": False})
        assert "network.allow_private" in run.failures[0].message

    def test_redirects_to_it_are_followed(self, page_server: Start):
        pages = self.rules("") | {
            "/robots.txt": to("/r1"),
            "/r1": to("/r2", 301),
            "/r2": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed"),
        }
        server = page_server(pages)
        run = crawl(Pages, f"{server.url}/closed", f"{server.url}/open", politeness={"robots": "obey"})
        assert paths(server) == ["/robots.txt", "/r1", "/r2", "/open"]
        assert run.stats["refusals"] == {"robots": 1}

    def test_each_origin_has_its_own(self, page_server: Start):
        closed, opened = page_server(self.rules("User-agent: *\nDisallow: /")), page_server(self.rules(""))
        run = crawl(Pages, f"{closed.url}/open", f"{opened.url}/open", politeness={"robots": "obey"})
        assert (paths(closed), paths(opened)) == (["/robots.txt"], ["/robots.txt", "/open"])
        assert figures(run)["requests"] == 3

    def test_crawl_delay_is_kept_when_it_is_the_longer(self, page_server: Start):
        server = page_server(self.rules("User-agent: *\nCrawl-delay: 0.3") | site(2))
        crawl(Follow, server.url, politeness={"robots": "obey"})
        assert len(server.log) == 4
        # robots.txt counts as a request too.
        assert min(gaps(server)) >= 0.295

    def test_crawl_delay_is_followed_up_to_max_delay(self, page_server: Start):
        server = page_server(self.rules("User-agent: *\nCrawl-delay: 1000") | site(2))
        crawl(Follow, server.url, politeness={"robots": "obey", "max_delay": 0.1})
        assert len(server.log) == 4


class TestPace:
    def test_the_delay_is_never_undercut(self, page_server: Start):
        server = page_server(site(19))
        run = crawl(Follow, server.url, politeness={"delay": 0.1, "concurrency": 4})
        assert (run.stats["pages"], len(server.log)) == (20, 20)
        assert min(gaps(server)) >= 0.095
        assert sum(gaps(server)) < 3.0

    def test_answers_slower_than_the_delay_do_not_undercut_it(self, page_server: Start):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            threading.Event().wait(0.13)
            return 200, {**HTML, "Connection": "close"}, b"x"

        server = page_server(answer)
        starts = [f"{server.url}/p{number}" for number in range(15)]
        run = crawl(Pages, *starts, politeness={"delay": 0.06, "concurrency": 4})
        assert run.stats["pages"] == 15
        assert min(gaps(server)) >= 0.055

    @pytest.mark.parametrize("thinking", [0.096, 0.098])
    def test_an_answer_that_comes_while_the_next_is_about_to_go(self, page_server: Start, thinking: float):
        """The end of one request does not free the turn that another has taken and not used yet."""

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            threading.Event().wait(thinking)
            return 200, HTML, b"x"

        server = page_server(answer)
        starts = [f"{server.url}/p{number}" for number in range(8)]
        run = crawl(Pages, *starts, politeness={"delay": 0.1, "concurrency": 4})
        assert run.stats["pages"] == 8
        assert min(gaps(server)) >= 0.095

    def test_jitter_only_lengthens(self, page_server: Start):
        server = page_server(site(7))
        crawl(Follow, server.url, politeness={"delay": 0.1, "jitter": 1})
        found = gaps(server)
        assert min(found) >= 0.095
        assert max(found) > 0.11

    def test_one_domain_s_delay_holds_up_no_other(self, page_server: Start):
        one, two = page_server(site(3)), page_server(site(3))
        base = two.url.replace(HOST, "localhost")
        began = time.monotonic()
        run = crawl(Follow, one.url, base, politeness={"delay": 0.3})
        assert run.stats["pages"] == 8
        assert time.monotonic() - began < 2.0
        assert min(gaps(one) + gaps(two)) >= 0.295


def test_that_robots_txt_is_ignored_is_logged(page_server: Start):
    seen = Seen()
    crawl(Pages, page_server({"/": "x"}).url, observers=[seen])
    assert ["robots.txt of 127.0.0.1" in notice.message for notice in seen.of(events.Notice)] == [True]


def test_eight_429s_at_once_are_one_step(page_server: Start):
    """Eight answers that were on their way together hold the domain once, not eight times as long."""
    together = threading.Barrier(8, timeout=5)
    asked: list[float] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        asked.append(time.monotonic())
        if len(asked) <= 8:
            together.wait()
            return 429, {}, b""
        return 200, HTML, b"x"

    server = page_server(answer)
    starts = [f"{server.url}/p{number}" for number in range(8)]
    run = crawl(Pages, *starts, politeness={"concurrency": 8}, retry={"backoff": 0.5, "max_backoff": 4})
    assert run.stats["pages"] == 8
    # One step of the backoff lies between the eight and the first that came after them; three would be two seconds.
    assert 0.45 <= asked[8] - asked[7] < 1.5
