"""One thread waits for all requests of a shard, however long callbacks take; what may block has threads."""

from __future__ import annotations

import os
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

import scraper
from scraper.fetch.transport import readiness
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.event_loop import GreenletLoop
from scraper.fetch.transport.stream import Stream
from scraper.fetch.transport.waiting import current, pause, signal
from scraper.observe import events
from tests.crawl.crawling import Follow, agrees, crawl, prepared, site, speak_tls
from tests.servers.keepalive import PageServer

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


# The loop itself, on what each system has ----------------------------------------------------------------


@pytest.fixture(params=["its own", selectors.DefaultSelector, selectors.PollSelector, selectors.SelectSelector])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that has what this one has, or no epoll and no eventfd but another way to learn what is ready."""
    if request.param != "its own":
        monkeypatch.delattr(select, "epoll", raising=False)
        monkeypatch.delattr(os, "eventfd", raising=False)
        monkeypatch.setattr(selectors, "DefaultSelector", request.param)
    return request.param


@pytest.fixture
def loop(system: Any) -> Iterator[Any]:
    made = GreenletLoop()
    yield made
    made.close()


def test_a_system_without_epoll_and_eventfd_crawls_as_well(system: Any, page_server: Start) -> None:
    server = page_server(slow_answers)
    run = crawl(Watched, f"{server.url}/", **AT_ONCE)
    assert (run.stats["pages"], run.stats["failed"]) == (41, 0)
    assert Watched.seen == set()  # type: ignore[attr-defined]
    assert agrees(run, server)
    assert 2 <= server.connections <= 8


def turn(loop: Any, seconds: float) -> None:
    loop.continue_all(loop.wait_for_any(seconds))


def run_to_end(loop: Any, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while loop.running and time.monotonic() < until:
        turn(loop, 0.05)
    assert loop.running == 0


def test_pauses_end_in_their_order(loop: Any) -> None:
    ended: list[float] = []
    for seconds in (0.15, 0.05, 0.1):
        loop.start(lambda seconds=seconds: (pause(seconds), ended.append(seconds)))
    run_to_end(loop)
    assert ended == [0.05, 0.1, 0.15]
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


def test_waiting_for_another_thread_lets_others_go_on(loop: Any) -> None:
    told: list[Any] = []
    ended: list[bool] = []

    def wait(seconds: float) -> None:
        told.append(signal())
        ended.append(told[-1].wait(seconds))

    loop.start(lambda: wait(5.0))
    loop.start(lambda: wait(0.01))
    began = time.monotonic()
    threading.Timer(0.05, told[0].set).start()
    run_to_end(loop)
    assert sorted(ended) == [False, True]
    assert time.monotonic() - began < 2
    told[1].set()
    turn(loop, 0.0)
    loop.start(lambda: ended.append(told[0].wait(0.0)))
    assert ended[-1] is True


def test_what_waits_for_another_thread_can_be_ended(loop: Any) -> None:
    loop.start(lambda: signal().wait(60.0) and None)
    with pytest.raises(TimeoutError):
        loop.end_pauses()
    assert loop.running == 0


def test_a_socket_that_was_waited_for_in_vain_may_be_closed(loop: Any) -> None:
    """Its number is another's then, which is waited for like any."""
    ended: list[bool] = []

    def wait(sock: socket.socket, seconds: float) -> None:
        ended.append(loop.wait(sock.fileno(), write=False, seconds=seconds))

    for _ in range(2):
        one, other = socket.socketpair()
        loop.start(partial(wait, one, 0.01))
        run_to_end(loop)
        loop.start(partial(wait, one, 5.0))
        other.send(b"x")
        run_to_end(loop)
        one.close()
        other.close()
        turn(loop, 0.0)
    assert ended == [False, True] * 2


def test_pauses_can_be_ended(loop: Any) -> None:
    loop.start(lambda: pause(60))
    with pytest.raises(TimeoutError):
        loop.end_pauses()
    assert loop.running == 0


def test_a_loop_is_woken_from_any_thread(loop: Any) -> None:
    began = time.monotonic()
    threading.Timer(0.05, loop.wake).start()
    turn(loop, 10.0)
    loop.wake()
    turn(loop, 10.0)
    threading.Timer(0.05, loop.wake).start()
    turn(loop, 10.0)
    assert 0.05 < time.monotonic() - began < 5


# What is handed to other threads is never used after its end ---------------------------------------------


def test_no_wake_comes_after_the_loop_ends(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of its descriptor is another's then: what is written to it would get into somebody's file.

    The thread that wakes is held up between its look and its write, while the loop ends and others open descriptors.
    """
    kind = type(readiness.Waker()._ends)
    write = kind.write
    is_looking = threading.Event()

    def write_late(ends: Any) -> None:
        is_looking.set()
        time.sleep(0.06)
        write(ends)

    monkeypatch.setattr(kind, "write", write_late)
    errors: list[BaseException] = []

    def wake(loop: GreenletLoop) -> None:
        try:
            is_looking.wait(0.01)
            loop.wake()
            loop.wake()
        except BaseException as error:
            errors.append(error)

    for _ in range(5):
        made = GreenletLoop()
        waking = threading.Thread(target=wake, args=(made,))
        waking.start()
        is_looking.clear()
        made.wait_for_any(0.03)
        made.close()
        pairs = [socket.socketpair() for _ in range(4)]
        waking.join()
        made.wake()
        ends = [each for pair in pairs for each in pair]
        for each in ends:
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(8)
        for each in ends:
            each.close()
    assert errors == []


def test_a_deadline_shuts_no_socket_down_that_serves_another_request() -> None:
    one, other = socket.socketpair()
    ended, next_one = Deadline(0.0), Deadline(10.0)
    ended.watch(one, keeps_time=True)
    ended.forget(one)
    next_one.watch(one, keeps_time=True)
    ended.expire()
    other.send(b"hello")
    assert one.recv(8) == b"hello"
    next_one.forget(other)
    next_one.expire()
    assert other.recv(8) == b""
    one.close()
    other.close()


def test_no_socket_is_closed_while_a_deadline_shuts_it_down(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = socket.socketpair()
    numbers: list[int] = []
    begins = threading.Event()

    def shut_late(sock: socket.socket, how: int) -> None:
        begins.set()
        time.sleep(0.06)
        numbers.append(sock.fileno())

    monkeypatch.setattr(socket.socket, "shutdown", shut_late, raising=False)
    stream = Stream(one)
    stream.deadline = Deadline(0.0)
    stream.deadline.watch(one, keeps_time=True)
    shutting = threading.Thread(target=stream.deadline.expire)
    shutting.start()
    begins.wait(5.0)
    stream.close()
    shutting.join()
    other.close()
    assert len(numbers) == 1 and numbers[0] >= 0
