"""Politeness as values: how long a domain waits, asked in tests without sleeping and without sockets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Pace:
    """The gap between the starts of two requests to a domain. Jitter only lengthens it; 0 means none."""

    delay: float = 0.0
    jitter: float = 0.0

    def gap(self, chance: float) -> float:
        """Seconds until the next request may start; `chance` is a random number from 0 to 1."""
        return self.delay * (1.0 + self.jitter * chance)

    def slowed_to(self, crawl_delay: float, at_most: float) -> Pace:
        """This pace, or that of a robots.txt's Crawl-delay where it is slower, up to `at_most` seconds."""
        return Pace(max(self.delay, min(crawl_delay, at_most)), self.jitter)


@dataclass(frozen=True, slots=True)
class CoolDown:
    """A whole domain holding still because it said 429 or 503. Times are of the monotonic clock, in seconds."""

    step: int = 0
    began: float = float("-inf")
    until: float = float("-inf")

    def refused(self, sent_at: float, now: float, asked: float | None, base: float, longest: float) -> CoolDown:
        """After an answer of 429 or 503 to a request sent at `sent_at`.

        Answers to requests that were on their way when the step began are the same step, not another one.

        Args:
            asked: seconds of the Retry-After header, if there was one.
            base: the first step's seconds, doubled at each further one up to `longest`.
        """
        if sent_at < self.began:
            return CoolDown(self.step, self.began, max(self.until, now + (asked or 0.0)))
        step = self.step + 1
        wait = asked if asked is not None else min(longest, base * 2.0 ** (step - 1))
        return CoolDown(step, now, max(self.until, now + wait))

    def answered(self) -> CoolDown:
        """After a success: one step down."""
        return CoolDown(max(0, self.step - 1), self.began, self.until) if self.step else self


@dataclass(frozen=True, slots=True)
class Circuit:
    """A domain that does nothing but fail: it is left alone for pauses that grow, and given up after the last.

    After each pause one request tries whether it answers again; an answer of any kind closes the circuit.
    Times are of the monotonic clock, in seconds.
    """

    #: Failures in a row that open it, and pauses until the domain is given up.
    THRESHOLD: ClassVar[int] = 20
    PAUSES: ClassVar[int] = 4
    #: The first pause, in units of `retry.backoff`.
    FIRST_PAUSE: ClassVar[float] = 10.0

    failures: int = 0
    pauses: int = 0
    opened_at: float = float("-inf")
    until: float = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether requests go one at a time, after pauses."""
        return self.pauses > 0

    @property
    def is_given_up(self) -> bool:
        """Whether nothing is sent any more."""
        return self.pauses > self.PAUSES

    def failed(self, began_at: float, now: float, base: float, longest: float) -> Circuit:
        """After a request that began at `began_at` and got no answer, or one of the server's own failures.

        Those that were under way when the pause began say nothing new.

        Args:
            base: `retry.backoff`, in seconds.
            longest: the longest pause, in seconds.
        """
        if began_at < self.opened_at:
            return self
        failures = self.failures + 1
        if failures < self.THRESHOLD and not self.is_open:
            return replace(self, failures=failures)
        pause = min(longest, base * self.FIRST_PAUSE * 2.0**self.pauses)
        return Circuit(failures, self.pauses + 1, now, now + pause)
