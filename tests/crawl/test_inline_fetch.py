"""The parse thread fetches as well while callbacks are quick, and hands it over while they take long."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import scraper
from scraper.engine import inline_fetch
from scraper.engine.inline_fetch import can_fetch_inline
from scraper.fetch.transport.cooperative_sockets import PlainSocket, current, pause, wait_until
from tests.crawl.crawling import SETTINGS, Follow, Pages, agrees, crawl, prepared, site, speak_tls
from tests.servers.keepalive import PageServer

greenlets = pytest.importorskip("scraper.fetch.transport.event_loop", reason="greenlet is not installed")
pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll")

Start = Callable[..., PageServer]
AT_ONCE = {"politeness": {"concurrency": 8}, "session": {"pool": 8}}


def fetch_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("fetch-")}


class Watched(Follow):
    """Notes which threads fetch while it is called."""

    wait = 0.0

    def __init__(self) -> None:
        super().__init__()
        type(self).seen = set()  # type: ignore[attr-defined]

    def parse(self, response: scraper.Response) -> Any:
        time.sleep(self.wait)
        self.seen |= fetch_threads()  # type: ignore[attr-defined]
        yield from super().parse(response)


class Slow(Watched):
    wait = 0.05


def slow_answers(method: str, path: str, headers: Any, body: bytes) -> Any:
    time.sleep(0.02)
    page = site(40).get(path, "")
    return 200, {"Content-Type": "text/html"}, page.encode()


def test_quick_callbacks_need_no_threads_that_fetch(page_server: Start) -> None:
    server = page_server(slow_answers)
    run = crawl(Watched, f"{server.url}/", **AT_ONCE)
    assert run.stats["pages"] == 41
    assert Watched.seen == set()  # type: ignore[attr-defined]
    assert agrees(run, server)
    # Many were on their way at once all the same.
    assert 2 <= server.connections <= 8


def test_slow_callbacks_have_the_threads_fetch(page_server: Start) -> None:
    server = page_server(site(60))
    run = crawl(Slow, f"{server.url}/", **AT_ONCE)
    assert run.stats["pages"] == 61
    assert Slow.seen  # type: ignore[attr-defined]
    assert agrees(run, server)


def test_the_same_over_tls(page_server: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    server = page_server(slow_answers)
    url = speak_tls(server, authority)
    run = crawl(Watched, f"{url}/", **{**AT_ONCE, "session": {"pool": 8, "verify": str(bundle)}})
    assert (run.stats["pages"], run.stats["failed"]) == (41, 0)
    assert Watched.seen == set()  # type: ignore[attr-defined]
    assert agrees(run, server)


def test_a_server_that_never_answers_holds_up_no_other(raw_server: Callable[..., Any], page_server: Start) -> None:
    from tests.servers import behaviours

    hanging, healthy = raw_server(behaviours.hangs()), page_server(site(30))
    healthy_url = healthy.url.replace("127.0.0.1", "localhost")
    began = time.monotonic()
    run = crawl(
        Watched,
        f"{hanging.url}/x",
        f"{healthy_url}/",
        session={"timeout": {"read": "500ms", "total": "1s"}},
        retry={"attempts": 1},
    )
    assert time.monotonic() - began < 5
    assert (run.stats["pages"], run.stats["failed"]) == (31, 1)
    assert run.failures[0].reason == "timeout"
    assert agrees(run, healthy) or run.stats["domains"]["localhost"]["requests"] == len(healthy.log)


def test_a_stop_in_the_middle_is_gone_on_with(page_server: Start, tmp_path: Path) -> None:
    server = page_server(slow_answers)
    store = {"store": str(tmp_path / "s.db")}
    begun = prepared(Follow, f"{server.url}/", **store, **AT_ONCE)
    threading.Timer(0.15, begun.stop).start()
    first = begun.run()
    second = crawl(Follow, f"{server.url}/", **store, **AT_ONCE)
    urls = [item["url"] for item in second.items]
    assert second.result == "finished"
    assert first.id == second.id or first.result == "finished"
    assert len(urls) == len(set(urls)) == 41


@pytest.mark.parametrize(
    ("settings", "aside"),
    [
        ({}, True),
        ({"politeness": {"delay": "1s"}}, False),
        ({"domains": {"example.com": {"politeness": {"delay": "1s"}}}}, False),
        ({"session": {"proxies": {"http": "http://127.0.0.1:3128"}}}, False),
        ({"origins": {"https://example.com": {"auth": {"basic": ["u", "p"]}}}}, False),
        ({"origins": {"https://example.com": {"headers": {"X-Key": "1"}}}}, True),
    ],
)
def test_what_may_wait_elsewhere_is_fetched_by_threads(
    settings: dict[str, Any], aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline_fetch, "getproxies", dict)
    from tests.crawl.crawling import merged

    loaded = prepared(Pages, "http://example.com/", **merged(SETTINGS, settings))._loaded
    assert can_fetch_inline(loaded.config) is aside


# The loop itself -----------------------------------------------------------------------------------------


@pytest.fixture
def loop() -> Iterator[Any]:
    made = greenlets.GreenletLoop()
    yield made
    made.close()


def run_to_end(loop: Any, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while loop.running and time.monotonic() < until:
        loop.turn(0.05)
    assert loop.running == 0


def test_pauses_end_in_their_order(loop: Any) -> None:
    ended: list[float] = []
    for seconds in (0.03, 0.01, 0.02):
        loop.start(lambda seconds=seconds: (pause(seconds), ended.append(seconds)))
    run_to_end(loop)
    assert ended == [0.01, 0.02, 0.03]
    assert current.loop is None


def test_a_socket_waits_aside_and_as_usual_afterwards(loop: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    sock = PlainSocket()
    sock.settimeout(5.0)
    got: list[bytes] = []

    def talk() -> None:
        sock.connect(listener.getsockname())
        sock.sendall(b"x" * 1_000_000)
        got.append(sock.recv(10))

    loop.start(talk)
    other, _ = listener.accept()
    rest = 1_000_000
    while rest:
        loop.turn(0.01)
        rest -= len(other.recv(65_536))
    loop.turn(0.05)
    assert got == [] and sock.gettimeout() == 5.0
    other.sendall(b"hello")
    run_to_end(loop)
    assert got == [b"hello"]
    threading.Timer(0.05, other.sendall, (b"again",)).start()
    assert sock.recv(10) == b"again"
    sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        sock.recv(10)
    for each in (sock, other, listener):
        each.close()


def test_a_wait_that_takes_too_long_ends(loop: Any) -> None:
    one, other = socket.socketpair()
    ended: list[bool] = []
    loop.start(lambda: ended.append(loop.wait(one.fileno(), write=False, seconds=0.05)))
    run_to_end(loop)
    assert ended == [False]
    loop.start(lambda: ended.append(loop.wait(one.fileno(), write=False, seconds=5)))
    other.send(b"x")
    run_to_end(loop)
    assert ended == [False, True]
    one.close()
    other.close()


def test_what_work_raises_is_raised_where_it_went_on(loop: Any) -> None:
    def fail() -> None:
        pause(0.0)
        raise KeyError("x")

    loop.start(fail)
    with pytest.raises(KeyError):
        run_to_end(loop)
    assert loop.running == 0 and current.loop is None


def test_waiting_for_something_lets_others_go_on(loop: Any) -> None:
    done = threading.Event()
    ended: list[bool] = []
    loop.start(lambda: ended.append(wait_until(done.is_set, 5)))
    loop.start(lambda: ended.append(wait_until(done.is_set, 0.01)))
    loop.start(lambda: (pause(0.05), done.set()))
    run_to_end(loop)
    assert sorted(ended) == [False, True]
    assert wait_until(done.is_set, 0.0)
