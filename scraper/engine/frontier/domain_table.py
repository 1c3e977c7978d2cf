"""The domains that a shard holds, and the requests of each that are at hand.

Which requests there are is the store's to say: each domain holds a few of them in `ready`, and names itself hungry
when these run low.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice

from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.ready_queue import ReadyQueue, RefillQueue
from scraper.engine.frontier.window import Turn, most_with_turn
from scraper.observe.events import Waiting
from scraper.store.backends import wait_clock
from scraper.store.state.frontier import LATER
from scraper.store.values import Queued

#: Requests held in memory over all domains that have a turn, and over those that wait for one; and of one domain.
_READY_TOTAL = 6_400
_READY_MOST = 256
_READY_LEAST = 1
#: Domains that are let go in one transaction.
_LET_GO_AT_ONCE = 500
#: Domains that are filled before anything else is looked at again.
_FILLED_AT_ONCE = 100


class DomainTable:
    """Thread-safe; the part of the frontier that knows which domains there are, and fills them from the store.

    Args:
        wake: called when a domain is hungry.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._ready_queue = ReadyQueue()
        self._refill_queue = RefillQueue()
        self._domains: dict[str, Domain] = {}
        #: Those of which something is left, as far as is known here.
        self._busy: set[Domain] = set()
        self._leaving: list[Domain] = []
        #: Those that were sent something since they rested last.
        self._awake: set[Domain] = set()
        #: Those that have a turn.
        self._with_turn: set[Domain] = set()
        #: Those that are known to answer.
        self._proven: set[Domain] = set()
        self._files_only = False

    def _poke(self) -> None:
        """Let whoever hands out look again: something changed."""

    def _schedule(self, domain: Domain) -> None:
        self._ready_queue.put(domain)
        self._poke()

    def _schedule_anew(self, domain: Domain) -> None:
        self._ready_queue.put_anew(domain)
        self._poke()

    # Which there are -------------------------------------------------------------------------------------

    def add(self, domain: Domain) -> None:
        """Add a domain that the shard holds from now on."""
        with self._lock:
            self._domains[domain.name] = domain
            domain.waits_since = time.monotonic()
            self._busy.add(domain)
            self._refill_queue.add_hungry(domain)
            self._refill_queue.note_tries(domain)

    def get(self, name: str) -> Domain | None:
        """Return a domain that the shard holds."""
        return self._domains.get(name)

    def let_go(self, count: int) -> None:
        """Give up so many of the domains of which something is left, but never the last one.

        Those that are left alone for a while stay: they are no work.
        """
        now = time.monotonic()
        with self._lock:
            staying = [domain for domain in self._busy if not domain.leaving]
            most = min(count, len(staying) - 1)
            going = [domain for domain in staying if domain.paused_until <= now]
            going.sort(key=lambda domain: domain.in_flight)
            for domain in going[:most]:
                domain.leaving = True
                self._leaving.append(domain)

    def departed(self) -> list[Domain]:
        """Return those to be given up of which nothing is in flight or uncommitted any more; they are held no
        longer.
        """
        if not self._leaving:
            return []
        with self._lock:
            gone = [each for each in self._leaving if not each.in_flight and len(each.taken) == len(each.ready)]
            for domain in gone:
                self._leaving.remove(domain)
                self._busy.discard(domain)
                self._forget(domain)
            return gone

    def finished(self, before: float) -> list[Domain]:
        """Return some of which nothing is left and that were sent nothing since `before`; they are held no longer.

        What the store does not know of them is kept: the line of a login, and that they do nothing but fail.
        """
        with self._lock:
            done = (each for each in self._domains.values() if each not in self._busy and not each.leaving)
            let_go = (each for each in done if each.sent_at < before and not (each.login or each.circuit.is_open))
            gone = list(islice(let_go, _LET_GO_AT_ONCE))
            for domain in gone:
                self._forget(domain)
            return gone

    def done(self) -> list[str]:
        """Return the names of those of which nothing is left, as far as is known here."""
        with self._lock:
            return [name for name, domain in self._domains.items() if domain not in self._busy]

    def _forget(self, domain: Domain) -> None:
        self._awake.discard(domain)
        self._with_turn.discard(domain)
        self._proven.discard(domain)
        del self._domains[domain.name]

    def awake(self) -> list[Domain]:
        """Return those that may have connections or a Session: those without a turn first, and of these and of the
        others the longest unasked.
        """
        with self._lock:
            return sorted(self._awake, key=lambda domain: (domain.turn is not None, domain.sent_at))

    def rested(self, domain: Domain) -> None:
        """It has neither any more."""
        with self._lock:
            if not domain.in_flight:
                self._awake.discard(domain)
                self._end_turn(domain)

    @property
    def busy(self) -> int:
        """Return how many domains there are of which something is left."""
        return len(self._busy)

    @property
    def size(self) -> int:
        """Return how many domains the shard holds."""
        return len(self._domains)

    @property
    def domains(self) -> list[Domain]:
        """Return all domains that the shard holds."""
        with self._lock:
            return list(self._domains.values())

    def _note_done(self, domain: Domain) -> None:
        """Something of a domain ended, or began: is anything left of it?"""
        if domain.is_done and not domain.in_flight:
            self._busy.discard(domain)
        else:
            self._busy.add(domain)

    # Turns -----------------------------------------------------------------------------------------------

    def _is_window_full(self) -> bool:
        return len(self._with_turn) >= most_with_turn(len(self._domains))

    def _use_turn(self, domain: Domain) -> None:
        """Count a request to the turn of a domain, which begins with it."""
        if domain.turn is None:
            domain.turn = Turn()
            self._with_turn.add(domain)
            self._note_hunger(domain)
        domain.turn.sent()

    def _end_turn(self, domain: Domain) -> None:
        """Let a domain queue up behind those that wait for a turn."""
        if domain.turn is None:
            return
        domain.turn = None
        self._with_turn.discard(domain)
        domain.waits_since = time.monotonic()
        if len(domain.ready) > self._portion(domain):
            self._put_back(domain, keep=self._portion(domain))
        self._schedule_anew(domain)

    def _put_back(self, domain: Domain, *, keep: int = 0) -> None:
        """Leave all but the first requests at hand to the store, to be read again when they are needed."""
        while len(domain.ready) > keep:
            domain.taken.discard(domain.ready.pop().id)
        domain.more, domain.again_at = True, 0.0
        self._refill_queue.note_tries(domain)

    def end_idle_turns(self, before: float, done_before: float) -> None:
        """End the turns of domains that were sent nothing since `before`, or since `done_before` where nothing is
        left of them: others may have the place.
        """
        with self._lock:
            for domain in list(self._with_turn):
                since = before if domain in self._busy else done_before
                if domain.sent_at < since and not domain.in_flight:
                    self._end_turn(domain)

    # Filling ---------------------------------------------------------------------------------------------

    def found(self, name: str, rank: int) -> None:
        """Note that requests of a domain were added to the store, the best of them with `rank`."""
        with self._lock:
            domain = self._domains[name]
            domain.more = True
            if rank == LATER or (domain.ready and rank < domain.ready[-1].rank):
                # Something better than what is at hand, or for another moment: read the order again.
                self._put_back(domain)
            self._note_hunger(domain)
            self._note_done(domain)

    def look_again(self, name: str) -> None:
        """Read a domain's requests from the store again, whatever was known of them."""
        with self._lock:
            domain = self._domains[name]
            domain.more, domain.again_at = True, 0.0
            self._refill_queue.note_tries(domain)
            self._note_hunger(domain)
            self._note_done(domain)

    def _note_hunger(self, domain: Domain) -> None:
        if domain.more and len(domain.ready) <= self._portion(domain) // 4 and self._refill_queue.add_hungry(domain):
            self._wake()

    def _portion(self, domain: Domain) -> int:
        """Return how many requests of a domain are at hand at the most, about."""
        sharing = self._domains if domain.turn is None else self._with_turn
        return max(_READY_LEAST, min(_READY_MOST, _READY_TOTAL // max(1, len(sharing))))

    def hungry(self) -> list[tuple[Domain, int, frozenset[int]]]:
        """Return the next domains to fill, how many requests to read for each, and those that are at hand or
        under way.
        """
        with self._lock:
            domains = self._refill_queue.take_hungry(_FILLED_AT_ONCE)
            if self._refill_queue:
                self._wake()
            return [(domain, self._portion(domain), frozenset(domain.taken)) for domain in domains]

    def fill(self, domain: Domain, ready: list[Queued], *, asked: int) -> None:
        """Add what the store has for a domain, read with the limit `asked`."""
        with self._lock:
            if domain.leaving:
                return
            # Fewer than the limit: these are all, until more is found.
            domain.more = len(ready) >= asked and all(map(self._wanted, ready))
            for queued in ready:
                if queued.id not in domain.taken and self._wanted(queued):
                    domain.taken.add(queued.id)
                    domain.ready.append(queued)
            self._schedule(domain)
            self._note_done(domain)

    def fill_again(self, domain: Domain, due: list[Queued], next_at: float | None) -> None:
        """Put requests whose waiting time is over first; `next_at` is when there will be more of them."""
        with self._lock:
            if domain.leaving:
                return
            domain.again_at = next_at
            self._refill_queue.note_tries(domain)
            for queued in reversed(due):
                if queued.id not in domain.taken and self._wanted(queued):
                    domain.taken.add(queued.id)
                    domain.ready.appendleft(queued)
            self._schedule(domain)
            self._note_done(domain)

    def tries_due(self, now: float) -> list[tuple[Domain, int, frozenset[int]]]:
        """Return the domains with requests whose waiting time is over, at `now` seconds since the epoch.

        With how many to read for each, as `hungry` says it; none while enough are at hand.
        """
        with self._lock:
            due = self._refill_queue.take_due(now, self._portion, _FILLED_AT_ONCE)
            return [(domain, self._portion(domain), frozenset(domain.taken)) for domain in due]

    def hand_out_files_only(self) -> None:
        """From now on, what is not a file that an item names stays where it is."""
        with self._lock:
            self._files_only = True
            for domain in self._domains.values():
                domain.taken.difference_update(queued.id for queued in domain.ready if not self._wanted(queued))
                domain.ready = deque(filter(self._wanted, domain.ready))
                self._schedule_anew(domain)

    def _wanted(self, queued: Queued) -> bool:
        return not self._files_only or queued.kind.belongs_to_items

    # Looking ---------------------------------------------------------------------------------------------

    def waiting(self, most: int) -> tuple[list[Waiting], dict[str, int]]:
        """Return why domains hand out nothing right now, the longest waits first; and how many do, by reason."""
        now = time.monotonic()
        wall = wait_clock.now()
        waits: list[Waiting] = []
        counts: Counter[str] = Counter()
        with self._lock:
            for domain in self._busy:
                reason = domain.waits_for(now)
                seconds = max(0.0, domain.due_at - now)
                if reason == "retry" and domain.again_at is not None:
                    seconds = max(0.0, domain.again_at - wall)
                if reason not in ("busy", "delay") or seconds >= 1.0:
                    waits.append(Waiting(domain.name, reason, seconds))
                if reason != "busy" and (reason != "delay" or seconds > 0.0):
                    counts[reason] += 1
        waits.sort(key=lambda wait: -wait.seconds)
        return waits[:most], dict(counts)
