"""Names are asked for once at a time, remembered for a while, and not held up by names that hang."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from scraper.fetch.transport.resolver import Question, Resolver

#: Seconds within which a thread that is not held up answers.
SOON = 5.0


class Names:
    """Stands for getaddrinfo: names with "hang" in them get no answer before `release`."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        self.threads: set[threading.Thread] = set()
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._begun = threading.Condition(self._lock)

    def getaddrinfo(self, host: str, port: int, *, type: int, flags: int) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            return socket_addresses(host, port) if host in ("192.0.2.1", "::1") else self.fail(socket.EAI_NONAME)
        with self._begun:
            self.asked[host] += 1
            self.threads.add(threading.current_thread())
            self._begun.notify_all()
        if "hang" in host:
            self.release.wait()
        answer = self.answers.get(host, "192.0.2.7")
        if isinstance(answer, Exception):
            raise answer
        return socket_addresses(answer, port)

    def fail(self, number: int) -> Any:
        raise socket.gaierror(number, "no")

    def until_asked(self, times: int) -> None:
        """Wait until so many look-ups have begun."""
        with self._begun:
            assert self._begun.wait_for(lambda: self.asked.total() >= times, SOON)


def socket_addresses(host: str, port: int) -> list[Any]:
    if ":" in host:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.release.set()


@pytest.fixture
def resolver(names: Names, clock: Clock) -> Resolver:
    return Resolver(names.getaddrinfo, clock, idle=1.0)


def answered(question: Question) -> Question:
    """Wait for the answer."""
    event = threading.Event()
    question.add_done_callback(lambda _: event.set())
    assert event.wait(SOON), f"{question.host} is not answered"
    return question


def test_a_name_and_its_port(resolver: Resolver):
    assert resolver.resolve("a.test", 80, SOON) == socket_addresses("192.0.2.7", 80)


@pytest.mark.parametrize("address", ["192.0.2.1", "::1"])
def test_a_numeric_address_takes_no_thread(resolver: Resolver, names: Names, address: str):
    question = resolver.ask(address, 443)
    assert question.done
    assert question.result() == socket_addresses(address, 443)
    assert not names.asked


def test_a_name_that_ends_in_a_digit_is_looked_up(resolver: Resolver):
    assert resolver.resolve("web1", 80, SOON) == socket_addresses("192.0.2.7", 80)


class TestSharing:
    def test_those_who_ask_at_once_share_a_look_up(self, resolver: Resolver, names: Names):
        questions = [
            resolver.ask(host, port) for host, port in [("Hang.test", 80), ("hang.test", 80), ("hang.test", 443)]
        ]
        names.release.set()
        assert [answered(each).result() for each in questions] == [
            socket_addresses("192.0.2.7", port) for port in (80, 80, 443)
        ]
        assert names.asked == {"hang.test": 1}

    def test_a_name_that_hangs_has_one_thread_however_often_it_is_asked_for(self, resolver: Resolver, names: Names):
        for _ in range(5):
            with pytest.raises(TimeoutError, match=r"hang\.test was not resolved within 0 s"):
                resolver.resolve("hang.test", 80, 0.0)
        question = resolver.ask("hang.test", 80)
        names.release.set()
        answered(question)
        assert names.asked == {"hang.test": 1}

    def test_nobody_is_told_what_he_no_longer_wants_to_know(self, resolver: Resolver, names: Names):
        told: list[Question] = []
        first, second = resolver.ask("hang.test", 80), resolver.ask("hang.test", 80)
        for question in (first, second):
            question.add_done_callback(told.append)
        first.forget()
        names.release.set()
        answered(second)
        assert told == [second]

    def test_a_callback_that_raises_hurts_nobody_else(self, resolver: Resolver, names: Names):
        first, second = resolver.ask("hang.test", 80), resolver.ask("hang.test", 80)
        first.add_done_callback(lambda _: 1 / 0)
        names.release.set()
        answered(second)
        assert resolver.resolve("a.test", 80, SOON)


class TestMemory:
    def test_addresses_are_used_again_for_a_minute(self, resolver: Resolver, names: Names, clock: Clock):
        names.answers["a.test"] = "2001:db8::1"
        resolver.resolve("a.test", 80, SOON)
        names.answers["a.test"] = "192.0.2.9"
        clock.now += 59
        question = resolver.ask("A.test", 443)
        assert question.done
        assert question.result() == socket_addresses("2001:db8::1", 443)
        clock.now += 2
        assert resolver.resolve("a.test", 443, SOON) == socket_addresses("192.0.2.9", 443)

    @pytest.mark.parametrize(
        ("number", "seconds"), [(socket.EAI_NONAME, 5), (socket.EAI_AGAIN, 1), (socket.EAI_SYSTEM, 0)]
    )
    def test_failures_are_remembered_for_seconds(
        self, resolver: Resolver, names: Names, clock: Clock, number: int, seconds: int
    ):
        names.answers["a.test"] = socket.gaierror(number, "no")
        for later in (0, seconds - 0.5, 1):
            clock.now += max(0, later)
            with pytest.raises(socket.gaierror) as raised:
                resolver.resolve("a.test", 80, SOON)
            assert raised.value.errno == number
        assert names.asked["a.test"] == (2 if seconds else 3)

    def test_what_cannot_be_connected_to_is_looked_up_again(self, resolver: Resolver, names: Names):
        resolver.resolve("a.test", 80, SOON)
        resolver.discard("A.test")
        resolver.resolve("a.test", 80, SOON)
        assert names.asked["a.test"] == 2

    def test_it_is_bounded(self, resolver: Resolver, names: Names):
        for number in range(4097):
            resolver.resolve(f"{number}.test", 80, SOON)
        for number in (4096, 0):
            resolver.resolve(f"{number}.test", 80, SOON)
        assert (names.asked["4096.test"], names.asked["0.test"]) == (1, 2)

    @pytest.mark.parametrize("error", [UnicodeError("label too long"), ValueError("embedded null byte")])
    def test_what_cannot_be_a_name_fails_as_one_that_does_not_exist(
        self, resolver: Resolver, names: Names, error: Exception
    ):
        names.answers["a..test"] = error
        with pytest.raises(socket.gaierror, match=str(error)):
            resolver.resolve("a..test", 80, SOON)


class TestHanging:
    def test_sixty_names_hold_up_nobody(self, resolver: Resolver):
        for number in range(60):
            resolver.ask(f"hang{number}.test", 80)
        for number in range(20):
            assert resolver.resolve(f"{number}.test", 80, SOON)

    def test_more_than_begin_at_once_hold_others_up_for_a_moment(
        self, resolver: Resolver, names: Names, clock: Clock
    ):
        for number in range(100):
            resolver.ask(f"hang{number}.test", 80)
        names.until_asked(64)
        healthy = resolver.ask("a.test", 80)
        assert not healthy.done
        clock.now += 0.3
        answered(healthy)

    def test_what_nobody_waits_for_any_more_is_not_looked_up(self, resolver: Resolver, names: Names, clock: Clock):
        for number in range(64):
            resolver.ask(f"hang{number}.test", 80)
        names.until_asked(64)
        one, other, third = (resolver.ask(host, 80) for host in ("gone.test", "a.test", "a.test"))
        one.forget()
        other.forget()
        names.release.set()
        answered(third)
        assert (names.asked["gone.test"], names.asked["a.test"]) == (0, 1)
        assert resolver.resolve("gone.test", 80, SOON)

    def test_names_seen_hanging_leave_room_for_others(self, resolver: Resolver, names: Names, clock: Clock):
        hosts = [f"hang{number}.test" for number in range(200)]
        questions = [resolver.ask(host, 80) for host in hosts]
        for begun in (64, 128, 192, 200):
            names.until_asked(begun)
            clock.now += 2
        again = [resolver.ask(host, 80) for host in hosts]
        for question in questions:
            question.forget()
        names.release.set()
        for question in again:
            answered(question)

        names.release.clear()
        names.asked.clear()
        clock.now += 100
        for host in hosts:
            resolver.ask(host, 80)
        names.until_asked(64)
        clock.now += 1
        assert resolver.resolve("a.test", 80, SOON)
        assert names.asked.total() == 65

    def test_it_recovers(self, resolver: Resolver, names: Names, clock: Clock):
        questions = [resolver.ask(f"hang{number}.test", 80) for number in range(300)]
        names.release.set()
        assert all(answered(question).result() for question in questions)


class TestThreads:
    def test_idle_ones_end(self, names: Names):
        Resolver(names.getaddrinfo, idle=0.0).resolve("a.test", 80, SOON)
        for thread in names.threads:
            thread.join(SOON)
            assert not thread.is_alive()

    def test_one_that_hangs_while_the_others_have_ended_holds_up_nobody(self, names: Names):
        resolver = Resolver(names.getaddrinfo, idle=0.0)
        for number in range(5):
            resolver.ask(f"hang{number}.test", 80)
            assert resolver.resolve(f"{number}.test", 80, SOON)

    def test_none_can_be_started(self, resolver: Resolver, monkeypatch: pytest.MonkeyPatch):
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(OSError, match="can't start new thread"):
                resolver.resolve("a.test", 80, SOON)
        assert resolver.resolve("a.test", 80, SOON)

    def test_a_forked_process_begins_with_none(self, resolver: Resolver, names: Names):
        resolver.ask("hang.test", 80)
        names.until_asked(1)
        resolver.reset()
        assert resolver.resolve("a.test", 80, SOON)
