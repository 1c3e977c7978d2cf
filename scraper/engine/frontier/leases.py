"""The domains that a shard holds: claimed by lease, filled from the store, closed at the end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import requests

from scraper.config import SiteConfig
from scraper.engine.frontier.blocking import why_blocks
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.login_state import LoginState, Stage
from scraper.engine.frontier.window import most_awake
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.robots import KeptRobots, Robots, RobotsState, product_token
from scraper.fetch.transport.ledger import RunBytes
from scraper.observe import events
from scraper.observe.events import Events
from scraper.reasons import remedy_of
from scraper.stats import ConnectionStats
from scraper.store import Store
from scraper.store.backends import wait_clock
from scraper.store.backends.lease_clock import MARGIN_SECONDS
from scraper.store.outcomes import Batch
from scraper.store.state.domains import Lease
from scraper.store.values import DomainUpdate, Pause, Profile, ProxyPause
from scraper.urls import domain_of

if TYPE_CHECKING:
    from scraper.fetch.proxies import ProxyPool

#: Linux has it.
_USER_TIMEOUT: int = getattr(socket, "TCP_USER_TIMEOUT", 0)

_SWEEP_SECONDS = 1.0
#: How often it is written down what of long bodies came, where others count it against `limits.bytes` (seconds).
_BOOK_SECONDS = 0.25
#: A mean latency, or a delay, that differs by a smaller share is not stored again.
_SAME_LATENCY = 0.25
_SAME_DELAY = 0.1
#: Seconds since the epoch: later than any moment.
_ANY_TIME = 1e12
#: A domain without a request for so long (seconds) lets its Session go until it is; one that is done, its lease too.
_REST_SECONDS = 60.0
#: Where other machines share the store, the system gives up a head that is not acknowledged when the lease ends. It
#: would else be delivered once a broken path is whole again, to a domain that another machine has.
_UNHEARD = ((socket.IPPROTO_TCP, _USER_TIMEOUT, int(MARGIN_SECONDS * 1_000)),) if _USER_TIMEOUT else ()


class DomainLeases:
    """Used by the main loop of a shard only.

    Args:
        owner: the shard's name in leases.
        make_session: makes a requests.Session of the class that a `session.class` names.
        fetches: whether anything is sent, so that it is said where robots.txt is ignored.
        run_bytes: counts what all of their ledgers receive, where that is bounded.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        config: SiteConfig,
        frontier: Frontier,
        emit: Events,
        *,
        owner: str,
        make_session: Callable[[str], requests.Session],
        fetches: bool = True,
        run_bytes: RunBytes | None = None,
    ) -> None:
        self._run_bytes = run_bytes
        self._fetches = fetches
        self._store = store
        self._run = run
        self._config = config
        self._frontier = frontier
        self._emit = emit
        self.owner = owner
        self._make_session = make_session
        self._token = product_token(config.user_agent)
        #: Those of domains that have none of their own.
        self._settings = config.for_domain("")
        self._retry = RetryPolicy(self._settings.retry)
        self._proxies: ProxyPool | None = None
        if config.proxies:
            from scraper.fetch.proxies import ProxyPool

            self._proxies = ProxyPool(config.proxies)
            for each in store.paused_proxies():
                self._proxies.resume(each.name, each.until - wait_clock.now(), each.failures, each.why)
        self._began_at = time.time()
        self._swept_at = self._finished_at = self._booked_at = 0.0

    def claim(self, names: Sequence[str]) -> list[str]:
        """Take the leases of these domains, as far as they are free; return those that are not."""
        new = [name for name in names if self._frontier.get(name) is None]
        for name in set(names).difference(new):
            self._frontier.look_again(name)
        leases = self._store.claim(self.owner, new) if new else []
        per_domain = self._config.limits.per_domain
        had = self._store.figures(self._run) if leases and per_domain.bytes is not None else {}
        for lease in leases:
            domain = self._domain(lease)
            domain.session.ledger.run = self._run_bytes
            if per_domain.bytes is not None:
                before = had[lease.domain].bytes if lease.domain in had else 0
                domain.most_bytes = per_domain.bytes
                domain.session.ledger.most_bytes = max(0, per_domain.bytes - before)
            self._frontier.add(domain)
        return sorted(set(new).difference(lease.domain for lease in leases))

    def session(self, name: str, proxy: str | None = None) -> DomainSession:
        """Make the Session of a domain, without what the store keeps of it but for the `proxy` that it goes by."""
        settings = self._config.domains.get(name, self._settings).session
        session = DomainSession(
            name,
            settings,
            self._config.user_agent,
            make=partial(self._make_session, settings.class_),
            on_opening=lambda opening: self._emit(events.Connected(opening)),
            allow_unobserved=self._config.network.allow_unobserved,
        )
        if not self._store.location.is_file:
            session.connections.options = _UNHEARD
        if self._proxies is not None and not settings.proxies:
            from scraper.fetch.proxies import proxy_for

            session.proxy = proxy_for(self._proxies, name, proxy, self._tell_of_proxy)
        return session

    def _tell_of_proxy(self, domain: str, before: str, now: str, why: str) -> None:
        text = f"{domain} goes by the proxy {now} from now on, since {before} failed: {why}"
        remedy = remedy_of(why)
        self._emit(events.Notice(f"{text} ({remedy})" if remedy else text))

    def _domain(self, lease: Lease) -> Domain:
        settings = self._config.domains.get(lease.domain, self._settings)
        session = self.session(lease.domain, lease.profile.proxy)
        if lease.cookies:
            session.jar.load(lease.cookies)
        connections, profile = session.connections, lease.profile
        connections.idle_limits.load(profile.idle_limits)
        connections.latency = profile.latency
        if profile.ways is not None:
            from scraper.fetch.ways import Ways

            session.ways = Ways.load(profile.ways)
        if settings.politeness.robots == "ignore" and self._fetches:
            self._emit(events.Notice(f"robots.txt of {lease.domain} is not fetched (politeness.robots: ignore)"))
        pace = Pace.of(settings.politeness).resumed(profile.delay)
        known = {
            row.origin: Robots(RobotsState(row.state), row.text, row.why, row.asked_at)
            for row in lease.robots
            # One that an earlier call of the crawl did not reach is requested again before its pages fail.
            if row.state != RobotsState.UNREACHABLE or row.asked_at >= self._began_at
        }
        if settings.politeness.robots == "obey":
            for robots in known.values():
                pace = pace.slowed_to(robots.crawl_delay(self._token))
        # When it was asked last may be unknown after a kill, so a domain that was held before waits a whole delay.
        is_new = lease.last_send is None and lease.epoch == 1
        due = 0.0 if is_new else pace.next_start(time.monotonic())
        domain = Domain(
            lease.domain,
            lease.epoch,
            settings,
            session,
            self._retry if settings is self._settings else RetryPolicy(settings.retry),
            pace,
            blocks=bool(why_blocks(self._config, settings, lease.domain)),
            due=due,
            robots=KeptRobots(known),
            last_send=lease.last_send,
            cookies_kept=session.jar.changes,
            login=self._login(lease, session),
            profile=profile,
        )
        if self._fetches and lease.pause is not None and lease.pause.not_before is not None:
            seconds = lease.pause.not_before - wait_clock.now()
            if seconds > 0:
                domain.resume_pause(seconds, lease.pause.cool_step, lease.pause.pauses)
        return domain

    def _login(self, lease: Lease, session: DomainSession) -> LoginState | None:
        """Return what is known of the domain's login; a session of another login is forgotten."""
        config, mark = self._config.login, lease.profile.login
        if config is None or domain_of(config.url) != lease.domain:
            return None
        login = LoginState(config, mark if any(True for _ in session.jar) else "", self._config.named_origins())
        if mark and login.stage is Stage.OUT:
            session.jar.clear()
        return login

    def fill(self) -> None:
        """Read requests from the store for the domains that run low, and for those with tries that are due."""
        for domain, count, at_hand in self._frontier.hungry():
            self._frontier.fill(domain, self._store.ready(self._run, domain.name, count, at_hand), asked=count)
        # Where nothing is sent, nothing need be waited for.
        at = wait_clock.now() if self._fetches else _ANY_TIME
        for domain, count, at_hand in self._frontier.tries_due(at):
            due, next_at = self._store.due_again(self._run, domain.name, count, at_hand, at=at)
            self._frontier.fill_again(domain, due, next_at)

    def found(self, added: Mapping[str, int]) -> dict[str, int]:
        """Return requests were added for these domains, the best of each with the rank named.

        Returns those that are not held here.
        """
        others = {}
        for name, rank in added.items():
            if self._frontier.get(name) is None:
                others[name] = rank
            else:
                self._frontier.found(name, rank)
        return others

    def look_for_work(self) -> None:
        """Ask the store whether anything was added for domains of which nothing was left."""
        names = self._frontier.done()
        for name in self._store.with_work(self._run, names) if names else ():
            self._frontier.look_again(name)

    def add_state(self, batch: Batch, domains: Iterable[Domain]) -> dict[str, int]:
        """Put what was seen of these domains into a batch; returns the epochs under which they are held."""
        epochs = {}
        for domain in domains:
            epochs[domain.name] = domain.epoch
            cookies = None
            changes = domain.session.jar.changes
            if changes != domain.cookies_kept:
                cookies = domain.session.jar.dump()
                domain.cookies_kept = changes
            batch.domains[domain.name] = DomainUpdate(domain.last_send, cookies, _learned(domain), _pause(domain))
            taken = domain.session.ledger.take()
            taken.delay = domain.pace.delay if taken.requests and domain.pace.is_adaptive else None
            if taken != ConnectionStats():
                batch.figures[domain.name] = taken
        if self._proxies is not None:
            for name, seconds, failures, why in self._proxies.changed():
                until = wait_clock.now() + seconds if failures else 0.0
                batch.proxies.append(ProxyPause(name, until, failures, why))
        return epochs

    def with_unbooked_bytes(self) -> list[Domain]:
        """Return the domains of which bytes came that are in no commit, now and then, where a run's are bounded."""
        now = time.monotonic()
        if self._run_bytes is None or now - self._booked_at < _BOOK_SECONDS:
            return []
        self._booked_at = now
        return [domain for domain in self._frontier.domains if domain.session.ledger.has_untaken_bytes]

    def sweep(self) -> None:
        """Close connections that have idled too long, once a second, and Sessions of domains that are not asked."""
        now = time.monotonic()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            self._frontier.end_idle_turns(now - self._settings.session.idle_expiry, now - _SWEEP_SECONDS)
            awake = self._frontier.awake()
            for domain in awake:
                domain.session.sweep()
            too_many_awake = len(awake) - most_awake(self._frontier.size)
            for domain in awake:
                # A domain without a request for a while needs no Session; of too many, the oldest go first.
                if too_many_awake <= 0 and now - domain.sent_at < _REST_SECONDS:
                    break
                if not domain.in_flight and domain.session.rest():
                    self._frontier.rested(domain)
                    too_many_awake -= 1

    def finished(self) -> list[Domain]:
        """Return domains that are done and had no requests for a while, now and then; they are held no longer."""
        now = time.monotonic()
        if now - self._finished_at < _SWEEP_SECONDS:
            return []
        self._finished_at = now
        return self._frontier.finished(now - _REST_SECONDS)

    def give_up(self, domains: Sequence[Domain]) -> list[str]:
        """Give back the leases of these; returns their names."""
        names = [domain.name for domain in domains]
        self._store.release(self.owner, names)
        return names

    def close(self) -> None:
        """Close every Session."""
        for domain in self._frontier.domains:
            domain.session.close()

    def release(self) -> None:
        """Give all leases back."""
        self._store.void_leases_of(self.owner)


def _pause(domain: Domain) -> Pause | None:
    """Return the pause of a domain for the store; None where that has it."""
    pause = domain.paused_until, domain.cool.step, domain.pauses
    if pause == domain.pause_kept:
        return None
    domain.pause_kept = until, step, pauses = pause
    left = until - time.monotonic()
    return Pause(wait_clock.now() + left if left > 0 else None, step, pauses)


def _learned(domain: Domain) -> Profile | None:
    """Return the profile of a domain for the store; None where that has one that is as good."""
    kept, connections = domain.profile, domain.session.connections
    login = domain.login.mark if domain.login is not None else kept.login
    changes, latency = connections.idle_limits.changes, connections.latency
    before = kept.latency
    is_as_fast = latency is None or (before is not None and abs(latency - before) <= before * _SAME_LATENCY)
    delay = domain.pace.delay if domain.pace.is_adaptive else kept.delay
    is_paced = delay == kept.delay or (
        delay is not None and kept.delay is not None and abs(delay - kept.delay) <= kept.delay * _SAME_DELAY
    )
    proxy = (domain.session.proxy.current or None) if domain.session.proxy is not None else kept.proxy
    ways = domain.session.ways.dump() if domain.session.ways is not None else kept.ways
    is_same = login == kept.login and changes == domain.idle_limits_kept and (proxy, ways) == (kept.proxy, kept.ways)
    if is_same and is_as_fast and is_paced:
        return None
    domain.idle_limits_kept = changes
    domain.profile = Profile(login, connections.idle_limits.dump(), latency, delay, proxy, ways)
    return domain.profile
