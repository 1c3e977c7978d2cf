"""One thread waits for all requests of a shard, however long callbacks take; what may block has threads."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

import scraper
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.stream import Stream
from scraper.fetch.transport.waiting import current, pause, wait_until
from scraper.observe import events
from tests.crawl.crawling import Follow, agrees, crawl, prepared, site, speak_tls
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


class Stalling(Follow):
    """Stalls once, in the first of its callbacks but one."""

    began = 0.0
    sent: list[float] = []

    def parse(self, response: scraper.Response) -> Any:
        if response.url.endswith("/p1"):
            type(self).began = time.monotonic()
            time.sleep(2.0)
        yield from super().parse(response)


class Own(requests.Session):
    """A Session of a user's."""


def slow_answers(method: str, path: str, headers: Any, body: bytes) -> Any:
    time.sleep(0.02)
    page = site(40).get(path, "")
    return 200, {"Content-Type": "text/html"}, page.encode()


def test_requests_need_no_threads(page_server: Start) -> None:
    server = page_server(slow_answers)
    run = crawl(Watched, f"{server.url}/", **AT_ONCE)
    assert run.stats["pages"] == 41
    assert Watched.seen == set()  # type: ignore[attr-defined]
    assert agrees(run, server)
    # Many were on their way at once all the same.
    assert 2 <= server.connections <= 8


def noted(method: str, path: str, headers: Any, body: bytes) -> Any:
    Stalling.sent.append(time.monotonic())
    return slow_answers(method, path, headers, body)


def test_a_callback_that_takes_long_holds_no_request_up(page_server: Start) -> None:
    """Its time is not the network's: what was on its way meanwhile does not fail."""
    server = page_server(noted)
    quick = {"timeout": {"connect": "1s", "read": "1s", "total": "1s"}, "pool": 8}
    Stalling.sent = []
    run = crawl(Stalling, f"{server.url}/", retry={"attempts": 1}, **{**AT_ONCE, "session": quick})
    assert (run.stats["pages"], run.stats["failed"]) == (41, 0)
    assert agrees(run, server)
    # What was due went out while the callback was at work.
    assert len([at for at in Stalling.sent if at - Stalling.began < 1.9]) > 8


def test_a_session_of_ones_own_is_served_by_threads(page_server: Start) -> None:
    server = page_server(slow_answers)
    own = {"session": {"pool": 8, "class": f"{__name__}.Own"}}
    run = crawl(Watched, f"{server.url}/", engine={"threads": 3}, **{**AT_ONCE, **own})
    assert run.stats["pages"] == 41
    assert 1 <= len(Watched.seen) <= 3  # type: ignore[attr-defined]
    assert agrees(run, server)


def test_an_observer_may_use_sessions(page_server: Start) -> None:
    server, other = page_server(site(20)), page_server({"/": "<h1>hi</h1>"})
    with scraper.Sessions(concurrency=1) as web:
        asked: list[int] = []

        def look(event: Any) -> None:
            if isinstance(event, events.Fetched):
                asked.append(web.get(f"{other.url}/").status_code)

        run = crawl(Follow, f"{server.url}/", observers=[look], **AT_ONCE)
    assert run.stats["pages"] == 21
    assert asked == [200] * len(other.log) and len(asked) >= 21


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


# The loop itself -----------------------------------------------------------------------------------------


@pytest.fixture
def loop() -> Iterator[Any]:
    made = greenlets.GreenletLoop()
    yield made
    made.close()


def turn(loop: Any, seconds: float) -> None:
    loop.continue_all(loop.wait_for_any(seconds))


def run_to_end(loop: Any, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while loop.running and time.monotonic() < until:
        turn(loop, 0.05)
    assert loop.running == 0


def test_pauses_end_in_their_order(loop: Any) -> None:
    ended: list[float] = []
    for seconds in (0.03, 0.01, 0.02):
        loop.start(lambda seconds=seconds: (pause(seconds), ended.append(seconds)))
    run_to_end(loop)
    assert ended == [0.01, 0.02, 0.03]
    assert current.loop is None


def test_a_stream_waits_aside_and_as_usual_afterwards(loop: Any) -> None:
    one, other = socket.socketpair()
    one.setblocking(False)
    stream = Stream(one)
    stream.deadline = Deadline(10.0)
    got: list[bytes] = []

    def talk() -> None:
        stream.send(b"x" * 1_000_000, 5.0)
        got.append(stream.receive(5.0))

    loop.start(talk)
    rest = 1_000_000
    while rest:
        turn(loop, 0.01)
        rest -= len(other.recv(65_536))
    turn(loop, 0.05)
    assert got == []
    other.sendall(b"hello")
    run_to_end(loop)
    assert got == [b"hello"]
    threading.Timer(0.05, other.sendall, (b"again",)).start()
    assert stream.receive(5.0) == b"again"
    with pytest.raises(TimeoutError):
        stream.receive(0.05)
    other.close()
    assert stream.receive(5.0) == b""
    stream.close()


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


def test_pauses_can_be_ended(loop: Any) -> None:
    loop.start(lambda: pause(60))
    with pytest.raises(TimeoutError):
        loop.end_pauses()
    assert loop.running == 0


def test_a_loop_is_woken_from_any_thread_and_never_after_its_end() -> None:
    """Its descriptor is another's then: a write to it would get into somebody's file."""
    made = greenlets.GreenletLoop()
    began = time.monotonic()
    threading.Timer(0.05, made.wake).start()
    turn(made, 10.0)
    assert time.monotonic() - began < 5
    made.wake()
    turn(made, 10.0)
    assert time.monotonic() - began < 5
    made.close()
    one, other = socket.socketpair()
    made.wake()
    for each in (one, other):
        each.setblocking(False)
        with pytest.raises(BlockingIOError):
            each.recv(8)
    one.close()
    other.close()
