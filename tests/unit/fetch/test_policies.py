"""Retrying, waiting and pace as values: no sleep, no socket."""

from __future__ import annotations

import email.utils
import http.client
import random
import ssl

import pytest
import requests
import urllib3.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.config import RetryConfig
from scraper.errors import BodyTooLarge
from scraper.fetch.politeness import CoolDown, Pace
from scraper.fetch.retry import RetryPolicy, asked_wait, failure_of, retry_after

NOW = 1_800_000_000.0


def policy(**settings: object) -> RetryPolicy:
    return RetryPolicy(RetryConfig.model_validate({"backoff": 1, "max_backoff": 60} | settings))


class TestRetryPolicy:
    @pytest.mark.parametrize("attempts", [1, 2, 4])
    def test_attempts_count_the_first(self, attempts: int):
        verdicts = [policy(attempts=attempts).judge("reset", attempt).again for attempt in range(1, attempts + 2)]
        assert verdicts == [True] * (attempts - 1) + [False, False]

    @pytest.mark.parametrize(
        "reason", ["dns", "connect", "tls", "timeout", "reset", "truncated", "http-503", "retry"]
    )
    def test_what_may_be_gone_next_time(self, reason: str):
        assert policy().judge(reason, 1).again

    @pytest.mark.parametrize(
        "reason", ["certificate", "body-too-large", "private-address", "bad-http", "bad-url", "http-404", "http-501"]
    )
    def test_what_stays(self, reason: str):
        assert policy().judge(reason, 1) == policy().judge(reason, 99)
        assert not policy().judge(reason, 1).again

    def test_statuses_are_the_configured_ones(self):
        only = policy(statuses=[418])
        assert (only.judge("http-418", 1).again, only.judge("http-503", 1).again) == (True, False)

    @pytest.mark.parametrize(
        ("reason", "again"), [("timeout", False), ("http-503", False), ("connect", True), ("dns", True)]
    )
    def test_what_must_not_be_repeated_goes_again_only_where_it_was_not_sent(self, reason: str, again: bool):
        assert policy().judge(reason, 1, repeatable=False).again is again

    def test_full_jitter_up_to_the_doubled_backoff(self):
        random.seed(1)
        waits = [policy(attempts=9, max_backoff=5).judge("reset", 3).wait for _ in range(400)]
        assert all(wait is not None and 0 <= wait <= 4 for wait in waits)
        assert max(filter(None, waits)) > 3.5 and min(filter(None, waits)) < 0.5
        late = [policy(attempts=9, max_backoff=5).judge("reset", 8).wait for _ in range(400)]
        assert 4.5 < max(filter(None, late)) <= 5

    def test_no_backoff_is_no_wait(self):
        assert policy(backoff=0).judge("reset", 2).wait == 0

    def test_what_the_server_asks_is_the_least_up_to_max_wait(self):
        some = policy(max_wait=100)
        assert some.judge("http-429", 1, asked_wait=100).wait == 100
        verdict = some.judge("http-429", 1, asked_wait=100.5)
        assert (verdict.again, verdict.reason) == (False, "wait-too-long")

    def test_the_last_attempt_fails_by_its_own_reason(self):
        assert policy(attempts=2).judge("http-429", 2, asked_wait=10**9).reason == "http-429"


class TestRetryAfter:
    @pytest.mark.parametrize("ahead", [-3600, 0, 3600])
    def test_a_date_counts_from_that_of_the_answer_whatever_our_clock_says(self, ahead: int):
        headers = {"Retry-After": email.utils.formatdate(NOW + 90, usegmt=True)}
        headers["Date"] = email.utils.formatdate(NOW, usegmt=True)
        assert asked_wait(headers, NOW + ahead) == 90
        assert asked_wait({**headers, "Date": "soon"}, NOW + 60) == 30
        assert asked_wait({"Retry-After": "7", "Date": headers["Date"]}, NOW + ahead) == 7
        assert asked_wait({"Date": headers["Date"]}, NOW) is None

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("120", 120.0),
            (" 5 ", 5.0),
            ("0", 0.0),
            ("31536000", 31_536_000.0),
            (None, None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("1e3", None),
            ("9" * 40, None),
            ("Mon, 99 Foo 2020 00:00:00 GMT", None),
        ],
    )
    def test_seconds_and_garbage(self, value: str | None, seconds: float | None):
        assert retry_after(value, NOW) == seconds

    @pytest.mark.parametrize(("ahead", "seconds"), [(90, 90.0), (0, 0.0), (-3_600, 0.0)])
    def test_dates(self, ahead: int, seconds: float):
        assert retry_after(email.utils.formatdate(NOW + ahead, usegmt=True), NOW) == seconds

    def test_the_two_older_forms_of_dates(self):
        # RFC 9110 section 5.6.7: a recipient must understand all three.
        at = 784_111_777.0
        assert retry_after("Sunday, 06-Nov-94 08:49:37 GMT", at - 60) == 60
        assert retry_after("Sun Nov  6 08:49:37 1994", at - 60) == 60

    @given(st.text(max_size=40))
    def test_nothing_that_a_server_writes_raises(self, value: str):
        found = retry_after(value, NOW)
        assert found is None or found >= 0


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (requests.exceptions.ReadTimeout(), "network"),
            (
                requests.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError(104, "r"))),
                "reset",
            ),
            (
                requests.ConnectionError(urllib3.exceptions.ProtocolError("x", http.client.RemoteDisconnected("r"))),
                "reset",
            ),
            (requests.exceptions.SSLError(ssl.SSLCertVerificationError("bad certificate")), "certificate"),
            (requests.exceptions.SSLError(ssl.SSLError("handshake")), "tls"),
            (requests.ConnectionError(TimeoutError("slow")), "timeout"),
            (requests.exceptions.ContentDecodingError("gzip"), "bad-encoding"),
            (requests.exceptions.InvalidURL("x"), "bad-url"),
            (urllib3.exceptions.ProtocolError("x", http.client.IncompleteRead(b"", 5)), "truncated"),
            (http.client.BadStatusLine("SSH"), "bad-http"),
            (BodyTooLarge("large"), "body-too-large"),
        ],
    )
    def test_have_a_word(self, error: Exception, reason: str):
        found = failure_of(error)
        # requests' own exceptions without a cause say nothing of what happened.
        assert found.reason == reason
        assert found.message


class TestPace:
    @given(st.floats(0, 100), st.floats(0, 10), st.floats(0, 1))
    def test_jitter_only_lengthens(self, delay: float, jitter: float, chance: float):
        assert delay <= Pace(delay, jitter).next_start(0.0, chance) <= delay * (1 + jitter) + 1e-9

    def test_crawl_delay_is_followed_where_it_is_slower_and_bearable(self):
        pace = Pace(2, 0.5)
        assert [pace.slowed_to(asked).delay for asked in (0, 1, 5, 30, 9_999)] == [2, 2, 5, 30, 30]
        assert Pace(60, max_delay=30).slowed_to(45).delay == 60
        assert pace.slowed_to(5).jitter == 0.5


#: What the server does of a request sent to it: latency and whether it answers well; None where it fails.
STEPS = st.lists(st.one_of(st.none(), st.tuples(st.floats(0, 120), st.booleans())), max_size=80)


def adaptive(least: float = 0.25, most: float = 30.0, **more: float) -> Pace:
    return Pace(delay=min(max(1.0, least), most), max_delay=most, min_delay=least, **more)


def after(pace: Pace, steps: list[tuple[float, bool] | None], concurrency: int = 1) -> list[Pace]:
    """The pace after each step; a request is sent after the answer to the one before."""
    paces = [pace]
    for number, step in enumerate(steps, 1):
        before = paces[-1]
        paces.append(
            before.failed(number, number) if step is None else before.answered(step[0], concurrency, well=step[1])
        )
    return paces


class TestAdaptivePace:
    @given(STEPS, st.floats(0.001, 10), st.floats(0, 60), st.floats(0, 200), st.integers(1, 16))
    def test_never_outside_its_bounds_nor_under_the_crawl_delay(
        self,
        steps: list[tuple[float, bool] | None],
        least: float,
        room: float,
        crawl_delay: float,
        concurrency: int,
    ):
        pace = adaptive(least, least + room).slowed_to(crawl_delay)
        floor = max(least, min(crawl_delay, least + room))
        assert all(floor <= each.delay <= least + room for each in after(pace, steps, concurrency))

    @given(STEPS, st.integers(1, 16))
    def test_slower_at_once_and_faster_slowly(self, steps: list[tuple[float, bool] | None], concurrency: int):
        paces = after(adaptive(), steps, concurrency)
        for step, before, now in zip(steps, paces[:-1], paces[1:], strict=True):
            assert 0.8 * before.delay - 1e-9 <= now.delay <= 2 * before.delay
            if step is None:
                assert now.delay == min(2 * before.delay, 30)
            elif (slow := step[0] / max(1, concurrency / 2)) >= before.delay:
                assert now.delay >= min(slow, 2 * before.delay, 30) - 1e-9
            elif not step[1]:
                assert now.delay == before.delay

    def test_failures_of_what_was_under_way_are_one_step(self):
        pace = adaptive().failed(10.0, 11.0)
        assert pace.failed(10.5, 11.5) == pace
        assert [each.delay for each in (pace, pace.failed(11.0, 12.0))] == [2, 4]

    def test_it_is_careful_around_where_the_server_failed(self):
        def answers_until(delay: float, pace: Pace) -> int:
            count = 0
            while pace.delay > delay:
                pace, count = pace.answered(0.01, 1, well=True), count + 1
            return count

        assert answers_until(0.5, adaptive(0.01)) < 10
        assert answers_until(0.5, Pace(1.0, max_delay=30, min_delay=0.01, failed_at=0.5)) > 40
        # A server that was away for a while is not left alone for hours: delays of 20 s halve in a minute.
        assert answers_until(10, Pace(20.0, max_delay=30, min_delay=0.01, failed_at=10)) <= 6

    def test_one_that_is_fixed_stays(self):
        pace = Pace(1.0)
        assert pace.answered(50, 1, well=True) is pace.failed(1, 2) is pace.resumed(7) is pace

    def test_it_is_resumed_where_an_earlier_one_had_come_to(self):
        assert [adaptive().resumed(delay).delay for delay in (None, 0.01, 4, 99)] == [1, 0.25, 4, 30]

    @settings(deadline=None, max_examples=25)
    @given(st.floats(10, 200), st.floats(0.2, 1))
    def test_a_server_is_used_well_and_fails_rarely_though_its_capacity_changes(self, capacity: float, left: float):
        """It answers so many requests a second, and 503 to what waits for longer than a quarter of a second."""
        pace, now, free_at, failures, sent = adaptive(0.001), 0.0, 0.0, 0, 0
        for _ in range(4_000):
            served = capacity * (left if sent > 2_000 else 1.0)
            now, sent = now + pace.delay, sent + 1
            if free_at - now > 0.25:
                failures, pace = failures + 1, pace.failed(now, now)
                continue
            free_at = max(free_at, now) + 1 / served
            pace = pace.answered(free_at - now, 8, well=True)
        assert failures <= 0.03 * sent
        assert now <= 2.5 * (2_000 / capacity + 2_000 / (capacity * left)) + 60


class TestCoolDown:
    def test_steps_double_up_to_the_longest(self):
        cool, waits = CoolDown(), []
        now = 100.0
        for _ in range(5):
            cool = cool.refused(sent_at=now, now=now, asked=None, base=1, longest=5)
            waits.append(cool.until - now)
            now = cool.until
        assert waits == [1, 2, 4, 5, 5]

    def test_eight_at_once_are_one_step(self):
        cool = CoolDown()
        for number in range(8):
            cool = cool.refused(sent_at=10.0, now=10.1 + number / 100, asked=None, base=1, longest=60)
        assert (cool.step, cool.until) == (1, 11.1)

    def test_the_longest_of_what_was_asked_holds(self):
        cool = CoolDown().refused(sent_at=10, now=11, asked=5, base=1, longest=60)
        cool = cool.refused(sent_at=10, now=12, asked=30, base=1, longest=60)
        cool = cool.refused(sent_at=10, now=13, asked=1, base=1, longest=60)
        assert (cool.step, cool.until) == (1, 42)

    def test_a_success_steps_down(self):
        cool = CoolDown()
        for now in (10.0, 20.0):
            cool = cool.refused(sent_at=now, now=now, asked=None, base=1, longest=60)
        assert [cool.step, cool.answered().step, cool.answered().answered().answered().step] == [2, 1, 0]
