"""Politeness as values: how long a domain waits, asked in tests without sleeping and without sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from scraper.config import Politeness
from scraper.lazy_dataclass import dataclass

#: The longest Crawl-delay that is followed where nothing else is configured, in seconds.
MAX_CRAWL_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The gap between the starts of two requests to a domain, in seconds. Every delay is computed here.

    An adaptive one (`delay: auto`) follows the server: slower at once, faster slowly. It goes no faster than answers
    come: half of the requests that may be under way at once are on average, so that a queue in the server is seen by
    its latency before it overflows; of one that may, one is. A failure of the server doubles the delay, and so may
    an answer that takes long; failures of requests that were under way then are the same step. Good answers shorten
    it by a fifth each; around the delay at which the server failed last by a hundredth, or by half in a minute,
    whichever is more.

    Attributes:
        delay: the least gap; 0 means none.
        jitter: lengthens each gap by up to this share of it; it never shortens one.
        max_delay: the longest Crawl-delay of a robots.txt that is followed, and longest delay of an adaptive pace.
        min_delay: the shortest delay of an adaptive pace; None for one that is fixed.
        failed_at: the delay at which the server failed last; 0 where it did not.
        slowed_at: when a failure made it slower last, by the monotonic clock.
    """

    #: What a good answer leaves of the delay; around `failed_at`; and in how many seconds it halves at least, there.
    FASTER: ClassVar[float] = 0.8
    CAREFUL: ClassVar[float] = 0.99
    HALVING: ClassVar[float] = 60.0

    delay: float = 0.0
    jitter: float = 0.0
    max_delay: float = MAX_CRAWL_DELAY
    min_delay: float | None = None
    failed_at: float = 0.0
    slowed_at: float = float("-inf")

    @classmethod
    def of(cls, politeness: Politeness) -> Pace:
        """Return the pace that a configuration asks for."""
        least = politeness.min_delay if politeness.is_adaptive else None
        return cls(politeness.first_delay, politeness.jitter, politeness.max_delay, least)

    @property
    def is_adaptive(self) -> bool:
        """Tell whether the delay follows the server."""
        return self.min_delay is not None

    def resumed(self, delay: float | None) -> Pace:
        """Return this pace, if it is adaptive with the delay that an earlier one had come to."""
        if self.min_delay is None or delay is None:
            return self
        return replace(self, delay=min(max(delay, self.min_delay), self.max_delay))

    def slowed_to(self, crawl_delay: float) -> Pace:
        """Return this pace, or that of a robots.txt's Crawl-delay where it is slower, up to `max_delay`."""
        asked = min(crawl_delay, self.max_delay)
        slowest = max(self.delay, asked)
        if self.min_delay is not None and asked > self.min_delay:
            return replace(self, delay=slowest, min_delay=asked)
        return self if slowest == self.delay else replace(self, delay=slowest)

    def answered(self, latency: float, concurrency: int, *, well: bool) -> Pace:
        """Return the pace after an answer.

        Args:
            latency: seconds from the send to the first byte of the answer.
            concurrency: requests that may be under way at once.
            well: it is a page, a redirect or the like: what is refused or missing may come faster than pages do.
        """
        if self.min_delay is None:
            return self
        least = min(max(latency / max(1.0, concurrency / 2), self.min_delay), self.max_delay)
        if least >= self.delay:
            return replace(self, delay=min(least, 2 * self.delay))
        if not well:
            return self
        share = self.FASTER
        if self.delay <= 2 * self.failed_at:
            share = min(self.CAREFUL, max(share, 0.5 ** (self.delay / self.HALVING)))
        delay = max(least, self.delay * share)
        return replace(self, delay=delay, failed_at=self.failed_at if 2 * delay >= self.failed_at else 0.0)

    def failed(self, sent_at: float, now: float) -> Pace:
        """Return the pace after a failure of the server to answer a request sent at `sent_at`, both monotonic."""
        if self.min_delay is None or sent_at < self.slowed_at:
            return self
        delay = min(2 * self.delay, self.max_delay)
        return replace(self, delay=max(delay, self.min_delay), failed_at=self.delay, slowed_at=now)

    def next_start(self, sent_at: float, chance: float = 0.0) -> float:
        """Return when the next request may start after one sent at `sent_at`; `chance` is random, from 0 to 1."""
        return sent_at + self.delay * (1.0 + self.jitter * chance)


class CallerThrottle:
    """A delay for a caller that sends one request after the other, and sleeps by itself: a command.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace
        self._clock = clock
        #: When a request started last; minus infinity before the first.
        self.started_at = float("-inf")

    @property
    def left(self) -> float:
        """Return seconds until the next request may start, by the pace as it is now."""
        return max(0.0, self.pace.next_start(self.started_at) - self._clock())

    def started(self) -> None:
        """Note that a request starts now: the delay runs from here."""
        self.started_at = self._clock()


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

    @classmethod
    def resumed(cls, step: int, until: float) -> CoolDown:
        """Return the one that another process was in."""
        return cls(step, until=until)

    def answered(self) -> CoolDown:
        """After a success: one step down."""
        return CoolDown(max(0, self.step - 1), self.began, self.until) if self.step else self


@dataclass(frozen=True, slots=True)
class Circuit:
    """A domain that does nothing but fail: it is left alone for pauses that grow, and given up after the last.

    A request counts once, by its first try: those that fail again are sent one after the other, and may be the only
    ones that do.

    After each pause one request tries whether it answers again; an answer of any kind closes the circuit.
    Times are of the monotonic clock, in seconds.
    """

    #: Failures in a row that open it, and pauses until the domain is given up.
    THRESHOLD: ClassVar[int] = 20
    PAUSES: ClassVar[int] = 4
    #: The first pause, in units of `retry.backoff`.
    FIRST_PAUSE: ClassVar[float] = 10.0

    #: Added to the number of pauses where the store keeps it for a domain that shows challenges.
    CHALLENGED: ClassVar[int] = 1_000

    failures: int = 0
    pauses: int = 0
    opened_at: float = float("-inf")
    until: float = float("-inf")
    #: It was opened by a challenge: the server answers, and wants to see a person.
    is_challenged: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether requests go one at a time, after pauses."""
        return self.pauses > 0

    @property
    def is_given_up(self) -> bool:
        """Tell whether nothing is sent any more."""
        return self.pauses > self.PAUSES

    @classmethod
    def resumed(cls, pauses: int, until: float) -> Circuit:
        """Return the one that another process was in, of `kept` pauses; what was given up is tried again."""
        is_challenged = pauses > cls.CHALLENGED
        pauses -= cls.CHALLENGED if is_challenged else 0
        return (
            cls(cls.THRESHOLD, pauses, until=until, is_challenged=is_challenged)
            if 0 < pauses <= cls.PAUSES
            else cls()
        )

    @property
    def kept(self) -> int:
        """Return its pauses as the store keeps them."""
        return self.pauses + (self.CHALLENGED if self.is_challenged else 0)

    def challenged(self, began_at: float, now: float, base: float, longest: float) -> Circuit:
        """After a challenge in place of an answer to a request that began at `began_at`: it opens at once.

        The arguments are those of `failed`.
        """
        if began_at < self.opened_at:
            return self
        pause = min(longest, base * self.FIRST_PAUSE * 2.0**self.pauses)
        return Circuit(self.THRESHOLD, self.pauses + 1, now, now + pause, is_challenged=True)

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


@dataclass(frozen=True, slots=True)
class Outage:
    """A domain whose server refuses connections, as one that restarts does: it is held, and nothing is charged.

    The first refused connect holds it, or `RESETS` connections in a row that end without an answer; the pauses grow.
    After each pause one request tries whether the server is back; an answer ends the outage. What fails meanwhile
    takes none of its attempts. After the last pause failures are the requests' own again.
    Times are of the monotonic clock, in seconds.
    """

    RESETS: ClassVar[int] = 3
    #: 1, 2, 4 … 32 seconds with `retry.backoff: 1s`: about a minute altogether.
    PAUSES: ClassVar[int] = 6

    #: The origins that refused.
    origins: frozenset[str] = frozenset()
    resets: int = 0
    pauses: int = 0
    began_at: float = float("-inf")
    until: float = float("-inf")

    @property
    def is_held(self) -> bool:
        """Tell whether requests go one at a time, after pauses."""
        return self.pauses > 0

    @property
    def is_for_good(self) -> bool:
        """Tell whether the last pause is over, and the server is not back."""
        return self.pauses > self.PAUSES

    @classmethod
    def resumed(cls, pauses: int, until: float) -> Outage:
        """Return the one that another process was in."""
        return cls(pauses=pauses, until=until) if 0 < pauses <= cls.PAUSES else cls()

    def failed(
        self, origin: str, began_at: float, now: float, base: float, longest: float, *, was_connected: bool
    ) -> Outage:
        """After a request to `origin`, begun at `began_at`, that got no connection, or lost it without an answer.

        Those that were under way when the pause began say nothing new.

        Args:
            base: `retry.backoff`, in seconds: the first pause.
            longest: the longest pause, in seconds.
            was_connected: there was a connection: only several in a row say something about the server.
        """
        if began_at < self.began_at:
            return self
        resets = self.resets + was_connected
        if was_connected and resets < self.RESETS and not self.is_held:
            return replace(self, origins=self.origins | {origin}, resets=resets)
        pause = min(longest, base * 2.0**self.pauses)
        return Outage(self.origins | {origin}, resets, self.pauses + 1, now, now + pause)
