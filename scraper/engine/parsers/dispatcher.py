"""Which parser gets what next, and what becomes of what a dead one had: pure, without processes and clocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import field
from typing import Any

from scraper.engine.parsers.messages import Answer
from scraper.lazy_dataclass import dataclass

#: Pages in the hands of a parser, the one being parsed included, so that it need not wait for the next; and how many
#: it has left when it gets more, since to hand out several at once costs less.
IN_HAND = 8
FEW = 5
#: What one look counts, in seconds, at the most: all of the crawl's processes may have been stopped meanwhile.
_LOOK_SECONDS = 1.0
#: The parser that runs start().
FIRST = 0


@dataclass(eq=False, slots=True)
class Job:
    """One call into the spider.

    Attributes:
        id: of the request; None for start().
        message: makes what the parser is told.
        settle: takes the answer.
        fail: settles it without one; takes the reason and the message.
        body: of its page.
    """

    id: int | None
    message: Callable[[], Any]
    settle: Callable[[Answer], None]
    fail: Callable[[str, str], None]
    body: bytes = b""
    #: For how long it has been at work, in seconds.
    spent: float = 0.0


@dataclass(slots=True)
class _Hand:
    """The jobs of one parser, in order: it works on the first."""

    jobs: deque[Job] = field(default_factory=deque)
    is_ready: bool = False

    @property
    def has_room(self) -> bool:
        return self.is_ready and len(self.jobs) < IN_HAND and not (self.jobs and self.jobs[-1].id is None)


class Dispatcher:
    """Used by one thread, but for `put`.

    Args:
        limit: how long a callback may run, in seconds.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._waiting: deque[Job] = deque()
        self._starts: deque[Job] = deque()
        self._hands: dict[int, _Hand] = {}

    def put(self, job: Job) -> None:
        """Queue a job. From any thread."""
        (self._starts if job.id is None else self._waiting).append(job)

    @property
    def waiting(self) -> int:
        """Return how many pages no parser has yet."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is queued or at work."""
        return not (self._waiting or self._starts) and not any(hand.jobs for hand in self._hands.values())

    @property
    def wants_more(self) -> bool:
        """Tell whether all parsers are at work and jobs wait all the same: one more would be of use."""
        if self._starts and FIRST not in self._hands:
            return True
        return bool(self._waiting) and all(hand.is_ready and hand.jobs for hand in self._hands.values())

    def joined(self, number: int) -> None:
        """Note a parser that was started."""
        self._hands[number] = _Hand()

    def ready(self, number: int) -> None:
        """Note that a parser takes jobs from now on."""
        self._hands[number].is_ready = True

    def next(self) -> tuple[int, Job] | None:
        """Return the next job, and which parser gets it; None while none has room, or nothing waits."""
        first = self._hands.get(FIRST)
        if self._starts and first is not None and first.is_ready:
            job, number = self._starts.popleft(), FIRST
        else:
            # Nobody knows how long start() takes, so nothing waits behind it.
            free = [each for each, hand in self._hands.items() if hand.has_room]
            if not (free and self._waiting):
                return None
            job, number = self._waiting.popleft(), min(free, key=lambda each: len(self._hands[each].jobs))
        job.spent = 0.0
        self._hands[number].jobs.append(job)
        return number, job

    def answered(self, number: int) -> Job:
        """Return the job that a parser answered, its first."""
        return self._hands[number].jobs.popleft()

    @property
    def is_hungry(self) -> bool:
        """Tell whether somebody has so few jobs that it is time for more."""
        first = self._hands.get(FIRST)
        if self._starts and first is not None and first.is_ready:
            return True
        return any(hand.has_room and len(hand.jobs) <= FEW for hand in self._hands.values())

    def overdue(self, passed: float) -> list[int]:
        """Return the parsers whose callback runs too long, after so many more seconds."""
        found = []
        for number, hand in self._hands.items():
            if hand.jobs and hand.jobs[0].id is not None:
                job = hand.jobs[0]
                job.spent += min(passed, _LOOK_SECONDS)
                if job.spent > self._limit:
                    found.append(number)
        return found

    def died(self, number: int, noted: int | None) -> Job | None:
        """Take back what a dead parser had: others get that next.

        Args:
            noted: the request of the page that it was parsing.

        Returns the job that it died of, which is the caller's to deal with.
        """
        culprit = None
        for job in reversed(self._hands.pop(number).jobs):
            if job.id is not None and job.id == noted:
                culprit = job
            else:
                (self._starts if job.id is None else self._waiting).appendleft(job)
        return culprit
