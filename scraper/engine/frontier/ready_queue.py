"""Which domain is next, and which domain runs low: in heaps, so that ten thousand domains cost what ten do.

Both are used under the frontier's lock only.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from scraper.engine.frontier.domain import Domain

#: A domain that has enough at hand is asked this much later (seconds) whether its next tries are due.
_TRIES_LATER = 0.25


_Heap = list[tuple[float, int, Domain]]


class ReadyQueue:
    """Domains that could hand out a request, by the time at which they may; those without a turn, by how long they
    have waited for one.
    """

    def __init__(self) -> None:
        self._with_turn = _Lanes()
        self._waiting = _Lanes()
        self._numbers = itertools.count()

    def put(self, domain: Domain) -> None:
        """Enter a domain, unless it is in already or has nothing to hand out."""
        if domain.may_take and domain.entry is None:
            domain.entry = next(self._numbers)
            if domain.turn is not None:
                self._with_turn.push(domain.due_at, domain.entry, domain)
            else:
                self._waiting.push(max(domain.due_at, domain.waits_since), domain.entry, domain)

    def put_anew(self, domain: Domain) -> None:
        """Enter a domain again: it answered, or did not, or its turn is over."""
        domain.entry = None
        self.put(domain)

    def next(
        self,
        until: float,
        *,
        with_doubtful: bool = True,
        with_blocking: bool = True,
        is_full: Callable[[], bool] = lambda: False,
    ) -> tuple[Domain | None, float | None]:
        """Take out the first domain that is due by `until`; else when (monotonic) the first one will be.

        Args:
            is_full: whether so many have a turn that another gets one only where none of these is due.
        """
        first = self._with_turn.first(with_doubtful, with_blocking)
        other = self._waiting.first(with_doubtful, with_blocking)
        if first is None or (
            other is not None and other[0][0] < first[0][0] and not (first[0][0] <= until and is_full())
        ):
            first = other
        if first is None:
            return None, None
        if first[0][0] > until:
            return None, first[0][0]
        domain = heapq.heappop(first)[2]
        domain.entry = None
        return domain, None

    def __bool__(self) -> bool:
        return bool(self._with_turn or self._waiting)


class _Lanes:
    """Domains by time. Those that are not known to answer have a heap of their own, and so have those that block, so
    that they can be passed over while enough is in flight to such.
    """

    def __init__(self) -> None:
        self._proven: _Heap = []
        self._doubtful: _Heap = []
        self._blocking: _Heap = []

    def push(self, at: float, entry: int, domain: Domain) -> None:
        heap = self._blocking if domain.blocks else self._doubtful if domain.is_doubtful else self._proven
        heapq.heappush(heap, (at, entry, domain))

    def first(self, with_doubtful: bool, with_blocking: bool) -> _Heap | None:
        """Return the heap whose first domain is due first, or None if all are empty."""
        best: _Heap | None = None
        lanes = ((self._proven, True), (self._doubtful, with_doubtful), (self._blocking, with_blocking))
        for heap, is_open in lanes:
            if not is_open:
                continue
            while heap and heap[0][2].entry != heap[0][1]:
                heapq.heappop(heap)
            if heap and (best is None or heap[0][0] < best[0][0]):
                best = heap
        return best

    def __bool__(self) -> bool:
        return bool(self._proven or self._doubtful or self._blocking)


class RefillQueue:
    """Domains for which the store is to be read: those that run low, and those with tries that are due."""

    def __init__(self) -> None:
        self._hungry: dict[Domain, None] = {}
        self._tries: list[tuple[float, int, Domain]] = []
        self._numbers = itertools.count()

    def add_hungry(self, domain: Domain) -> bool:
        """Returns whether that is news."""
        if domain in self._hungry:
            return False
        self._hungry[domain] = None
        return True

    def take_hungry(self, most: int) -> list[Domain]:
        """Up to `most` of those that run low, the first ones first."""
        taken = list(itertools.islice(self._hungry, most))
        for domain in taken:
            del self._hungry[domain]
        return taken

    def note_tries(self, domain: Domain) -> None:
        """`domain.again_at` changed."""
        domain.tries_entry = None
        if domain.again_at is not None:
            self._note(domain, domain.again_at)

    def _note(self, domain: Domain, at: float) -> None:
        domain.tries_entry = next(self._numbers)
        heapq.heappush(self._tries, (at, domain.tries_entry, domain))

    def take_due(self, now: float, enough: Callable[[Domain], int], most: int) -> list[Domain]:
        """Up to `most` domains with tries that are due at `now` (seconds since the epoch).

        None with more than `enough` of it at hand: these are looked at again a little later.
        """
        taken: list[Domain] = []
        while self._tries and self._tries[0][0] <= now and len(taken) < most:
            _, entry, domain = heapq.heappop(self._tries)
            if domain.tries_entry != entry:
                continue
            if len(domain.ready) > enough(domain):
                self._note(domain, now + _TRIES_LATER)
                continue
            domain.tries_entry = None
            taken.append(domain)
        return taken

    def __bool__(self) -> bool:
        return bool(self._hungry)
