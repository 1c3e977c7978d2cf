"""The frontier in memory: whose turn it is.

`take` hands out only requests whose domain is due, so no thread sleeps out a delay. Which requests there are is
the store's to say: each domain holds a few of them in `ready`, and names itself hungry when these run low.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scraper import urls
from scraper.engine import unsent
from scraper.engine.domain import Domain
from scraper.fetch.politeness import Circuit
from scraper.fetch.robots import Robots
from scraper.observe.events import Waiting
from scraper.store.values import Outcome, Queued

#: Responses that wait to be parsed, requests in flight included.
MAX_UNPARSED = 64
#: Their bodies, altogether.
MAX_UNPARSED_BYTES = 64_000_000
#: Requests handed out and not yet committed.
MAX_UNCOMMITTED = 1_000
#: A request is handed out this long (seconds) before it is due, the time that preparing it takes; the last bit is
#: waited out right before the send, so that neither is the delay undercut nor is time lost.
LEAD = 0.004
#: Requests held in memory over all domains, and of one domain.
_READY_TOTAL = 6_400
_READY_MOST = 64
_READY_LEAST = 4


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Work for a fetch thread: a request, or the robots.txt of an origin (`queued` is None)."""

    domain: Domain
    queued: Queued | None
    origin: str


class Frontier:
    """Thread-safe; all of its methods return at once but `take`, which waits.

    Args:
        settled: told what became of requests that are never sent (refused by robots.txt); called under the lock.
        wake: called when a domain is hungry, or when the crawl may be at its end.
        pages_left: places for pages, by `limits.pages`; None for as many as there are.
        token: our name in robots.txt; None where robots are ignored.
    """

    def __init__(
        self,
        settled: Callable[[Outcome], None],
        wake: Callable[[], None],
        pages_left: int | None,
        token: str,
    ) -> None:
        self._settled = settled
        self._wake = wake
        self._places = pages_left
        self._token = token
        self._lock = threading.Lock()
        # One waiting thread, the leader, watches the clock; the others wait to follow it.
        self._leader = threading.Condition(self._lock)
        self._followers = threading.Condition(self._lock)
        self._has_leader = False
        self._heap: list[tuple[float, int, Domain]] = []
        self._entries = itertools.count()
        self._domains: dict[str, Domain] = {}
        self._hungry: set[Domain] = set()
        self._unparsed = 0
        self._unparsed_bytes = 0
        self._uncommitted = 0
        self._closed = False

    # Handing out -----------------------------------------------------------------------------------------

    def take(self) -> Job | None:
        """The next job whose domain is due; waits for it. None once the frontier is closed."""
        with self._lock:
            while not self._closed:
                job, wait = self._next(time.monotonic())
                if job is not None:
                    self._followers.notify()
                    return job
                if self._has_leader:
                    self._followers.wait()
                else:
                    self._has_leader = True
                    try:
                        self._leader.wait(wait)
                    finally:
                        self._has_leader = False
            return None

    def _next(self, now: float) -> tuple[Job | None, float | None]:
        while self._heap and self._has_room():
            due, entry, domain = self._heap[0]
            if domain.entry != entry:
                heapq.heappop(self._heap)
                continue
            if due - LEAD > now:
                return None, due - LEAD - now
            heapq.heappop(self._heap)
            domain.entry = None
            if not domain.may_take:
                continue
            if domain.due_at - LEAD > now:
                self._schedule(domain)
                continue
            job = self._hand_out(domain)
            self._schedule(domain)
            if job is not None:
                return job, None
        return None, None

    def _has_room(self) -> bool:
        return (
            self._unparsed < MAX_UNPARSED
            and self._unparsed_bytes < MAX_UNPARSED_BYTES
            and self._uncommitted < MAX_UNCOMMITTED
            and self._places != 0
        )

    def _hand_out(self, domain: Domain) -> Job | None:
        """The next request of a due domain, its origin's robots.txt first; or None after settling what is refused."""
        queued = domain.ready[0]
        origin = urls.origin_of(queued.request.url)
        outcome = unsent.before_robots(domain, queued)
        if outcome is None and domain.settings.politeness.robots == "obey":
            robots = domain.robots.get(origin)
            if robots is None or not robots.is_current(time.time()):
                domain.asking = True
                return self._begin(Job(domain, None, origin))
            outcome = unsent.by_robots(queued, origin, robots, self._token)
        self._take_off(domain)
        if outcome is not None:
            # It ends without being sent; whoever is told calls `parsed`, as for what was fetched.
            self._settled(outcome)
            return None
        return self._begin(Job(domain, queued, origin))

    def _begin(self, job: Job) -> Job:
        job.domain.in_flight += 1
        job.domain.sending = job if job.domain.pace.delay > 0 else None
        return job

    def _take_off(self, domain: Domain) -> None:
        domain.ready.popleft()
        self._note_hunger(domain)
        self._unparsed += 1
        self._uncommitted += 1
        if self._places is not None:
            self._places -= 1

    def _schedule(self, domain: Domain) -> None:
        if domain.may_take and domain.entry is None:
            domain.entry = next(self._entries)
            heapq.heappush(self._heap, (domain.due_at, domain.entry, domain))
        self._poke()

    def _poke(self) -> None:
        """Something changed: let a waiting thread look again."""
        (self._leader if self._has_leader else self._followers).notify()

    # The life of a request -------------------------------------------------------------------------------

    def sent(self, domain: Domain, turn: object) -> None:
        """A head was just written; the domain's next one is due a delay later."""
        with self._lock:
            if domain.sending is turn:
                domain.sending = None
            domain.sent_at = time.monotonic()
            domain.due = domain.sent_at + domain.pace.gap(random.random())
            domain.last_send = time.time()
            if domain.pace.delay > 0:
                self._schedule(domain)

    def reserve(self, domain: Domain, turn: object) -> float | None:
        """A turn beside the frontier: taken at once (None), or seconds until it is worth asking again."""
        with self._lock:
            if domain.sending is not None and domain.sending is not turn:
                return 0.01
            now = time.monotonic()
            if domain.due_at > now:
                return domain.due_at - now
            domain.sending = turn if domain.pace.delay > 0 else None
            return None

    def fetched(self, job: Job, *, body_bytes: int = 0) -> None:
        """The answer is read, or there is none; `body_bytes` now wait to be parsed."""
        with self._lock:
            domain = job.domain
            domain.in_flight -= 1
            if domain.sending is job:
                # Nothing was sent: no connection was had. The next try keeps the delay all the same.
                domain.sending = None
                domain.due = time.monotonic() + domain.pace.gap(random.random())
            self._unparsed_bytes += body_bytes
            self._schedule(domain)

    def parsed(self, *, body_bytes: int = 0, page: bool) -> None:
        """A request handed out has come to its outcome; only a page keeps its place."""
        with self._lock:
            self._unparsed -= 1
            self._unparsed_bytes -= body_bytes
            if not page and self._places is not None:
                self._places += 1
            self._poke()

    def committed(self, outcomes: Iterable[Outcome], again_at: dict[int, float]) -> None:
        """These are in the store; `again_at` names those that stay queued, with the time of their next try."""
        with self._lock:
            for outcome in outcomes:
                self._uncommitted -= 1
                domain = self._domains.get(outcome.queued.domain)
                if domain is None:
                    continue
                domain.taken.discard(outcome.queued.id)
                at = again_at.get(outcome.queued.id)
                if at is not None:
                    domain.again_at = at if domain.again_at is None else min(domain.again_at, at)
                self._note_hunger(domain)
            self._poke()

    def robots_known(self, domain: Domain, origin: str, robots: Robots) -> None:
        """The robots.txt of an origin is known, and with it perhaps a slower pace."""
        with self._lock:
            domain.asking = False
            domain.robots[origin] = robots
            domain.robots_attempts.pop(origin, None)
            politeness = domain.settings.politeness
            domain.pace = domain.pace.slowed_to(robots.crawl_delay(self._token), politeness.max_delay)
            # It holds from the request on that brought it.
            domain.due = max(domain.due, domain.sent_at + domain.pace.delay)
            self._schedule(domain)

    def ask_robots_again(self, domain: Domain, origin: str, wait: float) -> None:
        """The robots.txt could not be had; the domain waits, then it is asked for again."""
        with self._lock:
            domain.asking = False
            domain.robots_attempts[origin] = domain.robots_attempts.get(origin, 0) + 1
            domain.due = max(domain.due, time.monotonic() + wait)
            self._schedule(domain)

    def cool_down(self, domain: Domain, sent_at: float, asked: float | None) -> float:
        """The domain said 429 or 503; returns the seconds that it now holds still."""
        with self._lock:
            now = time.monotonic()
            retry = domain.settings.retry
            domain.cool = domain.cool.refused(sent_at, now, asked, retry.backoff, retry.max_backoff)
            return max(0.0, domain.cool.until - now)

    def answered(self, domain: Domain, *, well: bool) -> None:
        """The domain answered; well, or with something that is at least no failure of the server."""
        if domain.circuit.failures or (well and domain.cool.step):
            with self._lock:
                domain.circuit = Circuit()
                domain.cool = domain.cool.answered() if well else domain.cool
                self._schedule(domain)

    def failed(self, domain: Domain, began_at: float) -> float:
        """A request that began at `began_at` got no answer; returns the pause that its domain makes from now on."""
        with self._lock:
            before, now = domain.circuit, time.monotonic()
            retry = domain.settings.retry
            domain.circuit = before.failed(began_at, now, retry.backoff, retry.max_backoff)
            self._schedule(domain)
            return max(0.0, domain.circuit.until - now) if domain.circuit.pauses > before.pauses else 0.0

    # Filling ---------------------------------------------------------------------------------------------

    def add(self, domain: Domain) -> None:
        """A domain that the shard holds from now on."""
        with self._lock:
            self._domains[domain.name] = domain
            self._hungry.add(domain)

    def get(self, name: str) -> Domain | None:
        """A domain that the shard holds."""
        return self._domains.get(name)

    @property
    def domains(self) -> list[Domain]:
        """All domains that the shard holds."""
        with self._lock:
            return list(self._domains.values())

    def found(self, name: str, rank: int) -> None:
        """Requests of a domain were added to the store, the best of them with `rank`."""
        with self._lock:
            domain = self._domains[name]
            domain.more = True
            if domain.ready and rank < domain.ready[-1].rank:
                # Something better than what is at hand: read the order anew.
                domain.taken.difference_update(queued.id for queued in domain.ready)
                domain.ready.clear()
                domain.again_at = 0.0
            self._note_hunger(domain)

    def _note_hunger(self, domain: Domain) -> None:
        if domain.more and len(domain.ready) <= self._portion // 4 and domain not in self._hungry:
            self._hungry.add(domain)
            self._wake()

    @property
    def _portion(self) -> int:
        return max(_READY_LEAST, min(_READY_MOST, _READY_TOTAL // max(1, len(self._domains))))

    def hungry(self) -> list[tuple[Domain, int]]:
        """The domains to fill, and how many requests to read for each: those at hand or under way come again."""
        with self._lock:
            hungry = [(domain, self._portion + len(domain.taken)) for domain in self._hungry]
            self._hungry.clear()
            return hungry

    def fill(self, domain: Domain, ready: list[Queued], *, asked: int) -> None:
        """What the store has for a domain, read with the limit `asked`."""
        with self._lock:
            # Fewer than asked for: these are all, until more is found.
            domain.more = len(ready) >= asked
            for queued in ready:
                if queued.id not in domain.taken:
                    domain.taken.add(queued.id)
                    domain.ready.append(queued)
            self._schedule(domain)

    def fill_again(self, domain: Domain, due: list[Queued], next_at: float | None) -> None:
        """Requests whose waiting time is over go first; `next_at` is when there will be more of them."""
        with self._lock:
            domain.again_at = next_at
            for queued in reversed(due):
                if queued.id not in domain.taken:
                    domain.taken.add(queued.id)
                    domain.ready.appendleft(queued)
            self._schedule(domain)

    def tries_due(self, now: float) -> list[tuple[Domain, int]]:
        """The domains with requests whose waiting time is over, at `now` seconds since the epoch.

        With how many to read for each, as `hungry` says it; none while enough are at hand.
        """
        with self._lock:
            return [
                (domain, self._portion + len(domain.taken))
                for domain in self._domains.values()
                if domain.again_at is not None and domain.again_at <= now and len(domain.ready) <= self._portion
            ]

    # Looking ---------------------------------------------------------------------------------------------

    def is_starving(self, names: Iterable[str]) -> bool:
        """Whether one of these domains has nothing at hand, so that what waits to be committed may be its next."""
        with self._lock:
            if self._uncommitted >= MAX_UNCOMMITTED:
                return True
            return any((domain := self._domains.get(name)) is None or not domain.ready for name in names)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at hand, in flight, uncommitted or left in the store."""
        with self._lock:
            return self._uncommitted == 0 and all(
                domain.is_done and not domain.in_flight for domain in self._domains.values()
            )

    @property
    def in_flight(self) -> int:
        """Requests handed out that have not come to their outcome."""
        with self._lock:
            return self._unparsed + sum(domain.asking for domain in self._domains.values())

    @property
    def places(self) -> int | None:
        """Places for pages that are left."""
        return self._places

    def waiting(self, most: int) -> list[Waiting]:
        """Why domains hand out nothing right now: the longest waits first."""
        now = time.monotonic()
        wall = time.time()
        with self._lock:
            waits = []
            for domain in self._domains.values():
                reason = domain.waits_for(now)
                seconds = max(0.0, domain.due_at - now)
                if reason == "retry" and domain.again_at is not None:
                    seconds = max(0.0, domain.again_at - wall)
                if reason not in ("busy", "delay") or seconds >= 1.0:
                    waits.append(Waiting(domain.name, reason, seconds))
        waits.sort(key=lambda wait: -wait.seconds)
        return waits[:most]

    def concurrency(self, most: int) -> int:
        """Fetch threads that there is work for, at the most."""
        with self._lock:
            wanted = 0
            for domain in self._domains.values():
                wanted += domain.settings.politeness.concurrency
                if wanted >= most:
                    return most
            return wanted

    def close(self) -> None:
        """Hand out nothing more; every `take` returns None."""
        with self._lock:
            self._closed = True
            self._leader.notify_all()
            self._followers.notify_all()
