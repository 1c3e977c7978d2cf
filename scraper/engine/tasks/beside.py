"""The requests that a page in a browser makes: on the Sessions of their domains, in turn with all others."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from scraper import urls
from scraper.config import SiteConfig
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Job
from scraper.engine.tasks.robots import StrangerGate
from scraper.engine.tasks.sender import Sender
from scraper.errors import FetchError
from scraper.fetch import redirects
from scraper.fetch.base import Fetcher, FetchResult
from scraper.fetch.cookies import LockedJar
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import asked_wait
from scraper.fetch.robots import MAX_BYTES, KeptRobots, Robots, RobotsState, product_token
from scraper.fetch.robots_fetch import fetch_robots
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.exchange import RequestContext, SendGate, request_context
from scraper.fetch.transport.recorder import WireRecorder
from scraper.observe.text import duration
from scraper.request import Request
from scraper.response import Response

#: Domains beside those of the shard whose Sessions are kept, at most.
_MOST_STRANGERS = 64
#: How long a page may be drawn whatever its requests wait for, in seconds.
_LONGEST = 3600.0


class _Stranger:
    """A domain that the shard does not hold: pages fetch from it what they are made of."""

    def __init__(self, session: DomainSession, pace: Pace) -> None:
        self.session = session
        self.gate = StrangerGate(pace)
        self.robots = KeptRobots()


class Traffic:
    """What all pages of a shard share of this."""

    def __init__(self, sender: Sender, config: SiteConfig, make_session: Callable[[str], DomainSession]) -> None:
        self.sender = sender
        self.config = config
        self.token = product_token(config.user_agent)
        self._make_session = make_session
        self._strangers: dict[str, _Stranger] = {}
        self._places: dict[str, threading.Semaphore] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, job: Job) -> PageTraffic:
        """Return that of a page."""
        return PageTraffic(self, job)

    def held(self, name: str, job: Job) -> Domain | None:
        """Return a domain that the shard holds: surely the page's own."""
        return job.domain if name == job.domain.name else self.sender.frontier.get(name)

    def stranger(self, name: str) -> _Stranger:
        """Return what is known of a domain that it does not hold."""
        with self._lock:
            found = self._strangers.get(name)
            if found is None:
                while len(self._strangers) >= _MOST_STRANGERS:
                    self._strangers.pop(next(iter(self._strangers))).session.close()
                pace = Pace.of(self.config.for_domain(name).politeness)
                found = self._strangers[name] = _Stranger(self._make_session(name), pace)
            return found

    def place(self, name: str) -> threading.Semaphore:
        """Return the places of a domain: as many requests at once as its politeness allows."""
        with self._lock:
            found = self._places.get(name)
            if found is None:
                if len(self._places) > 16 * _MOST_STRANGERS:
                    self._places.clear()
                found = self._places[name] = threading.Semaphore(self.config.for_domain(name).politeness.concurrency)
            return found

    def asking(self, origin: str) -> threading.Lock:
        """Return the lock under which the robots.txt of an origin is fetched."""
        with self._lock:
            if len(self._asking) > 16 * _MOST_STRANGERS:
                self._asking.clear()
            return self._asking.setdefault(origin, threading.Lock())

    def close(self) -> None:
        """Close the Sessions of other domains."""
        with self._lock:
            for stranger in self._strangers.values():
                stranger.session.close()
            self._strangers.clear()


class PageTraffic:
    """The `Beside` of one page."""

    def __init__(self, traffic: Traffic, job: Job) -> None:
        self._traffic = traffic
        self._job = job
        self._deadline = Deadline(_LONGEST)
        self._waits: dict[object, float] = {}
        self._waited = 0.0
        self._waits_since = 0.0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def begun(self) -> Iterator[Deadline]:
        sender = self._traffic.sender
        context = RequestContext(self._deadline, sender.guard, sender.gate(self._job.domain, self))
        sender.contexts.add(context)
        try:
            yield self._deadline
        finally:
            self._deadline.expired = True
            sender.contexts.discard(context)

    def jar(self, url: str) -> LockedJar:
        name = urls.domain_of(url)
        held = self._traffic.held(name, self._job)
        return held.session.jar if held is not None else self._traffic.stranger(name).session.jar

    def waited(self) -> float:
        with self._lock:
            return self._waited + (time.monotonic() - self._waits_since if self._waits else 0.0)

    def send(
        self, fetcher: Fetcher, request: Request, *, most: int, recorders: list[WireRecorder] | None
    ) -> FetchResult:
        self._require_allowed(fetcher, request.url)
        return self._send(fetcher, request, most, recorders, "part")

    def redirected(self, response: Response, cookies_sent: str) -> Request:
        url, traffic = response.request.url, self._traffic
        secret = traffic.config.for_domain(urls.domain_of(url)).session.secret_headers
        most = traffic.sender.most_redirects
        return redirects.target_of(response, cookies_sent, self.jar(url), most, secret)[0]

    def _require_allowed(self, fetcher: Fetcher, url: str) -> None:
        """Raise where the robots.txt of its origin does not allow a request."""
        traffic = self._traffic
        name, origin = urls.domain_of(url), urls.origin_of(url)
        if traffic.config.for_domain(name).politeness.robots == "ignore":
            return
        held = traffic.held(name, self._job)
        known = held.robots if held is not None else traffic.stranger(name).robots
        if (robots := known.get(origin)) is None:
            with traffic.asking(origin):
                if (robots := known.get(origin)) is None:
                    robots = known[origin] = self._robots_of(fetcher, origin)
                    if held is not None:
                        traffic.sender.sink.robots(held, origin, robots)
        if robots.state is RobotsState.UNREACHABLE:
            raise FetchError(robots.why, reason="robots-unreachable")
        if not robots.allows(url, traffic.token):
            raise FetchError(f"robots.txt of {origin} does not allow it for {traffic.token}", reason="robots")

    def _robots_of(self, fetcher: Fetcher, origin: str) -> Robots:
        def send(request: Request) -> FetchResult:
            return self._send(fetcher, request, MAX_BYTES, None, "robots", truncate=True)

        return fetch_robots(origin, send, lambda request: self.jar(request.url), self._traffic.token)[0]

    def _send(
        self,
        fetcher: Fetcher,
        request: Request,
        most: int,
        recorders: list[WireRecorder] | None,
        purpose: str,
        *,
        truncate: bool = False,
    ) -> FetchResult:
        """Send a request when its turn comes: one place of its domain, and one turn at its gate."""
        traffic, sender, holder = self._traffic, self._traffic.sender, object()
        name = urls.domain_of(request.url)
        held = traffic.held(name, self._job)
        session = held.session if held is not None else traffic.stranger(name).session
        gate: SendGate = sender.gate(held, holder) if held is not None else traffic.stranger(name).gate
        with self._waiting(holder):
            place = traffic.place(name)
            while not place.acquire(timeout=0.2):
                self._require_wanted()
        try:
            with self._waiting(holder):
                self._wait_at(gate, held)
            seconds = traffic.config.for_domain(name).session.timeout.total
            with request_context(seconds, sender.guard, gate, sender.contexts) as context:
                self._require_wanted()
                context.recorders = recorders
                result = fetcher.fetch(request, session, context, body_limit=most, truncate=truncate)
        finally:
            place.release()
            if held is not None:
                sender.frontier.throttle.give_back(held, holder)
        if held is None:
            self._job.domain.session.ledger.add(session.ledger.take())
        sender.report(result, request, held or self._job.domain, 1, purpose)
        if held is not None and result.response is not None:
            sender.cool_down(held, result.response, asked_wait(result.response.headers, time.time()))
        return result

    def _wait_at(self, gate: SendGate, held: Domain | None) -> None:
        """Wait for a turn, and look now and then whether the page is still wanted, and the domain not left alone."""
        while True:
            self._require_wanted()
            pause = held.paused_until - time.monotonic() if held is not None else 0.0
            if pause > self._traffic.config.browser.timeout:
                raise FetchError(f"its domain is left alone for another {duration(pause)}", reason="timeout")
            try:
                gate.wait(Deadline(0.5))
            except TimeoutError:
                time.sleep(0.2)
            else:
                return

    def _require_wanted(self) -> None:
        if self._deadline.expired:
            raise FetchError("the page is given up", reason="timeout")

    @contextlib.contextmanager
    def _waiting(self, holder: object) -> Iterator[None]:
        """Count the time, once for requests that wait beside each other."""
        with self._lock:
            now = time.monotonic()
            if not self._waits:
                self._waits_since = now
            self._waits[holder] = now
        try:
            yield
        finally:
            with self._lock:
                self._waits.pop(holder, None)
                if not self._waits:
                    self._waited += time.monotonic() - self._waits_since
