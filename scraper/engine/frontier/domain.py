"""The state of one domain while a shard holds it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import field
from enum import Enum

from scraper import urls
from scraper.config import DomainSettings
from scraper.engine.frontier.login_state import LoginState, Stage
from scraper.engine.frontier.window import Turn
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Circuit, CoolDown, Outage, Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.robots import KeptRobots
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.waiting import pause
from scraper.lazy_dataclass import dataclass
from scraper.store.values import Profile, Queued


class Prerequisite(Enum):
    """A step that has to come before the requests of a domain."""

    ROBOTS = "robots"
    LOGIN = "login"


@dataclass(eq=False, slots=True)
class Domain:
    """Changed under the frontier's lock only. Times are of the monotonic clock."""

    name: str
    epoch: int
    settings: DomainSettings
    session: DomainSession
    retry: RetryPolicy
    pace: Pace
    #: Its Session, adapter or auth is a user's, who may wait in ways of their own.
    blocks: bool = False
    #: The next request may start then.
    due: float = 0.0
    cool: CoolDown = field(default_factory=CoolDown)
    circuit: Circuit = field(default_factory=Circuit)
    outage: Outage = field(default_factory=Outage)
    #: Origins that refuse connections for good, or while others of the domain answer: they hold it no longer.
    unreachable: set[str] = field(default_factory=set)
    #: Requests that were cut off, each at its first try, since a server of the domain answered last.
    cut_off: list[int] = field(default_factory=list)
    in_flight: int = 0
    #: With a delay: what was handed out and is not sent yet; nothing else is until then.
    sending: object | None = None
    #: When a head was written last.
    sent_at: float = float("-inf")
    ready: deque[Queued] = field(default_factory=deque)
    #: The store holds requests beside those in `ready`.
    more: bool = True
    #: When requests that wait for another try are due, in seconds since the epoch; the store is asked at once.
    again_at: float | None = 0.0
    #: Requests handed out or in `ready`, until they are committed.
    taken: set[int] = field(default_factory=set)
    robots: KeptRobots = field(default_factory=KeptRobots)
    robots_attempts: dict[str, int] = field(default_factory=dict)
    #: What is under way beside the frontier, a robots.txt or a login; the domain waits for it.
    asking: Prerequisite | None = None
    #: None where there is nothing to log in to.
    login: LoginState | None = None
    #: It is to be given up: nothing more of it is handed out.
    leaving: bool = False
    #: None where it waits for one.
    turn: Turn | None = None
    #: When it began to wait for one.
    waits_since: float = 0.0
    #: Number of its entry in the ready queue, and of that for its next tries.
    entry: int | None = None
    tries_entry: int | None = None
    #: It answered something since this shard holds it.
    has_answered: bool = False
    #: Seconds since the epoch, for the store.
    last_send: float | None = None
    #: Changes of the jar that are in the store.
    cookies_kept: int = 0
    #: The same of what was learned of its servers; and of that, changes of the idle limits.
    profile: Profile = field(default_factory=Profile)
    idle_limits_kept: int = 0
    #: Of bodies, in the run: `limits.per_domain.bytes`; its ledger knows what is left of them.
    most_bytes: int | None = None
    #: The delay that was told last, where it follows the server.
    delay_told: float = 0.0
    #: The pause that is in the store: until when (of the monotonic clock), steps of the cool-down, `pauses`.
    pause_kept: tuple[float, int, int] = (float("-inf"), 0, 0)

    @property
    def has_had_its_bytes(self) -> bool:
        """Tell whether `limits.per_domain.bytes` is reached."""
        return self.most_bytes is not None and self.session.ledger.is_full

    @property
    def may_take(self) -> bool:
        """Tell whether a request could be handed out, were it due."""
        most = 1 if self.circuit.is_open or self.outage.is_held else self.settings.politeness.concurrency
        if not self.ready or self.asking or self.leaving or self.in_flight >= most:
            return False
        # What is in flight could still bring cookies of the old session, after those of a new one.
        if self.in_flight and self.login is not None and self.login.stage is Stage.OUT:
            return False
        return self.sending is None

    def try_another_server(self) -> None:
        """While it is held, put requests to its other servers first: perhaps only one of them is down."""
        if not self.outage.is_held:
            return
        for place, queued in enumerate(self.ready):
            if urls.origin_of(queued.request.url) not in self.outage.origins:
                del self.ready[place]
                self.ready.appendleft(queued)
                return

    def is_starving(self, now: float) -> bool:
        """Tell whether it could send something at `now`, and has nothing at hand."""
        return not self.ready and self.in_flight < self.settings.politeness.concurrency and self.due_at <= now

    @property
    def is_doubtful(self) -> bool:
        """Tell whether nobody knows that it answers: it never did, or failed last."""
        return not self.has_answered or self.circuit.failures > 0 or self.outage.is_held

    @property
    def may_be_unreached(self) -> bool:
        """Tell whether one of its servers refused connections, or is held for that: an answer is news then."""
        return bool(self.outage.origins or self.outage.is_held or self.unreachable)

    @property
    def due_at(self) -> float:
        """Return when the next request could start."""
        return max(self.due, self.paused_until)

    @property
    def paused_until(self) -> float:
        """Return until when it is left alone, whatever its delay."""
        return max(self.cool.until, self.circuit.until, self.outage.until)

    @property
    def pauses(self) -> int:
        """Return how far its pauses have grown, as the store keeps it: below zero while it refuses connections."""
        return -self.outage.pauses or self.circuit.kept

    def resume_pause(self, seconds: float, cool_step: int, pauses: int) -> None:
        """Leave it alone for so long: another process would have."""
        until = time.monotonic() + seconds
        self.cool, self.circuit = CoolDown.resumed(cool_step, until), Circuit.resumed(pauses, until)
        self.outage = Outage.resumed(-pauses, until)
        self.pause_kept = until, cool_step, self.pauses

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left of it that is known here."""
        return not (self.ready or self.more or self.taken or self.again_at is not None)

    def waits_for(self, now: float) -> str:
        """Return what it waits for, in a word."""
        if self.asking is not None:
            return self.asking.value
        if self.outage.until > now:
            return "outage"
        if self.circuit.until > now:
            return "challenge" if self.circuit.is_challenged else "circuit"
        if self.cool.until > now:
            return "cool-down"
        if not self.ready:
            return "retry" if self.again_at is not None else "busy"
        if self.in_flight >= self.settings.politeness.concurrency:
            return "busy"
        return "delay"


class DomainGate:
    """The gate of a domain: what is sent beside the frontier waits here; each send moves the due time on.

    `turn` is whose turn it is: one request's end or send does not use up the turn of another.
    """

    def __init__(
        self,
        domain: Domain,
        holder: object,
        reserve: Callable[[Domain, object], float | None],
        sent: Callable[[Domain, object], None],
        check_lease: Callable[[], None],
    ) -> None:
        self._domain = domain
        self._holder = holder
        self._reserve = reserve
        self._sent = sent
        self._check_lease = check_lease

    def wait(self, limit: Deadline) -> None:
        """Sleeps until the domain's next turn, and takes it."""
        while (seconds := self._reserve(self._domain, self._holder)) is not None:
            if seconds > limit.left:
                raise TimeoutError("no turn within session.timeout.total: the domain's delay is longer")
            pause(max(seconds, 0.001))

    def sending(self) -> None:
        """Waits out the last milliseconds until the domain is due.

        Raises:
            LeaseLost: the domain may be another shard's by now.
        """
        while (early := self._domain.due - time.monotonic()) > 0:
            pause(early)
        self._check_lease()

    def sent(self) -> None:
        """Note the send: the delay runs from here."""
        self._sent(self._domain, self._holder)
