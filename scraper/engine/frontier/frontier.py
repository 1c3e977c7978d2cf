"""The frontier in memory: which request is sent next.

`take` hands out only requests whose domain is due, so nothing sleeps out a delay. Which requests there are is in
`domain_table`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from scraper import urls
from scraper.engine.frontier import preflight
from scraper.engine.frontier.backlog import RowBacklog
from scraper.engine.frontier.domain import Domain, Prerequisite
from scraper.engine.frontier.domain_table import DomainTable
from scraper.engine.frontier.login_state import LoginState, Stage
from scraper.engine.frontier.throttle import DomainThrottle
from scraper.fetch.robots import Robots
from scraper.lazy_dataclass import dataclass
from scraper.store.outcomes import Outcome
from scraper.store.tables import Kind
from scraper.store.values import Queued

#: Pages that wait to be parsed, or as many as may be in flight where that is more: domains that are asked together
#: are answered together, and none of them is to wait for the parsing of all others.
MAX_AHEAD = 64
#: Their bodies, altogether.
MAX_UNPARSED_BYTES = 64_000_000
#: Requests handed out and not yet committed, beside those that may be in flight or wait to be parsed.
MAX_UNCOMMITTED = 1_000
#: A request is handed out this long (seconds) before it is due, the time that preparing it takes; the last bit is
#: waited out right before the send, so that neither is the delay undercut nor is time lost.
LEAD = 0.004
#: A domain that is due within so many seconds needs its next request by then.
_SOON = 0.05
#: How soon it is looked again (seconds) whether leases that are overdue were renewed.
_LOOK_AGAIN = 0.2
#: The part of what may be in flight for domains that are not known to answer: the rest is for those that do.
_DOUBTFUL_PART = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Work for the fetch loop: a request, or what has to come before it (then `queued` is None)."""

    domain: Domain
    queued: Queued | None
    origin: str
    #: It was handed out while nobody knew whether the domain answers.
    is_doubtful: bool = False
    #: What it is, where it has to come before the domain's requests.
    before: Prerequisite | None = None
    #: Of the domain's login, when it was handed out.
    generation: int = 0
    #: When it was handed out, by the monotonic clock.
    began: float = field(default_factory=lambda: time.monotonic())

    @property
    def blocks(self) -> bool:
        """Tell whether it may wait in a way of its own: it needs a thread."""
        return self.domain.blocks or (self.queued is not None and not self.queued.request.may_be_repeated)

    @property
    def kind(self) -> Kind | Prerequisite:
        """By which its task is found."""
        if self.queued is not None:
            return self.queued.kind
        assert self.before is not None
        return self.before


class Frontier(DomainTable):
    """Thread-safe; all of its methods return at once.

    Args:
        settled: told what became of requests that are never sent (refused by robots.txt); called under the lock.
        wake: called when a domain is hungry, or when the crawl may be at its end.
        places: places for pages to begin with, by `limits.pages`; None for as many as there are pages.
        token: our name in robots.txt; None where robots are ignored.
        answer_unsent: what a request comes to without being sent, by its kind; given its origin and, where it is
            obeyed, the robots.txt of that; called under the lock.
        ahead: how many pages wait for the parse thread; after each of them it calls `parsed`.
        holds: whether the leases were renewed in time; nothing is handed out while they were not.
        most_in_flight: `engine.in_flight`: requests without an answer, at most.
        most_blocking: `engine.threads`: those of domains that block, at most.
    """

    def __init__(
        self,
        settled: Callable[[Outcome], None],
        wake: Callable[[], None],
        places: int | None,
        token: str,
        answer_unsent: Callable[[Queued, str, Robots | None], Outcome | None] = lambda queued, origin, robots: None,
        ahead: Callable[[], int] = lambda: 0,
        holds: Callable[[], bool] = lambda: True,
        *,
        most_in_flight: int = 256,
        most_blocking: int = 32,
    ) -> None:
        super().__init__(wake)
        self._settled = settled
        self._places = places
        self._token = token
        self._answer_unsent = answer_unsent
        self._ahead = ahead
        self._holds = holds
        self._most_ahead = max(MAX_AHEAD, most_in_flight)
        self._most_uncommitted = MAX_UNCOMMITTED + most_in_flight + self._most_ahead
        self._changed: Callable[[], None] = lambda: None
        self._most_in_flight = most_in_flight
        self._most_blocking = most_blocking
        self._unanswered = 0
        self._blocking = 0
        self._doubtful = 0
        #: The manners of the domains.
        self.throttle = DomainThrottle(self._lock, self._schedule, self._schedule_anew, token, self._proven)
        self._unparsed = 0
        self._unparsed_bytes = 0
        self._uncommitted = 0
        self._rows = RowBacklog()
        self._closed = False

    def said_of_use(self, domain: str, url: str) -> Mapping[str, bool]:
        """Return what the robots.txt of a URL's origin says it may be used for, as far as it is known."""
        held = self._domains.get(domain)
        robots = held.robots.get(urls.origin_of(url)) if held is not None else None
        return {} if robots is None else robots.usage(url, self._token)

    # Handing out -----------------------------------------------------------------------------------------

    def take(self) -> tuple[Job | None, float | None]:
        """Return the next job whose domain is due; or None, and the seconds until there may be one, as far as
        is known.
        """
        with self._lock:
            if self._closed:
                return None, None
            return self._next(time.monotonic()) if self._holds() else (None, _LOOK_AGAIN)

    def on_change(self, changed: Callable[[], None]) -> None:
        """From now on, call this when `take` may have something; under the lock."""
        self._changed = changed

    def _next(self, now: float) -> tuple[Job | None, float | None]:
        while self._has_room():
            # Until a domain is known to answer, there is nothing to keep room for.
            part = _DOUBTFUL_PART if self._proven else 1.0
            doubtful = self._doubtful < self._most_in_flight * part
            blocking = self._blocking < self._most_blocking
            domain, due = self._ready_queue.next(
                now + LEAD, with_doubtful=doubtful, with_blocking=blocking, is_full=self._is_window_full
            )
            if domain is None:
                return None, None if due is None else due - LEAD - now
            if not domain.may_take or (self._files_only and not domain.ready[0].kind.belongs_to_items):
                continue
            if domain.due_at - LEAD > now or (domain.is_doubtful and not doubtful):
                self._schedule(domain)
                continue
            job = self._hand_out(domain)
            self._schedule(domain)
            if job is not None:
                return job, None
        return None, None

    def _has_room(self) -> bool:
        return (
            self._unanswered < self._most_in_flight
            and self._ahead() < self._most_ahead
            and self._unparsed_bytes < MAX_UNPARSED_BYTES
            and self._uncommitted < self._most_uncommitted
            and self._rows.has_room(self._unparsed)
            and (self._places != 0 or self._files_only)
        )

    def _hand_out(self, domain: Domain) -> Job | None:
        """Return the next request of a due domain, its origin's robots.txt first; or None after settling what
        is refused.
        """
        domain.try_another_server()
        queued = domain.ready[0]
        origin = urls.origin_of(queued.request.url)
        outcome, robots = preflight.before_robots(domain, queued), None
        if outcome is None and domain.settings.politeness.robots == "obey":
            robots = _robots_of(domain, origin)
            if robots is None:
                return self._ask(domain, Prerequisite.ROBOTS, origin)
            outcome = preflight.by_robots(queued, origin, robots, self._token)
        outcome = outcome or self._answer_unsent(queued, origin, robots)
        login = domain.login
        if outcome is None and login is not None:
            if (first := self._before_login(domain, login)) is not None:
                return first
            outcome = preflight.without_login(queued, login)
        self._take_off(domain)
        if outcome is not None:
            # It ends without being sent; whoever is told calls `parsed`, as for what was fetched.
            self._settled(outcome)
            return None
        generation = login.generation if login is not None else 0
        return self._begin(Job(domain, queued, origin, domain.is_doubtful, generation=generation))

    def _before_login(self, domain: Domain, login: LoginState) -> Job | None:
        """Return what has to come before a page where nobody is logged in: the robots.txt of the login, and the
        login.
        """
        if login.stage is not Stage.OUT:
            return None
        origin = urls.origin_of(login.config.url)
        if domain.settings.politeness.robots == "obey":
            robots = _robots_of(domain, origin)
            if robots is None:
                return self._ask(domain, Prerequisite.ROBOTS, origin)
            if (why := preflight.forbids_login(login, robots, origin, self._token)) is not None:
                login.failed(why)
                return None
        return self._ask(domain, Prerequisite.LOGIN, origin)

    def _ask(self, domain: Domain, before: Prerequisite, origin: str) -> Job:
        """Something that comes before the domain's pages; until it is done the domain hands out nothing."""
        self.throttle.ask(domain, before)
        return self._begin(Job(domain, None, origin, domain.is_doubtful, before))

    def _begin(self, job: Job) -> Job:
        self._awake.add(job.domain)
        self._use_turn(job.domain)
        job.domain.in_flight += 1
        self._unanswered += 1
        self._blocking += job.domain.blocks
        self._doubtful += job.is_doubtful
        job.domain.sending = job if job.domain.pace.delay > 0 else None
        return job

    def _take_off(self, domain: Domain) -> None:
        domain.ready.popleft()
        self._note_hunger(domain)
        self._unparsed += 1
        self._uncommitted += 1
        if self._places is not None:
            self._places -= 1

    def _poke(self) -> None:
        """Something changed: let the fetch loop look again, if there may be something for it."""
        if self._ready_queue and self._has_room():
            self._changed()

    # The life of a request -------------------------------------------------------------------------------

    def fetched(self, job: Job, *, body_bytes: int = 0) -> None:
        """Note that the answer is read, or that none came; `body_bytes` now wait to be parsed."""
        with self._lock:
            domain = job.domain
            domain.in_flight -= 1
            self._unanswered -= 1
            self._blocking -= domain.blocks
            self._doubtful -= job.is_doubtful
            if domain.sending is job:
                self.throttle.not_sent(domain)
            self._unparsed_bytes += body_bytes
            self._note_turn(domain, time.monotonic() - job.began)
            self._schedule(domain)
            self._note_done(domain)

    def _note_turn(self, domain: Domain, seconds: float) -> None:
        if domain.turn is not None:
            domain.turn.answered(seconds)
            if domain.turn.is_over:
                self._end_turn(domain)

    def parsed(self, *, body_bytes: int = 0, page: bool, rows: int = 1) -> None:
        """Note that a request handed out has its outcome, of so many rows; only a page keeps its place."""
        with self._lock:
            self._rows.add(rows)
            self._unparsed -= 1
            self._unparsed_bytes -= body_bytes
            if not page and self._places is not None:
                self._places += 1
            self._poke()

    def committed(self, outcomes: Iterable[Outcome], again_at: dict[int, float], rows: int) -> None:
        """These are in the store; `again_at` names those that stay queued, with the time of their next try.

        Args:
            rows: of the batch that they were a part of.
        """
        with self._lock:
            self._rows.committed(rows)
            for outcome in outcomes:
                self._uncommitted -= 1
                domain = self._domains.get(outcome.queued.domain)
                if domain is None:
                    continue
                domain.taken.discard(outcome.queued.id)
                at = again_at.get(outcome.queued.id)
                if at is not None:
                    domain.again_at = at if domain.again_at is None else min(domain.again_at, at)
                    self._refill_queue.note_tries(domain)
                self._note_hunger(domain)
                self._note_done(domain)
            self._poke()

    # Looking ---------------------------------------------------------------------------------------------

    def is_starving(self, names: Iterable[str]) -> bool:
        """Tell whether one of these domains could send and has nothing at hand, so that what waits to be committed
        may be its next; or whether nothing is handed out until there is a commit.
        """
        with self._lock:
            if self._uncommitted >= self._most_uncommitted:
                return True
            soon = time.monotonic() + _SOON
            return any((domain := self._domains.get(name)) is None or domain.is_starving(soon) for name in names)

    @property
    def is_out_of_work(self) -> bool:
        """Tell whether no domain has anything to hand out."""
        return not self._ready_queue

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is at hand, in flight, uncommitted or left in the store."""
        with self._lock:
            return self._uncommitted == 0 and not self._busy

    @property
    def in_flight(self) -> int:
        """Return requests handed out that have not come to their outcome."""
        with self._lock:
            return self._unparsed + self.throttle.asking

    # Places ----------------------------------------------------------------------------------------------

    @property
    def wants_places(self) -> bool:
        """Tell whether there are requests, and no places for their pages."""
        with self._lock:
            return self._places == 0 and bool(self._ready_queue)

    def add_places(self, count: int) -> None:
        """More pages may be fetched."""
        with self._lock:
            self._places = (self._places or 0) + count
            self._poke()

    def give_places_back(self) -> int:
        """Give up the places that are not in use; returns how many that were."""
        with self._lock:
            unused, self._places = self._places or 0, 0
            return unused

    def close(self) -> None:
        """Hand out nothing more."""
        with self._lock:
            self._closed = True
            self._changed()

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing more is handed out."""
        return self._closed


def _robots_of(domain: Domain, origin: str) -> Robots | None:
    """Return the robots.txt of an origin, as far as it is known and still holds."""
    robots = domain.robots.get(origin)
    return robots if robots is not None and robots.is_current(time.time()) else None
