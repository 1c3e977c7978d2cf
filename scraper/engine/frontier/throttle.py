"""The throttle of the domains of a shard: when each may send next, and which are paused for a while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from scraper.engine.frontier.domain import Domain, Prerequisite
from scraper.engine.frontier.login_state import Verdict
from scraper.fetch.politeness import Circuit, Outage, Pace
from scraper.fetch.robots import Robots

#: A delay that follows the server is told of when it has changed by this factor.
_WORTH_TELLING = 2.0


class DomainThrottle:
    """Thread-safe, under the frontier's lock; all of its methods return at once.

    Args:
        schedule: enters a domain into the ready queue; its next request may be due earlier now.
        schedule_anew: the same for one that is entered with what no longer holds.
        token: our name in robots.txt.
        proven: here are those that are known to answer.
    """

    def __init__(
        self,
        lock: threading.Lock,
        schedule: Callable[[Domain], None],
        schedule_anew: Callable[[Domain], None],
        token: str,
        proven: set[Domain],
    ) -> None:
        self._lock = lock
        self._schedule = schedule
        self._schedule_anew = schedule_anew
        self._token = token
        self._proven = proven
        #: Domains that wait for a robots.txt or a login which was handed out.
        self.asking = 0

    def sent(self, domain: Domain, holder: object) -> None:
        """Note that a head was just written; the domain's next request is due a delay later."""
        with self._lock:
            if domain.sending is holder:
                domain.sending = None
            domain.sent_at = time.monotonic()
            domain.due = domain.pace.next_start(domain.sent_at, random.random())
            domain.last_send = time.time()
            if domain.pace.delay > 0:
                self._schedule(domain)

    def not_sent(self, domain: Domain) -> None:
        """Keep the delay all the same after a request for which there was no connection. Called under the lock."""
        domain.sending = None
        domain.due = domain.pace.next_start(time.monotonic(), random.random())

    def reserve(self, domain: Domain, holder: object) -> float | None:
        """Take a turn beside the frontier: return None if taken, else the seconds until it is worth trying again."""
        with self._lock:
            if domain.sending is not None and domain.sending is not holder:
                return 0.01
            now = time.monotonic()
            if domain.due_at > now:
                return domain.due_at - now
            domain.sending = holder if domain.pace.delay > 0 else None
            return None

    def give_back(self, domain: Domain, holder: object) -> None:
        """Give back a turn that was taken beside the frontier, where nothing was sent in it."""
        with self._lock:
            if domain.sending is holder:
                self.not_sent(domain)
                self._schedule(domain)

    def ask(self, domain: Domain, before: Prerequisite) -> None:
        """Let the domain wait for this from now on. Called under the lock."""
        domain.asking = before
        self.asking += 1

    def _answered(self, domain: Domain, wait: float = 0.0) -> None:
        """End the domain's wait, or prolong it by some seconds."""
        domain.asking = None
        self.asking -= 1
        if wait:
            domain.due = max(domain.due, time.monotonic() + wait)
        self._schedule(domain)

    def robots_known(self, domain: Domain, origin: str, robots: Robots) -> None:
        """Take in the robots.txt of an origin, and with it perhaps a slower pace."""
        with self._lock:
            domain.robots[origin] = robots
            domain.robots_attempts.pop(origin, None)
            domain.pace = domain.pace.slowed_to(robots.crawl_delay(self._token))
            # It holds from the request on that brought it.
            domain.due = max(domain.due, domain.pace.next_start(domain.sent_at))
            self._answered(domain)

    def ask_robots_again(self, domain: Domain, origin: str, wait: float, *, counts: bool = True) -> None:
        """Let the domain wait before its robots.txt, which could not be fetched, is fetched again."""
        with self._lock:
            domain.robots_attempts[origin] = domain.robots_attempts.get(origin, 0) + counts
            self._answered(domain, wait)

    def logged_in(self, domain: Domain) -> None:
        """Note that a login went well."""
        with self._lock:
            if domain.login is not None:
                domain.login.done()
            self._answered(domain)

    def login_failed(self, domain: Domain, message: str) -> None:
        """Give the login up: all that is left of the domain ends without being sent."""
        with self._lock:
            if domain.login is not None:
                domain.login.failed(message)
            if domain.asking is Prerequisite.LOGIN:
                self._answered(domain)

    def log_in_again(self, domain: Domain, wait: float, *, counts: bool = True) -> None:
        """Let the domain wait before it tries to log in again."""
        with self._lock:
            if domain.login is not None:
                domain.login.attempts += counts
            self._answered(domain, wait)

    def looks_logged_in(self, domain: Domain, page: int, generation: int) -> None:
        """Note that a page handed out in this generation does not look logged out."""
        with self._lock:
            if domain.login is not None:
                domain.login.looks_well(page, generation)

    def looks_logged_out(self, domain: Domain, page: int, generation: int) -> Verdict:
        """Return what becomes of a page that does."""
        with self._lock:
            verdict = domain.login.looks_logged_out(page, generation) if domain.login is not None else Verdict.FAIL
            self._schedule(domain)
            return verdict

    def cool_down(self, domain: Domain, sent_at: float, asked: float | None) -> float:
        """Pause a domain that answered 429 or 503; return the seconds that it now waits."""
        with self._lock:
            now = time.monotonic()
            retry = domain.settings.retry
            domain.cool = domain.cool.refused(sent_at, now, asked, retry.backoff, retry.max_backoff)
            return max(0.0, domain.cool.until - now)

    def paced(self, domain: Domain, next_pace: Pace) -> float | None:
        """Take in the pace after an answer or failure; return the delay before where the change is worth telling."""
        before = domain.pace
        if next_pace is before:
            return None
        with self._lock:
            domain.pace = next_pace
            if next_pace.delay > before.delay:
                domain.due = max(domain.due, next_pace.next_start(domain.sent_at))
        told = domain.delay_told = domain.delay_told or before.delay
        if (
            next_pace.slowed_at == before.slowed_at
            and told / _WORTH_TELLING < next_pace.delay < told * _WORTH_TELLING
        ):
            return None
        domain.delay_told = next_pace.delay
        return told if next_pace.delay != told else None

    def answered(self, domain: Domain, *, well: bool) -> None:
        """Note an answer: a good one, or at least no failure of the server."""
        if domain.is_doubtful or (well and domain.cool.step):
            with self._lock:
                domain.has_answered = True
                domain.circuit = Circuit()
                self._proven.add(domain)
                domain.cool = domain.cool.answered() if well else domain.cool
                self._schedule_anew(domain)

    def failed(self, domain: Domain, began_at: float) -> float:
        """Note that a request begun at `began_at` failed; return the pause in seconds that its domain makes
        from now on.
        """
        with self._lock:
            before, now = domain.circuit, time.monotonic()
            retry = domain.settings.retry
            domain.circuit = before.failed(began_at, now, retry.backoff, retry.max_backoff)
            if domain.is_doubtful:
                self._proven.discard(domain)
            self._schedule(domain)
            return max(0.0, domain.circuit.until - now) if domain.circuit.pauses > before.pauses else 0.0

    def challenged(self, domain: Domain, began_at: float) -> tuple[float, bool]:
        """Hold a domain that answered a request begun at `began_at` with a challenge; return the seconds until it is
        due, and whether that is news.
        """
        with self._lock:
            before, now = domain.circuit, time.monotonic()
            retry = domain.settings.retry
            domain.circuit = before.challenged(began_at, now, retry.backoff, retry.max_backoff)
            self._proven.discard(domain)
            self._schedule(domain)
            return max(0.0, domain.circuit.until - now), domain.circuit is not before

    def hold(self, domain: Domain, origin: str, began_at: float, *, was_connected: bool) -> tuple[float, bool] | None:
        """Hold a domain whose `origin` refused the connection of a request begun at `began_at`, or cut it off.

        Returns:
            The seconds until the domain is due, and whether that is news. None where the failure is the request's
            own: few were cut off so far, the pauses are over, or `retry.backoff` is 0.
        """
        retry = domain.settings.retry
        with self._lock:
            if not retry.backoff or origin in domain.unreachable:
                return None
            before, now = domain.outage, time.monotonic()
            after = before.failed(origin, began_at, now, retry.backoff, retry.max_wait, was_connected=was_connected)
            if after.is_for_good:
                domain.unreachable |= after.origins
                after = Outage()
            domain.outage = after
            if domain.is_doubtful:
                self._proven.discard(domain)
            self._schedule(domain)
            return (max(0.0, after.until - now), after is not before) if after.is_held else None

    def reached(self, domain: Domain, origin: str, began_at: float) -> None:
        """Note that a server of the domain took the connection of a request begun at `began_at`."""
        if not domain.may_be_unreached:
            return
        with self._lock:
            domain.unreachable.discard(origin)
            if began_at < domain.outage.began_at:
                return
            domain.cut_off.clear()
            if domain.outage.is_held:
                # Where another server of the domain answers, those that do not are no reason to hold it.
                domain.unreachable |= domain.outage.origins - {origin}
            domain.outage = Outage()
            self._schedule_anew(domain)
