"""The ledger against the log of the server: the same requests, the same connections, and a reason for each."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
import trustme

import scraper
from scraper import Request, Spider
from scraper.observe import events
from tests.crawl.crawling import (
    HOST,
    Follow,
    Pages,
    Seen,
    agrees,
    crawl,
    figures,
    paths,
    reasons_of_failures,
    site,
    speak_tls,
)
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import Connection, RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]


def urls_of(server: Any, count: int) -> list[str]:
    return [f"{server.url}/p{number}" for number in range(count)]


class TestReasons:
    def test_first(self, page_server: Start):
        server = page_server(site(5))
        run = crawl(Follow, server.url)
        assert (figures(run)["reasons"], figures(run)["reused"]) == ({"first": 1}, 5)
        assert agrees(run, server)

    def test_concurrency_never_more_than_the_pool(self, page_server: Start):
        busy, most = [0], [0]
        lock, go = threading.Lock(), threading.Event()

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
                if busy[0] == 3:
                    go.set()
            go.wait(2)
            with lock:
                busy[0] -= 1
            return 200, {"Content-Type": "text/html"}, b"<p>"

        server = page_server(answer)
        run = crawl(Pages, *urls_of(server, 20), politeness={"concurrency": 3}, session={"pool": 3})
        assert figures(run)["reasons"] == {"first": 1, "concurrency": 2}
        assert (server.connections, most[0]) == (3, 3)
        assert agrees(run, server)

    def test_closed_by_a_server_that_says_so(self, page_server: Start):
        pages = {f"/p{n}": (200, {"Connection": "close", "Content-Type": "text/html"}, b"") for n in range(3)}
        server = page_server(pages)
        run = crawl(Pages, *urls_of(server, 3))
        assert figures(run)["reasons"] == {"first": 1, "closed-by-server": 2}
        assert agrees(run, server)

    def test_closed_by_a_server_of_http_1_0(self, raw_server: StartRaw):
        server = raw_server(behaviours.http_1_0())
        run = crawl(Pages, *urls_of(server, 3))
        assert (run.stats["pages"], figures(run)["reasons"]) == (3, {"first": 1, "closed-by-server": 2})
        assert agrees(run, server)

    def test_idle_by_our_limit(self, page_server: Start):
        server = page_server(site(2))
        run = crawl(Follow, server.url, session={"idle_expiry": 0.1}, politeness={"delay": 0.3})
        assert figures(run)["reasons"] == {"first": 1, "idle": 2}
        assert agrees(run, server)

    def test_idle_by_the_server_s_word(self, raw_server: StartRaw):
        server = raw_server(behaviours.announces(timeout=1))
        run = crawl(Pages, *urls_of(server, 2), politeness={"delay": 1.1})
        assert figures(run)["reasons"] == {"first": 1, "idle": 1}
        assert agrees(run, server)

    @pytest.mark.parametrize("countdown", [True, False], ids=["what is left", "in all"])
    @pytest.mark.parametrize("maximum", [1, 2, 3])
    def test_max_requests(self, raw_server: StartRaw, maximum: int, countdown: bool):
        server = raw_server(behaviours.announces(timeout=60, maximum=maximum, countdown=countdown))
        run = crawl(Pages, *urls_of(server, 7), politeness={"delay": 0.02})
        connections = -(-7 // maximum)
        assert figures(run)["reasons"] == {"first": 1, "max-requests": connections - 1}
        assert (run.stats["pages"], figures(run)["stale"]) == (7, 0)
        assert agrees(run, server)

    def test_max_age(self, page_server: Start):
        server = page_server(site(3))
        run = crawl(Follow, server.url, session={"max_age": 0.25}, politeness={"delay": 0.15})
        assert figures(run)["reasons"] == {"first": 1, "max-age": 1}
        assert agrees(run, server)

    def test_dropped_without_a_word(self, page_server: Start):
        server = page_server(site(2), idle_timeout=0.1)
        run = crawl(Follow, server.url, politeness={"delay": 0.35})
        assert figures(run)["reasons"] == {"first": 1, "dropped": 2}
        assert (figures(run)["stale"], figures(run)["retries"]) == (0, 0)
        assert agrees(run, server)

    def test_after_error(self, raw_server: StartRaw):
        server = raw_server(behaviours.once(behaviours.reset_in_body(), behaviours.always(behaviours.response())))
        run = crawl(Pages, *urls_of(server, 2))
        assert (run.stats["pages"], figures(run)["retries"]) == (2, 1)
        assert figures(run)["reasons"] == {"first": 1, "after-error": 1}
        assert agrees(run, server)

    def test_unread_body(self, page_server: Start):
        server = page_server({"/p0": "x" * 300_000, "/p1": "y"})
        run = crawl(Pages, *urls_of(server, 2), limits={"body": 1_000})
        assert reasons_of_failures(run) == {"/p0": "body-too-large"}
        assert figures(run)["reasons"] == {"first": 1, "unread-body": 1}
        assert agrees(run, server)

    def test_room_for_another_origin_of_the_domain(self, page_server: Start):
        one, two = page_server(site(1)), page_server(site(1))
        starts = [f"{server.url}/{path}" for path in ("", "p0") for server in (one, two)]
        run = crawl(Pages, *starts, session={"pool": 1})
        sums = figures(run)
        assert sums["reasons"] == {"first": 2, "room": 2}
        assert sums["connections"] == one.connections + two.connections == 4
        assert sums["requests"] == len(one.log) + len(two.log) == 4

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_new_tls(self, page_server: Start):
        authority = trustme.CA()
        server = page_server({"/": "x"})
        base = speak_tls(server, authority)
        with authority.cert_pem.tempfile() as bundle, scraper.Sessions() as web:
            for verify in (bundle, False, bundle, False):
                assert web.get(base, verify=verify).status_code == 200
            sums = web.figures[HOST]
        assert sums.reasons == {"first": 1, "new-tls-or-proxy": 1}
        assert (sums.requests, sums.connections, sums.reused) == (4, server.connections, 2)


class TestStale:
    def test_a_get_is_replayed_once_and_free(self, raw_server: StartRaw):
        server = raw_server(behaviours.stale_after(1))
        run = crawl(Pages, *urls_of(server, 4), retry={"attempts": 1})
        sums = figures(run)
        assert (run.stats["pages"], run.stats["failed"], sums["retries"], sums["stale"]) == (4, 0, 0, 3)
        assert sums["reasons"] == {"first": 1, "stale": 3}
        # What the server read and hung up on is a stale send; the others are requests.
        assert (sums["requests"], sums["connections"]) == (4, server.connections)

    def test_a_second_stale_socket_is_not_taken_for_the_replay(self, raw_server: StartRaw):
        together = threading.Barrier(2)

        def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
            if n_request > 1:
                connection.reset()
                return
            if n_connection <= 2:
                together.wait(2)
            connection.send(behaviours.response())

        server = raw_server(behave)
        settings = {"politeness": {"concurrency": 2}, "retry": {"attempts": 1}}
        run = crawl(Pages, *urls_of(server, 6), **settings)
        assert (run.stats["pages"], run.stats["failed"]) == (6, 0)

    def test_a_post_never_goes_out_twice(self, raw_server: StartRaw):
        class Posts(Spider):
            def start(self) -> Any:
                yield Request(f"{server.url}/a")
                yield Request(f"{server.url}/form", method="POST", data={"a": "1"})

            def parse(self, response: scraper.Response) -> Any:
                yield {"url": response.url}

        server = raw_server(behaviours.stale_after(1))
        run = crawl(Posts)
        assert [record.method for record in server.received] == ["GET", "POST"]
        assert reasons_of_failures(run) == {"/form": "reset"}
        assert (figures(run)["requests"], figures(run)["stale"]) == (1, 1)

    def test_a_stale_replay_keeps_the_delay(self, raw_server: StartRaw):
        server = raw_server(behaviours.stale_after(1))
        crawl(Pages, *urls_of(server, 3), politeness={"delay": 0.2})
        times = [record.time for record in server.received]
        assert min(after - before for before, after in itertools.pairwise(times)) >= 0.195


class TestCounts:
    def test_a_handshake_that_fails_is_an_unused_connection(self, page_server: Start):
        server = page_server({"/": "x"})
        base = speak_tls(server, trustme.CA())
        run = crawl(Pages, base, retry={"attempts": 2})
        assert reasons_of_failures(run) == {"/": "certificate"}
        sums = figures(run)
        assert (sums["requests"], sums["connections"], sums["unused"]) == (0, 1, 1)
        assert (server.connections, server.log) == (1, [])

    def test_robots_retries_and_redirects_are_requests(self, page_server: Start):
        visits: list[str] = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            visits.append(path)
            if path == "/robots.txt":
                return 404, {}, b""
            if path == "/busy" and visits.count(path) < 3:
                return 500, {}, b"busy"
            if path == "/moved":
                return 302, {"Location": "/busy2"}, b"there"
            return 200, {"Content-Type": "text/html"}, b"<p>"

        server = page_server(answer)
        starts = [f"{server.url}/{name}" for name in ("busy", "moved", "plain")]
        run = crawl(Pages, *starts, politeness={"robots": "obey"})
        assert sorted(paths(server)) == ["/busy"] * 3 + ["/busy2", "/moved", "/plain", "/robots.txt"]
        assert (run.stats["pages"], run.stats["redirects"], figures(run)["retries"]) == (3, 1, 2)
        assert (figures(run)["requests"], figures(run)["connections"]) == (7, 1)
        assert agrees(run, server)

    def test_a_timeout_and_a_reset_on_a_fresh_socket_are_requests(self, raw_server: StartRaw):
        server = raw_server(behaviours.once(behaviours.reset_before_headers(), behaviours.hangs()))
        timeout = {"total": 0.4}
        run = crawl(Pages, f"{server.url}/a", session={"timeout": timeout}, retry={"attempts": 2})
        assert reasons_of_failures(run) == {"/a": "timeout"}
        assert (figures(run)["requests"], figures(run)["connections"]) == (2, 2)
        assert agrees(run, server)

    def test_mixed_fates_add_up(self, page_server: Start):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            number = int(path.removeprefix("/p"))
            sent = {"Content-Type": "text/html"} | ({"Connection": "close"} if number % 7 == 0 else {})
            return (404 if number % 5 == 0 else 200), sent, b"x" * (200_000 if number % 11 == 0 else 10)

        server = page_server(answer)
        run = crawl(
            Pages, *urls_of(server, 60), politeness={"concurrency": 4}, session={"pool": 4}, limits={"body": 100_000}
        )
        assert run.stats["pages"] + run.stats["failed"] == 60
        assert sum(figures(run)["reasons"].values()) == figures(run)["connections"]
        assert agrees(run, server)

    def test_every_response_knows_its_connection(self, page_server: Start):
        served = []

        class Look(Follow):
            def parse(self, response: scraper.Response) -> Any:
                served.append(response.connection)
                return super().parse(response)

        seen = Seen()
        server = page_server(site(2))
        crawl(Look, server.url, observers=[seen])
        assert [(one.id, one.reused, one.request_number) for one in served] == [
            ("127.0.0.1#1", False, 1),
            ("127.0.0.1#1", True, 2),
            ("127.0.0.1#1", True, 3),
        ]
        assert served[0].connect_seconds > 0 and served[1].connect_seconds == 0
        assert [event.opening.id for event in seen.of(events.Connected)] == ["127.0.0.1#1"]

    def test_digest_auth_sends_twice_and_both_are_paced(self, page_server: Start):
        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            if "Authorization" in headers:
                return 200, {"Content-Type": "text/html"}, b"in"
            return 401, {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}, b"who?"

        server = page_server(answer)
        auth = f"{__name__}:digest"
        run = crawl(Pages, server.url, origins={server.url: {"auth": auth}}, politeness={"delay": 0.3})
        assert [record.status for record in server.log] == [401, 200]
        assert server.log[1].time - server.log[0].time >= 0.295
        assert (run.stats["pages"], figures(run)["requests"]) == (1, 2)


def digest() -> Any:
    return requests.auth.HTTPDigestAuth("user", "password")
