"""Politeness as values: how long a domain waits, asked in tests without sleeping and without sockets."""

from __future__ import annotations

from dataclasses import dataclass


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
