"""Which addresses may be connected to, how long a connection lasts, and cookies as the store keeps them."""

from __future__ import annotations

import threading
import time
import tracemalloc

import pytest
from requests.cookies import create_cookie

from scraper.errors import PrivateAddress
from scraper.fetch.cookies import LockedJar
from scraper.fetch.transport.guard import Guard, is_public
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.pooled_connection import KeepAlive
from scraper.stats import Reason


class TestGuard:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2001:db8::1",
            "100::1",
        ],
    )
    def test_not_public(self, address: str):
        assert not is_public(address)
        with pytest.raises(PrivateAddress, match=r"network\.allow_private"):
            Guard().check("example.com", address)

    @pytest.mark.parametrize(
        "address",
        ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
    )
    def test_public(self, address: str):
        assert is_public(address)
        assert Guard().check("example.com", address) is None

    def test_what_is_allowed_passes(self):
        assert Guard(allow_private=True).check("localhost", "127.0.0.1") is None

    @pytest.mark.parametrize("host", ["localhost", "a.localhost", "10.0.0.1", "::1"])
    def test_what_was_typed_where_a_proxy_resolves(self, host: str):
        with pytest.raises(PrivateAddress):
            Guard().check_typed(host)

    def test_a_name_behind_a_proxy_cannot_be_looked_at(self):
        assert Guard().check_typed("example.com") is None


class TestKeepAlive:
    def read(self, *values: str | None, closes: bool = False) -> KeepAlive:
        found = KeepAlive()
        for number, value in enumerate(values, start=1):
            found.read(value, will_close=closes, requests=number)
        return found

    @pytest.mark.parametrize(
        ("values", "used_up"),
        [
            ((None,), False),
            (("max=2",), False),
            (("max=2", "max=1"), False),
            (("max=2", "max=1", "max=0"), True),
            (("max=0",), True),
            (("max=2", "max=2"), True),
            (("max=3", "max=3"), False),
            (("timeout=5, max=3", "timeout=5, max=3", "timeout=5, max=3"), True),
            (("max=99", "max=98", None, None), False),
            (("max=many",), False),
        ],
    )
    def test_is_used_up(self, values: tuple[str | None, ...], used_up: bool):
        assert self.read(*values).is_used_up is used_up

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("timeout=5", 5.0),
            ("Timeout = 7, max=1", 7.0),
            ('timeout="9"', 9.0),
            ("max=1", None),
            ("timeout=x", None),
            ("", None),
        ],
    )
    def test_timeout(self, value: str, seconds: float | None):
        assert self.read(value).timeout == seconds

    def test_close_is_remembered(self):
        assert self.read(None, closes=True).closes
        assert not self.read("timeout=5").closes

    def test_a_close_after_one_request_of_one_is_explained(self):
        found = self.read("max=1")
        assert (found.is_used_up, found.may_be_used_up) == (False, True)


class TestLedger:
    def test_a_new_connection_takes_the_oldest_closing_of_its_origin(self):
        ledger = Ledger("example.com")
        opened = [ledger.opened("https://a.example.com", "pool", 0.1, 0.2) for _ in range(2)]
        ledger.closed("https://a.example.com", Reason.IDLE, unused=False)
        ledger.closed("https://a.example.com", Reason.STALE, unused=False)
        opened += [ledger.opened("https://a.example.com", "pool", 0.1, 0.2) for _ in range(3)]
        opened.append(ledger.opened("https://b.example.com", "other pool", 0.1, 0.2))
        assert [one.reason for one in opened] == ["first", "concurrency", "idle", "stale", "concurrency", "first"]
        assert [one.id for one in opened] == [f"example.com#{number}" for number in range(1, 7)]

    def test_figures_are_taken_once(self):
        ledger = Ledger("example.com")
        ledger.opened("https://example.com", "pool", 0.1, 0.2)
        ledger.request("https://example.com", reused=False)
        ledger.request("https://example.com", reused=True)
        ledger.received(10)
        ledger.closed("https://example.com", Reason.IDLE, unused=True)
        taken = ledger.take()
        assert (taken.requests, taken.reused, taken.connections, taken.unused, taken.bytes) == (2, 1, 1, 1, 10)
        assert taken.reasons == {"first": 1}
        assert taken.handshake_seconds == pytest.approx(0.3)
        assert ledger.take().requests == 0

    def test_what_was_saved_is_the_median_handshake_of_each_origin_and_is_corrected(self):
        ledger, fast, slow = Ledger("example.com"), "http://example.com", "https://example.com"
        ledger.opened(fast, fast, 0.5, 0.0)
        ledger.opened(slow, slow, 0.1, 0.2)
        for origin, count in ((fast, 10), (slow, 2)):
            for _ in range(count):
                ledger.request(origin, reused=True)
        assert ledger.take().seconds_saved == pytest.approx(10 * 0.5 + 2 * 0.3)
        for seconds in (0.001, 0.002):
            ledger.opened(fast, fast, seconds, 0.0)
        ledger.request(fast, reused=True)
        assert ledger.take().seconds_saved == pytest.approx(11 * 0.002 - 10 * 0.5)
        assert ledger.take().seconds_saved == 0

    def test_what_the_system_measured_counts_and_not_how_long_this_process_waited(self):
        ledger, origin = Ledger("example.com"), "https://example.com"
        ledger.opened(origin, origin, 5.0, 0.25, round_trip=0.01)
        ledger.request(origin, reused=True)
        taken = ledger.take()
        assert (taken.seconds_saved, taken.handshake_seconds) == (pytest.approx(0.26), pytest.approx(5.25))

    def test_takes_no_more_memory_after_hundreds_of_connections_than_after_some(self):
        ledgers, origin = [Ledger(f"d{number}.example") for number in range(20)], "https://example.com"

        def open_and_close(times: int) -> None:
            for ledger in ledgers:
                for number in range(times):
                    ledger.opened(origin, origin, number / 1000, 0.0)
                    ledger.closed(origin, Reason.ROOM, unused=False)
                ledger.take()

        open_and_close(25)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            open_and_close(300)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        # Of each ledger; the number that it counts with may take some bytes.
        assert grown / len(ledgers) < 300

    def test_the_median_is_that_of_the_newest_handshakes(self):
        ledger, origin = Ledger("example.com"), "https://example.com"
        for seconds in [0.5] * 40 + [0.001] * 25:
            ledger.opened(origin, origin, seconds, 0.0)
        ledger.request(origin, reused=True)
        assert ledger.take().seconds_saved == pytest.approx(0.001)

    def test_another_proxy_is_a_reason(self):
        ledger = Ledger("example.com")
        ledger.opened("https://example.com", "direct", 0, 0)
        assert ledger.opened("https://example.com", "by proxy", 0, 0).reason == "new-tls-or-proxy"


class TestJar:
    def test_comes_back_from_the_store(self):
        jar = LockedJar()
        jar.set_cookie(create_cookie("session", "s", domain="example.com", path="/a", secure=True))
        jar.set_cookie(create_cookie("late", 'é;="', domain="example.com", expires=int(time.time()) + 60))
        jar.set_cookie(create_cookie("only", "http", domain="example.com", rest={"HttpOnly": None}))
        copy = LockedJar()
        copy.load(jar.dump())
        assert [vars(cookie) for cookie in copy] == [vars(cookie) for cookie in jar]
        assert copy.changes == 0

    def test_what_expired_meanwhile_is_left_out(self):
        jar = LockedJar()
        jar.set_cookie(create_cookie("old", "1", domain="example.com", expires=int(time.time()) + 60))
        text = jar.dump().replace(str(next(iter(jar)).expires), str(int(time.time()) - 60))
        copy = LockedJar()
        copy.load(text)
        assert list(copy) == []

    def test_a_change_is_noticed(self):
        jar = LockedJar()
        jar.set_cookie(create_cookie("a", "1", domain="example.com"))
        before = jar.changes
        jar.clear("example.com", "/", "a")
        assert 0 < before < jar.changes

    def test_iterating_while_another_thread_sets_cookies(self):
        jar = LockedJar()
        errors: list[Exception] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                try:
                    jar.dump()
                except Exception as error:
                    errors.append(error)
                    return

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(1_000):
            jar.set_cookie(create_cookie(f"c{number % 40}", str(number), domain=f"d{number % 30}.example.com"))
        done.set()
        reader.join()
        assert errors == []
