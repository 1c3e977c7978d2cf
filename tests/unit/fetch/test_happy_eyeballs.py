"""Addresses are tried in turn, each a moment after the one before, and the first that answers is taken."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection
from typing import Any

import pytest

from scraper.fetch.transport.happy_eyeballs import CONNECTION_ATTEMPT_DELAY, Race, connect_first, interleaved
from scraper.fetch.transport.open_files import Shortage
from scraper.fetch.transport.resolver import AddressInfo


def address(host: str) -> AddressInfo:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, socket.SOCK_STREAM, 6, "", (host, 80)


def addresses(text: str) -> list[AddressInfo]:
    return [address(host) for host in text.split()]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("1.1.1.1", "1.1.1.1"),
        ("::1 ::2 ::3 1.1.1.1 2.2.2.2", "::1 1.1.1.1 ::2 2.2.2.2 ::3"),
        ("1.1.1.1 2.2.2.2 ::1", "1.1.1.1 ::1 2.2.2.2"),
        ("1.1.1.1 1.1.1.1 ::1", "1.1.1.1 ::1"),
    ],
)
def test_families_take_turns_and_the_systems_first_is_first(before: str, after: str):
    assert interleaved(addresses(before)) == addresses(after)


REFUSED, UNREACHABLE = ConnectionRefusedError(errno.ECONNREFUSED, "no"), OSError(errno.ENETUNREACH, "no")


class TestRace:
    def test_the_next_begins_after_a_delay(self):
        race = Race(addresses("::1 1.1.1.1"), until=10.0)
        assert race.start(0.0) == address("::1")
        assert race.start(0.0) is None
        assert race.wake_at == CONNECTION_ATTEMPT_DELAY == 0.25
        assert race.start(0.249) is None
        assert race.start(0.25) == address("1.1.1.1")
        assert race.wake_at == 10.0

    def test_the_next_begins_at_once_after_a_failure(self):
        race = Race(addresses("::1 1.1.1.1 ::2"), until=10.0)
        race.start(0.0)
        race.failed(REFUSED)
        assert race.start(0.01) == address("1.1.1.1")
        assert race.start(0.02) is None
        assert race.wake_at == pytest.approx(0.26)

    def test_none_begins_when_the_time_is_up(self):
        race = Race(addresses("::1 1.1.1.1"), until=0.1)
        race.start(0.0)
        assert race.wake_at == 0.1
        assert race.start(0.3) is None

    @pytest.mark.parametrize(
        ("failures", "told"),
        [([REFUSED, UNREACHABLE], REFUSED), ([UNREACHABLE, REFUSED], REFUSED), ([UNREACHABLE] * 2, UNREACHABLE)],
    )
    def test_all_fail_and_the_most_telling_is_told(self, failures: list[OSError], told: OSError):
        race = Race(addresses("::1 1.1.1.1"), until=10.0)
        for failure in failures:
            assert race.lost(0.0) is None
            race.start(0.0)
            race.failed(failure)
        assert race.lost(0.0) is told

    def test_time_is_up_while_one_is_waited_for(self):
        race = Race(addresses("::1 1.1.1.1"), until=1.0)
        race.start(0.0)
        race.failed(UNREACHABLE)
        race.start(0.0)
        assert race.lost(0.9) is None
        assert isinstance(race.lost(1.0), TimeoutError)

    def test_there_is_no_address(self):
        assert "no address" in str(Race([], until=1.0).lost(0.0))


class Net:
    """A network without sockets: hosts that connect after some seconds, or fail with an error."""

    def __init__(self, hosts: dict[str, float | tuple[float, int] | OSError]) -> None:
        self.hosts = hosts
        self.now = 0.0
        #: Hosts to which a way leads.
        self.reachable = {host for host in hosts if ":" not in host}
        self.begun: list[tuple[str, float]] = []
        self.open: list[Line] = []

    def connect(self, text: str, timeout: float = 10.0, **keywords: Any) -> str:
        sock, found = connect_first(
            addresses(text), timeout, wait=self.wait, make=self.make, clock=lambda: self.now, **keywords
        )
        assert self.open == [sock], "one of the others is left open"
        return str(found[4][0])

    def make(self, family: int, kind: int, protocol: int) -> Any:
        return Line(self) if kind == socket.SOCK_STREAM else Probe(self)

    def wait(self, lines: Collection[Any], seconds: float) -> Collection[Any]:
        assert lines
        until = min([self.now + seconds, *(line.at for line in lines)])
        self.now = max(self.now, until)
        return [line for line in lines if line.at <= self.now]


class Line:
    def __init__(self, net: Net) -> None:
        self.net = net
        self.at = float("inf")
        self.error = 0
        self.options: list[Any] = []
        net.open.append(self)

    def setblocking(self, blocks: bool) -> None:
        assert not blocks

    def setsockopt(self, *option: int) -> None:
        self.options.append(option)

    def bind(self, source: Any) -> None:
        if source[0] == "0.0.0.0":
            raise OSError(errno.EADDRNOTAVAIL, "no")

    def connect(self, where: tuple[str, int]) -> None:
        self.net.begun.append((where[0], self.net.now))
        said = self.net.hosts[where[0]]
        if isinstance(said, OSError):
            raise said
        seconds, self.error = said if isinstance(said, tuple) else (said, 0)
        self.at = self.net.now + seconds
        raise BlockingIOError

    def getsockopt(self, *_: int) -> int:
        return self.error

    def close(self) -> None:
        self.net.open.remove(self)


class Probe(Line):
    """Of UDP: it takes no port of TCP."""

    def connect(self, where: tuple[str, int]) -> None:
        if where[0] not in self.net.reachable:
            raise OSError(errno.EADDRNOTAVAIL, "no")


NEVER = float("inf")


class TestConnecting:
    def test_the_first_answers(self):
        net = Net({"::1": 0.1, "1.1.1.1": 0.0})
        assert net.connect("::1 1.1.1.1") == "::1"
        assert net.begun == [("::1", 0.0)]

    def test_the_second_answers_while_the_first_hangs(self):
        net = Net({"::1": NEVER, "1.1.1.1": 0.1})
        assert net.connect("::1 1.1.1.1") == "1.1.1.1"
        assert net.begun == [("::1", 0.0), ("1.1.1.1", 0.25)]

    def test_the_first_answers_late_and_before_the_second(self):
        net = Net({"::1": 0.3, "1.1.1.1": 0.1})
        assert net.connect("::1 1.1.1.1") == "::1"

    @pytest.mark.parametrize("failure", [REFUSED, UNREACHABLE, (0.0, errno.ECONNREFUSED)])
    def test_a_failure_costs_no_time(self, failure: OSError | tuple[float, int]):
        net = Net({"::1": failure, "1.1.1.1": 0.0})
        assert net.connect("::1 1.1.1.1") == "1.1.1.1"
        assert net.now == 0.0

    def test_none_answers(self):
        net = Net({"::1": NEVER, "1.1.1.1": NEVER})
        with pytest.raises(TimeoutError):
            net.connect("::1 1.1.1.1", timeout=3.0)
        assert (net.now, net.open) == (3.0, [])

    def test_all_refuse(self):
        net = Net({"::1": UNREACHABLE, "1.1.1.1": (0.1, errno.ECONNREFUSED)})
        with pytest.raises(ConnectionRefusedError):
            net.connect("::1 1.1.1.1")
        assert not net.open

    def test_without_a_free_port_it_is_our_fault(self):
        net = Net({"1.1.1.1": OSError(errno.EADDRNOTAVAIL, "no"), "1.1.1.2": (0.1, errno.ECONNREFUSED)})
        with pytest.raises(Shortage):
            net.connect("1.1.1.2 1.1.1.1")
        assert not net.open

    def test_without_an_address_of_its_family_there_is_no_way(self):
        net = Net({"::1": OSError(errno.EADDRNOTAVAIL, "no"), "1.1.1.1": (0.1, errno.ECONNREFUSED)})
        with pytest.raises(ConnectionRefusedError):
            net.connect("::1 1.1.1.1")
        with pytest.raises(OSError, match="no") as raised:
            net.connect("::1")
        assert not isinstance(raised.value, Shortage)
        assert not net.open

    @pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS])
    def test_one_that_answers_is_enough_where_there_is_no_room_for_another(self, number: int):
        net = Net({"::1": OSError(number, "no"), "1.1.1.1": 0.1})
        assert net.connect("::1 1.1.1.1") == "1.1.1.1"

    def test_options_and_source_are_set(self):
        net = Net({"1.1.1.1": 0.0})
        net.connect("1.1.1.1", options=[(6, 1, 1)])
        assert net.open[0].options == [(6, 1, 1)]
        with pytest.raises(OSError) as raised:
            Net({"1.1.1.1": 0.0}).connect("1.1.1.1", source_address=("0.0.0.0", 0))
        assert raised.value.errno == errno.EADDRNOTAVAIL

    def test_who_waits_is_interrupted(self, monkeypatch: pytest.MonkeyPatch):
        net = Net({"1.1.1.1": NEVER})

        def interrupt(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(net, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            net.connect("1.1.1.1")
        assert not net.open
